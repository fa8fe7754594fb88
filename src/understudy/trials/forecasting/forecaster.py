"""Forecaster: a model of all patients, for the coming course of one, also in the arm that the patient was not in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import StudyError
from understudy.trials.forecasting.comparison import limits_of
from understudy.trials.forecasting.conformal import calibrated
from understudy.trials.forecasting.courses import Courses
from understudy.trials.forecasting.methods import METHODS, Model
from understudy.trials.forecasting.question import Question, question_of

if TYPE_CHECKING:
    import pandas as pd

UNTESTABLE = "cannot be tested"


@dataclass(frozen=True, eq=False, repr=False)
class Forecaster:
    """A method that has learnt. Made by `fit_forecaster`.

    Parameters
    ----------
    method : str
    model : Model
    reach : mapping of str to float
        For each subgroup by how much of its spread an interval reaches to either side.
    level : float
    courses : Courses
        Those it learnt from.
    arm : str
        Covariate to which patients were randomised in parallel, if any.
    """

    method: str
    model: Model
    reach: dict[str, float]
    level: float
    courses: Courses
    arm: str = ""

    def forecast(self, courses: Courses, times: Sequence[float], arm: str | None = None) -> pd.DataFrame:
        """The coming course of patients, from all that is known of each.

        Parameters
        ----------
        courses : Courses
            Histories, read as those that it learnt from.
        times : sequence of float
            Later than each patient's last measurement.
        arm : str, optional
            In this arm, whichever each patient was in. Of a patient of another arm such a forecast is a counterfactual:
            in a parallel trial nobody is seen in both, so that no data can tell whether it is right for this patient.

        Returns
        -------
        DataFrame
            Rows (patient, time): ``value``, ``low``, ``high`` and ``standing``: that of intervals tried in patients
            held out, or "cannot be tested".

        Raises
        ------
        StudyError
            For times that are past, other covariates, or an arm that is none.
        """
        import pandas as pd

        self._require_alike(courses)
        shown, standing = (courses, None) if arm is None else self._in_arm(courses, arm)
        asked = _asked(shown, np.asarray(times, float))
        value, low, high = limits_of(self.model, self.reach, asked)
        names = courses.patients[asked.target.patient]
        index = pd.MultiIndex.from_arrays([names, asked.target.time], names=["patient", "time"])
        tried = f"{self.level * 100:g} % interval"
        said = tried if standing is None else np.where(standing, UNTESTABLE, tried)[asked.target.patient]
        return pd.DataFrame({"value": value, "low": low, "high": high, "standing": said}, index=index)

    def _require_alike(self, courses: Courses) -> None:
        if courses.names != self.courses.names or courses.scale != self.courses.scale:
            raise StudyError(
                "these courses were read otherwise than those learnt from",
                place=", ".join(courses.names) or "no covariates",
                repair=f"read them with the covariates {', '.join(self.courses.names) or '(none)'} and the same scale",
            )

    def _in_arm(self, courses: Courses, arm: str) -> tuple[Courses, np.ndarray]:
        """Courses with the arm changed, and for whom that is contrary to fact."""
        if not self.arm:
            raise StudyError("no arm was named", place="arm", repair="name its column in fit_forecaster")
        if self.method in ("carry forward", "own line"):
            raise StudyError(f"{self.method} knows no arms", place="arm", repair="use mixed or boosted")
        levels = sorted({str(each) for each in self.courses.known[self.arm].dropna()})
        if arm not in levels:
            raise StudyError(f"there is no arm {arm!r}", place="arm", repair=f"one of {', '.join(levels)}")
        changed = courses.covariates.copy()
        for level in levels[1:]:
            changed[:, courses.names.index(f"{self.arm} = {level}")] = float(level == arm)
        return replace(courses, covariates=changed), (courses.known[self.arm].astype(str) != arm).to_numpy()

    def __repr__(self) -> str:
        return f"Forecaster({self.method}, learnt from {len(self.courses.patients)} patients)"


def _asked(courses: Courses, times: np.ndarray) -> Question:
    count = len(courses.patients)
    last = courses.time[np.cumsum(courses.visits) - 1]
    if not len(times) or not np.isfinite(times).all() or times.min() <= last.max():
        late = courses.patients[int(np.argmax(last))]
        raise StudyError(
            f"{times.min() if len(times) else 'no time'} is not after the last measurement of {late}",
            place="times",
            repair=f"ask for times after {last.max():g}",
        )
    target = replace(
        courses,
        patient=np.repeat(np.arange(count), len(times)),
        time=np.tile(np.sort(times), count),
        value=np.full(count * len(times), np.nan),
    )
    return Question(courses, target)


def fit_forecaster(
    courses: Courses,
    *,
    method: str = "mixed",
    first: int | None = None,
    until: float | None = None,
    arm: str = "",
    level: float = 0.9,
    calibration: str = "cross",
    parts: int = 5,
    seed: int = 0,
) -> Forecaster:
    """Learn from all patients how a measure goes on; parameters as of `compare`.

    Parameters
    ----------
    arm : str
        A covariate of words: to which patients were randomised, in parallel.

    Raises
    ------
    StudyError
        For a method or an arm that is none, or too few patients.
    """
    if method not in METHODS:
        raise StudyError(
            f"there is no method {method!r}", place="method", repair=f"one of {', '.join(METHODS)}"
        )
    if arm and not any(name.startswith(f"{arm} = ") for name in courses.names):
        raise StudyError(
            f"{arm!r} is no covariate of words with two or more levels",
            place="arm",
            repair="name it among covariates, with its arms as words",
        )
    asked = question_of(courses, first, until)
    model, reach = calibrated(method, asked, level, calibration, parts, seed)
    return Forecaster(method, model, reach, level, courses, arm)
