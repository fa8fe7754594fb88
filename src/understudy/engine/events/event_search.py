"""Event search: how the crossings within a step of one lane are looked for, from look to look.

The caller works the differences out, at the times that the search names, and decides what a crossing means
(`event_watch`, and `event_steps` for devices): nothing here calls a model.
"""

from __future__ import annotations

import numpy as np
from numba import njit

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
    TRIES,
    UPPER,
)
from understudy.engine.kernel.lane_space import NEXT_SEEN, NEXT_TIME, STEP, TIME


@njit(cache=True, nogil=True, _nrt=False)
def begin_search(watch, space, lane):
    """Begin in a step that has been accepted; the differences at all its looks are known."""
    watch.lanes[BEFORE, lane] = space[TIME + lane]
    watch.lanes[NEXT_LOOK, lane], watch.lanes[BUSY_WITH, lane] = 1.0, AT_REST
    for k in range(watch.signs.shape[1]):
        watch.signs[LOWER, k, lane] = watch.signs[LOOK, k, lane]
    if _is_too_long(watch, lane) and not any_differs(watch.signs[LOOK + 1], watch.signs[KNOWN], lane):
        _end_at_first_look(watch, space, lane)
    else:
        _scan(watch, space, lane)


@njit(cache=True, nogil=True, _nrt=False)
def narrow(watch, space, lane):
    """Make use of a look within a bracket or at a vertex; whether a crossing has been found."""
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
    return watch.lanes[BUSY_WITH, lane] == NARROWING and _is_narrow(watch, space, lane)


@njit(cache=True, nogil=True, _nrt=False)
def take_crossing(watch, lane):
    """The signs behind a crossing that has been found, and those that hold only there."""
    signs = watch.signs
    for k in range(signs.shape[1]):
        left = sign_behind(signs[KNOWN, k, lane], signs[UPPER, k, lane], signs[FAR, k, lane])
        signs[LEFT, k, lane] = left
        signs[INSTANT, k, lane] = 0.0 if signs[KNOWN, k, lane] * left < 0.0 else left


@njit(cache=True, nogil=True, _nrt=False)
def go_past(watch, space, lane):
    """Go on behind a crossing at which no event fires."""
    signs = watch.signs
    for k in range(signs.shape[1]):
        signs[KNOWN, k, lane], signs[LOWER, k, lane] = signs[LEFT, k, lane], signs[UPPER, k, lane]
    watch.lanes[BEFORE, lane] = watch.lanes[AFTER, lane]
    look = int(watch.lanes[NEXT_LOOK, lane])
    while look <= LOOKS and look_time(space, lane, look) <= watch.lanes[BEFORE, lane]:
        look += 1
    watch.lanes[NEXT_LOOK, lane] = look
    _scan(watch, space, lane)


@njit(cache=True, nogil=True, _nrt=False)
def take_signs(watch, lane, crossed, instant):
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
def look_time(space, lane, look):
    """Time of a look at a step."""
    if look == LOOKS:
        return space[NEXT_TIME + lane]
    return space[TIME + lane] + space[STEP + lane] * (look / LOOKS)


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
    watch.lanes[BEFORE, lane] = watch.lanes[AFTER, lane] = look_time(space, lane, 1)
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
            _bracket(watch, space, lane, look_time(space, lane, look), watch.signs[LOOK + look])
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
    left, middle = look_time(space, lane, look - 1), look_time(space, lane, look)
    right = look_time(space, lane, look + 1)
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
        at = look_time(space, lane, look)
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
        watch.lanes[BEFORE, lane] = look_time(space, lane, nearest)
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
def _is_narrow(watch, space, lane):
    """Whether a bracket cannot or need not be narrowed any more."""
    at, before, after = space[NEXT_SEEN + lane], watch.lanes[BEFORE, lane], watch.lanes[AFTER, lane]
    return after - before <= _tolerance(watch, lane) or not before < at < after
