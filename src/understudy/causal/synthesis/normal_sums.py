"""Normal sums: sums of weights times normal densities at points of equal distance, without an exponential a point."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]


@njit(cache=True, nogil=True)
def log_normal_sums(first: float, step: float, weights: Array, means: Array, sds: Array) -> Array:
    """Logarithms of sum_k weights[k] N(first + k step; means[i], sds[i]²).

    The density falls from its point nearest to the mean on both sides by factors whose own factor is constant, so that
    each point costs two products. Nothing overflows, and what underflows is beyond counting.

    Parameters
    ----------
    first, step : float
        Of the points.
    weights : float array, shape (m,)
    means, sds : float array, shape (n,)

    Returns
    -------
    float array, shape (n,)

    Examples
    --------
    >>> one = log_normal_sums(0.0, 1.0, np.array([0.0, 1.0]), np.array([0.0]), np.array([1.0]))
    >>> round(float(one[0]), 6)  # log N(1; 0, 1)
    -1.418939
    """
    found = np.empty(means.size)
    last = weights.size - 1
    for i in range(means.size):
        mean, sd = means[i], sds[i]
        near = int(min(max(round((mean - first) / step), 0), last))
        z, h = (first + near * step - mean) / sd, step / sd
        shrink = np.exp(-h * h)
        total = weights[near]
        value, factor = 1.0, np.exp(-z * h - h * h / 2)
        for k in range(near + 1, last + 1):
            value *= factor
            factor *= shrink
            total += weights[k] * value
        value, factor = 1.0, np.exp(z * h - h * h / 2)
        for k in range(near - 1, -1, -1):
            value *= factor
            factor *= shrink
            total += weights[k] * value
        found[i] = np.log(total) - 0.5 * z * z - np.log(sd) - 0.9189385332046727
    return found
