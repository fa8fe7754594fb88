"""Working space of eight patients under way: one array, cut into vectors and rows.

A vector holds a number for each lane, a row one for each state and lane (state ``i`` of lane ``l`` is element
``8 i + l``). Methods share it, so that they can take turns; what each vector and row means stands here.
"""

from __future__ import annotations

import numpy as np

from understudy.engine.code.compiled import compiled
from understudy.engine.kernel.lanes import WIDTH as W

# Vectors, by where they begin. WANTED is the step that the last one suggests, STEP the one taken; STAGE_TIME is where
# a stage looks; TAKEN counts steps since the last event. LIVE, FRESH (changed by an event), ACCEPTED and IMPLICIT are
# 1 or 0. STIFF counts steps that only stability kept short, CALM those in a row that accuracy did. ERROR is in units of
# what is allowed, RADIUS the speed of the fastest change times the step, squared.
(
    TIME, WANTED, STEP, STOP, ERROR, STAGE_TIME, NEXT_SEEN, NEXT_TIME,
    LIVE, FRESH, ACCEPTED, IMPLICIT, TAKEN, STIFF, CALM, RADIUS,
) = range(0, 16 * W, W)  # fmt: skip
ROWS_BEGIN = 16 * W

# Rows, by number (see `row`). PEAK is the largest value that a state has had, or minus its seed while it has had none;
# FLOOR is the least value that a state may have, CUT how far a step fell below it; ALLOWANCE is how many times the
# tolerance a state may err by; SEEN is where observations are put together. Explicit steps use SLOPE to SLOPE + 6,
# implicit ones what comes after; SCALE is the error allowed.
STATE, NEW_STATE, WORK, INFUSED, PEAK, FLOOR, CUT, SEEN, SLOPE = range(9)
IMPLICIT_STATE, IMPLICIT_SLOPE, RIGHT, BY_TIME, SCALE, ALLOWANCE, INCREMENT = range(16, 23)
ROWS = INCREMENT + 8


def make_space(states: int) -> np.ndarray:
    """Working space for one thread."""
    return aligned(ROWS_BEGIN // W + ROWS * states)


def aligned(count: int) -> np.ndarray:
    """As many vectors of zeros, each in one line of the processor's cache."""
    room = np.zeros((count + 1) * W)
    begin = -(room.ctypes.data // room.itemsize) % W
    return room[begin : begin + count * W]


@compiled
def row(size, which):
    """Where a row begins in the space, `size` being states times lanes."""
    return ROWS_BEGIN + which * size
