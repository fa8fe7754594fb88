"""Event space: what one thread keeps of the events of eight patients while it searches their steps for crossings."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from understudy.engine.code.compiler import address
from understudy.engine.code.event_code import CHANGES, CONDITIONS, DIFFERENCES, changes, event_code
from understudy.engine.events.event_queue import Queue, make_queue
from understudy.engine.events.trigger import restless, watch
from understudy.engine.kernel.lanes import WIDTH as W
from understudy.model.model import Model

# Looks at the differences within a step; a quarter of a step is short against all that its error estimate lets happen.
LOOKS = 4
# Signs and differences of each lane: the signs in force, those that hold only at a crossing and those behind it; the
# differences at either end of a bracket, at its first end, and where they were worked out last, then those at the looks
# of a step, its start the first.
KNOWN, INSTANT, LEFT, LOWER, UPPER, FAR, FOUND, LOOK = range(8)
# Times of each lane, either end of its bracket, the bracket's first width, the next observation; what it is about (see
# below), its next look, the looks into its bracket, and whether its step ends at a crossing.
BEFORE, AFTER, BRACKET, NEXT_WANTED, BUSY_WITH, NEXT_LOOK, TRIES, CUT_SHORT = range(8)
# A lane is about nothing, is narrowing a bracket, or is looking at the vertex of a parabola.
AT_REST, NARROWING, AT_VERTEX = 0.0, 1.0, 2.0


class Watch(NamedTuple):
    """Working space of one thread for the events of a model; ``watched`` is False where it has none.

    Parameters
    ----------
    differences, conditions, changes : int
        Addresses of the functions of `event_code`.
    queue : Queue
    restless : bool array, shape (differences,)
        Which may go up and down faster than the states.
    signs : float array, shape (8 + looks, differences, 8)
    lanes : float array, shape (8, 8)
    truth, equations, states : float arrays, shape (events, 8), (equations, 8), (states, 8)
        Triggers and equations as worked out last, and the states in which steps end at crossings.
    """

    watched: bool
    differences: int
    conditions: int
    changes: int
    queue: Queue
    restless: np.ndarray
    signs: np.ndarray
    lanes: np.ndarray
    truth: np.ndarray
    equations: np.ndarray
    states: np.ndarray


def make_watch(model: Model) -> Watch:
    """Working space of one thread; the events of the model change states only (see `discrete_state`)."""
    code = event_code(model) if model.events else ""
    table = lambda *shape: np.zeros((*shape, W))  # noqa: E731
    return Watch(
        bool(model.events),
        *[address(code, name) if code else 0 for name in (DIFFERENCES, CONDITIONS, CHANGES)],
        make_queue(model.events, model.state_names, W),
        restless(model),
        table(LOOK + LOOKS + 1, len(watch(model).differences)),
        table(8),
        *[table(len(model.events)), table(len(changes(model))), table(len(model.states))],
    )
