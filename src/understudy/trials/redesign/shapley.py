"""Shapley values: how much each criterion contributes to what all of them together change.

Shapley 1953, doi:10.1515/9781400881970-018; of eligibility criteria Liu et al. 2021, doi:10.1038/s41586-021-03430-5.
"""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import NDArray


def shapley_values(values: NDArray[np.float64], members: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Shapley value of each player from the values of all coalitions.

    Parameters
    ----------
    values : float array, shape (2**k, ...)
        Value of each coalition.
    members : bool array, shape (2**k, k)
        Who is in it; every coalition once.

    Returns
    -------
    float array, shape (k, ...)
        Their sum is the value of all less that of none.

    Examples
    --------
    >>> members = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=bool)
    >>> shapley_values(np.array([0.0, 1.0, 2.0, 4.0]), members)
    array([1.5, 2.5])
    """
    k = members.shape[1]
    code = members @ (1 << np.arange(k))
    place = np.empty(1 << k, dtype=np.int64)
    place[code] = np.arange(len(code))
    size = members.sum(axis=1)
    found = []
    for player in range(k):
        without = np.flatnonzero(~members[:, player])
        joined = place[code[without] + (1 << player)]
        weight = np.array([factorial(s) * factorial(k - s - 1) / factorial(k) for s in size[without]])
        found.append(np.tensordot(weight, values[joined] - values[without], axes=1))
    return np.array(found)
