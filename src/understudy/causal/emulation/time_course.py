"""Time course: how a chance changes with time, as columns of a regression."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import StudyError

Course = Literal["none", "linear", "quadratic", "cubic", "spline", "categorical"]
COURSES: tuple[Course, ...] = ("none", "linear", "quadratic", "cubic", "spline", "categorical")
_POWERS = {"none": 0, "linear": 1, "quadratic": 2, "cubic": 3}
# Where knots are put among the times observed: Harrell, Regression Modeling Strategies (2015), section 2.4.5.
_KNOTS = (0.05, 0.35, 0.65, 0.95)
_MOST_LEVELS = 60


def time_course(
    values: NDArray, course: Course, name: str, observed: NDArray | None = None
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Columns of a time course.

    Parameters
    ----------
    values : array, shape (n,)
    course : {"none", "linear", "quadratic", "cubic", "spline", "categorical"}
        Of these a spline is a restricted cubic one with four knots, linear outside them (Stone & Koo 1985).
    name : str
        Of the time, for names of columns.
    observed : array, optional
        Times that knots and categories are taken from; `values`, if left out.

    Returns
    -------
    matrix : array, shape (n, columns)
    names : tuple of str

    Examples
    --------
    >>> time_course(np.array([1, 2]), "quadratic", "week")
    (array([[1., 1.],
           [2., 4.]]), ('week', 'week^2'))
    """
    times = np.asarray(values, dtype=float)
    seen = times if observed is None else np.asarray(observed, dtype=float)
    if course in _POWERS:
        count = _POWERS[course]
        columns = times[:, None] ** np.arange(1, count + 1)
        return columns, tuple(name if k == 1 else f"{name}^{k}" for k in range(1, count + 1))
    if course == "categorical":
        return _categories(times, np.unique(seen), name)
    if course == "spline":
        return _spline(times, np.unique(np.quantile(seen, _KNOTS)), name)
    raise StudyError(
        f"unknown time course {course!r}", place=name, repair=f"take one of {', '.join(COURSES)}"
    )


def _categories(times: NDArray, levels: NDArray, name: str) -> tuple:
    if len(levels) > _MOST_LEVELS:
        raise StudyError(
            f"{len(levels)} times are too many categories", place=name, repair="take a spline or powers"
        )
    return (times[:, None] == levels[1:]).astype(float), tuple(f"{name}[{level:g}]" for level in levels[1:])


def _spline(times: NDArray, knots: NDArray, name: str) -> tuple:
    if len(knots) < 3:
        raise StudyError("too few different times for a spline", place=name, repair="take powers of the time")
    wide = knots[-1] - knots[0]

    def beyond(knot: float) -> NDArray:
        return np.maximum(times - knot, 0) ** 3

    columns, last, before = [times], knots[-1], knots[-2]
    for knot in knots[:-2]:
        tail = beyond(before) * (last - knot) - beyond(last) * (before - knot)
        columns.append((beyond(knot) - tail / (last - before)) / wide**2)
    return np.column_stack(columns), (name, *(f"{name} spline {k}" for k in range(1, len(columns))))
