"""diagnose_sccs: whether what a case series assumes can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.causal.effect_estimate import EffectEstimate
from understudy.causal.sccs.detectable_rate import minimum_detectable_rate_ratio
from understudy.causal.sccs.self_controlled import SccsFit, spline_height

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Thresholds:
    """What passes; the defaults are those of OHDSI's SelfControlledCaseSeries 6.

    Parameters
    ----------
    detectable : float
        Largest detectable rate ratio.
    stability : float
        Largest mean ratio of observed to expected outcomes of months, or its inverse.
    pre_exposure, end_of_observation : (float, float)
        Rate ratios that are taken for no dependence: the interval must reach them.
    alpha : float
        Of the test of stability.
    """

    detectable: float = 10.0
    stability: float = 1.1
    pre_exposure: tuple[float, float] = (0.8, 1.25)
    end_of_observation: tuple[float, float] = (0.5, 2.0)
    alpha: float = 0.05


@dataclass(frozen=True)
class Check:
    """One assumption.

    Parameters
    ----------
    name : str
    value : float
    p_value : float
        NaN where there is no test.
    limit : str
        In words.
    passed : bool or None
        None where it could not be looked at.
    """

    name: str
    value: float
    p_value: float
    limit: str
    passed: bool | None


@dataclass(frozen=True)
class SccsDiagnostics:
    """All checks.

    Parameters
    ----------
    checks : tuple of Check
    """

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether none failed."""
        return all(check.passed is not False for check in self.checks)

    def table(self) -> pd.DataFrame:
        """Columns check, value, p_value, limit, passed."""
        import pandas as pd

        rows = [(each.name, each.value, each.p_value, each.limit, each.passed) for each in self.checks]
        return pd.DataFrame(rows, columns=["check", "value", "p_value", "limit", "passed"])


def diagnose_sccs(found: SccsFit, thresholds: Thresholds | None = None) -> SccsDiagnostics:
    """Look at the assumptions of a case series.

    Power (detectable rate ratio of each window), stability over time (outcomes by calendar month against what the model
    expects), independence of exposures from earlier outcomes (rates before exposures) and of the end of observation
    from outcomes (rates in the last days).

    Parameters
    ----------
    found : SccsFit
    thresholds : Thresholds, optional

    Returns
    -------
    SccsDiagnostics

    Examples
    --------
    >>> from understudy.causal.sccs import RiskWindow, SccsSettings, sccs, simulated_cases
    >>> data = simulated_cases(1000, seed=3)
    >>> settings = SccsSettings((RiskWindow("on drug", "drug"),), age_knots=0, season_knots=0)
    >>> found = sccs(data.observation, {"drug": data.exposures}, data.outcomes, settings)
    >>> diagnose_sccs(found).passed
    True
    """
    limits = thresholds or Thresholds()
    checks = [_detectable(found, window, limits.detectable) for window in found.windows]
    ratio, p = time_stability(found, limits.stability)
    words = f"at most {limits.stability:g}"
    checks.append(Check("stability over time", ratio, p, words, None if np.isnan(p) else p > limits.alpha))
    checks += [
        _reaches(f"before {name}", each, limits.pre_exposure) for name, each in found.pre_exposure.items()
    ]
    if found.end_of_observation is not None:
        checks.append(_reaches("end of observation", found.end_of_observation, limits.end_of_observation))
    return SccsDiagnostics(tuple(checks))


def _detectable(found: SccsFit, window: str, most: float) -> Check:
    share = found.exposed_share(window)
    value = minimum_detectable_rate_ratio(found.fit.events, share) if 0 < share < 1 else np.inf
    return Check(f"detectable rate ratio, {window}", value, np.nan, f"at most {most:g}", bool(value <= most))


def _reaches(name: str, each: EffectEstimate, bounds: tuple[float, float]) -> Check:
    """Passes where the interval and the bounds have something in common."""
    low, high = each.interval
    passed = None if np.isnan(each.log) else bool(low <= bounds[1] and high >= bounds[0])
    return Check(name, each.exp, each.p_value, f"interval reaches {bounds[0]:g} to {bounds[1]:g}", passed)


def monthly_outcomes(found: SccsFit) -> pd.DataFrame:
    """Outcomes by calendar month, and what the fitted model expects of those observed then.

    Parameters
    ----------
    found : SccsFit

    Returns
    -------
    DataFrame
        Columns month (first day), observed, expected.
    """
    import pandas as pd

    intervals = found.intervals
    expected = _expected(found)
    month = intervals.first.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    start = int(month.min())
    size = int(month.max()) - start + 1
    days = (np.arange(size) + start).astype("datetime64[M]").astype("datetime64[D]")
    columns = {"observed": intervals.events, "expected": expected}
    return pd.DataFrame(
        {
            "month": days,
            **{name: np.bincount(month - start, values, size) for name, values in columns.items()},
        }
    )


def _expected(found: SccsFit) -> Array:
    """Outcomes that the model expects in each interval, those of each case being given."""
    intervals, eta = found.intervals, spline_height(found)
    for name, column in zip(found.cases.columns, intervals.inside.T, strict=True):
        effect = found.fit[name].log
        eta = eta + column * (0.0 if np.isnan(effect) else np.clip(effect, -30, 30))
    risk = intervals.days * np.exp(eta)
    size = found.cases.start.size
    share = np.bincount(intervals.case, intervals.events, size) / np.bincount(intervals.case, risk, size)
    return risk * share[intervals.case]


def time_stability(found: SccsFit, most: float = 1.1) -> tuple[float, float]:
    """Mean ratio of observed to expected outcomes of months, or its inverse, and p that it is not above a limit.

    Each month's count is Poisson with its expectation times, or divided by, one ratio with equal probability; the ratio
    is found by maximum likelihood, and tested by the signed root of the likelihood ratio, one-sided.

    Parameters
    ----------
    found : SccsFit
    most : float
        The limit, at least 1.

    Returns
    -------
    ratio, p_value : float
        NaN with fewer than two months.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import ndtr

    months = monthly_outcomes(found)
    seen = months[months["expected"] > 0]
    if len(seen) < 2:
        return np.nan, np.nan
    observed, expected = seen["observed"].to_numpy(float), seen["expected"].to_numpy()

    def height(ratio: float) -> float:
        log = np.log(ratio)
        more, less = observed * log - expected * ratio, -observed * log - expected / ratio
        return float(np.logaddexp(more, less).sum())

    best = minimize_scalar(lambda log: -height(np.exp(log)), bounds=(0.0, 5.0), method="bounded")
    ratio = float(np.exp(best.x))
    root = np.sign(ratio - most) * np.sqrt(max(0.0, 2 * (-best.fun - height(most))))
    return ratio, float(ndtr(-root))
