"""leave_one_out: each control calibrated by a fit to all others: the check that calibration calibrates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.causal.calibration.calibrated_estimate import calibrate
from understudy.causal.calibration.controls import Controls
from understudy.causal.calibration.error_model import ErrorModel, Form, fit_error_model
from understudy.causal.calibration.fit_null import fit_null
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class LeaveOneOut:
    """p-values of negative controls before and after calibration, each by a null of all others.

    Parameters
    ----------
    names : tuple of str
    raw, calibrated : float array, shape (n,)
        Two-sided p-values.
    """

    names: tuple[str, ...]
    raw: Array
    calibrated: Array

    def below(self, alpha: float = 0.05) -> tuple[int, int]:
        """How many are below, raw and calibrated; of n controls alpha · n should be."""
        return int((self.raw < alpha).sum()), int((self.calibrated < alpha).sum())

    def table(self) -> pd.DataFrame:
        """Columns name, raw, calibrated."""
        import pandas as pd

        return pd.DataFrame({"name": self.names, "raw": self.raw, "calibrated": self.calibrated})

    def curve(self) -> pd.DataFrame:
        """Columns kind, alpha, share: share of controls with p below alpha, which should be alpha itself."""
        import pandas as pd

        parts = []
        for kind, values in (("raw", self.raw), ("calibrated", self.calibrated)):
            p = np.sort(values)
            alpha = np.concatenate([[0.0], p, [1.0]])
            share = np.concatenate([[0.0], np.arange(1, p.size + 1) / p.size, [1.0]])
            parts.append(pd.DataFrame({"kind": kind, "alpha": alpha, "share": share}))
        return pd.concat(parts, ignore_index=True)

    def __repr__(self) -> str:
        raw, calibrated = self.below()
        return (
            f"negative controls with p < 0.05: {raw} of {self.raw.size} raw, "
            f"{calibrated} of {self.raw.size} calibrated without the control itself"
        )


def leave_one_out(controls: Controls) -> LeaveOneOut:
    """Calibrate each negative control by a null distribution that was fitted to all others.

    Rows of the same name are left out together.

    Raises
    ------
    DataError
        For fewer than two negative controls with estimates.

    Examples
    --------
    >>> y = [0.1, 0.3, 0.5, 0.2, 0.9]
    >>> leave_one_out(Controls.of(list("abcde"), y, [0.1] * 5, [0] * 5))
    negative controls with p < 0.05: 4 of 5 raw, 1 of 5 calibrated without the control itself
    """
    negative = controls.negative
    groups = _groups(negative.names)
    if len(set(groups)) < 2:
        problem = Problem(
            "fewer than two negative controls", "give more: one is left out, others fit the null"
        )
        raise DataError([problem], place="the negative controls")
    p = np.empty(len(negative))
    for group in set(groups):
        out = groups == group
        null = fit_null(negative.only(~out))
        p[out] = null.calibrated_p(negative.log_rr[out], negative.standard_error[out]).p
    return LeaveOneOut(negative.names, negative.p_values, p)


def coverage(
    controls: Controls, *, form: Form = "absolute", levels: Sequence[float] = (0.5, 0.8, 0.9, 0.95, 0.99)
) -> pd.DataFrame:
    """How often intervals hold the truth, by true effect, before and after calibration.

    The model that calibrates a control is fitted to all others; those of the same name (a negative control and the
    positive ones that were made of it) are left out together. Without positive controls it is `ErrorModel.of_null`.

    Parameters
    ----------
    controls : Controls
    form : {"absolute", "legacy"}
        See `ErrorModel`.
    levels : sequence of float
        Widths of intervals.

    Returns
    -------
    DataFrame
        Columns true_rr, kind ("raw", "calibrated"), level, controls, below, within, above: shares of controls whose
        truth lies below, within and above the interval.

    Examples
    --------
    >>> y = [0.1, 0.3, 0.5, 0.2, 0.9, 0.6]
    >>> found = coverage(Controls.of(list("abcdef"), y, [0.1] * 6, [0] * 6), levels=[0.95])
    >>> found[["kind", "within"]].round(2).values.tolist()
    [['raw', 0.17], ['calibrated', 0.83]]
    """
    import pandas as pd

    known = controls.known
    groups = _groups(known.names)
    rows = []
    for group in dict.fromkeys(groups.tolist()):
        out = groups == group
        model = _model(known.only(~out), form)
        for level in levels:
            rows += _sides(known.only(out), model, level)
    frame = pd.DataFrame(rows, columns=["true_rr", "kind", "level", "below", "within", "above"])
    grouped = frame.groupby(["true_rr", "kind", "level"], sort=False)
    found = grouped.mean()
    found.insert(0, "controls", grouped.size())
    found = found.reset_index().sort_values(["true_rr", "level"], kind="stable")
    return found.reset_index(drop=True)


def _model(controls: Controls, form: Form) -> ErrorModel:
    if len(controls.positive):
        return fit_error_model(controls, form=form)
    return ErrorModel.of_null(fit_null(controls))


def _sides(left_out: Controls, model: ErrorModel, level: float) -> list[tuple]:
    """Where the truth of each control lies."""
    nothing = ErrorModel(0.0, 1.0, 0.0, 0.0)
    rows = []
    for kind, each in (("raw", nothing), ("calibrated", model)):
        found = calibrate(left_out.log_rr, left_out.standard_error, each, level)
        for truth, low, high in zip(left_out.true_log_rr, found.low, found.high, strict=True):
            ratio = round(float(np.exp(truth)), 6)
            rows.append(
                (ratio, kind, level, float(truth < low), float(low <= truth <= high), float(truth > high))
            )
    return rows


def _groups(names: Sequence[str]) -> Array:
    """A number for each name."""
    return np.unique([each.casefold() for each in names], return_inverse=True)[1]
