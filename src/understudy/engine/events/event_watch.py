"""Event watch: finds the crossings within the steps of eight lanes, and carries out what they set off.

It stands between the time loop, which knows no events of this kind, and `crossing` and `event_queue`, which know no
steps. The differences, conditions and equations of the events are addresses (see `event_code`): no model is known here.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from understudy.engine.code.pointer import call_readout
from understudy.engine.events.event_queue import (
    begin,
    choose,
    execute,
    fires,
    update,
)
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
    NEXT_WANTED,
)
from understudy.engine.kernel import rodas5p, tsit5
from understudy.engine.kernel.lane_space import (
    ACCEPTED,
    FRESH,
    NEW_STATE,
    NEXT_SEEN,
    NEXT_TIME,
    SEEN,
    STATE,
    TIME,
    row,
)
from understudy.engine.kernel.lanes import WIDTH as W
from understudy.engine.kernel.step_control import ENDS
from understudy.engine.problem import OK, STIFFLY


@njit(cache=True, nogil=True, _nrt=False)
def begin_watch(watch, lane):
    """A new patient in a lane."""
    begin(watch.queue, lane)
    watch.lanes[CUT_SHORT, lane] = 0


@njit(cache=True, nogil=True, _nrt=False)
def stands_at_crossing(watch, lane):
    """Whether the lane's step has ended at a crossing."""
    return watch.lanes[CUT_SHORT, lane] != 0.0


@njit(cache=True, nogil=True, _nrt=False)
def _evaluate(watch, space, size, parameters, when, where, out):
    """The differences at a vector of times and a row of states."""
    at = space.ctypes.data
    call_readout(watch.differences, at + 8 * when, at + 8 * row(size, where), parameters, out.ctypes.data)


@njit(cache=True, nogil=True, _nrt=False)
def _evaluate_changes(watch, space, size, parameters):
    """Delays, priorities and new values of all events."""
    at, out = space.ctypes.data, watch.equations.ctypes.data
    call_readout(watch.changes, at + 8 * TIME, at + 8 * row(size, STATE), parameters, out)


@njit(cache=True, nogil=True, _nrt=False)
def _decide(watch, signs):
    """The truth of every trigger, from the signs of the differences."""
    at = signs.ctypes.data
    call_readout(watch.conditions, at, at, at, watch.truth.ctypes.data)


@njit(cache=True, nogil=True, _nrt=False)
def settle(watch, space, size, parameters, lane):
    """Fire and execute all that is due in a lane at its time, until nothing is; returns a status."""
    now, begin_state = space[TIME + lane], row(size, STATE)
    states = space[begin_state : begin_state + size].reshape(size // W, W)
    # At a crossing, first what holds at that very instant only.
    crossed = instant = watch.lanes[CUT_SHORT, lane] != 0.0
    watch.lanes[CUT_SHORT, lane] = 0.0
    while True:
        _evaluate(watch, space, size, parameters, TIME, STATE, watch.signs[FOUND])
        take_signs(watch, lane, crossed, instant)
        _decide(watch, watch.signs[KNOWN])
        _evaluate_changes(watch, space, size, parameters)
        status = update(watch.queue, lane, watch.truth, watch.equations, now)
        if status != OK:
            return status
        slot = choose(watch.queue, lane, watch.equations, now)
        if slot >= 0:
            space[FRESH + lane] = 1.0
            status = execute(watch.queue, lane, slot, watch.equations, now, states)
            if status != OK:
                return status
        elif not instant:
            return OK
        instant = False


@njit(cache=True, nogil=True, _nrt=False)
def watch_steps(watch, space, size, parameters, flags, methods):
    """Look for crossings in the steps just judged, and end each step at the first that makes an event fire.

    Sets until when the lanes are observed; returns the flags with the lanes added that stand still at a crossing.
    """
    for lane in range(W):
        watch.lanes[NEXT_WANTED, lane] = space[NEXT_SEEN + lane]
    _take_looks(watch, space, size, parameters, methods)
    busy = 0.0
    for lane in range(W):
        watch.lanes[BUSY_WITH, lane] = AT_REST
        watch.lanes[BEFORE, lane] = space[TIME + lane]
        if space[ACCEPTED + lane] > 0.0:
            begin_search(watch, space, lane)
            busy += watch.lanes[BUSY_WITH, lane]
    while busy:
        _interpolate(space, size, methods)
        _evaluate(watch, space, size, parameters, NEXT_SEEN, SEEN, watch.signs[FOUND])
        busy = 0.0
        for lane in range(W):
            if watch.lanes[BUSY_WITH, lane] != AT_REST:
                _go_on(watch, space, lane)
                busy += watch.lanes[BUSY_WITH, lane]
    return _limit(watch, space, size, flags, methods)


@njit(cache=True, nogil=True, _nrt=False)
def _interpolate(space, size, methods):
    """The states of all lanes at their times NEXT_SEEN."""
    at = space.ctypes.data
    tsit5.interpolate(at, size, 0.0, 0.0)
    if methods & STIFFLY:
        rodas5p.interpolate(at, size, 0.0, 0.0)


@njit(cache=True, nogil=True, _nrt=False)
def _take_looks(watch, space, size, parameters, methods):
    """The differences at the start of the step and at all looks."""
    _evaluate(watch, space, size, parameters, TIME, STATE, watch.signs[LOOK])
    for look in range(1, LOOKS + 1):
        for lane in range(W):
            space[NEXT_SEEN + lane] = look_time(space, lane, look)
        _interpolate(space, size, methods)
        _evaluate(watch, space, size, parameters, NEXT_SEEN, SEEN, watch.signs[LOOK + look])


@njit(cache=True, nogil=True, _nrt=False)
def _go_on(watch, space, lane):
    """Make use of a look within a bracket or at a vertex; the differences are in ``found``."""
    if narrow(watch, space, lane):
        _cross(watch, space, lane)


@njit(cache=True, nogil=True, _nrt=False)
def _cross(watch, space, lane):
    """Take a crossing over: the step ends there if an event fires, else the search goes on behind it."""
    take_crossing(watch, lane)
    _decide(watch, watch.signs[INSTANT])
    fired = fires(watch.queue, lane, watch.truth)
    if not fired:
        # None has become true; those that have become false cancel what must not outlive them.
        update(watch.queue, lane, watch.truth, watch.equations, 0.0)
        _decide(watch, watch.signs[LEFT])
        fired = fires(watch.queue, lane, watch.truth)
    if fired:
        watch.lanes[CUT_SHORT, lane], watch.lanes[BUSY_WITH, lane] = 1.0, AT_REST
        return
    update(watch.queue, lane, watch.truth, watch.equations, 0.0)
    go_past(watch, space, lane)


@njit(cache=True, nogil=True, _nrt=False)
def _limit(watch, space, size, flags, methods):
    """Keep the states at crossings, and say until when each lane is observed before anything happens to it."""
    crossed = False
    for lane in range(W):
        crossed = crossed or watch.lanes[CUT_SHORT, lane] != 0
        space[NEXT_SEEN + lane] = (
            watch.lanes[AFTER, lane] if watch.lanes[CUT_SHORT, lane] else space[TIME + lane]
        )
    if crossed:
        _interpolate(space, size, methods)
    for lane in range(W):
        space[NEXT_SEEN + lane] = watch.lanes[NEXT_WANTED, lane]
        if watch.lanes[CUT_SHORT, lane]:
            for q in range(size // W):
                watch.states[q, lane] = space[row(size, SEEN) + q * W + lane]
            space[NEXT_TIME + lane] = watch.lanes[BEFORE, lane]
            flags |= 1 << (ENDS + lane)
        elif flags >> (ENDS + lane) & 1:
            # What is seen at its stop is what is there after all that happens then.
            watch.lanes[AFTER, lane] = space[NEXT_TIME + lane]
            space[NEXT_TIME + lane] = np.nextafter(watch.lanes[AFTER, lane], -np.inf)
        if not watch.lanes[NEXT_WANTED, lane] <= space[NEXT_TIME + lane]:
            flags &= ~(1 << lane)
    return flags


@njit(cache=True, nogil=True, _nrt=False)
def end_steps(watch, space, size, flags):
    """Put the lanes that end their step where they end it."""
    for lane in range(W):
        if flags >> (ENDS + lane) & 1:
            space[NEXT_TIME + lane] = watch.lanes[AFTER, lane]
            if watch.lanes[CUT_SHORT, lane]:
                space[FRESH + lane] = 1.0
                for q in range(size // W):
                    space[row(size, NEW_STATE) + q * W + lane] = watch.states[q, lane]
