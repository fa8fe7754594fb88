"""Steady states of dosing cycles: the fixed point of the map from one cycle's start to its end, by Newton's method.

The map is evaluated by whichever solver is in use, for all cycles and perturbations in one batch. Of a linear model it
is affine: its matrix is what a cycle makes of each state, and one linear equation gives the answer, which a second step
confirms. Else its derivative is taken by differences, and where a Newton step leads nowhere (undefined or negative
states) a cycle is simply repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from understudy.engine.linear.linear import is_linear
from understudy.engine.problem import NO_STEADY_STATE, OK, Problem, Solution, Tolerances
from understudy.engine.timeline import BOLUS, RATE, SteadyDoses, Timeline

Solver = Callable[[Problem, Tolerances, int], Solution]

# Cycles simply repeated before Newton's method, its longest course, and the relative step at which it has arrived:
# differences over 1e-4 of solutions good to 1e-8 give a derivative good to 1e-4, so that the step after one of 1e-7
# would be of 1e-11. What is below a thousandth of a state's largest value in the cycle counts as that.
_WARM_UP, _LONGEST, _ARRIVED, _DIFFERENCE, _SMALL = 3, 60, 1e-7, 1e-4, 1e-3
# The matrix of an affine map is read off states so large that what a cycle brings is small beside them.
_LARGE = 1e3
# Directions in which a cycle forgets less than this cannot be told from those in which it forgets nothing.
_SINGULAR = 1e-9
# How often a cycle is looked at to see how large its states are, and what counts as zero beside the largest of them.
_LOOKS, _NOTHING = 9, 1e-30
# What a state gains in a cycle that reproduces itself is nothing beside how far it swings in it, or is an error of the
# solver; where more is given than can leave, it is a good part of the swing however large the state. No state that has
# a steady course is so many times as large as after the first cycles.
_NO_GAIN, _SOLVER_ERROR, _TOO_LARGE = 1e-3, 1e-8, 1e6
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
    follow = lambda starts, which: _follow(problem, which, starts, solve, tolerances, jobs)  # noqa: E731
    matrices, early = None, np.full_like(current, np.inf)
    if is_linear(problem.model) and not problem.model.events:
        ends, scale, *_ = follow(current, open_cycles)
        matrices = _derivatives(current, ends, _LARGE * scale, open_cycles, follow)
    for iteration in range(_LONGEST):
        if not open_cycles.size:
            break
        if iteration < _WARM_UP and matrices is None:
            current[open_cycles], early[open_cycles], _, failed = follow(current[open_cycles], open_cycles)
            arrived = np.zeros(open_cycles.size, bool)
        else:
            known = None if matrices is None else matrices[open_cycles]
            current[open_cycles], arrived, failed = _newton(current[open_cycles], open_cycles, follow, known)
            failed |= (np.abs(current[open_cycles]) > _TOO_LARGE * early[open_cycles]).any(axis=1)
        status[open_cycles[arrived & ~failed]] = OK
        open_cycles = open_cycles[~(failed | arrived)]
    return SteadyStates(current, status)


def _newton(
    starts: np.ndarray, cycles: np.ndarray, follow: Callable, derivative: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One Newton step for every cycle: new starts, which have arrived, which have failed.

    The derivatives of the map, shape (cycles, states, states), are taken by differences where they are not known. Every
    state is measured by the largest value it has in the cycle: states have different units.
    """
    ends, scale, swing, failed = follow(starts, cycles)
    moved = ends - starts
    gains = np.abs(moved) > np.maximum(_NO_GAIN * swing, _SOLVER_ERROR * scale)
    affine = derivative is not None
    if derivative is None:
        steps = _DIFFERENCE * np.maximum(np.abs(starts), _SMALL * scale)
        derivative = _derivatives(starts, ends, steps, cycles, follow)
    # A state that is zero and stays there is left alone: differences would give it noise.
    step = np.where(
        (starts == 0) & (moved == 0), 0.0, solve_in_units(np.eye(starts.shape[1]) - derivative, moved, scale)
    )
    proposed = starts + step
    sensible = np.isfinite(proposed).all(axis=1) & (proposed >= np.minimum(ends, -1e-9 * scale)).all(axis=1)
    allowed = _ARRIVED * np.maximum(np.abs(proposed), _SMALL * scale)
    # A point may be found even where there is no fixed point: only a start that reproduces itself has arrived.
    arrived = sensible & (np.abs(step) <= allowed).all(axis=1) & (np.abs(moved) <= 100 * allowed).all(axis=1)
    arrived &= affine | ~gains.any(axis=1)
    return np.where(sensible[:, None], proposed, ends), arrived & ~failed, failed


def _derivatives(
    starts: np.ndarray, ends: np.ndarray, steps: np.ndarray, cycles: np.ndarray, follow: Callable
) -> np.ndarray:
    """What moves at the end of each cycle with what moves at its start, shape (cycles, states, states)."""
    count, size = starts.shape
    shifted = (starts[:, None, :] + steps[:, :, None] * np.eye(size)).reshape(-1, size)
    moved = follow(shifted, np.repeat(cycles, size))[0].reshape(count, size, size)
    return (moved - ends[:, None, :]).transpose(0, 2, 1) / steps[:, None, :]


def solve_in_units(matrices: np.ndarray, vectors: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Solutions of linear equations in units of `scale`; what a singular matrix leaves open is left as it is."""
    unitless = matrices * scale[:, None, :] / scale[:, :, None]
    inverse = np.linalg.pinv(np.nan_to_num(unitless), rcond=_SINGULAR)
    return scale * np.einsum("cij,cj->ci", inverse, np.nan_to_num(vectors / scale, nan=np.inf))


def _follow(
    problem: Problem, cycles: np.ndarray, starts: np.ndarray, solve: Solver, tolerances: Tolerances, jobs: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """States at the end of each cycle from given starts, their largest values, their swings, and which failed."""
    part = problem.replace(timeline=one_cycle(problem.timeline.steady, cycles), start=starts)
    solution = solve(part, tolerances, jobs)
    states = solution.states.reshape(cycles.size, -1, starts.shape[1])
    largest = np.maximum(np.abs(states).max(axis=1), np.abs(starts))
    swing = np.maximum(states.max(axis=1), starts) - np.minimum(states.min(axis=1), starts)
    return states[:, -1], units_of(largest), swing, solution.status != OK


def units_of(largest: np.ndarray) -> np.ndarray:
    """Units for states from their largest values, (cycles, states); one that stays at zero has none of its own."""
    top = largest.max(axis=1, keepdims=True)
    own = largest > _NOTHING * top
    return np.where(own, largest, np.where(top > 0, top, 1.0))


def cycle_times(steady: SteadyDoses, cycles: np.ndarray) -> np.ndarray:
    """When in each cycle its rate begins, its dose enters and an infusion ends, shape (cycles, 3), not yet in order."""
    period = np.where(steady.period[cycles] > 0, steady.period[cycles], _CONSTANT_PERIOD)
    end = np.where(steady.rate[cycles] > 0, steady.end[cycles], period)
    return np.stack([np.zeros(cycles.size), steady.phase[cycles], end], axis=1)


def one_cycle(steady: SteadyDoses, cycles: np.ndarray) -> Timeline:
    """A timeline with one cycle per patient, from time zero to the period, observed on the way and at its end."""
    period = np.where(steady.period[cycles] > 0, steady.period[cycles], _CONSTANT_PERIOD)
    constant = steady.period[cycles] == 0
    rate, state, phase = steady.rate[cycles], steady.state[cycles], steady.phase[cycles]
    count, infused = cycles.size, rate > 0
    always = np.where(constant, rate, steady.running[cycles] * rate)
    time = cycle_times(steady, cycles)
    kind = np.stack([np.full(count, RATE), np.where(infused, RATE, BOLUS), np.full(count, RATE)], axis=1)
    entering = np.where(infused, np.where(constant, 0.0, rate), steady.amount[cycles])
    value = np.stack([always, entering, np.where(constant, 0.0, -rate)], axis=1)
    order = np.argsort(time, axis=1, kind="stable")
    sort = lambda values: np.take_along_axis(values, order, axis=1).ravel()  # noqa: E731
    looks = np.sort(np.hstack([period[:, None] * np.linspace(0, 1, _LOOKS), phase[:, None]]), axis=1)
    after = (time[:, None, :] <= looks[:, :, None]).sum(axis=2)
    after[:, -1] = 3
    return Timeline(
        event_start=3 * np.arange(count + 1),
        event_time=sort(time).astype(float),
        event_kind=sort(kind).astype(np.int64),
        event_target=np.repeat(state, 3).astype(np.int64),
        event_value=sort(value).astype(float),
        event_source=np.full(3 * count, -1),
        event_moves=np.zeros(3 * count, bool),
        event_ends=np.zeros(3 * count, bool),
        observation_start=looks.shape[1] * np.arange(count + 1),
        observation_time=looks.ravel(),
        observation_after=after.ravel(),
        observation_row=np.arange(looks.size),
        first_row=steady.row[cycles].astype(np.int64),
        start_time=np.zeros(count),
        steady=_nothing(),
    )


def _nothing() -> SteadyDoses:
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
    return SteadyDoses(whole, whole, whole, real, real, real, real, whole, real)
