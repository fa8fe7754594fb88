"""assess: from a table of controls to the null, its check, and calibrated estimates of what is of interest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.calibration.calibrated_estimate import calibrate
from understudy.causal.calibration.controls import Controls
from understudy.causal.calibration.error_model import ErrorModel, Form, fit_error_model
from understudy.causal.calibration.fit_null import Method, fit_null
from understudy.causal.calibration.leave_one_out import LeaveOneOut, coverage, leave_one_out
from understudy.causal.calibration.null_distribution import NullDistribution

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Assessment:
    """What controls say of an analysis, and what that makes of its estimates.

    Parameters
    ----------
    controls : Controls
    null : NullDistribution
    model : ErrorModel
        Fitted to positive controls too where there are any, else that of the null.
    check : LeaveOneOut or None
        None with a single negative control.
    level : float
        Of intervals.
    form : {"absolute", "legacy"}
        Of the error model.
    """

    controls: Controls
    null: NullDistribution
    model: ErrorModel
    check: LeaveOneOut | None
    level: float
    form: Form

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know, each once."""
        return tuple(dict.fromkeys((*self.controls.notes, *self.null.notes, *self.model.notes)))

    def estimates(self) -> pd.DataFrame:
        """A row each of what is of interest: name, rr, low, high, p, and the same calibrated."""
        import pandas as pd
        from scipy.special import ndtri

        asked = self.controls.of_interest
        z = float(ndtri((1 + self.level) / 2))
        found = calibrate(asked.log_rr, asked.standard_error, self.model, self.level).table()
        p = self.null.calibrated_p(asked.log_rr, asked.standard_error)
        return pd.DataFrame(
            {
                "name": asked.names,
                "rr": np.exp(asked.log_rr),
                "rr_low": np.exp(asked.log_rr - z * asked.standard_error),
                "rr_high": np.exp(asked.log_rr + z * asked.standard_error),
                "p": asked.p_values,
                "calibrated_rr": found["rr"],
                "calibrated_rr_low": found["rr_low"],
                "calibrated_rr_high": found["rr_high"],
                "calibrated_p": p.p,
                "calibrated_p_low": p.low,
                "calibrated_p_high": p.high,
            }
        )

    def tables(self) -> dict[str, pd.DataFrame]:
        """By name: null, error_model, controls (each with its p-values), estimates, coverage."""
        controls = self.controls.table().assign(p=self.controls.p_values)
        found = {"null": self.null.table(), "error_model": self.model.table(), "controls": controls}
        if self.check is not None:
            found["leave_one_out"] = self.check.table()
            found["coverage"] = coverage(self.controls, form=self.form)
        return found | {"estimates": self.estimates()}

    def points(self) -> pd.DataFrame:
        """For the chart of the effect of calibration: columns kind, log_rr, standard_error."""
        import pandas as pd

        parts = (("negative control", self.controls.negative), ("of interest", self.controls.of_interest))
        frames = [each.table().assign(kind=kind) for kind, each in parts if len(each)]
        return pd.concat(frames, ignore_index=True)[["kind", "name", "log_rr", "standard_error"]]

    def __repr__(self) -> str:
        lines = [repr(self.null).splitlines()[0], *([repr(self.check)] if self.check else [])]
        for row in self.estimates().to_dict("records"):
            raw, calibrated = (_told(row, prefix) for prefix in ("", "calibrated_"))
            lines.append(f"{row['name']}: {raw}, calibrated {calibrated}")
        return "\n".join([*lines, *(f"  note: {each}" for each in self.notes)])


def _told(row: dict, prefix: str) -> str:
    """An estimate with its interval and p."""
    rr, low, high, p = (row[prefix + name] for name in ("rr", "rr_low", "rr_high", "p"))
    return f"{rr:.3g} ({low:.3g} to {high:.3g}, p {p:.2g})"


def assess(
    controls: Controls,
    *,
    method: Method = "maximum likelihood",
    form: Form = "absolute",
    level: float = 0.95,
    seed: int = 0,
) -> Assessment:
    """Fit the null distribution and the error model to controls, check them, and calibrate what is of interest.

    Parameters
    ----------
    controls : Controls
        See `read_controls`.
    method : {"maximum likelihood", "quadrature", "mcmc"}
        Of `fit_null`.
    form : {"absolute", "legacy"}
        Of `fit_error_model`; it needs positive controls.
    level : float
        Of intervals.
    seed : int

    Returns
    -------
    Assessment

    Raises
    ------
    DataError
        As `fit_null`.

    Examples
    --------
    >>> y = [0.1, 0.3, 0.5, 0.2, 0.9, 1.5]
    >>> found = assess(Controls.of([*"abcde", "drug"], y, [0.1] * 6, [0, 0, 0, 0, 0, np.nan]))
    >>> [f"{each:.1g}" for each in found.estimates().loc[0, ["p", "calibrated_p"]]]
    ['7e-51', '2e-05']
    """
    null = fit_null(controls, method=method, seed=seed)
    model = fit_error_model(controls, form=form) if len(controls.positive) else ErrorModel.of_null(null)
    check = leave_one_out(controls) if len(set(map(str.casefold, controls.negative.names))) > 1 else None
    return Assessment(controls, null, model, check, level, form)
