"""Device timeline: how a thread begins its patient, and what an event of the timeline does to it.

The same as `begin` of `place` and `apply_event` of `line` do for one lane.
"""

from __future__ import annotations

from numba import cuda

from understudy.engine.kernel.place import PROFILE_SEED, SEED
from understudy.engine.problem import NEVER
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


@cuda.jit(device=True)
def raise_peaks(peak, y):
    """The largest value that each state has had; minus its seed while it has had none."""
    for q in range(y.size):
        size = abs(y[q])
        if size > 0.0 and size > peak[q]:
            peak[q] = size


@cuda.jit(device=True)
def begin(line, patient, y, p, r, peak, used):
    """A patient's states, parameters and scales at the start."""
    largest, profiled = 0.0, 0.0
    for q in range(y.size):
        largest = max(largest, abs(line.start[patient, q]))
    for event in range(line.event_start[patient], line.event_start[patient + 1]):
        kind = line.event_kind[event]
        if kind in (BOLUS, RATE, PROFILE):
            largest = max(largest, abs(line.event_value[event]))
        if kind == PROFILE:
            profiled = max(profiled, abs(line.event_value[event]))
    seed = max(SEED * (largest if largest > 0.0 else 1.0), PROFILE_SEED * profiled)
    least = min(patient, line.least.shape[0] - 1)
    for q in range(y.size):
        y[q], r[q] = line.start[patient, q], 0.0
        measure = max(abs(y[q]), line.least[least, q])
        peak[q] = measure if measure > 0.0 else -seed
    for q in range(line.table.shape[1]):
        p[q] = line.table[line.first_row[patient], q]
    for i in range(used.size):
        used[i] = 0


@cuda.jit(device=True)
def apply_event(line, event, time, y, p, r, used):
    """One event, as `apply_event` of `line` does it for one lane."""
    kind, target, value = line.event_kind[event], line.event_target[event], line.event_value[event]
    if kind == BOLUS:
        y[target] += value
    elif kind == SET:
        y[target] = value
    elif kind == RATE:
        r[target] += value
    elif kind == ROW:
        for q in range(line.row_width):
            p[q] = line.table[target, q]
    elif kind == STEADY:
        for q in range(y.size):
            if value == ADD:
                y[q] += line.steady[target, q] - line.initial[line.steady_row[target], q]
            else:
                y[q] = line.steady[target, q]
    elif kind == PROFILE:
        column = line.slots[target, 0] + 2 * used[target]
        p[column], p[column + 1] = value, time
        used[target] += 1
    elif kind in (REINITIALISE, STOP_INFUSIONS):
        for q in range(y.size):
            r[q] = 0.0
            if kind == REINITIALISE:
                y[q] = line.initial[target, q]
        for i in range(line.slots.shape[0]):
            for s in range(line.slots[i, 1]):
                column = line.slots[i, 0] + 2 * s
                p[column], p[column + 1] = 0.0, NEVER
            used[i] = 0


@cuda.jit(device=True)
def write(states, row, y):
    """The states of an observation."""
    for q in range(y.size):
        states[row, q] = y[q]


@cuda.jit(device=True)
def add_flow(line, flow, y, slope):
    """Move the sensitivities by the derivatives of the states, so much for each direction."""
    directions = line.flow.shape[1]
    own = y.size // (1 + directions)
    for m in range(directions):
        for q in range(own):
            y[own * (1 + m) + q] += line.flow[flow, m] * slope[q]
