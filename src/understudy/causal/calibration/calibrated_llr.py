"""calibrated_llr: a log-likelihood ratio that stands for chance and systematic error together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.causal.calibration.null_distribution import NullDistribution
from understudy.causal.synthesis.interpolation import Likelihood, log_likelihood, support

Array = NDArray[np.float64]
_POINT_NULL = 1e-3  # sd below which the null is taken as a point, as in EmpiricalCalibration
_NODES = 801
_REACH = 8.0  # standard deviations of the null that are integrated
_DRAWS = 400  # of a Bayesian null, over its posterior


@dataclass(frozen=True)
class CalibratedLLR:
    """A calibrated log-likelihood ratio.

    Parameters
    ----------
    llr : float
        By the posterior median of the null where that is Bayesian.
    low, high : float
        95 % credible limits; NaN for a null by maximum likelihood.
    p : float
        One-sided p-value that it stands for.
    """

    llr: float
    low: float
    high: float
    p: float


def calibrated_llr(effect: Likelihood, null: NullDistribution) -> CalibratedLLR:
    """Calibrate the log-likelihood ratio of an effect above none, as MaxSPRT takes it.

    The one-sided p-value by the likelihood ratio against each possible systematic error is averaged over the null
    distribution, and turned back into a log-likelihood ratio (Schuemie et al. 2022, doi:10.3389/fphar.2022.893484).

    Parameters
    ----------
    effect : LikelihoodProfile or approximation
        Of the log effect; an estimate with its error is a `NormalApproximation`.
    null : NullDistribution

    Returns
    -------
    CalibratedLLR
        Zero where the p-value is a half or more.

    Examples
    --------
    >>> from understudy.causal.synthesis.approximation import NormalApproximation
    >>> effect = NormalApproximation(0.7, 0.1)
    >>> unbiased, biased = NullDistribution(0.0, 0.0, 30), NullDistribution(0.2, 0.2, 30)
    >>> [round(calibrated_llr(effect, null).llr, 2) for null in (unbiased, biased)]
    [24.5, 2.5]
    """
    place, height = _top(effect)
    if null.posterior is None:
        p, llr = _one(effect, null.mean, null.sd, place, height)
        return CalibratedLLR(llr, np.nan, np.nan, p)
    from understudy.causal.synthesis.posterior import weighted_quantiles

    means, sds, weights = _thinned(null)
    rows = np.array([_one(effect, m, s, place, height) for m, s in zip(means, sds, strict=True)])
    llr, low, high = weighted_quantiles(rows[:, 1], weights, [0.5, 0.025, 0.975])
    p = weighted_quantiles(rows[:, 0], weights, [0.5])[0]
    return CalibratedLLR(float(llr), float(low), float(high), float(p))


def _one(effect: Likelihood, mean: float, sd: float, place: float, height: float) -> tuple[float, float]:
    """p-value and log-likelihood ratio for one null."""
    from scipy.special import chdtrc, ndtri

    if sd < _POINT_NULL:
        llr = max(height - float(log_likelihood(effect, [mean])[0]), 0.0) if place > mean else 0.0
        return float(chdtrc(1, 2 * llr)) / 2, llr
    errors = mean + sd * np.linspace(-_REACH, _REACH, _NODES)
    llr = np.maximum(height - log_likelihood(effect, errors), 0.0)
    tail = chdtrc(1, 2 * llr) / 2
    p = np.where(place < errors, 1 - tail, tail)
    density = np.exp(-0.5 * ((errors - mean) / sd) ** 2)
    mixed = float(p @ density / density.sum())
    return mixed, 0.0 if mixed >= 0.5 else float(ndtri(mixed)) ** 2 / 2


def _top(effect: Likelihood) -> tuple[float, float]:
    """Place and height of the highest likelihood."""
    x = np.linspace(*support(effect, 2.0), 4001)
    values = log_likelihood(effect, x)
    best = int(np.argmax(values))
    return float(x[best]), float(values[best])


def _thinned(null: NullDistribution) -> tuple[Array, Array, Array]:
    """Points of the posterior of equal weight, so that each is not asked for all."""
    posterior = null.posterior
    order = np.lexsort((posterior.sds, posterior.means))
    below = np.cumsum(posterior.weights[order])
    chosen = order[np.searchsorted(below, (np.arange(_DRAWS) + 0.5) / _DRAWS).clip(0, order.size - 1)]
    return posterior.means[chosen], posterior.sds[chosen], np.full(_DRAWS, 1 / _DRAWS)
