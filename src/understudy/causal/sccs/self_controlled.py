"""sccs: the self-controlled case series, from dates of observation, exposures and outcomes to rate ratios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from understudy.causal.effect_estimate import EffectEstimate
from understudy.causal.outcomes.estimate import BOUNDS
from understudy.causal.sccs.case_series import END_OF_OBSERVATION, PRE_EXPOSURE, CaseSeries, case_series
from understudy.causal.sccs.interval_fit import IntervalFit, fit_sccs_intervals
from understudy.causal.sccs.settings import SccsSettings
from understudy.causal.sccs.splines import YEAR, Spline, quantile_spline, season_spline, year_share
from understudy.causal.sccs.splitting import Intervals, split

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class SccsFit:
    """A fitted case series.

    Parameters
    ----------
    cases : CaseSeries
    intervals : Intervals
    fit : IntervalFit
    splines : tuple of Spline
    settings : SccsSettings
    notes : tuple of str
    """

    cases: CaseSeries
    intervals: Intervals
    fit: IntervalFit
    splines: tuple[Spline, ...]
    settings: SccsSettings
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> EffectEstimate:
        return self.fit[name]

    @property
    def windows(self) -> tuple[str, ...]:
        """Names of the risk windows."""
        return tuple(dict.fromkeys(window.name for window in self.settings.windows))

    @property
    def pre_exposure(self) -> Mapping[str, EffectEstimate]:
        """Rates before exposures against other time, by exposure."""
        return {
            name.removeprefix(PRE_EXPOSURE): found
            for name, found in self.fit.estimates.items()
            if name.startswith(PRE_EXPOSURE) and name not in self.windows
        }

    @property
    def end_of_observation(self) -> EffectEstimate | None:
        """The rate in the last days of those whose observation ended early."""
        return self.fit.estimates.get(END_OF_OBSERVATION)

    @property
    def attrition(self) -> pd.DataFrame:
        """Cases and outcomes left after each rule, masked where few."""
        return self.cases.attrition()

    def exposed_share(self, window: str) -> float:
        """Share of the cases' time that lies in a window."""
        inside = self.intervals.inside[:, self.cases.columns.index(window)]
        return float(self.intervals.days[inside].sum() / self.intervals.days.sum())

    def smooth(self) -> pd.DataFrame:
        """What splines found: columns of, value (years of age, share of the year, years since 1970), rate_ratio.

        Ratios are to the mean over what is shown.
        """
        import pandas as pd

        parts = []
        for spline in self.splines:
            values = np.linspace(spline.knots[0], spline.knots[-1], 101)
            beta = np.array([self.fit.coefficients.get(name, 0.0) for name in spline.columns])
            height = spline.basis(values) @ beta
            parts.append(
                pd.DataFrame(
                    {"of": spline.name, "value": values, "rate_ratio": np.exp(height - height.mean())}
                )
            )
        return (
            pd.concat(parts, ignore_index=True)
            if parts
            else pd.DataFrame(columns=["of", "value", "rate_ratio"])
        )

    def table(self) -> pd.DataFrame:
        """One row for each window and probe."""
        return self.fit.table()

    def __repr__(self) -> str:
        lines = ["Self-controlled case series", repr(self.fit), *(f"note: {note}" for note in self.notes)]
        return "\n".join(lines)


def sccs(
    observation: pd.DataFrame,
    exposures: Mapping[str, Any],
    outcomes: Any,
    settings: SccsSettings,
    *,
    bounds: tuple[float, float] | None = BOUNDS,
    level: float = 0.95,
) -> SccsFit:
    """Compare rates within persons, in and outside of risk windows.

    Persons are their own controls, so that all that stays the same cancels; age, season and calendar time, which do
    not, are splines (Farrington 1995, doi:10.2307/2533328; Whitaker, Farrington, Spiessens, Musonda 2006,
    doi:10.1002/sim.2302).

    Parameters
    ----------
    observation : DataFrame
        Columns person_id, start, end and, for age, birth (dates): one row for each stretch of observation.
    exposures : mapping of str to Cohort or DataFrame
        By the names that windows use; columns person_id, start, end.
    outcomes : Cohort or DataFrame
        Columns person_id, start.
    settings : SccsSettings
    bounds : (float, float) or None
        Ends of the profiles.
    level : float

    Returns
    -------
    SccsFit

    Raises
    ------
    DataError
        For tables that cannot be.
    StudyError
        For settings that do not fit the tables, or without any case.

    Examples
    --------
    >>> from understudy.causal.sccs import RiskWindow, SccsSettings, simulated_cases
    >>> data = simulated_cases(2000, rate_ratio=3.0, seed=1)
    >>> settings = SccsSettings((RiskWindow("on drug", "drug"),), age_knots=0, season_knots=0)
    >>> found = sccs(data.observation, {"drug": data.exposures}, data.outcomes, settings)
    >>> low, high = found["on drug"].interval
    >>> low < 3.0 < high
    True
    """
    cases = case_series(observation, exposures, outcomes, settings)
    intervals = split(cases, monthly=True)
    splines, notes = _splines(cases, intervals, settings)
    covariates = _columns(splines, cases, intervals) or None
    windows = dict(zip(cases.columns, intervals.inside.T.astype(float), strict=True))
    asked = {window.name for window in settings.windows}
    fit = fit_sccs_intervals(
        intervals.case,
        intervals.days,
        intervals.events,
        windows,
        covariates,
        probes=[name for name in windows if name not in asked],
        bounds=bounds,
        level=level,
    )
    return SccsFit(cases, intervals, fit, splines, settings, notes)


def spline_height(found: SccsFit) -> Array:
    """The part of the log rate of each interval that splines explain, shape (n,)."""
    columns = _columns(found.splines, found.cases, found.intervals)
    height = np.zeros(found.intervals.case.size)
    for name, column in columns.items():
        height += found.fit.coefficients.get(name, 0.0) * column
    return height


def _columns(splines: tuple[Spline, ...], cases: CaseSeries, intervals: Intervals) -> dict[str, Array]:
    """Columns of all splines at the middle of each interval, by their names."""
    found: dict[str, Array] = {}
    for spline in splines:
        basis = spline.basis(_values(spline.name, intervals.middle, cases, intervals.case))
        found |= dict(zip(spline.columns, basis.T, strict=True))
    return found


def _values(name: str, days: Array, cases: CaseSeries, case: NDArray[np.int64]) -> Array:
    """What a spline is of, on some days of some cases."""
    if name == "age":
        return (days - cases.birth[case]) / YEAR
    return year_share(days) if name == "season" else np.asarray(days, float) / YEAR


def _splines(
    cases: CaseSeries, intervals: Intervals, settings: SccsSettings
) -> tuple[tuple[Spline, ...], tuple[str, ...]]:
    """The splines that are asked for, and notes on those that outcomes are too few for."""
    found, notes = [], []
    for name, knots in (("age", settings.age_knots), ("calendar time", settings.calendar_knots)):
        if not knots:
            continue
        at = _values(name, cases.outcome_day.astype(float), cases, cases.outcome_case)
        observed = _values(name, intervals.middle, cases, intervals.case)
        spline = quantile_spline(name, at, knots, (float(observed.min()), float(observed.max())))
        if spline is None or np.unique(at).size < 2 * knots:
            notes.append(f"no spline of {name}: outcomes have too few values of it for {knots} knots")
        else:
            found.append(spline)
    if settings.season_knots:
        found.append(season_spline(settings.season_knots))
    return tuple(found), tuple(notes)
