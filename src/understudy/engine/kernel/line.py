"""Line: a problem as plain arrays, and the one place where compiled solvers apply an event."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from understudy.engine.code.compiled import inlined
from understudy.engine.problem import NEVER, NOT_FINITE, OK, Problem, Solution
from understudy.engine.timeline import (
    ADD,
    BOLUS,
    PROFILE,
    RATE,
    REINITIALISE,
    ROW,
    SET,
    STEADY,
    STOP_INFUSIONS,
)


class Line(NamedTuple):
    """Timeline, parameters and states of a `Problem`, as compiled solvers take them."""

    event_start: np.ndarray
    event_time: np.ndarray
    event_kind: np.ndarray
    event_target: np.ndarray
    event_value: np.ndarray
    seen_start: np.ndarray
    seen_time: np.ndarray
    seen_after: np.ndarray
    first_row: np.ndarray
    start_time: np.ndarray
    start: np.ndarray
    initial: np.ndarray
    steady: np.ndarray
    steady_row: np.ndarray
    table: np.ndarray
    slots: np.ndarray
    flow: np.ndarray
    floor: np.ndarray
    least: np.ndarray
    allowance: np.ndarray
    row_width: int


class Found(NamedTuple):
    """What a compiled solver writes: the arrays of a `Solution`."""

    states: np.ndarray
    status: np.ndarray
    failed_at: np.ndarray
    steps: np.ndarray
    method: np.ndarray


def line_of(problem: Problem) -> Line:
    """The arrays of a problem. Parameter columns after `row_width` hold past doses and outlive a change of row."""
    line = problem.timeline
    return Line(
        line.event_start, line.event_time, line.event_kind, line.event_target, line.event_value,
        line.observation_start, line.observation_time, line.observation_after, line.first_row, line.start_time,
        problem.start, problem.initial, problem.steady, line.steady.row, problem.table, problem.slots,
        line.flow, _floor(problem), np.zeros((1, problem.start.shape[1])) if problem.least is None else problem.least,
        np.ones(problem.start.shape[1]) if problem.allowance is None else problem.allowance,
        problem.table.shape[1] - 2 * int(problem.slots[:, 1].sum()),
    )  # fmt: skip


def _floor(problem: Problem) -> np.ndarray:
    """The least value that each state may have."""
    return np.array([0.0 if state.nonnegative else -np.inf for state in problem.model.states])


def nothing_found(problem: Problem) -> Found:
    """Room for the answer: no state known, nobody failed."""
    count, size = problem.timeline.patients, len(problem.model.states)
    return Found(
        states=np.full((problem.timeline.observation_time.size, size), np.nan),
        status=np.zeros(count, dtype=np.int64),
        failed_at=np.full(count, np.nan),
        steps=np.zeros(count, dtype=np.int64),
        method=np.zeros(count, dtype=np.int64),
    )


def solution_of(found: Found) -> Solution:
    """The filled arrays as a `Solution`."""
    return Solution(*found)


def refuse_infinite(found: Found, line: Line) -> None:
    """Patients with an observation that is infinite or undefined have failed there."""
    bad = np.flatnonzero(~np.isfinite(found.states).all(axis=1))
    owner = np.searchsorted(line.seen_start, bad, side="right") - 1
    patients, first = np.unique(owner, return_index=True)
    fresh = found.status[patients] == OK
    found.status[patients[fresh]] = NOT_FINITE
    found.failed_at[patients[fresh]] = line.seen_time[bad[first[fresh]]]


@inlined
def apply_event(line, event, time, lane, width, y, p, r, used):
    """One event of the patient in `lane` of `width`: changes states `y`, parameters `p` and infusion rates `r`.

    Element i of the patient is ``i * width + lane``; ``used[input, lane]`` counts the doses that hold a slot.
    """
    kind, target, value = line.event_kind[event], line.event_target[event], line.event_value[event]
    size = line.start.shape[1]
    if kind == BOLUS:
        y[target * width + lane] += value
    elif kind == SET:
        y[target * width + lane] = value
    elif kind == RATE:
        r[target * width + lane] += value
    elif kind == ROW:
        for q in range(line.row_width):
            p[q * width + lane] = line.table[target, q]
    elif kind == STEADY:
        for q in range(size):
            i = q * width + lane
            base = y[i] - line.initial[line.steady_row[target], q] if value == ADD else 0.0
            y[i] = base + line.steady[target, q]
    elif kind == PROFILE:
        column = line.slots[target, 0] + 2 * used[target, lane]
        p[column * width + lane], p[(column + 1) * width + lane] = value, time
        used[target, lane] += 1
    elif kind in (REINITIALISE, STOP_INFUSIONS):
        for q in range(size):
            r[q * width + lane] = 0.0
            if kind == REINITIALISE:
                y[q * width + lane] = line.initial[target, q]
        _forget_doses(line.slots, lane, width, p, used)


@njit(cache=True, nogil=True)
def add_linear_flow(moved, source, matrix, inflow, infused, y):
    """Add derivatives of a linear system's states, of copy `source` of them, to all copies, times `moved` (copies,).

    Copy 0 are the first states themselves, to which nothing is added. A copy does not drive itself in this way.
    """
    own = y.size // (1 + moved.size)
    for i in range(own * source, own * (source + 1)):
        speed = inflow[i] + infused[i]
        for j in range(own * (source + 1)):
            speed += matrix[i, j] * y[j]
        for m in range(moved.size):
            y[own * (1 + m) + i % own] += moved[m] * speed


@inlined
def _forget_doses(slots, lane, width, p, used):
    """Empty all dose slots."""
    for i in range(slots.shape[0]):
        for s in range(slots[i, 1]):
            column = slots[i, 0] + 2 * s
            p[column * width + lane], p[(column + 1) * width + lane] = 0.0, NEVER
        used[i, lane] = 0
