"""Event watch: finds the crossings within the steps of eight lanes, and carries out what they set off.

It stands between the time loop, which knows no events of this kind, and `crossing` and `event_queue`, which know no
steps. The differences, conditions and equations of the events are addresses (see `event_code`): no model is known here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from understudy.engine import rodas5p, tsit5
from understudy.engine.compiler import address
from understudy.engine.crossing import NARROW, any_differs, estimate, is_followed, propose, sign, vertex
from understudy.engine.event_code import CHANGES, CONDITIONS, DIFFERENCES, changes, event_code
from understudy.engine.event_queue import (
    Queue,
    Rules,
    begin,
    choose,
    execute,
    fires,
    forget,
    make_queue,
    next_time,
    rules_of,
    update,
)
from understudy.engine.lane_space import (
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
from understudy.engine.lanes import WIDTH as W
from understudy.engine.pointer import call_readout
from understudy.engine.problem import OK, STIFFLY
from understudy.engine.step_control import ENDS
from understudy.engine.trigger import restless, watch
from understudy.model.model import Model

# Looks at the differences within a step; a quarter of a step is short against all that its error estimate lets happen.
LOOKS = 4
# What a lane is about: nothing, narrowing a bracket, or looking at the vertex of a parabola.
_REST, _NARROW, _VERTEX = range(3)


class Watch(NamedTuple):
    """Working space of one thread for the events of a model; ``watched`` is False where it has none.

    ``differences``, ``conditions`` and ``changes`` are addresses. ``restless`` marks the differences that may go up and
    down faster than the states. All other arrays end with the eight lanes, but those of the `Queue`: ``known`` are the
    signs in force, ``instant`` those that hold only at a crossing; ``looks`` are the differences at the looks of a
    step; ``cut`` marks lanes whose step ends at a crossing, in ``states``.
    """

    watched: bool
    differences: int
    conditions: int
    changes: int
    rules: Rules
    queue: Queue
    restless: np.ndarray
    known: np.ndarray
    instant: np.ndarray
    looks: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    found: np.ndarray
    truth: np.ndarray
    equations: np.ndarray
    states: np.ndarray
    before: np.ndarray
    after: np.ndarray
    width: np.ndarray
    seen: np.ndarray
    mode: np.ndarray
    look: np.ndarray
    tries: np.ndarray
    cut: np.ndarray


def make_watch(model: Model) -> Watch:
    """Working space of one thread; the events of the model change states only (see `discrete_state`)."""
    rules = rules_of(model.events, model.state_names)
    code = event_code(model) if model.events else ""
    known = len(watch(model).differences)
    table = lambda *shape: np.zeros((*shape, W))  # noqa: E731
    return Watch(
        bool(model.events),
        *[address(code, name) if code else 0 for name in (DIFFERENCES, CONDITIONS, CHANGES)],
        rules,
        make_queue(rules, W),
        restless(model),
        *[table(known), table(known), table(LOOKS + 1, known), table(known), table(known), table(known)],
        *[table(len(model.events)), table(len(changes(model))), table(len(model.states))],
        *[np.zeros(W) for _ in range(4)],
        *[np.zeros(W, dtype=np.int64) for _ in range(4)],
    )


@njit(cache=True, nogil=True, _nrt=False)
def begin_watch(watch, lane):
    """A new patient in a lane."""
    begin(watch.rules, watch.queue, lane)
    watch.cut[lane] = 0


@njit(cache=True, nogil=True, _nrt=False)
def forget_events(watch, lane):
    """After a reset: as before the start."""
    forget(watch.rules, watch.queue, lane)


@njit(cache=True, nogil=True, _nrt=False)
def next_execution(watch, lane):
    """When the next execution that waits is due."""
    return next_time(watch.queue, lane)


@njit(cache=True, nogil=True, _nrt=False)
def _evaluate(watch, space, size, parameters, when, where, out):
    """The differences at a vector of times and a row of states."""
    at = space.ctypes.data
    call_readout(watch.differences, at + 8 * when, at + 8 * row(size, where), parameters, out.ctypes.data)


@njit(cache=True, nogil=True, _nrt=False)
def _decide(watch, signs):
    """The truth of every trigger, from the signs of the differences."""
    at = signs.ctypes.data
    call_readout(watch.conditions, at, at, at, watch.truth.ctypes.data)


@njit(cache=True, nogil=True, _nrt=False)
def settle(watch, space, size, parameters, lane):
    """Fire and execute all that is due in a lane at its time, until nothing is; returns a status."""
    now, at = space[TIME + lane], space.ctypes.data
    begin_state = row(size, STATE)
    states = space[begin_state : begin_state + size].reshape(size // W, W)
    # At a crossing, first what holds only at that very instant.
    instant = watch.cut[lane] != 0
    watch.cut[lane] = 0
    while True:
        _evaluate(watch, space, size, parameters, TIME, STATE, watch.found)
        for k in range(watch.known.shape[0]):
            watch.known[k, lane] = watch.instant[k, lane] if instant else sign(watch.found[k, lane])
        _decide(watch, watch.known)
        where = at + 8 * begin_state
        call_readout(watch.changes, at + 8 * TIME, where, parameters, watch.equations.ctypes.data)
        status = update(watch.rules, watch.queue, lane, watch.truth, watch.equations, now)
        if status != OK:
            return status
        slot = choose(watch.rules, watch.queue, lane, watch.equations, now)
        if slot >= 0:
            space[FRESH + lane] = 1.0
            status = execute(watch.rules, watch.queue, lane, slot, watch.equations, now, states)
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
        watch.seen[lane] = space[NEXT_SEEN + lane]
    _take_looks(watch, space, size, parameters, methods)
    busy = 0
    for lane in range(W):
        watch.before[lane], watch.look[lane], watch.mode[lane] = space[TIME + lane], 1, _REST
        if space[ACCEPTED + lane] > 0.0:
            for k in range(watch.known.shape[0]):
                watch.lower[k, lane] = watch.looks[0, k, lane]
            if _is_too_long(watch, lane) and not any_differs(watch.looks[1], watch.known, lane):
                _end_at_first_look(watch, space, lane)
            else:
                _scan(watch, space, lane)
            busy += watch.mode[lane]
    while busy:
        _interpolate(space, size, methods)
        _evaluate(watch, space, size, parameters, NEXT_SEEN, SEEN, watch.found)
        busy = 0
        for lane in range(W):
            if watch.mode[lane] != _REST:
                _go_on(watch, space, lane)
                busy += watch.mode[lane]
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
    _evaluate(watch, space, size, parameters, TIME, STATE, watch.looks[0])
    for look in range(1, LOOKS + 1):
        for lane in range(W):
            space[NEXT_SEEN + lane] = _look_time(space, lane, look)
        _interpolate(space, size, methods)
        _evaluate(watch, space, size, parameters, NEXT_SEEN, SEEN, watch.looks[look])


@njit(cache=True, nogil=True, _nrt=False)
def _is_too_long(watch, lane):
    """Whether a step is too long for its looks to show what a restless difference does."""
    followed = True
    for k in range(watch.restless.size):
        followed = followed and (not watch.restless[k] or is_followed(watch.looks, k, lane))
    return not followed


@njit(cache=True, nogil=True, _nrt=False)
def _end_at_first_look(watch, space, lane):
    """End the step at its first look; nothing happens there."""
    watch.before[lane] = watch.after[lane] = _look_time(space, lane, 1)
    for k in range(watch.known.shape[0]):
        watch.instant[k, lane] = watch.known[k, lane]
    watch.cut[lane] = 1


@njit(cache=True, nogil=True, _nrt=False)
def _scan(watch, space, lane):
    """Go from look to look until there is a bracket to narrow or a vertex to look at; else the lane is done."""
    watch.mode[lane] = _REST
    while watch.look[lane] <= LOOKS:
        look = watch.look[lane]
        if any_differs(watch.looks[look], watch.known, lane):
            _bracket(watch, space, lane, _look_time(space, lane, look), watch.looks[look])
            return
        watch.look[lane] += 1
        at = _first_vertex(watch, space, lane, look) if look < LOOKS else np.inf
        if at < np.inf:
            watch.mode[lane] = _VERTEX
            space[NEXT_SEEN + lane] = at
            return


@njit(cache=True, nogil=True, _nrt=False)
def _first_vertex(watch, space, lane, look):
    """The first vertex, after what is known, of parabolas through three looks; infinite where there is none."""
    left, middle, right = (
        _look_time(space, lane, look - 1),
        _look_time(space, lane, look),
        _look_time(space, lane, look + 1),
    )
    first = np.inf
    for k in range(watch.known.shape[0]):
        a, b, c = watch.looks[look - 1, k, lane], watch.looks[look, k, lane], watch.looks[look + 1, k, lane]
        at = vertex(left, middle, right, a, b, c)
        if watch.before[lane] < at < first:
            first = at
    return first


@njit(cache=True, nogil=True, _nrt=False)
def _bracket(watch, space, lane, after, upper):
    """Begin to narrow the bracket from the last time at which nothing had changed to `after`."""
    nearest = 0
    for look in range(1, LOOKS):
        at = _look_time(space, lane, look)
        # A look that a crossing has already been found behind tells nothing new.
        if watch.before[lane] < at < after and not any_differs(watch.looks[look], watch.known, lane):
            nearest = look
    for k in range(watch.known.shape[0]):
        if nearest:
            watch.lower[k, lane] = watch.looks[nearest, k, lane]
        watch.upper[k, lane] = upper[k, lane]
    if nearest:
        watch.before[lane] = _look_time(space, lane, nearest)
    watch.after[lane], watch.width[lane] = after, after - watch.before[lane]
    watch.tries[lane], watch.mode[lane] = 0, _NARROW
    _propose(watch, space, lane)


@njit(cache=True, nogil=True, _nrt=False)
def _tolerance(watch, lane):
    """How wide a bracket may stay."""
    return NARROW * max(abs(watch.before[lane]), abs(watch.after[lane]))


@njit(cache=True, nogil=True, _nrt=False)
def _propose(watch, space, lane):
    """Where a bracket is looked into next."""
    before, after = watch.before[lane], watch.after[lane]
    guess = estimate(before, after, watch.lower, watch.upper, watch.known, lane)
    width, tolerance = watch.width[lane], _tolerance(watch, lane)
    space[NEXT_SEEN + lane] = propose(before, after, guess, watch.tries[lane], width, tolerance)


@njit(cache=True, nogil=True, _nrt=False)
def _go_on(watch, space, lane):
    """Make use of a look within a bracket or at a vertex; the differences are in ``found``."""
    at, changed = space[NEXT_SEEN + lane], any_differs(watch.found, watch.known, lane)
    if watch.mode[lane] == _VERTEX:
        if changed:
            _bracket(watch, space, lane, at, watch.found)
        else:
            _scan(watch, space, lane)
    else:
        side = watch.upper if changed else watch.lower
        for k in range(watch.known.shape[0]):
            side[k, lane] = watch.found[k, lane]
        if changed:
            watch.after[lane] = at
        else:
            watch.before[lane] = at
        watch.tries[lane] += 1
        _propose(watch, space, lane)
    if watch.mode[lane] == _NARROW and _is_narrow(watch, space, lane):
        _cross(watch, space, lane)


@njit(cache=True, nogil=True, _nrt=False)
def _is_narrow(watch, space, lane):
    """Whether a bracket cannot or need not be narrowed any more."""
    at, before, after = space[NEXT_SEEN + lane], watch.before[lane], watch.after[lane]
    return after - before <= _tolerance(watch, lane) or not before < at < after


@njit(cache=True, nogil=True, _nrt=False)
def _cross(watch, space, lane):
    """Take a crossing over: the step ends there if an event fires, else the search goes on behind it."""
    for k in range(watch.known.shape[0]):
        after = sign(watch.upper[k, lane])
        passed = watch.known[k, lane] * after < 0.0
        watch.instant[k, lane] = 0.0 if passed else after
    _decide(watch, watch.instant)
    fired = fires(watch.queue, lane, watch.truth)
    for k in range(watch.known.shape[0]):
        watch.found[k, lane] = sign(watch.upper[k, lane])
    if not fired:
        _take_over(watch, lane)
    _decide(watch, watch.found)
    if fired or fires(watch.queue, lane, watch.truth):
        watch.cut[lane], watch.mode[lane] = 1, _REST
        return
    _take_over(watch, lane)
    for k in range(watch.known.shape[0]):
        watch.known[k, lane], watch.lower[k, lane] = watch.found[k, lane], watch.upper[k, lane]
    watch.before[lane] = watch.after[lane]
    while watch.look[lane] <= LOOKS and _look_time(space, lane, watch.look[lane]) <= watch.before[lane]:
        watch.look[lane] += 1
    _scan(watch, space, lane)


@njit(cache=True, nogil=True, _nrt=False)
def _take_over(watch, lane):
    """Triggers that have become false: executions that do not outlive them are cancelled. None has become true."""
    update(watch.rules, watch.queue, lane, watch.truth, watch.equations, 0.0)


@njit(cache=True, nogil=True, _nrt=False)
def _limit(watch, space, size, flags, methods):
    """Keep the states at crossings, and say until when each lane is observed before anything happens to it."""
    crossed = False
    for lane in range(W):
        crossed = crossed or watch.cut[lane] != 0
        space[NEXT_SEEN + lane] = watch.after[lane] if watch.cut[lane] else space[TIME + lane]
    if crossed:
        _interpolate(space, size, methods)
    for lane in range(W):
        space[NEXT_SEEN + lane] = watch.seen[lane]
        if watch.cut[lane]:
            for q in range(size // W):
                watch.states[q, lane] = space[row(size, SEEN) + q * W + lane]
            space[NEXT_TIME + lane] = watch.before[lane]
            flags |= 1 << (ENDS + lane)
        elif flags >> (ENDS + lane) & 1:
            # What is seen at its stop is what is there after all that happens then.
            watch.after[lane] = space[NEXT_TIME + lane]
            space[NEXT_TIME + lane] = np.nextafter(watch.after[lane], -np.inf)
        if not watch.seen[lane] <= space[NEXT_TIME + lane]:
            flags &= ~(1 << lane)
    return flags


@njit(cache=True, nogil=True, _nrt=False)
def end_steps(watch, space, size, flags):
    """Put the lanes that end their step where they end it."""
    for lane in range(W):
        if flags >> (ENDS + lane) & 1:
            space[NEXT_TIME + lane] = watch.after[lane]
            if watch.cut[lane]:
                space[FRESH + lane] = 1.0
                for q in range(size // W):
                    space[row(size, NEW_STATE) + q * W + lane] = watch.states[q, lane]
