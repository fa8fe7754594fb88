"""The reference engine: SciPy's LSODA, patient by patient, between events, at tight tolerances. Slow and obvious.

LSODA: Petzold 1983, SIAM J Sci Stat Comput 4:136-148, doi:10.1137/0904010.
"""

from __future__ import annotations

import warnings

import numpy as np

from understudy.engine.problem import BAD_PARAMETER, STEP_COLLAPSED, Problem, Solution, Tolerances
from understudy.engine.reference.reference_events import follow
from understudy.engine.reference.reference_patient import Failed, Patient

TIGHT = Tolerances(relative=1e-11, absolute=1e-13, max_steps=200_000)


def _advance(patient: Patient, times: np.ndarray, until: float, tolerances: Tolerances) -> np.ndarray:
    """Integrate to `until`; states at `times` on the way, shape (times, states)."""
    if until == patient.time:
        return np.tile(patient.states, (times.size, 1))
    wanted, place = np.unique(np.append(times, until), return_inverse=True)
    how, found = patient.prepare(until, tolerances), np.empty((0, len(patient.states)))
    while patient.time < until:
        found = np.concatenate([found, _until_empty(patient, wanted[len(found) :], until, how)])
    found = found[place]
    patient.peak = np.maximum(patient.peak, np.abs(found).max(axis=0))
    return found[:-1]


def _until_empty(patient: Patient, wanted: np.ndarray, until: float, how: dict) -> np.ndarray:
    """States at the times wanted, as far as the next time at which a state that cannot be negative is empty."""
    from scipy.integrate import solve_ivp

    with np.errstate(all="ignore"), warnings.catch_warnings():
        # LSODA reports trouble as a warning and a failed status; the status is what is read.
        warnings.simplefilter("ignore", UserWarning)
        result = solve_ivp(
            patient.derivative,
            (patient.time, until),
            patient.states,
            method=patient.method(until),
            t_eval=wanted,
            events=patient.emptied(),
            **how,
        )
    if not result.success:
        raise Failed(STEP_COLLAPSED, float(result.t[-1]) if len(result.t) else patient.time)
    found = patient.above_floor(np.reshape(result.y, (len(patient.states), -1)).T)
    if result.status == 0:
        patient.arrive(until, found[-1])
    else:
        empty = [len(times) > 0 for times in result.t_events]
        first = empty.index(True)
        patient.stand_empty(result.t_events[first][0], result.y_events[first][0], empty)
    return found


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
    walk = follow if problem.model.events else _follow
    for index in range(count):
        patient = Patient(problem, index)
        seen = slice(*timeline.observation_start[index : index + 2])
        try:
            walk(patient, index, states[seen], tolerances)
        except Failed as failure:
            status[index], failed_at[index] = failure.code, failure.time
        steps[index] = patient.evaluations
    return Solution(states, status, failed_at, steps, np.zeros_like(steps))


def _follow(patient: Patient, index: int, states: np.ndarray, tolerances: Tolerances) -> None:
    """Walk one patient's events; `states` is filled in place so that what precedes a failure is kept."""
    timeline = patient.problem.timeline
    events = range(*timeline.event_start[index : index + 2])
    seen = slice(*timeline.observation_start[index : index + 2])
    times, after = timeline.observation_time[seen], timeline.observation_after[seen]
    if not (np.isfinite(patient.values).all() and np.isfinite(patient.states).all()):
        raise Failed(BAD_PARAMETER, float(patient.time))
    for applied, event in enumerate([*events, None]):
        due = after == applied
        stop = timeline.event_time[event] if event is not None else max([patient.time, *times[due]])
        if stop == np.inf or np.isnan(stop):
            raise Failed(BAD_PARAMETER, float(patient.time))
        if not due.any() and event is None:
            return
        states[due] = _advance(patient, times[due], max(stop, patient.time), tolerances)
        if event is not None:
            patient.apply(
                timeline.event_kind[event], int(timeline.event_target[event]), timeline.event_value[event]
            )
