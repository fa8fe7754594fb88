"""A likelihood of one effect, maximised over all else: its top, its limits, its profile.

Whatever the model, what is asked of it is the same: height, slope and curvature at a log effect size. Since such
likelihoods are concave, Newton's method within a bracket finds the top and both limits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from understudy.causal.likelihood_profile import LikelihoodProfile

_FAR = 40.0  # a log effect beyond any: exp(-40) of one person is lost beside all persons on earth
_STEPS = 200
_SLOPE = 1e-10  # of the gain that Newton's step still promises: 1e-5 of a standard error squared
_HEIGHT = 1e-10  # of log-likelihood: limits are found to 1e-10 of a standard error
_POINTS = 10  # of the grid that is begun with
_MOST = 1000  # points of a grid at most


class OneParameter(Protocol):
    """A concave log-likelihood of one log effect size."""

    def at(self, effect: float) -> tuple[float, float, float]:
        """Value, slope, and the second derivative with its sign changed."""
        ...

    @property
    def direction(self) -> float:
        """0 where it has a maximum, plus or minus infinity where it rises for ever, NaN where it is flat."""
        ...

    @property
    def width(self) -> float:
        """Difference between the greatest and the least of what the effect is of: 1 of a treatment, more of a dose."""
        ...


@dataclass(frozen=True)
class Flat:
    """A likelihood that knows nothing of the effect."""

    direction: float = float("nan")
    width: float = 1.0

    def at(self, effect: float) -> tuple[float, float, float]:
        """Zero everywhere."""
        return 0.0, 0.0, 0.0


@dataclass(frozen=True)
class Top:
    """The maximum of a likelihood.

    Parameters
    ----------
    effect : float
        Log effect size; infinite or NaN where there is no maximum.
    height : float
        Log-likelihood there, or its limit.
    curvature : float
        The information; zero where there is no maximum.
    """

    effect: float
    height: float
    curvature: float


def climb(likelihood: OneParameter) -> Top:
    """Find the maximum.

    Parameters
    ----------
    likelihood : OneParameter
    """
    direction, far, longest = likelihood.direction, _FAR / likelihood.width, 2.0 / likelihood.width
    if np.isnan(direction):
        return Top(np.nan, 0.0, 0.0)
    if np.isinf(direction):
        return Top(direction, likelihood.at(np.copysign(far, direction))[0], 0.0)
    low, high, effect = -far, far, 0.0
    for _ in range(_STEPS):
        height, slope, curvature = likelihood.at(effect)
        if slope > 0:
            low = effect
        else:
            high = effect
        step = slope / curvature if curvature > 0 else np.copysign(longest, slope)
        step = _within(float(np.clip(step, -longest, longest)), effect, low, high)
        if abs(slope * step) < _SLOPE**2 or high - low < 1e-14 * longest:
            break
        effect += step
    return Top(effect, height, curvature)


def _within(step: float, effect: float, low: float, high: float) -> float:
    """A step, or half the bracket where it would leave that."""
    return step if low < effect + step < high or step == 0 else (low + high) / 2 - effect


def limits(likelihood: OneParameter, top: Top, drop: float) -> tuple[float, float]:
    """Effects, below and above the top, at which the log-likelihood has fallen by `drop`; infinite where it does not.

    Parameters
    ----------
    likelihood : OneParameter
    top : Top
    drop : float
        Half the quantile of chi-square with one degree of freedom.
    """
    if np.isnan(top.effect):
        return -np.inf, np.inf
    low, high = (_limit(likelihood, top, drop, side) for side in (-1.0, 1.0))
    return low, high


def _limit(likelihood: OneParameter, top: Top, drop: float, side: float) -> float:
    """One limit, by Newton's method on the height from a point beyond it; a concave curve is met from outside."""
    if top.effect == side * np.inf:
        return top.effect
    start, unit = 0.0 if np.isinf(top.effect) else top.effect, 1.0 / likelihood.width
    reach = np.sqrt(2 * drop / top.curvature) if top.curvature > 0 else unit
    effect, target = start + side * min(reach, 4.0 * unit), top.height - drop
    while likelihood.at(effect)[0] > target:
        if side * effect > _FAR * unit:
            return side * np.inf
        effect += side * min(max(reach / 4, 0.25 * unit), 4.0 * unit)
    for _ in range(_STEPS):
        height, slope, _ = likelihood.at(effect)
        if abs(target - height) <= _HEIGHT + 1e-14 * abs(top.height):
            break
        effect += (target - height) / slope
    return float(effect)


def profile_at(likelihood: OneParameter, points: Iterable[float], height: float) -> LikelihoodProfile:
    """The profile at given points, with its slopes, less the height of the top.

    Parameters
    ----------
    likelihood : OneParameter
    points : iterable of float
    height : float
    """
    found = {float(point): likelihood.at(float(point))[:2] for point in points}
    return _profile(found, height)


def adaptive_profile(
    likelihood: OneParameter, top: Top, bounds: tuple[float, float], tolerance: float
) -> LikelihoodProfile:
    """The profile on a grid that is dense where it bends: ten points and the top, halved where needed.

    A stretch is halved as long as the cubic with the values and slopes of its ends is more than `tolerance` away from
    the likelihood in its middle.

    Parameters
    ----------
    likelihood : OneParameter
    top : Top
    bounds : (float, float)
        Ends of the grid, log effect sizes.
    tolerance : float
        Of log-likelihood.
    """
    start = set(np.linspace(*bounds, _POINTS))
    if bounds[0] < top.effect < bounds[1]:
        start.add(top.effect)
    found = {float(point): likelihood.at(float(point))[:2] for point in start}
    waiting = list(pairwise(sorted(found)))
    while waiting and len(found) < _MOST:
        left, right = waiting.pop()
        middle, ends = (left + right) / 2, (found[left], found[right])
        at_middle = likelihood.at(middle)[:2]
        cubic = (ends[0][0] + ends[1][0]) / 2 + (right - left) * (ends[0][1] - ends[1][1]) / 8
        if abs(at_middle[0] - cubic) > tolerance:
            found[middle] = at_middle
            waiting += [(left, middle), (middle, right)]
    return _profile(found, top.height)


def _profile(found: dict[float, tuple[float, float]], height: float) -> LikelihoodProfile:
    points = sorted(found)
    # A point of the top and one of the grid may be the same but for their last bits.
    points = [point for k, point in enumerate(points) if k == 0 or point - points[k - 1] > 1e-12]
    values, slopes = np.array([found[point] for point in points]).T
    return LikelihoodProfile(np.array(points), values - height, slopes)
