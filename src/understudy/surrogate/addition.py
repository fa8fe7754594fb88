"""Addition: the points at which further runs of the model say most.

MacKay DJC. Information-based objective functions for active data selection. Neural Comput 1992;4:590-604.
doi:10.1162/neco.1992.4.4.590: where the variance of what is predicted is largest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from understudy.surrogate.course import Course
from understudy.surrogate.process import Process


class _Variance:
    """What a process does not know at candidates, while points are added to it whose values are not known yet."""

    def __init__(self, process: Process, candidates: np.ndarray, weight: float):
        self.kernel, self.candidates, self.weight = process.kernel, candidates, weight
        self.known = process.projected(candidates)
        self.left = np.maximum(self.kernel.amplitude - (self.known**2).sum(axis=0), 0.0)

    def add(self, chosen: int) -> None:
        """Let a candidate be known: one more row of the Cholesky factor."""
        covariance = self.kernel(self.candidates[chosen : chosen + 1], self.candidates)[0]
        covariance = covariance - self.known[:, chosen] @ self.known
        row = covariance / np.sqrt(max(self.left[chosen], np.finfo(float).tiny) + self.kernel.noise)
        self.known = np.vstack([self.known, row])
        self.left = np.maximum(self.left - row**2, 0.0)


def least_known(courses: Sequence[Course], candidates: np.ndarray, count: int) -> np.ndarray:
    """Candidates at which courses are least certain, each chosen as if those before it were known.

    The variances of a course's components are added, as a share of what it varies by; then those of all courses.

    Parameters
    ----------
    courses : sequence of Course
        Those that are not good enough yet.
    candidates : float array, shape (n, parameters)
        Of the unit cube.
    count : int

    Returns
    -------
    float array, shape (count, parameters)

    Examples
    --------
    >>> from understudy.surrogate.course import fitted_course
    >>> known = np.array([[0.0], [0.1], [0.2], [0.3], [0.4], [1.0]])
    >>> course = fitted_course("C", "mg/L", known, np.sin(5 * known), 0.999)
    >>> chosen = least_known([course], np.linspace(0, 1, 21)[:, None], 1)
    >>> bool(0.5 < chosen[0, 0] < 0.9)
    True
    """
    states = [
        _Variance(process, candidates, float(spread) / float(course.scores.var(axis=0).sum()))
        for course in courses
        for process, spread in zip(course.processes, course.scores.var(axis=0), strict=True)
    ]
    if not states:
        return candidates[:count]
    free, chosen = np.ones(len(candidates), dtype=bool), []
    for _ in range(count):
        total = sum(state.weight * state.left for state in states)
        chosen.append(int(np.where(free, total, -1.0).argmax()))
        free[chosen[-1]] = False
        for state in states:
            state.add(chosen[-1])
    return candidates[chosen]
