"""Convergence: whether chains agree, and how many independent draws theirs are worth.

Vehtari A, Gelman A, Simpson D, Carpenter B, Bürkner P-C. Rank-normalization, folding, and localization: an improved
R-hat for assessing convergence of MCMC. Bayesian Anal 2021;16:667-718, doi:10.1214/20-BA1221. Every function takes
draws of the shape (chains, draws, ...) and gives a number for each of the rest.
"""

from __future__ import annotations

import numpy as np

_TAILS = (0.05, 0.95)


def rank_rhat(draws: np.ndarray) -> np.ndarray:
    """Rank-normalised split R-hat: the larger of those of the draws and of their distance from the median.

    Parameters
    ----------
    draws : float array, shape (chains, draws, ...)

    Returns
    -------
    float array, shape (...)
        1 where chains agree; above 1.01 they do not (section 4 of the source). Not-a-number for fewer than four draws.

    Examples
    --------
    >>> apart = np.random.default_rng(1).normal(size=(4, 100)) + np.arange(4)[:, None]
    >>> bool(rank_rhat(apart) > 1.5)
    True
    """
    halves = _split(draws)
    folded = np.abs(halves - np.median(halves, axis=(0, 1)))
    return np.maximum(_rhat(_normal_scores(halves)), _rhat(_normal_scores(folded)))


def bulk_ess(draws: np.ndarray) -> np.ndarray:
    """Effective sample size for the middle of the distribution, by rank-normalised split chains.

    Examples
    --------
    >>> independent = np.random.default_rng(1).normal(size=(4, 250))
    >>> bool(800 < bulk_ess(independent) < 1250)
    True
    """
    return _ess(_normal_scores(_split(draws)))


def tail_ess(draws: np.ndarray) -> np.ndarray:
    """Effective sample size for the 5 % and the 95 % quantile, the smaller of both."""
    halves = _split(draws)
    bounds = np.quantile(halves, _TAILS, axis=(0, 1))
    return np.minimum(*(_ess((halves <= bound).astype(float)) for bound in bounds))


def _split(draws: np.ndarray) -> np.ndarray:
    """Halves of the chains as chains; of an odd number of draws the middle one is left out."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, draws.shape[1] - half :]])


def _normal_scores(draws: np.ndarray) -> np.ndarray:
    """Normal quantiles of the ranks among all chains' draws, equation 14 of the source."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    flat = draws.reshape(draws.shape[0] * draws.shape[1], *draws.shape[2:])
    return ndtri((rankdata(flat, axis=0) - 0.375) / (len(flat) + 0.25)).reshape(draws.shape)


def _rhat(chains: np.ndarray) -> np.ndarray:
    within, total = _variances(chains)
    return np.sqrt(np.divide(total, within, out=np.full_like(within, np.nan), where=within > 0))


def _variances(chains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean variance within chains, and the estimate of the whole variance, equations 2 and 3."""
    count = chains.shape[1]
    if count < 2:
        nothing = np.full(chains.shape[2:], np.nan)
        return nothing, nothing
    within = chains.var(axis=1, ddof=1).mean(axis=0)
    between = chains.mean(axis=1).var(axis=0, ddof=1) if len(chains) > 1 else 0.0
    return within, within * (count - 1) / count + between


def _ess(chains: np.ndarray) -> np.ndarray:
    """Effective sample size from autocorrelations, summed as long as those of two lags are positive and fall (Geyer
    1992, doi:10.1214/ss/1177011137)."""
    size = chains.shape[0] * chains.shape[1]
    within, total = _variances(chains)
    covariance = _autocovariances(chains).mean(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = 1.0 - (within - covariance) / total
    correlation[0] = 1.0
    even = correlation[: 2 * (len(correlation) // 2)]
    pairs = even[0::2] + even[1::2]
    positive = np.minimum.accumulate(pairs > 0, axis=0)
    falling = np.minimum.accumulate(np.where(positive, pairs, 0.0), axis=0)
    # Of the first pair that is no longer positive its first lag still counts where that is positive.
    last = positive.sum(axis=0)
    tail = np.take_along_axis(even[0::2], np.minimum(last, len(pairs) - 1)[None], axis=0)[0]
    time = -1.0 + 2.0 * falling.sum(axis=0) + np.where(last < len(pairs), np.maximum(tail, 0.0), 0.0)
    # Chains of opposite ups and downs are worth more than independent ones, within reason.
    return np.where(total > 0, size / np.maximum(time, 1 / np.log10(max(size, 10))), np.nan)


def _autocovariances(chains: np.ndarray) -> np.ndarray:
    """At all lags, by the Fourier transform; biased, as usual."""
    from scipy.fft import irfft, next_fast_len, rfft

    count = chains.shape[1]
    centred = chains - chains.mean(axis=1, keepdims=True)
    length = next_fast_len(2 * count)
    power = np.abs(rfft(centred, length, axis=1)) ** 2
    return irfft(power, length, axis=1)[:, :count] / count
