"""Place: working space of one thread, where each lane is in its timeline, and how a patient gets into a lane."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from understudy.engine.code.compiled import inlined
from understudy.engine.kernel.lane_space import (
    ALLOWANCE,
    CALM,
    ERROR,
    FLOOR,
    FRESH,
    IMPLICIT,
    INFUSED,
    LIVE,
    PEAK,
    STATE,
    STIFF,
    STOP,
    TAKEN,
    TIME,
    WANTED,
    aligned,
    make_space,
    row,
)
from understudy.engine.kernel.lanes import WIDTH as W
from understudy.engine.timeline import BOLUS, PROFILE, RATE

# A state that has been zero so far is measured by these fractions of the largest amount given and of the largest dose
# that enters by a profile. Without them a state that rises from zero like a power of time would have the same relative
# error at every step size, however small. It is measured by its own size once it has one: units differ.
SEED, PROFILE_SEED = 1e-10, 1e-3


class Place(NamedTuple):
    """Working space of one thread, and where each lane is.

    Parameters
    ----------
    space : float array
        See `lane_space`.
    parameters : float array, shape (parameters * 8,)
    used : int array, shape (inputs, 8)
        Doses that hold a slot.
    event, applied, seen, seen_end : int arrays, shape (8,)
        The next event, how many have taken effect, the next observation and the end of them.
    """

    space: np.ndarray
    parameters: np.ndarray
    used: np.ndarray
    event: np.ndarray
    applied: np.ndarray
    seen: np.ndarray
    seen_end: np.ndarray


def make_place(states: int, parameters: int, inputs: int) -> Place:
    """Working space for one thread."""
    counts = [np.zeros(W, dtype=np.int64) for _ in range(4)]
    return Place(
        make_space(states), aligned(max(parameters, 1)), np.zeros((inputs, W), dtype=np.int64), *counts
    )


@inlined
def _seed(line, patient):
    """What a state of a patient is measured by while it is zero."""
    largest, profiled = 0.0, 0.0
    for q in range(line.start.shape[1]):
        largest = max(largest, abs(line.start[patient, q]))
    for event in range(line.event_start[patient], line.event_start[patient + 1]):
        if line.event_kind[event] in (BOLUS, RATE, PROFILE):
            largest = max(largest, abs(line.event_value[event]))
        if line.event_kind[event] == PROFILE:
            profiled = max(profiled, abs(line.event_value[event]))
    # Where all begins at nothing and nothing is given, as if it were one: some size a rise from zero must have.
    return max(SEED * (largest if largest > 0.0 else 1.0), PROFILE_SEED * profiled)


@inlined
def begin(line, place, lane, patient, live, implicit):
    """Put a patient into a lane."""
    space, size = place.space, line.start.shape[1] * W
    for which in (WANTED, ERROR, TAKEN, STIFF, CALM):
        space[which + lane] = 0.0
    space[IMPLICIT + lane] = 1.0 if implicit else 0.0
    space[LIVE + lane] = 1.0 if live else 0.0
    space[FRESH + lane] = 1.0
    space[TIME + lane] = space[STOP + lane] = line.start_time[patient]
    place.event[lane], place.applied[lane] = line.event_start[patient], 0
    place.seen[lane], place.seen_end[lane] = line.seen_start[patient], line.seen_start[patient + 1]
    place.used[:, lane] = 0
    seed, least = _seed(line, patient), min(patient, line.least.shape[0] - 1)
    state, infused, peak, floor = row(size, STATE), row(size, INFUSED), row(size, PEAK), row(size, FLOOR)
    allowance = row(size, ALLOWANCE)
    for q in range(line.start.shape[1]):
        j = q * W + lane
        value = line.start[patient, q]
        space[state + j], space[infused + j], space[floor + j] = value, 0.0, line.floor[q]
        space[allowance + j] = line.allowance[q]
        measure = max(abs(value), line.least[least, q])
        space[peak + j] = measure if measure > 0.0 else -seed
    for q in range(line.table.shape[1]):
        place.parameters[q * W + lane] = line.table[line.first_row[patient], q]
