"""second_differences: a matrix of second derivatives from values of a function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def second_differences(
    function: Callable[[np.ndarray], np.ndarray], at: np.ndarray, coordinates: np.ndarray, steps: np.ndarray
) -> np.ndarray:
    """Second derivatives by some coordinates, by central differences.

    Parameters
    ----------
    function : function of vectors, shape (points, size), to values, shape (points,)
    at : float array, shape (size,)
    coordinates : int array, shape (k,)
    steps : float array, shape (k,)

    Returns
    -------
    float array, shape (k, k)

    Examples
    --------
    >>> bowl = lambda x: x[:, 0] ** 2 + x[:, 0] * x[:, 1]
    >>> second_differences(bowl, np.zeros(2), np.arange(2), np.full(2, 0.1)).round(9)
    array([[2., 1.],
           [1., 0.]])
    """
    size = len(coordinates)
    units = np.zeros((size, at.size))
    units[np.arange(size), coordinates] = steps
    rows, columns = np.triu_indices(size, 1)
    signs = ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))
    mixed = [a * units[rows] + b * units[columns] for a, b in signs]
    values = function(at + np.concatenate([np.zeros((1, at.size)), units, -units, *mixed]))
    ahead, behind, pairs = values[1 : size + 1], values[size + 1 : 2 * size + 1], values[2 * size + 1 :]
    found = np.diag((ahead + behind - 2.0 * values[0]) / steps**2)
    four = pairs.reshape(4, -1)
    crossed = (four[0] - four[1] - four[2] + four[3]) / (4.0 * steps[rows] * steps[columns])
    found[rows, columns] = found[columns, rows] = crossed
    return found
