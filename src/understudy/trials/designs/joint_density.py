"""Joint density: how a sequence of test statistics is distributed while a trial goes on.

The statistics Z_1, …, Z_K at information fractions t_1 < … < t_K are normal with mean δ√t_k (δ, the *drift*, is the
mean of Z at full information), variance 1 and covariance √(t_j / t_k): the canonical form of Jennison and Turnbull,
*Group Sequential Methods* (2000), chapter 3. The density of Z_k among trials that go on is found from that of
Z_{k-1} by one integral (Armitage, McPherson and Rowe, J R Stat Soc A 132, 235 (1969), doi:10.2307/2343787), here by
Gauss-Legendre quadrature: the integrand is analytic between the limits, so that the error is that of rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_REACH = 9.0  # standard deviations beyond which a normal density (1e-18) is nothing
_PER_WIDTH = 3  # nodes for each standard deviation of the step between two looks
_FEWEST = 64


@dataclass(frozen=True)
class Going:
    """Trials that go on after a look: nodes of Z, mass at each, information fraction and drift."""

    z: NDArray[np.float64]
    mass: NDArray[np.float64]
    t: float
    drift: float

    @classmethod
    def start(cls, drift: float) -> Going:
        """Before the first look: all of them, at Z = 0 with no information."""
        return cls(np.zeros(1), np.ones(1), 0.0, drift)

    def above(self, limit: float, t: float) -> float:
        """Probability to go on until now and to have a statistic above ``limit`` at information ``t``."""
        from scipy.special import ndtr

        return float(self.mass @ ndtr(-self._standard(limit, t)))

    def below(self, limit: float, t: float) -> float:
        """Probability to go on until now and to have a statistic below ``limit`` at information ``t``."""
        from scipy.special import ndtr

        return float(self.mass @ ndtr(self._standard(limit, t)))

    def step(self, lower: float, upper: float, t: float) -> Going:
        """Those that go on after a look at ``t`` too, with ``lower`` < Z < ``upper``."""
        mean = self.drift * math.sqrt(t)
        low, high = max(lower, mean - _REACH), min(upper, mean + _REACH)
        if high <= low:
            return Going(np.zeros(1), np.zeros(1), t, self.drift)
        z, weight = _nodes(low, high, 1.0 if self.t == 0 else math.sqrt((t - self.t) / self.t))
        standard = self._standard(z[:, None], t)
        slope = math.sqrt(t / (t - self.t))
        density = np.exp(-0.5 * standard**2) @ self.mass * (slope / math.sqrt(2 * math.pi))
        return Going(z, density * weight, t, self.drift)

    def _standard(self, limit, t: float):
        """The limit at ``t`` in standard deviations of the step from each node."""
        gain = t - self.t
        return (math.sqrt(t) * limit - math.sqrt(self.t) * self.z - self.drift * gain) / math.sqrt(gain)


def crossing_probabilities(
    lower: Sequence[float], upper: Sequence[float], times: Sequence[float], drift: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probabilities to leave below and above at each look.

    Parameters
    ----------
    lower, upper : sequence of float, shape (K,)
        Limits of Z; infinite where a look has none.
    times : sequence of float, shape (K,)
        Information fractions, rising.
    drift : float
        Mean of Z at information fraction 1.

    Returns
    -------
    below, above : array of float, shape (K,)

    Examples
    --------
    >>> below, above = crossing_probabilities([-2.178, -2.178], [2.178, 2.178], [0.5, 1.0])
    >>> round(float(below.sum() + above.sum()), 3)
    0.05
    """
    going = Going.start(drift)
    below, above = np.empty(len(times)), np.empty(len(times))
    for look, (low, high, t) in enumerate(zip(lower, upper, times, strict=True)):
        below[look], above[look] = going.below(low, t), going.above(high, t)
        if look + 1 < len(times):
            going = going.step(low, high, t)
    return below, above


def _nodes(low: float, high: float, width: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    needed = max(_FEWEST, math.ceil(_PER_WIDTH * (high - low) / min(width, 1.0)))
    x, weight = _legendre(32 * math.ceil(needed / 32))
    half = 0.5 * (high - low)
    return low + half * (x + 1), half * weight


@lru_cache(maxsize=64)
def _legendre(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.special import roots_legendre

    return roots_legendre(count)
