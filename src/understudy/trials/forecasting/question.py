"""Question: what is known of patients at some visit or time, and what was measured afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.core.errors import StudyError
from understudy.trials.forecasting.courses import Courses


@dataclass(frozen=True, eq=False)
class Question:
    """Histories and what came after them, of the same patients.

    Parameters
    ----------
    history, target : Courses
        Each patient has rows of both.
    without_history, without_target : int
        Patients left out: seen too late or too rarely, or not seen any more (dropout).
    """

    history: Courses
    target: Courses
    without_history: int = 0
    without_target: int = 0

    @property
    def patients(self) -> np.ndarray:
        """Names, shape (patients,)."""
        return self.history.patients

    def of_patients(self, kept: np.ndarray) -> Question:
        """Some of the patients, by a mask of shape (patients,)."""
        return Question(self.history.of_patients(kept), self.target.of_patients(kept))

    @property
    def last(self) -> tuple[np.ndarray, np.ndarray]:
        """Time and value of each patient's last known measurement, shapes (patients,)."""
        ends = np.cumsum(self.history.visits) - 1
        return self.history.time[ends], self.history.value[ends]

    @property
    def horizon(self) -> np.ndarray:
        """How far after the last known measurement each target lies, shape (targets,)."""
        return self.target.time - self.last[0][self.target.patient]

    @property
    def weight(self) -> np.ndarray:
        """Of each target, so that all patients weigh the same, shape (targets,)."""
        return 1.0 / self.target.visits[self.target.patient]


def question_of(courses: Courses, first: int | None, until: float | None, fewest: int = 1) -> Question:
    """Divide courses into what is known and what is asked.

    Parameters
    ----------
    courses : Courses
    first : int or None
        The first so many measurements are known.
    until : float or None
        Or all measurements up to this time.
    fewest : int
        Measurements that must have been made afterwards.

    Raises
    ------
    StudyError
        If both or neither is given, or fewer than ten patients are left.
    """
    if (first is None) == (until is None) or (first is not None and first < 1) or fewest < 1:
        raise StudyError(
            "what is known?", place="forecast", repair="give first (1 or more) or until, and fewest ≥ 1"
        )
    known = courses.place < first if first is not None else courses.time <= until
    had = np.bincount(courses.patient[known], minlength=len(courses.patients))
    after = np.bincount(courses.patient[~known], minlength=len(courses.patients))
    enough, seen = had >= (first or 1), after >= fewest
    kept = enough & seen
    if kept.sum() < 10:
        raise StudyError(
            f"{int(kept.sum())} patients have measurements before and after",
            place="forecast",
            repair="ask earlier, or give more patients",
        )
    history, target = (courses.of_rows(rows).of_patients(kept) for rows in (known, ~known))
    return Question(history, target, int((~enough).sum()), int((enough & ~seen).sum()))
