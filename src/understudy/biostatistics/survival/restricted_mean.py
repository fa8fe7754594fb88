"""restricted_mean: mean time free of the event up to a horizon, and how it differs between two groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import censored, labels
from understudy.biostatistics.survival.kaplan_meier import KaplanMeier, kaplan_meier
from understudy.biostatistics.survival.p_value import normal_quantile, two_sided
from understudy.core.errors import DataError, Problem, SimulationError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RestrictedMean:
    """Area under a survival curve up to a horizon.

    Parameters
    ----------
    horizon, estimate, standard_error, low, high : float
        In the unit of time.
    patients, events : int
        Events up to the horizon.
    """

    horizon: float
    estimate: float
    standard_error: float
    low: float
    high: float
    patients: int
    events: int


@dataclass(frozen=True)
class Contrast:
    """A difference, or a ratio, with its limits and p.

    Parameters
    ----------
    estimate, low, high : float
    standard_error : float
        Of the difference, or of the logarithm of the ratio.
    p : float
    """

    estimate: float
    standard_error: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, eq=False)
class RestrictedMeanComparison:
    """Two groups: the second against the first.

    Parameters
    ----------
    groups : tuple
        Two labels, sorted.
    means : tuple of RestrictedMean
    difference, ratio : Contrast
    """

    groups: tuple[Any, ...]
    means: tuple[RestrictedMean, RestrictedMean]
    difference: Contrast
    ratio: Contrast

    def table(self) -> pd.DataFrame:
        """One row for each contrast."""
        import pandas as pd

        rows = {"difference": self.difference, "ratio": self.ratio}
        return pd.DataFrame([{"contrast": name, **vars(each)} for name, each in rows.items()])


def restricted_mean(
    time: ArrayLike,
    event: ArrayLike,
    horizon: float,
    *,
    entry: ArrayLike | None = None,
    level: float = 0.95,
) -> RestrictedMean:
    """Mean time free of the event in the first `horizon` of time: the area under the Kaplan-Meier curve.

    The variance is Σ A² d / (n (n - d)), with A the area from the event's time to the horizon (Irwin 1949, doi:
    10.1017/S0022172400014443; Royston, Parmar 2013, doi:10.1186/1471-2288-13-152).

    Parameters
    ----------
    time, event, entry : array, shape (n,)
        As for `censored`.
    horizon : float
        Above 0, and not after the last time anyone was watched unless the curve has come to 0.
    level : float

    Raises
    ------
    SimulationError
        For a horizon that the data do not reach.

    Examples
    --------
    >>> restricted_mean([2, 4, 6, 8], [1, 1, 0, 0], horizon=6).estimate
    4.5
    """
    curve = kaplan_meier(time, event, entry=entry, level=level)
    _check_horizon(curve, horizon)
    seen = (curve.events > 0) & (curve.times <= horizon)
    times, n, d = curve.times[seen], curve.at_risk[seen], curve.events[seen]
    area = np.diff(np.r_[0.0, times, horizon]) * np.r_[1.0, curve.survival[seen]]
    estimate = float(area.sum())
    rest = area[::-1].cumsum()[::-1][1:]
    # Where everyone at risk has the event nothing is left under the curve, and no variance comes of it.
    left = np.where(n > d, n - d, 1.0)
    error = float(np.sqrt((rest**2 * d / (n * left)).sum()))
    half = normal_quantile(level) * error
    limits = (max(estimate - half, 0.0), min(estimate + half, horizon))
    return RestrictedMean(float(horizon), estimate, error, *limits, len(np.asarray(time)), int(d.sum()))


def compare_restricted_means(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    horizon: float,
    *,
    entry: ArrayLike | None = None,
    level: float = 0.95,
) -> RestrictedMeanComparison:
    """Difference and ratio of restricted means, second group against first.

    Needs no proportional hazards. The ratio's limits are made on the logarithm, by the delta method (Uno et al. 2014,
    doi:10.1200/JCO.2014.55.2208).

    Parameters
    ----------
    time, event, entry : array, shape (n,)
        As for `censored`.
    group : array, shape (n,)
        Two labels.
    horizon, level : float
        As for `restricted_mean`.

    Examples
    --------
    >>> found = compare_restricted_means([2, 4, 6, 8, 3, 9], [1, 1, 0, 0, 1, 1], list("aabbab"), horizon=4)
    >>> found.difference.estimate
    1.0
    """
    watched = censored(time, event, entry)
    names, member = labels(group, watched.time.size, "group")
    if names.size != 2:
        problem = Problem(f"{names.size} groups", "compare two groups", column="group")
        raise DataError([problem], place="restricted means")
    parts = [watched.of(member == k) for k in (0, 1)]
    entries = [None if entry is None else part.entry for part in parts]
    first, second = (
        restricted_mean(part.time, part.event, horizon, entry=late, level=level)
        for part, late in zip(parts, entries, strict=True)
    )
    error = float(np.hypot(first.standard_error, second.standard_error))
    relative = float(np.hypot(first.standard_error / first.estimate, second.standard_error / second.estimate))
    z = normal_quantile(level)
    difference = second.estimate - first.estimate
    ratio = second.estimate / first.estimate
    return RestrictedMeanComparison(
        tuple(names.tolist()),
        (first, second),
        Contrast(difference, error, difference - z * error, difference + z * error, _p(difference, error)),
        Contrast(
            ratio, relative, *(float(ratio * np.exp(side * z * relative)) for side in (-1, 1)),
            _p(float(np.log(ratio)), relative),
        ),
    )  # fmt: skip


def _p(estimate: float, error: float) -> float:
    return float(two_sided(estimate / error)) if error > 0 else float("nan")


def _check_horizon(curve: KaplanMeier, horizon: float) -> None:
    if not horizon > 0:
        raise SimulationError(f"a horizon of {horizon:g}", place="horizon", repair="give a time above 0")
    if horizon > curve.times[-1] and curve.survival[-1] > 0:
        raise SimulationError(
            f"nobody was watched up to {horizon:g}",
            place="horizon",
            repair=f"take {curve.times[-1]:g} or less, the last time in the smaller follow-up",
        )
