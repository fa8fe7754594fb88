"""Mixture likelihood: how likely counts of pairs are under a mixture of two gamma priors, with its slopes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from understudy.causal.signals.count_points import CountPoints


def negative_log_likelihood(
    place: NDArray[np.float64], points: CountPoints
) -> tuple[float, NDArray[np.float64]]:
    """Negative log-likelihood and its slopes.

    Parameters
    ----------
    place : float array, shape (5,)
        Logarithms of alpha1, beta1, alpha2, beta2, and the logit of p.
    points : CountPoints
    """
    share = 1 / (1 + np.exp(-place[4]))
    shares = np.array([share, 1 - share])
    parts = [_component(place[k : k + 2], points) for k in (0, 2)]
    above = [_above_zero(place[k : k + 2], points) for k in (0, 2)]
    if points.truncation == "components":
        parts = [(v - np.log(up), s - rise / up) for (v, s), (up, rise) in zip(parts, above, strict=True)]
    logs = np.log(shares)[:, None] + np.stack([value for value, _ in parts])
    total = np.logaddexp(*logs)
    weights = np.exp(logs - total)
    slopes = np.stack([*(weights[0] * parts[0][1]), *(weights[1] * parts[1][1]), weights[0] - share])
    if points.truncation == "mixture":
        up = shares @ np.stack([each for each, _ in above])
        rise = [*(shares[0] * above[0][1]), *(shares[1] * above[1][1])]
        rise.append(shares[0] * shares[1] * (above[0][0] - above[1][0]))
        total, slopes = total - np.log(up), slopes - np.stack(rise) / up
    return -float(points.weight @ total), -(slopes @ points.weight)


def log_negative_binomial(
    alpha: float, beta: float, n: NDArray[np.int64], expected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log-probability of a count whose rate is Gamma(alpha, beta) times what is expected, shape (points,)."""
    from scipy.special import gammaln

    different, where = np.unique(n, return_inverse=True)
    by_count = gammaln(alpha + different) - gammaln(alpha) - gammaln(different + 1.0)
    return by_count[where] + n * np.log(expected / (expected + beta)) - alpha * np.log1p(expected / beta)


def _component(place: NDArray[np.float64], points: CountPoints) -> tuple[NDArray, NDArray]:
    """Log-probabilities under one gamma prior, and their slopes by log shape and log rate, shape (2, points)."""
    from scipy.special import digamma, gammaln

    alpha, beta = np.exp(place)
    expected, n, counts = points.expected, points.n, points.different
    up = expected + beta
    none = -np.log1p(expected / beta)
    by_count = gammaln(alpha + counts) - gammaln(alpha) - gammaln(counts + 1.0)
    by_count_slope = digamma(alpha + counts) - digamma(alpha)
    value = by_count[points.where] + n * np.log(expected / up) + alpha * none
    by_alpha = alpha * (by_count_slope[points.where] + none)
    by_beta = (alpha * expected - n * beta) / up
    return value, np.stack([by_alpha, by_beta])


def _above_zero(place: NDArray[np.float64], points: CountPoints) -> tuple[NDArray, NDArray]:
    """Probability of a count above zero under one gamma prior, and its slopes, shapes (points,) and (2, points)."""
    alpha, beta = np.exp(place)
    log_none = -alpha * np.log1p(points.expected / beta)
    none = np.exp(log_none)
    slopes = [-none * log_none, -none * alpha * points.expected / (points.expected + beta)]
    return -np.expm1(log_none), np.stack(slopes)
