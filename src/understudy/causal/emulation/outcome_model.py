"""Outcome model: how the chance of the outcome in a period depends on treatment, times and covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.time_course import Course, time_course
from understudy.causal.emulation.trial_sequence import TrialSequence
from understudy.core.errors import StudyError

Array = NDArray[np.float64]
TREATMENT = "assigned_treatment"
_MOST_STATES = 20_000_000  # a column of them has 160 MB


@dataclass(frozen=True)
class OutcomeModel:
    """A pooled logistic model of emulated trials.

    Parameters
    ----------
    covariates : tuple of str
        Terms of covariates when the trial starts, such as ``("age", "age^2", "sex")``.
    trial_period, follow_up : {"none", "linear", "quadratic", "cubic", "spline", "categorical"}
        How the chance changes with the period in which the trial starts, and with time since.
    varying_effect : bool
        Whether the effect of treatment changes with follow-up, along the same course.
    dose : {"linear", "quadratic"}
        How, as treated, the chance changes with treated periods since the start.
    """

    covariates: tuple[str, ...] = ()
    trial_period: Course = "quadratic"
    follow_up: Course = "quadratic"
    varying_effect: bool = False
    dose: Course = "linear"


@dataclass(frozen=True, eq=False)
class TrialDesign:
    """A model's columns: those of trials, and those of states (follow-up time and treatment or dose by then).

    Parameters
    ----------
    fixed : array, shape (trials, p)
    moving : array, shape (states, r)
        State ``time · levels + level``; the level is the arm, or as treated the number of treated periods.
    names : tuple of str
        Of fixed, then of moving columns.
    levels : int
    by_dose : bool
    absent : tuple of str
        Levels of categories that no trial starts with; they have no column.
    """

    fixed: Array
    moving: Array
    names: tuple[str, ...]
    levels: int
    by_dose: bool
    absent: tuple[str, ...] = ()

    @property
    def effects(self) -> tuple[str, ...]:
        """Columns of treatment."""
        start = "dose" if self.by_dose else TREATMENT
        return tuple(name for name in self.names if name.partition("^")[0].partition(":")[0] == start)

    def states(self, arm: int, times: int) -> NDArray[np.int64]:
        """States of somebody always (1) or never (0) treated, at follow-up times from 0."""
        time = np.arange(times)
        return time * self.levels + (arm * (time + 1) if self.by_dose else arm)


def trial_design(sequence: TrialSequence, model: OutcomeModel) -> TrialDesign:
    """The columns of a model in a sequence of trials.

    Raises
    ------
    StudyError
        For terms that name no column.
    """
    by_dose = sequence.estimand == "as treated"
    first = sequence.periods.covariates.take(sequence.start)
    period = sequence.periods.period[sequence.start]
    own, names = first.design(model.covariates, intercept=False, rows=sequence.trials)
    seen = own.any(axis=0)
    own, names, absent = own[:, seen], tuple(np.array(names)[seen]), tuple(np.array(names)[~seen])
    course, course_names = time_course(period, model.trial_period, "trial_period")
    head = (
        [np.ones((sequence.trials, 1))] if by_dose else [np.ones((sequence.trials, 1)), sequence.arm[:, None]]
    )
    fixed = np.hstack([*head, course, own]).astype(float)
    fixed_names = (*("(intercept)", TREATMENT)[: len(head)], *course_names, *names)
    moving, moving_names, levels = _moving(sequence, model, by_dose)
    whole = tuple(map(str, (*fixed_names, *moving_names)))
    return TrialDesign(fixed, moving, whole, levels, by_dose, tuple(map(str, absent)))


def _moving(
    sequence: TrialSequence, model: OutcomeModel, by_dose: bool
) -> tuple[Array, tuple[str, ...], int]:
    longest = sequence.follow_up
    levels = longest + 2 if by_dose else 2
    if levels * (longest + 1) > _MOST_STATES:
        raise StudyError(
            f"a follow-up of {longest} periods is too long to count doses in",
            place="trials", repair="say last_follow_up, or count longer periods",
        )  # fmt: skip
    times = np.repeat(np.arange(longest + 1), levels)
    level = np.tile(np.arange(levels), longest + 1)
    seen = _times_seen(sequence)
    course, names = time_course(times, model.follow_up, "followup_time", seen)
    if by_dose:
        dose, dose_names = time_course(level, model.dose, "dose")
        return np.hstack([dose, course]), (*dose_names, *names), levels
    if model.varying_effect:
        course, names = np.hstack([course, course * level[:, None]]), (
            *names, *(f"{TREATMENT}:{name}" for name in names),
        )  # fmt: skip
    return course, names, levels


def _times_seen(sequence: TrialSequence) -> NDArray[np.int64]:
    """Follow-up times, each as often as trials are about as long: enough to place knots by."""
    spans = sequence.periods.period[sequence.last] - sequence.periods.period[sequence.start]
    longer = np.bincount(spans)[::-1].cumsum()[::-1]
    share = np.maximum(longer * 10_000 // max(longer.sum(), 1), 1)
    return np.repeat(np.arange(len(longer)), share)
