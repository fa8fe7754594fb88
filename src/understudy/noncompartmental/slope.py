"""Slope: lambda-z, the rate at which the logarithm of the concentration falls in the end.

The choice of points is PKNCA's (Denney, Duvvuri, Buckeridge 2015, doi:10.1007/s10928-015-9432-2): of all
regressions that end with the last measurable concentration, the one with the best adjusted r²; of those that are
as good but for a small difference, the one with the most points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from understudy.noncompartmental.rules import NCARules


@dataclass(frozen=True)
class Slope:
    """A regression of the logarithm of concentrations on time.

    Parameters
    ----------
    lambda_z : float
        Minus its slope, per time.
    intercept : float
        Logarithm of its concentration at time zero.
    r2, adj_r2 : float
    times : tuple of float
        Of the concentrations in it.
    """

    lambda_z: float
    intercept: float
    r2: float
    adj_r2: float
    times: tuple[float, ...]

    @property
    def half_life(self) -> float:
        """ln 2 / lambda-z."""
        return math.log(2) / self.lambda_z

    @property
    def span(self) -> float:
        """How many half-lives lie between its first and its last point."""
        return (self.times[-1] - self.times[0]) / self.half_life

    def at(self, time: float) -> float:
        """Its concentration at a time."""
        return math.exp(self.intercept - self.lambda_z * time)


def regress(times: np.ndarray, values: np.ndarray) -> Slope:
    """Least squares of the logarithm of concentrations on time.

    Parameters
    ----------
    times, values : float array, shape (n,)
        n of at least 3, values above zero.

    Examples
    --------
    >>> times = np.array([0.0, 1.0, 2.0])
    >>> found = regress(times, 8 * np.exp(-0.5 * times))
    >>> round(found.lambda_z, 9), round(found.half_life, 4), round(found.r2, 9)
    (0.5, 1.3863, 1.0)
    """
    logs, count = np.log(values), len(times)
    centred, spread = times - times.mean(), logs - logs.mean()
    slope = float(centred @ spread / (centred @ centred))
    total = float(spread @ spread)
    residual = spread - slope * centred
    r2 = 1.0 - float(residual @ residual) / total if total > 0 else math.nan
    adjusted = 1.0 - (1.0 - r2) * (count - 1) / (count - 2)
    return Slope(-slope, float(logs.mean() - slope * times.mean()), r2, adjusted, tuple(times.tolist()))


def best_slope(times: np.ndarray, values: np.ndarray, rules: NCARules) -> Slope | str:
    """The regression that is chosen, or why there is none.

    Parameters
    ----------
    times, values : float array, shape (n,)
        Measurable concentrations that may be used, by time.
    rules : NCARules

    Returns
    -------
    Slope or str

    Examples
    --------
    >>> times = np.array([9.05, 12.12, 24.37])
    >>> round(best_slope(times, np.array([6.89, 5.94, 3.28]), NCARules()).half_life, 4)
    14.3044
    >>> best_slope(times[:2], np.array([6.89, 5.94]), NCARules())
    'lambda-z needs 3 measurable concentrations after Cmax, there are 2'
    """
    count = len(times)
    if count < rules.min_points:
        after = "from Cmax on" if rules.include_cmax else "after Cmax"
        return f"lambda-z needs {rules.min_points} measurable concentrations {after}, there {_are(count)}"
    found = [regress(times[k:], values[k:]) for k in range(count - rules.min_points, -1, -1)]
    known = [slope for slope in found if math.isfinite(slope.adj_r2)]
    if not known:
        return "the last concentrations do not fall"
    best = max(slope.adj_r2 for slope in known)
    near = [slope for slope in known if slope.adj_r2 > best - rules.tie and slope.lambda_z > 0]
    if not near:
        return "the last concentrations do not fall: the best regression for lambda-z rises"
    return max(near, key=lambda slope: len(slope.times))


def given_slope(times: np.ndarray, values: np.ndarray) -> Slope | str:
    """The regression of points that were chosen by the user, or why there is none."""
    if len(times) < 3:
        return f"lambda-z needs 3 measurable concentrations, of those chosen there {_are(len(times))}"
    found = regress(times, values)
    if not (found.lambda_z > 0 and math.isfinite(found.adj_r2)):
        return "the concentrations chosen for lambda-z do not fall"
    return found


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}" if count else "is none"
