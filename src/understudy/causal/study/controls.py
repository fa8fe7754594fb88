"""Control estimates: how wrong an analysis is where the answer is known to be no effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, inf, nan
from typing import TYPE_CHECKING

from understudy.causal.calibration.calibrated_estimate import CalibratedEstimates, calibrate
from understudy.causal.calibration.controls import Controls
from understudy.causal.calibration.fit_null import fit_null
from understudy.causal.calibration.leave_one_out import LeaveOneOut, leave_one_out
from understudy.causal.calibration.null_distribution import NullDistribution
from understudy.causal.effect_estimate import EffectEstimate

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = 700.0  # logarithm of the largest ratio that is written as a number
LEAST = 5  # negative controls for a null distribution, as CohortMethod asks


@dataclass(frozen=True)
class Calibrated:
    """An effect size with its systematic error taken off and that error's spread put on.

    Parameters
    ----------
    log, low, high, standard_error : float
        On the scale of logarithms.
    p_value : float
        Two-sided, of no effect, chance and systematic error together.
    """

    log: float
    low: float
    high: float
    standard_error: float
    p_value: float

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Estimate and limits as ratios."""
        return tuple(inf if each > _LARGEST else exp(each) for each in (self.log, self.low, self.high))


@dataclass(frozen=True, eq=False, repr=False)
class ControlEstimates:
    """Estimates of negative controls by one analysis, and the systematic error that they show.

    Parameters
    ----------
    controls : Controls
        With what could not be used.
    null : NullDistribution or None
        By the posterior of mean and spread; None where fewer than five controls have an estimate.
    estimates : mapping of str to EffectEstimate
        All that there are, by control.
    """

    controls: Controls
    null: NullDistribution | None
    estimates: Mapping[str, EffectEstimate]

    @classmethod
    def of(cls, estimates: Mapping[str, EffectEstimate], left_out: Mapping[str, str]) -> ControlEstimates:
        """From estimates by control, and reasons why others have none."""
        used = [each for each in estimates.values()]
        found = Controls.of(
            list(estimates),
            [each.log for each in used],
            [each.standard_error for each in used],
            [0.0] * len(used),
        )
        dropped = (*found.dropped, *left_out.items())
        controls = Controls(found.names, found.log_rr, found.standard_error, found.true_log_rr, dropped)
        null = fit_null(controls, method="quadrature") if len(controls) >= LEAST else None
        return cls(controls, null, dict(estimates))

    @property
    def ease(self) -> float:
        """Expected absolute systematic error; NaN where there is no null distribution."""
        return self.null.expected_absolute_error if self.null else nan

    @property
    def check(self) -> LeaveOneOut | None:
        """Each control calibrated by all others; None where there is no null distribution."""
        return leave_one_out(self.controls) if self.null else None

    def calibrate(self, estimate: EffectEstimate) -> Calibrated | None:
        """An estimate calibrated by these controls; None where there is no null distribution."""
        if self.null is None:
            return None
        found: CalibratedEstimates = calibrate(
            estimate.log, estimate.standard_error, self.null, estimate.level
        )
        p = float(self.null.calibrated_p(estimate.log, estimate.standard_error).p)
        return Calibrated(
            *(float(each[0]) for each in (found.log_rr, found.low, found.high, found.standard_error)), p
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be used, and what that means."""
        if self.null is not None:
            return self.null.notes
        count = len(self.controls)
        few = f"{count} negative control{'' if count == 1 else 's'} with an estimate: at least {LEAST} are needed"
        return (few, *self.controls.notes)

    def table(self) -> pd.DataFrame:
        """Columns name, log_rr, standard_error, p, calibrated_p (without the control itself)."""
        found = self.controls.table().drop(columns="true_log_rr").assign(p=self.controls.p_values)
        check = self.check
        return found.assign(calibrated_p=check.calibrated if check else nan)
