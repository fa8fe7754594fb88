"""Chance: how often copies of a trial, in which nobody responds differently, look as good as the trial.

In every array the first row is the trial, the others are its copies. The trial is counted among them, so that no p is
zero (Phipson and Smyth 2010, doi:10.2202/1544-6115.1585).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_EQUAL = 1e-12


def share_as_good(statistics: NDArray[np.float64]) -> float:
    """Share of rows whose statistic is not below that of the trial.

    Examples
    --------
    >>> share_as_good(np.array([2.0, 1.0, 3.0, 0.0]))
    0.5
    """
    return float((statistics >= statistics[0] - _EQUAL).mean())


def joint_p(*single: float) -> float:
    """P of several findings together: the smallest times their number (Bonferroni).

    Findings that go together make it larger than it had to be: reports are then rarer than the level, never more
    frequent.

    Examples
    --------
    >>> joint_p(0.02, 0.3), joint_p(0.7, 0.9)
    (0.04, 1.0)
    """
    return min(1.0, len(single) * min(single))


def adjusted_p(statistics: NDArray[np.float64]) -> NDArray[np.float64]:
    """P of each of many statistics against the largest of all in every row (Westfall and Young 1993).

    Parameters
    ----------
    statistics : float array, shape (rows, many)

    Returns
    -------
    float array, shape (many,)
    """
    largest = np.sort(statistics.max(axis=1))
    return 1.0 - largest.searchsorted(statistics[0] - _EQUAL, side="left") / largest.size


def false_discovery_rates(statistics: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each of many statistics: if all that are as large were reported, what share would be false.

    The mean number in all rows over the number in the trial (Storey and Tibshirani 2003,
    doi:10.1073/pnas.1530509100), with no fewer for a larger statistic.

    Parameters
    ----------
    statistics : float array, shape (rows, many)

    Examples
    --------
    >>> false_discovery_rates(np.array([[3.0, 1.0], [0.0, 2.0], [1.0, 0.0]])).tolist()
    [0.3333333333333333, 0.6666666666666666]
    """
    order = np.argsort(-statistics[0], kind="stable")
    rows = np.sort(statistics, axis=None)
    # Ties count together: all that are at least as large.
    own = np.sort(statistics[0])
    seen = own.size - own.searchsorted(statistics[0][order] - _EQUAL, side="left")
    false = (rows.size - rows.searchsorted(statistics[0][order] - _EQUAL, side="left")) / len(statistics)
    rates = np.minimum(false / seen, 1.0)
    found = np.empty(order.size)
    found[order] = np.minimum.accumulate(rates[::-1])[::-1]
    return found
