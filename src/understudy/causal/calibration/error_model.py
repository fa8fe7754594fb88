"""Error model: how the systematic error of an estimate changes with the true effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.calibration.controls import Controls
from understudy.causal.calibration.null_distribution import NullDistribution
from understudy.causal.synthesis.bias_correction import few_controls
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Form = Literal["absolute", "legacy"]
_NAMES = ("mean_intercept", "mean_slope", "sd_intercept", "sd_slope")


@dataclass(frozen=True, repr=False)
class ErrorModel:
    """Mean and standard deviation of estimates, beyond chance, by the true log ratio.

    Parameters
    ----------
    mean_intercept, mean_slope : float
        Mean = intercept + slope · truth; a slope of 1 is no bias towards or away from the null.
    sd_intercept, sd_slope : float
        "absolute": sd = intercept + slope · |truth|; "legacy": the logarithm of the sd = intercept + slope · truth, as
        EmpiricalCalibration's before version 2 (``legacy = TRUE``).
    form : {"absolute", "legacy"}
    notes : tuple of str

    Examples
    --------
    >>> model = ErrorModel.of_null(NullDistribution(0.2, 0.1, 30))
    >>> [round(float(each), 3) for each in (model.mean(0.5), model.sd(0.5))]
    [0.7, 0.1]
    """

    mean_intercept: float
    mean_slope: float
    sd_intercept: float
    sd_slope: float
    form: Form = "absolute"
    notes: tuple[str, ...] = ()

    @classmethod
    def of_null(cls, null: NullDistribution) -> ErrorModel:
        """With the error of negative controls for every true effect: an assumption, for want of positive controls."""
        note = "the error is taken to be the same whatever the true effect: there are no positive controls"
        return cls(null.mean, 1.0, null.sd, 0.0, notes=(*null.notes, note))

    def mean(self, truth: ArrayLike) -> Array:
        """Expected estimate by true log ratio."""
        return self.mean_intercept + self.mean_slope * np.asarray(truth, float)

    def sd(self, truth: ArrayLike) -> Array:
        """Standard deviation beyond chance by true log ratio."""
        truth = np.asarray(truth, float)
        if self.form == "legacy":
            return np.exp(np.clip(self.sd_intercept + self.sd_slope * truth, -500.0, 300.0))
        return np.maximum(self.sd_intercept + self.sd_slope * np.abs(truth), 0.0)

    def table(self) -> pd.DataFrame:
        """Columns parameter, value."""
        import pandas as pd

        return pd.DataFrame({"parameter": _NAMES, "value": [getattr(self, name) for name in _NAMES]})

    def __repr__(self) -> str:
        told = ", ".join(f"{name.replace('_', ' ')} {getattr(self, name):.4g}" for name in _NAMES)
        return "\n".join(
            [f"systematic error ({self.form}): {told}", *(f"  note: {each}" for each in self.notes)]
        )


def fit_error_model(
    log_rr: ArrayLike | Controls,
    standard_error: ArrayLike | None = None,
    true_log_rr: ArrayLike | None = None,
    *,
    form: Form = "absolute",
) -> ErrorModel:
    """Fit the error model to negative and positive controls, by maximum likelihood.

    Schuemie et al. 2018, Proc Natl Acad Sci 115:2571-2577, doi:10.1073/pnas.1708282114.

    Parameters
    ----------
    log_rr : array of float, shape (n,), or Controls
    standard_error, true_log_rr : array of float, shape (n,)
    form : {"absolute", "legacy"}
        Of the standard deviation, see `ErrorModel`.

    Raises
    ------
    DataError
        If fewer than two true effects are among usable controls: take `ErrorModel.of_null` then.

    Examples
    --------
    >>> truth = np.repeat(np.log([1, 2, 4]), 6)
    >>> noise = np.tile([-0.3, -0.1, -0.1, 0.1, 0.1, 0.3], 3)
    >>> found = fit_error_model(0.1 + 0.9 * truth + noise, np.full(18, 0.05), truth)
    >>> found.table()["value"].round(3).abs().tolist()
    [0.1, 0.9, 0.185, 0.0]
    """
    if form not in get_args(Form):
        problem = Problem("no form of the standard deviation", "take absolute or legacy", value=str(form))
        raise DataError([problem], place="the error model")
    controls = _controls(log_rr, standard_error, true_log_rr)
    if len(np.unique(controls.true_log_rr)) < 2:
        cause = "controls of one true effect cannot tell how the error changes with it"
        repair = "give positive controls too, or take ErrorModel.of_null(fit_null(…))"
        raise DataError([Problem(cause, repair)], place="the error model")
    found = _most_likely(controls, form)
    return ErrorModel(*found, form, (*controls.notes, *few_controls(len(controls.negative))))


def _most_likely(controls: Controls, form: Form) -> Sequence[float]:
    """Four parameters by a search from several starts."""
    from scipy.optimize import minimize

    y, truth, variance = controls.log_rr, controls.true_log_rr, controls.standard_error**2

    def misfit(at: Array) -> float:
        model = ErrorModel(at[0], at[1], at[2], at[3], form)
        if form == "absolute" and min(at[2], at[2] + at[3] * np.abs(truth).max()) < 0:
            return 1e10
        total = variance + model.sd(truth) ** 2
        return float(0.5 * np.sum(np.log(total) + (y - model.mean(truth)) ** 2 / total))

    slope, intercept = np.polyfit(truth, y, 1)
    spread = float(np.std(y - intercept - slope * truth)) + 1e-3
    starts = [
        (intercept, slope, np.log(sd) if form == "legacy" else sd, 0.0)
        for sd in (spread, spread / 3, 1e-3 + spread / 30)
    ]
    options = {"xatol": 1e-9, "fatol": 1e-11, "maxiter": 6000, "maxfev": 12000}
    best = min(
        (minimize(misfit, each, method="Nelder-Mead", options=options) for each in starts),
        key=lambda each: each.fun,
    )
    again = minimize(misfit, best.x, method="Nelder-Mead", options=options)
    return [round(float(each), 12) for each in again.x]


def _controls(
    log_rr: ArrayLike | Controls, standard_error: ArrayLike | None, true_log_rr: ArrayLike | None
) -> Controls:
    if isinstance(log_rr, Controls):
        return log_rr.known
    found = np.asarray(log_rr, float).ravel()
    missing = np.full(found.size, np.nan)
    errors, truth = (missing if each is None else each for each in (standard_error, true_log_rr))
    return Controls.of([str(k) for k in range(found.size)], found, errors, truth).known
