"""Robust errors: what the parts of the score say of its spread, whether or not the model or the weights are right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sandwich(parts: Array, information: Array, cluster: NDArray[np.int64] | None = None) -> Array:
    """Covariance of coefficients: inverse information, spread of the score, inverse information.

    Lin, Wei 1989, doi:10.1080/01621459.1989.10478874, for Cox; Huber 1967 and White 1982, doi:10.2307/1912526, for any
    likelihood.

    Parameters
    ----------
    parts : float array, shape (n, p)
        Weighted parts of the score at the maximum.
    information : float array, shape (p, p)
    cluster : int array, shape (n,), optional
        Numbers, from zero, of what depends on each other: parts are summed first.

    Returns
    -------
    float array, shape (p, p)

    Examples
    --------
    >>> sandwich(np.array([[1.0], [-1.0]]), np.array([[2.0]]))
    array([[0.5]])
    """
    if cluster is not None:
        size = int(cluster.max()) + 1
        parts = np.column_stack([np.bincount(cluster, column, size) for column in parts.T])
    influence = np.linalg.lstsq(information, parts.T, rcond=None)[0]
    return influence @ influence.T
