"""Device control: what becomes of a step, and how long the next one is, in one thread.

The same as `step_control` for one lane; its constants are used.
"""

from __future__ import annotations

import numpy as np
from numba import cuda

from understudy.engine.kernel.step_control import (
    AT_REST,
    BACK_OFF,
    EASILY,
    EASY,
    FAR,
    GROW,
    LEAST_ERROR,
    MAKES_UP,
    MOST_HELD,
    SAFETY,
    SHRINK,
)
from understudy.engine.kernel.tsit5 import STABLE


@cuda.jit(device=True)
def first_step(span, relative, absolute, tiny, y, slope, peak):
    """A step that changes no state by more than a hundredth of its scale."""
    size, speed = tiny - tiny, tiny - tiny
    for q in range(y.size):
        allowed = relative * abs(y[q]) + absolute * abs(peak[q]) + tiny
        size, speed = max(size, abs(y[q]) / allowed), max(speed, abs(slope[q]) / allowed)
    guess = 0.01 * size / speed if speed > 0.0 else 0.0
    moves = 1e-12 * span < guess < AT_REST * span
    return min(guess, span) if moves else 1e-6 * span


@cuda.jit(device=True)
def next_factor(error):
    """By how much the next step is longer."""
    if not error < np.inf:
        return BACK_OFF
    # A few digits of it are enough.
    root = np.float32(max(error, LEAST_ERROR)) ** np.float32(-0.2)
    return max(SHRINK, min(GROW, SAFETY * root))


@cuda.jit(device=True)
def count_held(radius, accepted, implicit, held, calm):
    """Steps kept short by stability alone, and those in a row that accuracy kept short."""
    too_long = radius > (EASY * EASY if implicit else STABLE * STABLE)
    if accepted:
        held, calm = (held + 1, 0) if too_long else (held, calm + 1)
    return (0 if calm >= MAKES_UP else held), calm


@cuda.jit(device=True)
def ought_to_change(implicit, held, calm, left, step, wanted, radius):
    """Whether the other method would do better, and the stop is `left` and so many steps away that it pays."""
    if implicit:
        return calm >= EASILY and left > wanted * FAR
    far = step * (STABLE * FAR)
    return held >= MOST_HELD and left * left * radius > far * far
