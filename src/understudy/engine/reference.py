"""The reference engine: SciPy's LSODA, patient by patient, between events, at tight tolerances. Slow and obvious.

LSODA: Petzold 1983, SIAM J Sci Stat Comput 4:136-148, doi:10.1137/0904010.
"""

from __future__ import annotations

import warnings

import numpy as np

from understudy.engine.problem import (
    BAD_PARAMETER,
    NEVER,
    NOT_FINITE,
    STEP_COLLAPSED,
    TOO_MANY_STEPS,
    Problem,
    Solution,
    Tolerances,
)
from understudy.engine.timeline import ADD, BOLUS, PROFILE, RATE, REINITIALISE, ROW, STEADY, STOP_INFUSIONS

TIGHT = Tolerances(relative=1e-11, absolute=1e-13, max_steps=200_000)


class _Failed(Exception):
    def __init__(self, code: int, time: float):
        self.code, self.time = code, time


class _Patient:
    """One patient's state while the events go by."""

    def __init__(self, problem: Problem, index: int):
        self.problem, self.model = problem, problem.model
        self.time = problem.timeline.start_time[index]
        self.states = problem.start[index].copy()
        self.infusions = np.zeros(len(self.states))
        self.row = problem.timeline.first_row[index]
        self.values = problem.table[self.row].copy()
        self.used = np.zeros(len(problem.slots), dtype=int)
        self.peak = np.zeros(len(self.states))
        self.evaluations, self.allowed = 0, 0

    def derivative(self, t: float, states: np.ndarray) -> np.ndarray:
        self.evaluations += 1
        if self.evaluations > self.allowed:
            # LSODA goes on for ever where a solution blows up.
            raise _Failed(TOO_MANY_STEPS, t)
        model = self.model
        values = dict(zip(model.parameter_names, self.values, strict=True))
        values |= dict(zip(model.state_names, states, strict=True)) | {"t": t}
        for item in model.ordered_assignments:
            values[item.name] = item.expression.function(values)
        return np.array([rate.function(values) for rate in model.rates], dtype=float) + self.infusions

    def apply(self, kind: int, target: int, value: float) -> None:
        problem = self.problem
        if kind == ROW:
            self.take_parameters(target)
        elif kind == REINITIALISE:
            self.states = problem.initial[target].copy()
            self.infusions[:] = 0
            self.forget_profiles()
        elif kind == STOP_INFUSIONS:
            self.infusions[:] = 0
            self.forget_profiles()
        elif kind == STEADY:
            steady = problem.steady[target]
            base = problem.initial[problem.timeline.steady.row[target]]
            self.states = self.states + steady - base if value == ADD else steady.copy()
        elif kind == RATE:
            self.infusions[target] += value
        elif kind == BOLUS:
            self.states[target] += value
        elif kind == PROFILE:
            column = problem.slots[target, 0] + 2 * self.used[target]
            self.values[column : column + 2] = value, self.time
            self.used[target] += 1

    def take_parameters(self, row: int) -> None:
        kept = problem_slots(self.problem)
        slots = self.values[kept]
        self.values = self.problem.table[row].copy()
        self.values[kept], self.row = slots, row

    def forget_profiles(self) -> None:
        for column, count in self.problem.slots:
            self.values[column : column + 2 * count] = np.tile([0.0, NEVER], count)
        self.used[:] = 0

    def advance(self, times: np.ndarray, until: float, tolerances: Tolerances) -> np.ndarray:
        """Integrate to `until`; states at `times` on the way, shape (times, states)."""
        if until == self.time:
            return np.tile(self.states, (times.size, 1))
        if not np.isfinite(self.states).all():
            raise _Failed(NOT_FINITE, self.time)
        self.allowed = self.evaluations + tolerances.max_steps
        found, self.states = _integrate(self, times, until, tolerances)
        self.peak = np.maximum(self.peak, np.abs(np.vstack([found, self.states])).max(axis=0))
        self.time = until
        return found

    def scale(self, span: float) -> np.ndarray:
        """What each state is measured by: the largest value it has had, or a little where it has had none."""
        self.peak = np.maximum(self.peak, np.abs(self.states))
        largest = max(self.peak.max(), np.abs(self.infusions).max() * span)
        return np.where(self.peak > 0, self.peak, 1e-6 * largest if largest > 0 else 1.0)


def problem_slots(problem: Problem) -> np.ndarray:
    """Columns of the parameter table that hold past doses."""
    return np.concatenate([np.arange(c, c + 2 * n) for c, n in problem.slots] or [np.zeros(0, int)]).astype(
        int
    )


def _integrate(patient: _Patient, times: np.ndarray, until: float, tolerances: Tolerances):
    from scipy.integrate import solve_ivp

    wanted, place = np.unique(np.append(times, until), return_inverse=True)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # LSODA reports trouble as a warning and a failed status; the status is what is read.
        warnings.simplefilter("ignore", UserWarning)
        result = solve_ivp(
            patient.derivative,
            (patient.time, until),
            patient.states,
            # LSODA refuses to start on a span that is short against the time itself.
            method="LSODA" if until - patient.time > 1e-4 * max(1.0, abs(until)) else "DOP853",
            t_eval=wanted,
            rtol=tolerances.relative,
            atol=tolerances.absolute * patient.scale(until - patient.time),
        )
    if not result.success:
        raise _Failed(STEP_COLLAPSED, float(result.t[-1]) if len(result.t) else patient.time)
    if not np.isfinite(result.y).all():
        raise _Failed(NOT_FINITE, until)
    found = result.y.T[place]
    return found[:-1], found[-1].copy()


def solve(problem: Problem, tolerances: Tolerances = TIGHT, jobs: int = 1) -> Solution:
    """Solve patient by patient with SciPy.

    Parameters
    ----------
    problem : Problem
    tolerances : Tolerances
    jobs : int
        Ignored: this engine is for checking, not for speed.
    """
    timeline, count = problem.timeline, problem.timeline.patients
    states = np.full((timeline.observation_time.size, len(problem.model.states)), np.nan)
    status, failed_at = np.zeros(count, dtype=np.int64), np.full(count, np.nan)
    steps = np.zeros(count, dtype=np.int64)
    for index in range(count):
        patient = _Patient(problem, index)
        seen = slice(*timeline.observation_start[index : index + 2])
        try:
            _follow(patient, index, states[seen], tolerances)
        except _Failed as failure:
            status[index], failed_at[index] = failure.code, failure.time
        steps[index] = patient.evaluations
    return Solution(states, status, failed_at, steps)


def _follow(patient: _Patient, index: int, states: np.ndarray, tolerances: Tolerances) -> None:
    """Walk one patient's events; `states` is filled in place so that what precedes a failure is kept."""
    timeline = patient.problem.timeline
    events = range(*timeline.event_start[index : index + 2])
    seen = slice(*timeline.observation_start[index : index + 2])
    times, after = timeline.observation_time[seen], timeline.observation_after[seen]
    if not (np.isfinite(patient.values).all() and np.isfinite(patient.states).all()):
        raise _Failed(BAD_PARAMETER, float(patient.time))
    for applied, event in enumerate([*events, None]):
        due = after == applied
        stop = timeline.event_time[event] if event is not None else max([patient.time, *times[due]])
        if stop == np.inf or np.isnan(stop):
            raise _Failed(BAD_PARAMETER, float(patient.time))
        if not due.any() and event is None:
            return
        states[due] = patient.advance(times[due], max(stop, patient.time), tolerances)
        if event is not None:
            patient.apply(
                timeline.event_kind[event], int(timeline.event_target[event]), timeline.event_value[event]
            )
