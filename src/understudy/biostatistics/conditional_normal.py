"""The normal distribution of missing values given measured ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def conditional_normal(
    values: Array, missing: NDArray[np.bool_], mean: Array, covariance: Array, noise: Array | None = None
) -> Array:
    """Missing values of one patient: their conditional mean, or a draw where there is noise.

    Parameters
    ----------
    values : array, shape (visits,)
        NaN where missing; other missing values than those asked for are integrated out.
    missing : array of bool, shape (visits,)
        What is asked for.
    mean : array, shape (..., visits)
    covariance : array, shape (..., visits, visits)
    noise : array, shape (..., visits), optional
        Standard normal numbers.

    Returns
    -------
    array, shape (..., missing.sum())

    Examples
    --------
    >>> values, gap = np.array([1.0, np.nan]), np.array([False, True])
    >>> conditional_normal(values, gap, np.zeros(2), np.array([[1.0, 0.5], [0.5, 1.0]]))
    array([0.5])
    """
    seen = ~np.isnan(values)
    across = covariance[..., missing, :][..., :, seen]
    among = covariance[..., seen, :][..., :, seen]
    slopes = np.swapaxes(np.linalg.solve(among, np.swapaxes(across, -1, -2)), -1, -2)
    middle = mean[..., missing] + np.einsum("...ij,...j->...i", slopes, values[seen] - mean[..., seen])
    if noise is None:
        return middle
    left = covariance[..., missing, :][..., :, missing] - slopes @ np.swapaxes(across, -1, -2)
    return middle + np.einsum("...ij,...j->...i", np.linalg.cholesky(left), noise[..., missing])
