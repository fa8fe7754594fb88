"""Marginal likelihood: of a mean and a spread of effects, from estimates or profiles that each have an own effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.synthesis.interpolation import (
    Curve,
    Interpolation,
    Likelihood,
    curve_of,
    support,
)

Array = NDArray[np.float64]
_DROP = 32.0  # of log-likelihood: what lies lower has a share below 1e-13
_NODES = 240  # of an integral over a profile
_HERMITE = 24
_BLOCK = 4096  # places worked on at a time


class Marginal(Protocol):
    """Likelihood of (mean, sd) of normal effects, each effect seen through its own estimate or profile."""

    @property
    def count(self) -> int:
        """How many effects."""

    def log(self, mean: ArrayLike, sd: ArrayLike) -> Array:
        """Log-likelihood, shape of `mean` and `sd` broadcast."""

    def start(self) -> tuple[float, float]:
        """A mean and an sd from which a search may begin."""


@dataclass(frozen=True, eq=False)
class NormalMarginal:
    """From estimates with standard errors: the sum of log N(estimate; mean, sd² + error²).

    Parameters
    ----------
    estimates, errors : float array, shape (n,)

    Examples
    --------
    >>> found = NormalMarginal(np.array([0.0]), np.array([3.0])).log(5.0, 4.0)
    >>> round(float(found), 4)  # log N(0; 5, 25)
    -3.0284
    """

    estimates: Array
    errors: Array

    @property
    def count(self) -> int:
        """How many effects."""
        return int(self.estimates.size)

    def log(self, mean: ArrayLike, sd: ArrayLike) -> Array:
        """Log-likelihood, shape of `mean` and `sd` broadcast."""
        mean, sd = np.broadcast_arrays(np.asarray(mean, float), np.asarray(sd, float))
        means, sds, found = mean.ravel(), sd.ravel(), np.empty(mean.size)
        for start in range(0, means.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            variance = sds[part, None] ** 2 + self.errors**2
            terms = np.log(2 * np.pi * variance) + (self.estimates - means[part, None]) ** 2 / variance
            found[part] = -0.5 * terms.sum(axis=1)
        return found.reshape(mean.shape)

    def start(self) -> tuple[float, float]:
        """Weighted mean and the spread beyond the errors."""
        weights = 1 / self.errors**2
        mean = float(weights @ self.estimates / weights.sum())
        return mean, float(np.sqrt(np.mean((self.estimates - mean) ** 2)))


@dataclass(frozen=True, eq=False)
class ProfileMarginal:
    """From likelihood profiles: the sum of log ∫ L(effect) N(effect; mean, sd²).

    A profile is integrated on points of its own, so that a narrow one costs no more than a wide one. Where the normal
    is narrower than their distance, its own points are taken (Gauss-Hermite).

    Parameters
    ----------
    curves : tuple of callable
        Log-likelihood of each.
    nodes, weights : float array, shape (n, m)
        Points of each integral, and the likelihood there times their distance, over the highest likelihood.
    tops : float array, shape (n,)
        Highest log-likelihood of each.
    """

    curves: tuple[Curve, ...]
    nodes: Array
    weights: Array
    tops: Array

    @classmethod
    def of(cls, sites: Sequence[Likelihood], interpolation: Interpolation | None = None) -> ProfileMarginal:
        """From profiles or approximations of them; see `log_likelihood` for `interpolation`."""
        curves = tuple(curve_of(site, interpolation) for site in sites)
        ends = [support(site, _DROP, interpolation) for site in sites]
        nodes = np.array([np.linspace(low, high, _NODES) for low, high in ends])
        values = np.array([curve(row) for curve, row in zip(curves, nodes, strict=True)])
        tops = values.max(axis=1)
        step = nodes[:, 1] - nodes[:, 0]
        weights = np.exp(values - tops[:, None]) * step[:, None]
        weights[:, [0, -1]] /= 2
        return cls(curves, nodes, weights, tops)

    @property
    def count(self) -> int:
        """How many effects."""
        return len(self.curves)

    def log(self, mean: ArrayLike, sd: ArrayLike) -> Array:
        """Log-likelihood, shape of `mean` and `sd` broadcast."""
        mean, sd = np.broadcast_arrays(np.asarray(mean, float), np.asarray(sd, float))
        means, sds = mean.ravel(), sd.ravel()
        found = np.zeros(means.size)
        for k in range(self.count):
            wide = sds >= self.nodes[k, 1] - self.nodes[k, 0]
            found[wide] += self._by_profile(k, means[wide], sds[wide])
            found[~wide] += self._by_normal(k, means[~wide], sds[~wide])
        return (found + self.tops.sum()).reshape(mean.shape)

    def start(self) -> tuple[float, float]:
        """Mean and spread of the places of the tops."""
        places = self.nodes[np.arange(self.count), np.argmax(self.weights, axis=1)]
        return float(np.median(places)), float(np.clip(places.std(), 0.05, 1.0))

    def _by_profile(self, k: int, means: Array, sds: Array) -> Array:
        """Log of the integral on the profile's points."""
        from understudy.causal.synthesis.normal_sums import log_normal_sums

        step = self.nodes[k, 1] - self.nodes[k, 0]
        return log_normal_sums(float(self.nodes[k, 0]), float(step), self.weights[k], means, sds)

    def _by_normal(self, k: int, means: Array, sds: Array) -> Array:
        """Log of the integral on the normal's points."""
        if not means.size:
            return means
        nodes, weights = _hermite()
        values = self.curves[k](means[:, None] + sds[:, None] * nodes) - self.tops[k]
        top = values.max(axis=1, initial=-np.inf)
        return top + np.log(np.exp(values - top[:, None]) @ weights)


@cache
def _hermite() -> tuple[Array, Array]:
    """Points and weights of Gauss and Hermite for the standard normal."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_HERMITE)
    return nodes, weights / weights.sum()
