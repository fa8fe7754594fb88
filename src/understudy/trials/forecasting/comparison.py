"""Comparison: methods of forecasting in patients held out, beside the last value carried forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import StudyError
from understudy.trials.folds import folds
from understudy.trials.forecasting.conformal import calibrated
from understudy.trials.forecasting.courses import Courses
from understudy.trials.forecasting.methods import METHODS
from understudy.trials.forecasting.question import Question, question_of

if TYPE_CHECKING:
    import pandas as pd

BASELINE = "carry forward"


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What a method said of each target, in the measure's unit, shapes (targets,).

    `endless` counts patients of subgroups that are too small to calibrate: their intervals reach to the limits.
    """

    centre: np.ndarray
    low: np.ndarray
    high: np.ndarray
    endless: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Forecasts of all patients, each by models that did not know the patient. Made by `compare`.

    Parameters
    ----------
    question : Question
    forecasts : mapping of str to Forecasts
    level : float
        What the intervals were to hold.
    warnings : tuple of str
    """

    question: Question
    forecasts: dict[str, Forecasts]
    level: float
    warnings: tuple[str, ...] = ()

    @property
    def observed(self) -> np.ndarray:
        """In the measure's unit, shape (targets,)."""
        return self.question.target.measured(self.question.target.value)

    def errors(self, method: str) -> np.ndarray:
        """Mean absolute error of each patient, shape (patients,)."""
        return self._per_patient(np.abs(self.forecasts[method].centre - self.observed))

    def held(self, method: str) -> np.ndarray:
        """Share of each patient's targets that lie within their intervals, shape (patients,)."""
        told = self.forecasts[method]
        return self._per_patient((told.low <= self.observed) & (self.observed <= told.high))

    def _per_patient(self, values: np.ndarray) -> np.ndarray:
        target = self.question.target
        return np.bincount(target.patient, values, len(target.patients)) / target.visits

    def table(self) -> pd.DataFrame:
        """A row a method.

        Mean and median over patients of the absolute error, its difference from carrying forward with a 95 % interval
        over patients, coverage of the intervals with its standard error, and their mean width.
        """
        import pandas as pd

        return pd.DataFrame([self._row(name) for name in self.forecasts]).set_index("method")

    def _row(self, name: str) -> dict:
        errors, held, told = self.errors(name), self.held(name), self.forecasts[name]
        low, high = self.difference(name)
        return {
            "method": name,
            "error": errors.mean(),
            "median_error": float(np.median(errors)),
            "difference": (errors - self.errors(BASELINE)).mean(),
            "from": low,
            "to": high,
            "coverage": held.mean(),
            "coverage_error": held.std(ddof=1) / np.sqrt(len(held)),
            "width": self._per_patient(told.high - told.low).mean(),
        }

    def difference(self, method: str) -> tuple[float, float]:
        """95 % interval of the mean difference of patients' errors from those of carrying forward."""
        gap = self.errors(method) - self.errors(BASELINE)
        half = 1.959963984540054 * gap.std(ddof=1) / np.sqrt(len(gap))
        return float(gap.mean() - half), float(gap.mean() + half)

    def coverage(self) -> pd.DataFrame:
        """Rows (method, subgroup): patients, coverage and its standard error, mean absolute error, width."""
        import pandas as pd

        rows, group = {}, self.question.history.group
        for name, told in self.forecasts.items():
            held, errors = self.held(name), self.errors(name)
            width = self._per_patient(told.high - told.low)
            for each in sorted(set(group)):
                own = group == each
                error = held[own].std(ddof=1) / np.sqrt(own.sum()) if own.sum() > 1 else np.nan
                rows[name, each] = (
                    int(own.sum()),
                    held[own].mean(),
                    error,
                    errors[own].mean(),
                    width[own].mean(),
                )
        names = ["patients", "coverage", "coverage_error", "error", "width"]
        frame = pd.DataFrame.from_dict(rows, orient="index", columns=names)
        frame.index = pd.MultiIndex.from_tuples(list(rows), names=["method", "subgroup"])
        return frame

    @property
    def verdict(self) -> str:
        """Whether any method is better than carrying forward, in a sentence each."""
        return "; ".join(self._verdict(name) for name in self.forecasts if name != BASELINE)

    def _verdict(self, name: str) -> str:
        low, high = self.difference(name)
        said = "better than" if high < 0 else "worse than" if low > 0 else "not shown to differ from"
        return f"{name} is {said} carrying the last value forward ({low:+.3g} to {high:+.3g})"

    def __repr__(self) -> str:
        count, visits = len(self.question.patients), len(self.observed)
        return f"Comparison({count} patients, {visits} forecasts: {self.verdict})"


def compare(
    courses: Courses,
    *,
    first: int | None = None,
    until: float | None = None,
    fewest: int = 1,
    methods: Sequence[str] = ("carry forward", "own line", "mixed", "boosted"),
    level: float = 0.9,
    calibration: str = "cross",
    parts: int = 5,
    seed: int = 0,
) -> Comparison:
    """Forecast every patient by models of the others, and count how wrong that is and what intervals hold.

    Forecasts are of what is measured while a patient is seen: who dropped out has no outcome to compare with, is
    counted in ``question.without_target``, and is not like the others unless dropout hangs on nothing but the known
    history.

    Parameters
    ----------
    courses : Courses
    first : int, optional
        How many measurements are known; or
    until : float, optional
        the time up to which they are.
    fewest : int
        Later measurements that a patient must have to be counted.
    methods : sequence of str
        Of "carry forward", "own line", "mixed", "boosted"; the first of these is always there.
    level : float
        What intervals shall hold.
    calibration : {"cross", "split"}
    parts : int
        Parts of patients, in both loops.
    seed : int

    Raises
    ------
    StudyError
        For a method or level that is none, or too few patients.

    Examples
    --------
    >>> import pandas as pd
    >>> from understudy.core.random import normals
    >>> from understudy.trials.forecasting import courses_of
    >>> drawn = normals(1, "courses", range(60), 7)
    >>> frame = pd.DataFrame([(i, week) for i in range(60) for week in range(5)], columns=["id", "week"])
    >>> own = drawn[frame["id"]]
    >>> frame["score"] = own[:, 0] + (0.5 + 0.3 * own[:, 1]) * frame["week"] + 0.3 * drawn[:, 2:].ravel()
    >>> found = compare(
    ...     courses_of(frame, id="id", time="week", value="score"), first=3, methods=["mixed"], seed=1
    ... )
    >>> bool(found.difference("mixed")[1] < 0)
    True
    """
    names = tuple(dict.fromkeys((BASELINE, *methods)))
    unknown = [name for name in names if name not in METHODS]
    if unknown or not 0 < level < 1:
        told = f"there is no method {unknown[0]!r}" if unknown else f"the level {level:g} is no probability"
        raise StudyError(told, place="compare", repair=f"methods: {', '.join(METHODS)}; level: 0.9")
    asked = question_of(courses, first, until, fewest)
    fold = folds(len(asked.patients), parts, seed, "forecast", asked.history.group)
    found = {name: _held_out(asked, name, fold, level, calibration, seed) for name in names}
    return Comparison(asked, found, level, _warnings(asked, found))


def _held_out(
    asked: Question, name: str, fold: np.ndarray, level: float, calibration: str, seed: int
) -> Forecasts:
    parts = int(fold.max()) + 1
    ends, endless = np.empty((3, len(asked.target.value))), 0
    for part in range(parts):
        model, reach = calibrated(name, asked.of_patients(fold != part), level, calibration, parts, seed)
        tried = asked.of_patients(fold == part)
        ends[:, fold[asked.target.patient] == part] = limits_of(model, reach, tried)
        endless += sum(np.isinf(reach.get(name, np.inf)) for name in tried.history.group)
    return Forecasts(*ends, int(endless))


def limits_of(model, reach: dict[str, float], asked: Question) -> np.ndarray:
    """Centre, lower and upper end of each target in the measure's unit, shape (3, targets)."""
    centre, spread = model.predict(asked)
    half = np.array([reach.get(name, np.inf) for name in asked.history.group])[asked.target.patient] * spread
    return np.array([asked.target.measured(each) for each in (centre, centre - half, centre + half)])


def _warnings(asked: Question, found: dict[str, Forecasts]) -> tuple[str, ...]:
    told = []
    if asked.without_target:
        told.append(
            f"{asked.without_target} patients were not seen often enough afterwards and are not counted"
        )
    if asked.without_history:
        told.append(f"{asked.without_history} patients were not seen often enough before and are not counted")
    endless = max(each.endless for each in found.values())
    if endless:
        told.append(
            f"intervals of {endless} patients reach to the limits: their subgroups are too small to calibrate"
        )
    return tuple(told)
