"""milestone_difference: survival of two groups at one time that was named beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import censored, labels
from understudy.biostatistics.survival.kaplan_meier import kaplan_meier
from understudy.biostatistics.survival.p_value import normal_quantile, two_sided
from understudy.biostatistics.survival.restricted_mean import Contrast
from understudy.core.errors import DataError, Problem, SimulationError


@dataclass(frozen=True)
class Milestone:
    """Survival of two groups at one time: the second minus the first.

    Parameters
    ----------
    groups : tuple
        Two labels, sorted.
    time : float
    survival, standard_error : tuple of float
        By group, Greenwood's.
    difference : Contrast
    z, p : float
        Of the test on the scale log(-log S); positive if the second group has the higher survival.
    """

    groups: tuple[Any, ...]
    time: float
    survival: tuple[float, float]
    standard_error: tuple[float, float]
    difference: Contrast
    z: float
    p: float


def milestone_difference(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    at: float,
    *,
    entry: ArrayLike | None = None,
    level: float = 0.95,
) -> Milestone:
    """Difference of Kaplan-Meier estimates at one time, with Greenwood's variance.

    The test on log(-log S) keeps its level better in small groups than that of the plain difference (Klein et al. 2007,
    Stat Med 26:4505-4519, doi:10.1002/sim.2864).

    Parameters
    ----------
    time, event, entry : array, shape (n,)
        As for `censored`.
    group : array, shape (n,)
        Two labels.
    at : float
        The milestone.
    level : float

    Raises
    ------
    DataError
        For values that cannot be, or other than two groups.
    SimulationError
        If a group was not watched so long.

    Examples
    --------
    >>> found = milestone_difference([2, 4, 6, 8, 3, 9], [1, 1, 0, 1, 1, 1], list("aabbab"), at=3)
    >>> round(found.difference.estimate, 3)
    0.667
    """
    watched = censored(time, event, entry)
    names, member = labels(group, watched.time.size, "group")
    if names.size != 2:
        raise DataError(
            [Problem(f"{names.size} groups", "compare two", column="group")], place="the milestone"
        )
    points = [_point(watched.of(member == k), at, entry is not None, str(names[k])) for k in (0, 1)]
    (first, e1), (second, e2) = points
    error, z = float(np.hypot(e1, e2)), normal_quantile(level)
    difference = second - first
    p = float(two_sided(difference / error)) if error > 0 else float("nan")
    plain = Contrast(
        difference, error, max(difference - z * error, -1.0), min(difference + z * error, 1.0), p
    )
    score = _log_log_z(points)
    p = float(two_sided(score))
    return Milestone(tuple(names.tolist()), float(at), (first, second), (e1, e2), plain, score, p)


def _point(watched: Any, at: float, delayed: bool, name: str) -> tuple[float, float]:
    curve = kaplan_meier(watched.time, watched.event, entry=watched.entry if delayed else None)
    row = curve.at(at).iloc[0]
    if np.isnan(row.survival):
        raise SimulationError(
            f"nobody of group {name} was watched up to {at:g}",
            place="the milestone",
            repair=f"take {curve.times[-1]:g} or less",
        )
    return float(row.survival), float(row.standard_error)


def _log_log_z(points: list[tuple[float, float]]) -> float:
    """Standard score on log(-log S); not a number where some group has survival 0 or 1."""
    if any(survival in (0.0, 1.0) for survival, _ in points):
        return float("nan")
    s1, s2 = (survival for survival, _ in points)
    variance = sum((error / (s * np.log(s))) ** 2 for s, error in points)
    return float((np.log(-np.log(s1)) - np.log(-np.log(s2))) / np.sqrt(variance))
