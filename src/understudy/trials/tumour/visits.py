"""Visits: one patient's sizes in order of time, checked."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from understudy.core.errors import DataError, Problem


def visits(days: ArrayLike, sizes: ArrayLike, place: str = "the sizes") -> tuple[np.ndarray, np.ndarray]:
    """Days and sizes as arrays of floats.

    Parameters
    ----------
    days, sizes : array of float, shape (n,)
        In order of time, one size a day; the first is the baseline.
    place : str
        Named in errors.

    Raises
    ------
    DataError
        For none, unequal numbers, days out of order, sizes that are not finite or negative: all that is found.

    Examples
    --------
    >>> visits([0, 42], [30, 20])
    (array([ 0., 42.]), array([30., 20.]))
    """
    day, size = np.asarray(days, dtype=float), np.asarray(sizes, dtype=float)
    problems = []
    if day.ndim != 1 or day.shape != size.shape or not day.size:
        problems.append(
            Problem(f"{day.size} days and {size.size} sizes", "give one size a day, at least one")
        )
    else:
        if not np.isfinite(day).all() or (np.diff(day) <= 0).any():
            problems.append(Problem("days that do not rise", "sort them; take one size a day"))
        wrong = ~np.isfinite(size) | (size < 0)
        problems += [
            Problem("not a size", "zero or more", k, "size", str(size[k])) for k in np.flatnonzero(wrong)
        ]
    if problems:
        raise DataError(problems, place=place)
    return day, size
