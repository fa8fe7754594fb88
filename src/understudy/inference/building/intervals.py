"""Intervals: percentile and BCa intervals of numbers that were estimated from resampled data.

Efron B. Better bootstrap confidence intervals. J Am Stat Assoc 1987;82:171-185, doi:10.1080/01621459.1987.10478410.
"""

from __future__ import annotations

import numpy as np


def percentile(draws: np.ndarray, level: float) -> tuple[float, float]:
    """The middle share of some numbers.

    Parameters
    ----------
    draws : float array, shape (n,)
    level : float

    Examples
    --------
    >>> percentile(np.arange(101.0), 0.5)
    (25.0, 75.0)
    """
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(draws, (tail, 1.0 - tail)) if draws.size else (np.nan, np.nan)
    return float(low), float(high)


def bias_corrected(
    draws: np.ndarray, estimate: float, left_out: np.ndarray, level: float
) -> tuple[float, float]:
    """BCa interval: percentiles moved by the bias of the median and by how the spread changes with the parameter.

    Parameters
    ----------
    draws : float array, shape (n,)
        Estimates from resampled data.
    estimate : float
        From the data themselves.
    left_out : float array, shape (patients,)
        Estimates with each patient left out: their skewness is six times the acceleration, Efron 1987, equation 7.3.
    level : float

    Returns
    -------
    low, high : float
        Not-a-number where all draws lie on one side of the estimate.
    """
    from scipy.special import ndtr, ndtri

    tail = (1.0 - level) / 2.0
    below = (np.mean(draws < estimate) + np.mean(draws <= estimate)) / 2.0 if draws.size else np.nan
    if not 0.0 < below < 1.0 or not left_out.size:
        return np.nan, np.nan
    bias, away = ndtri(below), left_out.mean() - left_out
    spread = float((away**2).sum())
    acceleration = float((away**3).sum()) / (6.0 * spread**1.5) if spread > 0 else 0.0
    moved = bias + ndtri(np.array([tail, 1.0 - tail]))
    low, high = np.quantile(draws, ndtr(bias + moved / (1.0 - acceleration * moved)))
    return float(low), float(high)
