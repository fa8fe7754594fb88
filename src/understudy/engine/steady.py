"""Steady states of dosing cycles: the fixed point of the map from one cycle's start to its end, by Newton's method.

The map is evaluated by whichever solver is in use, for all cycles and perturbations in one batch; its derivative is
taken by differences. For linear models the map is affine and Newton's first step lands on the answer. Where a Newton
step leads nowhere (undefined or negative states) a cycle is simply repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from understudy.engine.problem import NO_STEADY_STATE, OK, Problem, Solution, Tolerances
from understudy.engine.timeline import BOLUS, RATE, SteadyDoses, Timeline

Solver = Callable[[Problem, Tolerances, int], Solution]

# Cycles simply repeated before Newton's method, its longest course, and the relative step at which it has arrived:
# differences over 1e-4 of solutions good to 1e-8 give a derivative good to 1e-4, so that the step after one of 1e-7
# would be of 1e-11.
_WARM_UP, _LONGEST, _ARRIVED, _DIFFERENCE = 3, 60, 1e-7, 1e-4
# A constant infusion has no period of its own; any will do, long against most half-lives.
_CONSTANT_PERIOD = 100.0


@dataclass(frozen=True, eq=False)
class SteadyStates:
    """States at the start of each cycle, shape (cycles, states), and a status for each cycle."""

    states: np.ndarray
    status: np.ndarray


def find(problem: Problem, solve: Solver, tolerances: Tolerances, jobs: int) -> SteadyStates:
    """Steady states of all cycles of a problem's timeline."""
    cycles = problem.timeline.steady
    current = problem.initial[cycles.row].copy()
    status = np.full(cycles.row.size, NO_STEADY_STATE)
    open_cycles = np.arange(cycles.row.size)
    for iteration in range(_LONGEST):
        if not open_cycles.size:
            break
        follow = lambda starts, which: _follow(problem, which, starts, solve, tolerances, jobs)  # noqa: E731
        if iteration < _WARM_UP:
            current[open_cycles], failed = follow(current[open_cycles], open_cycles)
            arrived = np.zeros(open_cycles.size, bool)
        else:
            current[open_cycles], arrived, failed = _newton(current[open_cycles], open_cycles, follow)
        status[open_cycles[failed]] = NO_STEADY_STATE
        status[open_cycles[arrived]] = OK
        open_cycles = open_cycles[~(failed | arrived)]
    return SteadyStates(current, status)


def _newton(
    starts: np.ndarray, cycles: np.ndarray, follow: Callable
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One Newton step for every cycle: new starts, which have arrived, which have failed."""
    count, size = starts.shape
    steps = _DIFFERENCE * np.maximum(np.abs(starts), 1e-3 * np.abs(starts).max(axis=1, keepdims=True) + 1e-12)
    shifted = starts[:, None, :] + np.concatenate([np.zeros((count, 1, size)), _diagonals(steps)], axis=1)
    ends, failed = follow(shifted.reshape(-1, size), np.repeat(cycles, size + 1))
    ends, failed = ends.reshape(count, size + 1, size), failed.reshape(count, size + 1)[:, 0]
    derivative = (ends[:, 1:, :] - ends[:, :1, :]).transpose(0, 2, 1) / steps[:, None, :]
    moved = ends[:, 0] - starts
    with np.errstate(all="ignore"):
        step = np.einsum("cij,cj->ci", np.linalg.pinv(np.nan_to_num(np.eye(size) - derivative)), moved)
    proposed = starts + step
    scale = np.abs(proposed).max(axis=1, keepdims=True)
    sensible = np.isfinite(proposed).all(axis=1) & (proposed >= np.minimum(ends[:, 0], -1e-9 * scale)).all(
        axis=1
    )
    arrived = sensible & (np.abs(step) <= _ARRIVED * np.maximum(np.abs(proposed), 1e-6 * scale)).all(axis=1)
    # pinv finds a point even where there is no fixed point: only a start that reproduces itself has arrived.
    arrived &= (np.abs(moved) <= 1e-5 * np.maximum(np.abs(proposed), 1e-6 * scale)).all(axis=1)
    return np.where(sensible[:, None], proposed, ends[:, 0]), arrived, failed


def _diagonals(steps: np.ndarray) -> np.ndarray:
    return steps[:, :, None] * np.eye(steps.shape[1])


def _follow(
    problem: Problem, cycles: np.ndarray, starts: np.ndarray, solve: Solver, tolerances: Tolerances, jobs: int
):
    """States at the end of each cycle from given starts, and which could not be followed."""
    part = problem.replace(timeline=_one_cycle(problem.timeline.steady, cycles), start=starts)
    solution = solve(part, tolerances, jobs)
    return solution.states, solution.status != OK


def _one_cycle(steady: SteadyDoses, cycles: np.ndarray) -> Timeline:
    """A timeline with one cycle per patient, from time zero to the period, observed at its end."""
    period = np.where(steady.period[cycles] > 0, steady.period[cycles], _CONSTANT_PERIOD)
    constant = steady.period[cycles] == 0
    rate, state = steady.rate[cycles], steady.state[cycles]
    count, infused = cycles.size, rate > 0
    always = np.where(constant, rate, steady.running[cycles] * rate)
    time = np.stack(
        [np.zeros(count), steady.phase[cycles], np.where(infused, steady.end[cycles], period)], axis=1
    )
    kind = np.stack([np.full(count, RATE), np.where(infused, RATE, BOLUS), np.full(count, RATE)], axis=1)
    entering = np.where(infused, np.where(constant, 0.0, rate), steady.amount[cycles])
    value = np.stack([always, entering, np.where(constant, 0.0, -rate)], axis=1)
    order = np.argsort(time, axis=1, kind="stable")
    sort = lambda values: np.take_along_axis(values, order, axis=1).ravel()  # noqa: E731
    return Timeline(
        event_start=3 * np.arange(count + 1),
        event_time=sort(time).astype(float),
        event_kind=sort(kind).astype(np.int64),
        event_target=np.repeat(state, 3).astype(np.int64),
        event_value=sort(value).astype(float),
        observation_start=np.arange(count + 1),
        observation_time=period.astype(float),
        observation_after=np.full(count, 3),
        observation_row=np.arange(count),
        first_row=steady.row[cycles].astype(np.int64),
        start_time=np.zeros(count),
        steady=_nothing(),
    )


def _nothing() -> SteadyDoses:
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
    return SteadyDoses(whole, whole, whole, real, real, real, real, whole, real)
