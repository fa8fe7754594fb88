"""Two samples: tests of the difference of two arms' means or shares, for many simulated trials at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def two_sample_z(
    value: NDArray[np.float64], treated: NDArray[np.bool_], used: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Welch's statistic as a normal score, and the difference treated - control.

    The statistic t with its degrees of freedom (Welch, Biometrika 34, 28 (1947), doi:10.1093/biomet/34.1-2.28) is
    turned into the normal score with the same tail, so that it can be held against limits of Z.

    Parameters
    ----------
    value, treated, used : array, shape (trials, patients)

    Returns
    -------
    z, difference : array of float, shape (trials,)
        z is 0 where an arm has fewer than two values or nothing varies.

    Examples
    --------
    >>> treated = np.array([[False, False, True, True]])
    >>> z, difference = two_sample_z(np.array([[1.0, 2, 4, 6]]), treated, np.ones((1, 4), bool))
    >>> float(difference[0]), round(float(z[0]), 3)
    (3.5, 1.518)
    """
    from scipy.stats import norm, t

    low, high = (_moments(value, used & (treated == arm)) for arm in (False, True))
    difference = high[1] - low[1]
    parts = [variance / np.maximum(n, 1) for n, _, variance in (low, high)]
    total = parts[0] + parts[1]
    fit = (low[0] > 1) & (high[0] > 1) & (total > 0)
    safe = np.where(fit, total, 1.0)
    freedom = safe**2 / sum(
        np.maximum(part, 1e-100 * safe) ** 2 / np.maximum(n - 1, 1)
        for part, (n, _, _) in zip(parts, (low, high), strict=True)
    )
    statistic = np.where(fit, difference / np.sqrt(safe), 0.0)
    tail = np.maximum(t.sf(np.abs(statistic), freedom), 1e-300)
    return np.sign(statistic) * norm.isf(tail), difference


def _moments(value, used):
    n = used.sum(axis=1)
    mean = np.where(used, value, 0.0).sum(axis=1) / np.maximum(n, 1)
    squares = (np.where(used, value - mean[:, None], 0.0) ** 2).sum(axis=1)
    return n, mean, squares / np.maximum(n - 1, 1)
