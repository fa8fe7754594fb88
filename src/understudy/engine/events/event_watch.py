"""Event watch: finds the crossings within the steps of eight lanes, and carries out what they set off.

It stands between the time loop, which knows no events of this kind, and `crossing` and `event_queue`, which know no
steps. The differences, conditions and equations of the events are addresses (see `event_code`): no model is known here.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from understudy.engine.code.pointer import call_readout
from understudy.engine.events.crossing import (
    NARROW,
    any_differs,
    estimate,
    is_followed,
    propose,
    sign,
    sign_behind,
    vertex,
)
from understudy.engine.events.event_queue import (
    begin,
    choose,
    execute,
    fires,
    update,
)
from understudy.engine.events.event_space import (
    AFTER,
    AT_REST,
    AT_VERTEX,
    BEFORE,
    BRACKET,
    BUSY_WITH,
    CUT_SHORT,
    FAR,
    FOUND,
    INSTANT,
    KNOWN,
    LEFT,
    LOOK,
    LOOKS,
    LOWER,
    NARROWING,
    NEXT_LOOK,
    NEXT_WANTED,
    TRIES,
    UPPER,
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
    STEP,
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
        _take_signs(watch, lane, crossed, instant)
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
def _take_signs(watch, lane, crossed, instant):
    """The signs in force; at a crossing a difference that nothing has changed has the sign that it leaves with."""
    signs = watch.signs
    for k in range(signs.shape[1]):
        if instant:
            signs[KNOWN, k, lane] = signs[INSTANT, k, lane]
        elif crossed and signs[FOUND, k, lane] == signs[UPPER, k, lane]:
            signs[KNOWN, k, lane] = signs[LEFT, k, lane]
        else:
            signs[KNOWN, k, lane] = sign(signs[FOUND, k, lane])


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
        watch.lanes[BEFORE, lane] = space[TIME + lane]
        watch.lanes[NEXT_LOOK, lane], watch.lanes[BUSY_WITH, lane] = 1.0, AT_REST
        if space[ACCEPTED + lane] > 0.0:
            for k in range(watch.signs.shape[1]):
                watch.signs[LOWER, k, lane] = watch.signs[LOOK, k, lane]
            if _is_too_long(watch, lane) and not any_differs(watch.signs[LOOK + 1], watch.signs[KNOWN], lane):
                _end_at_first_look(watch, space, lane)
            else:
                _scan(watch, space, lane)
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
def _look_time(space, lane, look):
    """Time of a look at a step."""
    if look == LOOKS:
        return space[NEXT_TIME + lane]
    return space[TIME + lane] + space[STEP + lane] * (look / LOOKS)


@njit(cache=True, nogil=True, _nrt=False)
def _take_looks(watch, space, size, parameters, methods):
    """The differences at the start of the step and at all looks."""
    _evaluate(watch, space, size, parameters, TIME, STATE, watch.signs[LOOK])
    for look in range(1, LOOKS + 1):
        for lane in range(W):
            space[NEXT_SEEN + lane] = _look_time(space, lane, look)
        _interpolate(space, size, methods)
        _evaluate(watch, space, size, parameters, NEXT_SEEN, SEEN, watch.signs[LOOK + look])


@njit(cache=True, nogil=True, _nrt=False)
def _is_too_long(watch, lane):
    """Whether a step is too long for its looks to show what a restless difference does."""
    followed = True
    for k in range(watch.restless.size):
        followed = followed and (not watch.restless[k] or is_followed(watch.signs[LOOK:], k, lane))
    return not followed


@njit(cache=True, nogil=True, _nrt=False)
def _end_at_first_look(watch, space, lane):
    """End the step at its first look; nothing happens there."""
    watch.lanes[BEFORE, lane] = watch.lanes[AFTER, lane] = _look_time(space, lane, 1)
    for k in range(watch.signs.shape[1]):
        watch.signs[INSTANT, k, lane] = watch.signs[LEFT, k, lane] = watch.signs[KNOWN, k, lane]
        watch.signs[UPPER, k, lane] = watch.signs[LOOK + 1, k, lane]
    watch.lanes[CUT_SHORT, lane] = 1.0


@njit(cache=True, nogil=True, _nrt=False)
def _scan(watch, space, lane):
    """Go from look to look until there is a bracket to narrow or a vertex to look at; else the lane is done."""
    watch.lanes[BUSY_WITH, lane] = AT_REST
    while watch.lanes[NEXT_LOOK, lane] <= LOOKS:
        look = int(watch.lanes[NEXT_LOOK, lane])
        if any_differs(watch.signs[LOOK + look], watch.signs[KNOWN], lane):
            _bracket(watch, space, lane, _look_time(space, lane, look), watch.signs[LOOK + look])
            return
        watch.lanes[NEXT_LOOK, lane] += 1
        at = _first_vertex(watch, space, lane, look) if look < LOOKS else np.inf
        if at < np.inf:
            watch.lanes[BUSY_WITH, lane] = AT_VERTEX
            space[NEXT_SEEN + lane] = at
            return


@njit(cache=True, nogil=True, _nrt=False)
def _first_vertex(watch, space, lane, look):
    """The first vertex, after what is known, of parabolas through three looks; infinite where there is none."""
    left, middle = _look_time(space, lane, look - 1), _look_time(space, lane, look)
    right = _look_time(space, lane, look + 1)
    first = np.inf
    for k in range(watch.signs.shape[1]):
        a, b = watch.signs[LOOK + look - 1, k, lane], watch.signs[LOOK + look, k, lane]
        c = watch.signs[LOOK + look + 1, k, lane]
        at = vertex(left, middle, right, a, b, c)
        if watch.lanes[BEFORE, lane] < at < first:
            first = at
    return first


@njit(cache=True, nogil=True, _nrt=False)
def _bracket(watch, space, lane, after, upper):
    """Begin to narrow the bracket from the last time at which nothing had changed to `after`."""
    nearest = 0
    for look in range(1, LOOKS):
        at = _look_time(space, lane, look)
        # A look that a crossing has already been found behind tells nothing new.
        if watch.lanes[BEFORE, lane] < at < after and not any_differs(
            watch.signs[LOOK + look], watch.signs[KNOWN], lane
        ):
            nearest = look
    for k in range(watch.signs.shape[1]):
        if nearest:
            watch.signs[LOWER, k, lane] = watch.signs[LOOK + nearest, k, lane]
        watch.signs[UPPER, k, lane] = watch.signs[FAR, k, lane] = upper[k, lane]
    if nearest:
        watch.lanes[BEFORE, lane] = _look_time(space, lane, nearest)
    watch.lanes[AFTER, lane], watch.lanes[BRACKET, lane] = after, after - watch.lanes[BEFORE, lane]
    watch.lanes[TRIES, lane], watch.lanes[BUSY_WITH, lane] = 0, NARROWING
    _propose(watch, space, lane)


@njit(cache=True, nogil=True, _nrt=False)
def _tolerance(watch, lane):
    """How wide a bracket may stay."""
    return NARROW * max(abs(watch.lanes[BEFORE, lane]), abs(watch.lanes[AFTER, lane]))


@njit(cache=True, nogil=True, _nrt=False)
def _propose(watch, space, lane):
    """Where a bracket is looked into next."""
    before, after = watch.lanes[BEFORE, lane], watch.lanes[AFTER, lane]
    guess = estimate(before, after, watch.signs[LOWER], watch.signs[UPPER], watch.signs[KNOWN], lane)
    width, tolerance = watch.lanes[BRACKET, lane], _tolerance(watch, lane)
    space[NEXT_SEEN + lane] = propose(before, after, guess, watch.lanes[TRIES, lane], width, tolerance)


@njit(cache=True, nogil=True, _nrt=False)
def _go_on(watch, space, lane):
    """Make use of a look within a bracket or at a vertex; the differences are in ``found``."""
    at, changed = space[NEXT_SEEN + lane], any_differs(watch.signs[FOUND], watch.signs[KNOWN], lane)
    if watch.lanes[BUSY_WITH, lane] == AT_VERTEX:
        if changed:
            _bracket(watch, space, lane, at, watch.signs[FOUND])
        else:
            _scan(watch, space, lane)
    else:
        side = watch.signs[UPPER] if changed else watch.signs[LOWER]
        for k in range(watch.signs.shape[1]):
            side[k, lane] = watch.signs[FOUND, k, lane]
        if changed:
            watch.lanes[AFTER, lane] = at
        else:
            watch.lanes[BEFORE, lane] = at
        watch.lanes[TRIES, lane] += 1
        _propose(watch, space, lane)
    if watch.lanes[BUSY_WITH, lane] == NARROWING and _is_narrow(watch, space, lane):
        _cross(watch, space, lane)


@njit(cache=True, nogil=True, _nrt=False)
def _is_narrow(watch, space, lane):
    """Whether a bracket cannot or need not be narrowed any more."""
    at, before, after = space[NEXT_SEEN + lane], watch.lanes[BEFORE, lane], watch.lanes[AFTER, lane]
    return after - before <= _tolerance(watch, lane) or not before < at < after


@njit(cache=True, nogil=True, _nrt=False)
def _cross(watch, space, lane):
    """Take a crossing over: the step ends there if an event fires, else the search goes on behind it."""
    signs = watch.signs
    for k in range(signs.shape[1]):
        left = sign_behind(signs[KNOWN, k, lane], signs[UPPER, k, lane], signs[FAR, k, lane])
        signs[LEFT, k, lane] = left
        signs[INSTANT, k, lane] = 0.0 if signs[KNOWN, k, lane] * left < 0.0 else left
    _decide(watch, signs[INSTANT])
    fired = fires(watch.queue, lane, watch.truth)
    if not fired:
        # None has become true; those that have become false cancel what must not outlive them.
        update(watch.queue, lane, watch.truth, watch.equations, 0.0)
        _decide(watch, signs[LEFT])
        fired = fires(watch.queue, lane, watch.truth)
    if fired:
        watch.lanes[CUT_SHORT, lane], watch.lanes[BUSY_WITH, lane] = 1.0, AT_REST
        return
    update(watch.queue, lane, watch.truth, watch.equations, 0.0)
    for k in range(signs.shape[1]):
        signs[KNOWN, k, lane], signs[LOWER, k, lane] = signs[LEFT, k, lane], signs[UPPER, k, lane]
    watch.lanes[BEFORE, lane] = watch.lanes[AFTER, lane]
    look = int(watch.lanes[NEXT_LOOK, lane])
    while look <= LOOKS and _look_time(space, lane, look) <= watch.lanes[BEFORE, lane]:
        look += 1
    watch.lanes[NEXT_LOOK, lane] = look
    _scan(watch, space, lane)


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
