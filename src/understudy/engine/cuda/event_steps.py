"""Event steps: events that the states trigger, for one patient in one thread.

The search is that of `event_search`, the order of executions that of `event_queue`; what stands here is what
`event_watch` does for eight lanes. The patient is in lane 0 of 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import cuda

from understudy.engine.code.event_code import changes
from understudy.engine.events.event_queue import Queue, choose, execute, fires, make_queue, update
from understudy.engine.events.event_search import (
    begin_search,
    go_past,
    look_time,
    narrow,
    take_crossing,
    take_signs,
)
from understudy.engine.events.event_space import (
    AFTER,
    AT_REST,
    BEFORE,
    BUSY_WITH,
    CUT_SHORT,
    FOUND,
    INSTANT,
    KNOWN,
    LEFT,
    LOOK,
    LOOKS,
)
from understudy.engine.events.trigger import restless, watch
from understudy.engine.kernel.lane_space import NEXT_SEEN, NEXT_TIME, STEP, TIME
from understudy.engine.problem import OK
from understudy.model.model import Model


@dataclass(frozen=True, eq=False)
class Shape:
    """Sizes and tables of the events of a model, as a thread keeps them.

    Parameters
    ----------
    queue : Queue
        For one lane; its arrays that change are not used but by their shapes.
    restless : int array, shape (differences,)
    differences, events, equations, states : int
    """

    queue: Queue
    restless: np.ndarray
    differences: int
    events: int
    equations: int
    states: int

    @property
    def numbers(self) -> int:
        """Numbers of 64 bits that a thread needs."""
        kept = (LOOK + LOOKS + 1) * self.differences + self.events + self.equations + self.states
        return kept + self.queue.waiting.size + self.queue.counts.size


def shape_of(model: Model) -> Shape:
    """The shape of a model's events, which change states only."""
    queue = make_queue(model.events, model.state_names, 1)
    # Tables of a kernel cannot be empty.
    queue = queue._replace(target=np.append(queue.target, 0))
    return Shape(
        queue,
        restless(model).astype(np.int64),
        len(watch(model).differences),
        len(model.events),
        len(changes(model)),
        len(model.states),
    )


def make_event_steps(differences, conditions, equations, interpolate, states: int):
    """Device functions that settle what is due at a time, and that look for crossings within a step.

    Parameters
    ----------
    differences, conditions, equations : device function
        ``f(t, y, p, out)``; see `event_code`. The signs of the differences take the place of the states for conditions.
    interpolate : device function
        ``interpolate(implicit, out, theta, step, y, y1, k)``.
    states : int

    Returns
    -------
    settle : device function
        ``settle(watch, t, y, p)`` returns a status and whether the states have been changed.
    watch_step : device function
        ``watch_step(watch, space, implicit, t, step, now, ends, y, y1, p, k, seen)``, for a step that is accepted and
        would end at `now`, returns whether it ends at a crossing, until when nothing has happened, and when it ends. At
        a crossing the states are ``watch.states``. ``seen`` is working space.
    """

    @cuda.jit(device=True)
    def decide(watch, signs, p):
        """The truth of every trigger, from the signs of the differences."""
        conditions(0.0, signs, p, watch.truth)

    @cuda.jit(device=True)
    def settle(watch, t, y, p):
        # At a crossing, first what holds at that very instant only.
        crossed = instant = watch.lanes[CUT_SHORT, 0] != 0.0
        changed = False
        watch.lanes[CUT_SHORT, 0] = 0.0
        while True:
            differences(t, y, p, watch.signs[FOUND])
            take_signs(watch, 0, crossed, instant)
            decide(watch, watch.signs[KNOWN], p)
            equations(t, y, p, watch.equations)
            status = update(watch.queue, 0, watch.truth, watch.equations, t)
            if status != OK:
                return status, changed
            slot = choose(watch.queue, 0, watch.equations, t)
            if slot >= 0:
                changed = True
                for q in range(states):
                    watch.states[q, 0] = y[q]
                status = execute(watch.queue, 0, slot, watch.equations, t, watch.states)
                for q in range(states):
                    y[q] = watch.states[q, 0]
                if status != OK:
                    return status, changed
            elif not instant:
                return status, changed
            instant = False

    @cuda.jit(device=True)
    def cross(watch, space, p):
        """Take a crossing over: the step ends there if an event fires, else the search goes on behind it."""
        take_crossing(watch, 0)
        decide(watch, watch.signs[INSTANT], p)
        fired = fires(watch.queue, 0, watch.truth)
        if not fired:
            # None has become true; those that have become false cancel what must not outlive them.
            update(watch.queue, 0, watch.truth, watch.equations, 0.0)
            decide(watch, watch.signs[LEFT], p)
            fired = fires(watch.queue, 0, watch.truth)
        if fired:
            watch.lanes[CUT_SHORT, 0], watch.lanes[BUSY_WITH, 0] = 1.0, AT_REST
        else:
            update(watch.queue, 0, watch.truth, watch.equations, 0.0)
            go_past(watch, space, 0)

    @cuda.jit(device=True)
    def watch_step(watch, space, implicit, t, step, now, ends, y, y1, p, k, seen):
        space[TIME], space[STEP], space[NEXT_TIME] = t, step, now
        differences(t, y, p, watch.signs[LOOK])
        for look in range(1, LOOKS + 1):
            at = look_time(space, 0, look)
            interpolate(implicit, seen, (at - t) / step, step, y, y1, k)
            differences(at, seen, p, watch.signs[LOOK + look])
        begin_search(watch, space, 0)
        while watch.lanes[BUSY_WITH, 0] != AT_REST:
            at = space[NEXT_SEEN]
            interpolate(implicit, seen, (at - t) / step, step, y, y1, k)
            differences(at, seen, p, watch.signs[FOUND])
            if narrow(watch, space, 0):
                cross(watch, space, p)
        if watch.lanes[CUT_SHORT, 0] != 0.0:
            at = watch.lanes[AFTER, 0]
            interpolate(implicit, seen, (at - t) / step, step, y, y1, k)
            for q in range(states):
                watch.states[q, 0] = seen[q]
            return True, watch.lanes[BEFORE, 0], at
        return False, now, now

    return settle, watch_step
