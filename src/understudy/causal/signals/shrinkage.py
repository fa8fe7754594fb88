"""Shrinkage: rates of reporting over expectation, drawn towards those of all pairs (EBGM).

DuMouchel, Am Stat 1999;53:177-190, doi:10.1080/00031305.1999.10474456, equations 6 to 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.mixture_likelihood import log_negative_binomial
from understudy.causal.signals.shrinkage_prior import ShrinkagePrior

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_ROUNDS, _CLOSE = 60, 1e-12


@dataclass(frozen=True, eq=False)
class ShrunkenRates:
    """Posterior of each pair's rate, shape (pairs,) each.

    Parameters
    ----------
    ebgm : float array
        Geometric mean.
    low, high : float arrays
        Its quantiles at `level`, 5 % (EB05) and 95 % (EB95) by default.
    first : float array
        Probability of the first component.
    """

    ebgm: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    first: NDArray[np.float64]


def shrunken_rates(
    seen: ArrayLike, expected: ArrayLike, prior: ShrinkagePrior, level: float = 0.9
) -> ShrunkenRates:
    """EBGM with its limits.

    Parameters
    ----------
    seen, expected : array-like, shape (pairs,)
        Reports seen and expected.
    prior : ShrinkagePrior
    level : float
        Share of the posterior between the limits.

    Examples
    --------
    >>> prior = ShrinkagePrior(3.255957, 0.399989, 2.023755, 1.906136, 0.065308, np.zeros(5), 4162.4557, 17189)
    >>> found = shrunken_rates([16], [0.3325], prior)
    >>> 20 < float(found.ebgm[0]) < 26
    True
    """
    from scipy.special import digamma

    n, expected = np.asarray(seen, np.int64), np.asarray(expected, float)
    alpha1, beta1, alpha2, beta2, p = prior.parameters
    logs = np.log(p) + log_negative_binomial(alpha1, beta1, n, expected)
    others = np.log1p(-p) + log_negative_binomial(alpha2, beta2, n, expected)
    first = np.exp(logs - np.logaddexp(logs, others))
    shapes, rates = np.stack([alpha1 + n, alpha2 + n]), np.stack([beta1 + expected, beta2 + expected])
    means = digamma(shapes) - np.log(rates)
    ebgm = np.exp(first * means[0] + (1 - first) * means[1])
    shares = np.stack([first, 1 - first])
    limits = [_quantile(tail, shares, shapes, rates) for tail in ((1 - level) / 2, (1 + level) / 2)]
    return ShrunkenRates(ebgm, *limits, first)


def _quantile(
    tail: float, shares: NDArray[np.float64], shapes: NDArray[np.float64], rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Quantile of each mixture: between those of its parts, by Newton's steps, halving where one leads out."""
    from scipy.special import gammainc, gammaincinv, gammaln

    parts = gammaincinv(shapes, tail) / rates
    low, high = parts.min(axis=0), parts.max(axis=0)
    at = (shares * parts).sum(axis=0)
    for _ in range(_ROUNDS):
        excess = (shares * gammainc(shapes, rates * at)).sum(axis=0) - tail
        low, high = np.where(excess < 0, at, low), np.where(excess > 0, at, high)
        density = np.exp(shapes * np.log(rates) + (shapes - 1) * np.log(at) - rates * at - gammaln(shapes))
        with np.errstate(divide="ignore", invalid="ignore"):
            trial = at - excess / (shares * density).sum(axis=0)
        inside = (trial > low) & (trial < high)
        following = np.where(excess == 0, at, np.where(inside, trial, (low + high) / 2))
        still = np.abs(following - at) <= _CLOSE * at
        at = following
        if still.all():
            break
    return at
