"""Hierarchy: the posterior of the mean and the spread of normal effects, by quadrature: no Monte Carlo noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.synthesis.marginal import Marginal
from understudy.causal.synthesis.posterior import Posterior, weighted_quantiles

Array = NDArray[np.float64]
_DROP = 14.0  # of log-density at the edge of what is integrated: a share of about 1e-6
_POINTS = 101  # of each axis
_LEAST_SD, _MOST_SD = 1e-8, 50.0
_FARTHEST = 40.0


class Prior(Protocol):
    """A prior of a mean and a spread."""

    def log(self, mean: Array, sd: Array) -> Array:
        """Log-density with regard to the mean and the logarithm of the sd."""


@dataclass(frozen=True)
class HalfNormalPrior:
    """Normal for the mean, half-normal for the spread: that of EvidenceSynthesis (Schuemie 2022).

    Parameters
    ----------
    mean_sd : float
        Standard deviation of the mean, which is expected to be zero.
    sd_scale : float
        Scale of the half-normal.
    """

    mean_sd: float = 2.0
    sd_scale: float = 0.5

    def log(self, mean: Array, sd: Array) -> Array:
        """Log-density with regard to the mean and the logarithm of the sd."""
        return -0.5 * ((mean / self.mean_sd) ** 2 + (sd / self.sd_scale) ** 2) + np.log(sd)


@dataclass(frozen=True)
class PrecisionPrior:
    """Flat for the mean, a very wide gamma for the precision 1 / sd²: that of EmpiricalCalibration's MCMC null.

    Its shape of 0.0001 and scale of 10,000 make the logarithm of the precision nearly flat up to precisions of 10,000,
    an sd of 0.01.
    """

    shape: float = 1e-4
    scale: float = 1e4

    def log(self, mean: Array, sd: Array) -> Array:
        """Log-density with regard to the mean and the logarithm of the sd."""
        precision = sd**-2.0
        return self.shape * np.log(precision) - precision / self.scale + 0 * mean


@dataclass(frozen=True, eq=False)
class HierarchyPosterior:
    """Joint posterior of the mean and the spread of effects.

    Parameters
    ----------
    means, sds : float array, shape (n,)
        Of the points of the quadrature, or draws.
    weights : float array, shape (n,)
        Sum one.
    """

    means: Array
    sds: Array
    weights: Array

    def quantiles(self, values: Array, probabilities: list[float]) -> Array:
        """Quantiles of a function of mean and sd, given at the points."""
        return weighted_quantiles(values, self.weights, probabilities)

    def mean_density(self) -> Posterior:
        """Posterior of the mean."""
        places, where = np.unique(self.means, return_inverse=True)
        coarse = np.bincount(where, self.weights)
        return _refined(places, coarse)

    def sd_density(self) -> Posterior:
        """Posterior of the spread, on its own scale."""
        places, where = np.unique(self.sds, return_inverse=True)
        share = np.bincount(where, self.weights)
        kept = np.cumsum(share) > 1e-12
        log = _refined(np.log(places[kept]), share[kept])
        points = np.linspace(0.0, float(np.exp(log.points[-1])), 4001)[1:]
        return Posterior(points, np.interp(np.log(points), log.points, log.density, left=0.0) / points)

    def predictive(self) -> Posterior:
        """Density of the effect of one more member, such as a site or the bias of an outcome."""
        from scipy.special import ndtr

        kept = self.weights > 1e-7 * self.weights.max()
        means, sds, weights = self.means[kept], self.sds[kept], self.weights[kept]
        low, high = float((means - 8 * sds).min()), float((means + 8 * sds).max())
        edges = np.linspace(max(low, -_FARTHEST), min(high, _FARTHEST), 2001)
        below = np.zeros(edges.size)
        for start in range(0, means.size, 512):
            part = slice(start, start + 512)
            below += weights[part] @ ndtr((edges - means[part, None]) / sds[part, None])
        return Posterior((edges[1:] + edges[:-1]) / 2, np.clip(np.diff(below), 0.0, None))


def integrate(marginal: Marginal, prior: Prior, points: int = _POINTS) -> HierarchyPosterior:
    """The posterior of mean and sd on points around where it is high.

    The box of means and logarithms of sds grows until nothing of weight lies on its edge; within it points have equal
    distances, with which a smooth integrand that vanishes at the edge is integrated to many digits.

    Parameters
    ----------
    marginal : Marginal
    prior : Prior
    points : int
        Of each axis. Integrals need few; quantiles, which fall between points, are the better for more.
    """

    def log_density(mean: ArrayLike, log_sd: ArrayLike) -> Array:
        sd = np.exp(log_sd)
        return marginal.log(mean, sd) + prior.log(np.asarray(mean, float), sd)

    centre = _top(log_density, marginal)
    box = _box(log_density, *centre)
    means = np.linspace(*box[0], points)
    log_sds = np.linspace(*box[1], points)
    grid = np.meshgrid(means, log_sds, indexing="ij")
    log = log_density(*grid)
    weights = np.exp(log - log.max()).ravel()
    kept = weights > 1e-14
    return HierarchyPosterior(
        grid[0].ravel()[kept], np.exp(grid[1].ravel()[kept]), weights[kept] / weights[kept].sum()
    )


def _top(log_density, marginal: Marginal) -> tuple[float, float]:
    """Where the posterior is highest."""
    from scipy.optimize import minimize

    mean, sd = marginal.start()
    start = [mean, np.log(max(sd, 0.05))]
    options = {"xatol": 1e-4, "fatol": 1e-6}
    found = minimize(
        lambda at: -float(log_density(at[0], at[1])), start, method="Nelder-Mead", options=options
    )
    return float(found.x[0]), float(np.clip(found.x[1], np.log(_LEAST_SD), np.log(_MOST_SD)))


def _box(log_density, mean: float, log_sd: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ends of means and log sds beyond which there is nothing of weight."""
    low, high = np.array([mean - 0.1, log_sd - 0.5]), np.array([mean + 0.1, log_sd + 0.5])
    least = np.array([-_FARTHEST, np.log(_LEAST_SD)])
    most = np.array([_FARTHEST, np.log(_MOST_SD)])
    while True:
        grown = False
        inside = np.linspace(low, high, 25)
        grid = log_density(*np.meshgrid(inside[:, 0], inside[:, 1], indexing="ij"))
        floor = grid.max() - _DROP
        for axis in (0, 1):
            first, last = (grid.take(end, axis).max() > floor for end in (0, -1))
            width = high[axis] - low[axis]
            if first and low[axis] > least[axis]:
                low[axis], grown = max(low[axis] - 0.5 * width, least[axis]), True
            if last and high[axis] < most[axis]:
                high[axis], grown = min(high[axis] + 0.5 * width, most[axis]), True
        if not grown:
            return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def _refined(places: Array, share: Array) -> Posterior:
    """The density between the points of the quadrature, by a cubic through its logarithm."""
    from scipy.interpolate import PchipInterpolator

    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log(share / share.max()), -60.0)
    points = np.linspace(places[0], places[-1], 4001)
    return Posterior(points, np.exp(PchipInterpolator(places, logs)(points)))
