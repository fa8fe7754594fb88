"""Posterior: a density of one number on points of equal distance, with what is read off it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Posterior:
    """A density of one number.

    Parameters
    ----------
    points : float array, shape (n,)
        Of equal distance, rising.
    density : float array, shape (n,)
        Not negative; it need not integrate to one.

    Examples
    --------
    >>> x = np.linspace(-8, 8, 1601)
    >>> normal = Posterior(x, np.exp(-((x - 1) ** 2) / 2))
    >>> round(normal.mean, 4), round(normal.sd, 4), [round(float(each), 3) for each in normal.interval()]
    (1.0, 1.0, [-0.96, 2.96])
    """

    points: Array
    density: Array

    @property
    def weights(self) -> Array:
        """Share of each point, sum one."""
        return self.density / self.density.sum()

    @property
    def mean(self) -> float:
        """Expected value."""
        return float(self.weights @ self.points)

    @property
    def sd(self) -> float:
        """Standard deviation."""
        return float(np.sqrt(self.weights @ (self.points - self.mean) ** 2))

    @property
    def median(self) -> float:
        """Quantile of one half."""
        return float(self.quantiles([0.5])[0])

    def quantiles(self, probabilities: ArrayLike) -> Array:
        """Quantiles; the density is level within a step."""
        step = self.points[1] - self.points[0]
        edges = np.append(self.points - step / 2, self.points[-1] + step / 2)
        return np.interp(probabilities, np.append(0.0, np.cumsum(self.weights)), edges)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Between the quantiles that leave the same share on both sides."""
        low, high = self.quantiles([(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    def highest_density(self, level: float = 0.95) -> tuple[float, float]:
        """The shortest interval of that probability (the interval of highest density where there is one top)."""
        below = np.linspace(0, 1 - level, 2001)
        low, high = self.quantiles(below), self.quantiles(below + level)
        best = int(np.argmin(high - low))
        return float(low[best]), float(high[best])

    def above(self, value: float) -> float:
        """Probability of more than a value."""
        step = self.points[1] - self.points[0]
        edges = np.append(self.points - step / 2, self.points[-1] + step / 2)
        return float(1 - np.interp(value, edges, np.append(0.0, np.cumsum(self.weights))))

    def minus(self, other: Posterior) -> Posterior:
        """Density of the difference of two independent numbers, on steps of the finer of both.

        Examples
        --------
        >>> x = np.linspace(-8, 8, 1601)
        >>> normal = Posterior(x, np.exp(-(x**2) / 2))
        >>> round(normal.minus(normal).sd, 3)
        1.414
        """
        from scipy.signal import fftconvolve

        step = min(each.points[1] - each.points[0] for each in (self, other))
        ours, theirs = self._on(step), other._on(step)
        density = np.clip(fftconvolve(ours.density, theirs.density[::-1]), 0.0, None)
        start = ours.points[0] - theirs.points[-1]
        return Posterior(start + step * np.arange(density.size), density)

    def _on(self, step: float) -> Posterior:
        points = np.arange(self.points[0], self.points[-1] + step / 2, step)
        return Posterior(points, np.interp(points, self.points, self.density))

    def __repr__(self) -> str:
        low, high = self.interval()
        return f"mean {self.mean:.4g}, median {self.median:.4g}, 95 % interval {low:.4g} to {high:.4g}"


def weighted_quantiles(values: Array, weights: Array, probabilities: Sequence[float]) -> Array:
    """Quantiles of points that have weights: each point's share lies half below and half above it.

    Parameters
    ----------
    values, weights : float array
        Of the same shape; the weights sum to one.
    probabilities : sequence of float

    Examples
    --------
    >>> weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([0.25, 0.25, 0.5]), [0.5]).tolist()
    [2.0]
    """
    places, where = np.unique(values.ravel(), return_inverse=True)
    share = np.bincount(where, weights.ravel())
    return np.interp(probabilities, np.cumsum(share) - share / 2, places)
