"""The time loop: eight patients go from event to event, each with its own time, step and place in its timeline.

What happens at every step is done for all lanes at once (`tsit5`, `rodas5p`, `step_control`); what happens at an event
or an observation is done lane by lane here. The model and its Jacobian are addresses: no model is known here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from understudy.engine.code.compiled import compiled, inlined
from understudy.engine.events.event_queue import forget, next_time
from understudy.engine.events.event_watch import (
    begin_watch,
    end_steps,
    settle,
    stands_at_crossing,
    watch_steps,
)
from understudy.engine.kernel import rodas5p, tsit5
from understudy.engine.kernel.lane_code import first_lane
from understudy.engine.kernel.lane_space import (
    CALM,
    ERROR,
    FRESH,
    IMPLICIT,
    INFUSED,
    LIVE,
    NEXT_SEEN,
    NEXT_TIME,
    SEEN,
    STAGE_TIME,
    STATE,
    STIFF,
    STOP,
    TAKEN,
    TIME,
    WORK,
    row,
)
from understudy.engine.kernel.lanes import WIDTH as W
from understudy.engine.kernel.line import apply_event
from understudy.engine.kernel.place import begin
from understudy.engine.kernel.step_control import (
    CHANGE,
    ENDS,
    SPENT,
    STUCK,
    advance,
    begin_steps,
    blend,
    judge,
    look_after,
    set_steps,
)
from understudy.engine.problem import (
    BAD_PARAMETER,
    EXPLICITLY,
    NOT_FINITE,
    OK,
    STEP_COLLAPSED,
    STIFFLY,
    TOO_MANY_STEPS,
)
from understudy.engine.timeline import FLOW, REINITIALISE

_LANES = 2**W - 1
# Implicit steps are long, and what is observed within them lies far from both ends: they may err by less.
IMPLICIT_SHARE = 0.5


class Method(NamedTuple):
    """How to step: tolerances, steps allowed, whether to begin implicitly, and 1 where lanes may change (else 0)."""

    relative: float
    absolute: float
    max_steps: float
    implicit: bool
    automatic: float


@inlined
def _do_what_is_due(line, found, place, watch, model, lane, patient):
    """Observations and events of this very time, in their order."""
    space, size = place.space, line.start.shape[1] * W
    now, end = space[TIME + lane], line.event_start[patient + 1]
    at = row(size, STATE)
    state, infused = space[at : at + size], space[row(size, INFUSED) : row(size, INFUSED) + size]
    _settle(found, place, watch, size, lane, patient)
    while space[LIVE + lane] > 0.0:
        seen = place.seen[lane]
        while (
            seen < place.seen_end[lane]
            and line.seen_after[seen] == place.applied[lane]
            and line.seen_time[seen] <= now
        ):
            for q in range(line.start.shape[1]):
                found.states[seen, q] = state[q * W + lane]
            seen += 1
        place.seen[lane] = seen
        event = place.event[lane]
        if event == end or not line.event_time[event] <= now:
            return
        if line.event_kind[event] == FLOW:
            _add_flow(line, place, model, lane, line.event_target[event])
        else:
            apply_event(line, event, now, lane, W, state, place.parameters, infused, place.used)
            if watch is not None:  # noqa: SIM102
                if line.event_kind[event] == REINITIALISE:
                    forget(watch.queue, lane)
        place.event[lane] += 1
        place.applied[lane] += 1
        space[FRESH + lane] = 1.0
        if not _goes_on(line, place, now, lane, end):
            _settle(found, place, watch, size, lane, patient)


@inlined
def _goes_on(line, place, now, lane, end):
    """Whether another event of the timeline follows at once, with no observation between."""
    event, seen = place.event[lane], place.seen[lane]
    looked_at = seen < place.seen_end[lane] and line.seen_after[seen] == place.applied[lane]
    return event < end and line.event_time[event] <= now and not looked_at


@inlined
def _settle(found, place, watch, size, lane, patient):
    """Carry out what the solution itself sets off at this time."""
    if watch is not None:
        status = settle(watch, place.space, size, place.parameters.ctypes.data, lane)
        if status != OK:
            _fail(found, place.space, lane, patient, status)


@compiled
def _add_flow(line, place, model, lane, flow):
    """Move the sensitivities of a lane by the derivatives of its states, so much for each direction."""
    space, size = place.space, line.start.shape[1] * W
    address, parameters = space.ctypes.data, place.parameters.ctypes.data
    tsit5.derivative(model, address, size, parameters, TIME, STATE, WORK)
    state, slope = row(size, STATE), row(size, WORK)
    directions = line.flow.shape[1]
    own = line.start.shape[1] // (1 + directions)
    for m in range(directions):
        for q in range(own):
            space[state + (own * (1 + m) + q) * W + lane] += line.flow[flow, m] * space[slope + q * W + lane]


@inlined
def _next_stop(line, found, place, watch, lane, patient):
    """Where the lane must stop next: at an event, or at the last observation; or the lane is done."""
    space = place.space
    event, end, last = place.event[lane], line.event_start[patient + 1], place.seen_end[lane]
    _expect(line, place, lane)
    if place.seen[lane] == last:
        space[LIVE + lane] = 0.0
        return
    stop = line.event_time[event] if event < end else line.seen_time[last - 1]
    if watch is not None:
        stop = min(stop, line.seen_time[last - 1], next_time(watch.queue, lane))
    space[STOP + lane] = stop
    if not stop < np.inf:
        _fail(found, space, lane, patient, BAD_PARAMETER)


@inlined
def _expect(line, place, lane):
    """When the lane is observed next, before its next event."""
    seen = place.seen[lane]
    space = place.space
    due = seen < place.seen_end[lane] and line.seen_after[seen] == place.applied[lane]
    space[NEXT_SEEN + lane] = line.seen_time[seen] if due else np.inf


@inlined
def _fail(found, space, lane, patient, code):
    found.status[patient], found.failed_at[patient] = code, space[TIME + lane]
    found.steps[patient] += int(space[TAKEN + lane])
    space[LIVE + lane] = 0.0


@inlined
def _arrive(line, found, place, watch, model, lane, patient):
    """Serve a lane that stands at its stop, and set the next one."""
    space = place.space
    cut = False
    if watch is not None:
        cut = stands_at_crossing(watch, lane)
    if not cut:
        # Steps between crossings add up: their number has an end even where crossings have none.
        found.steps[patient] += int(space[TAKEN + lane])
        space[TAKEN + lane] = 0.0
    _do_what_is_due(line, found, place, watch, model, lane, patient)
    if space[LIVE + lane] > 0.0:
        _next_stop(line, found, place, watch, lane, patient)


@inlined
def _observe(line, found, place, size, lanes, methods):
    """Write the observations within the step, one for each lane in turn, until none of these lanes has any left."""
    space = place.space
    states = row(size, SEEN)
    while lanes:
        tsit5.interpolate(space.ctypes.data, size, 0.0, 0.0)
        if methods & STIFFLY:
            rodas5p.interpolate(space.ctypes.data, size, 0.0, 0.0)
        here = lanes
        # Which lanes have one left is hard to foretell: as few branches as can be.
        while here:
            lane = first_lane(here)
            here &= here - 1
            seen = place.seen[lane]
            at = states + lane
            for q in range(found.states.shape[1]):
                found.states[seen, q] = space[at]
                at += W
            place.seen[lane] = seen + 1
            _expect(line, place, lane)
            lanes ^= (not space[NEXT_SEEN + lane] <= space[NEXT_TIME + lane]) << lane


@compiled
def _give_up(order, block, found, space, flags):
    """Fail the lanes whose step has become too small, or that have taken too many."""
    stuck, spent = flags >> STUCK & _LANES, flags >> SPENT & _LANES
    for lane in range(W):
        if stuck >> lane & 1:
            failure = STEP_COLLAPSED if space[ERROR + lane] < np.inf else NOT_FINITE
            _fail(found, space, lane, order[block + lane], failure)
        elif spent >> lane & 1:
            _fail(found, space, lane, order[block + lane], TOO_MANY_STEPS)


@compiled
def _change_methods(order, block, jacobian, found, space, lanes):
    """Lanes go on by the other method; without a Jacobian a patient is left to be solved again with one."""
    for lane in range(W):
        if lanes >> lane & 1 and space[LIVE + lane] > 0.0:
            space[IMPLICIT + lane] = 1.0 - space[IMPLICIT + lane]
            space[STIFF + lane] = space[CALM + lane] = 0.0
            found.method[order[block + lane]] |= STIFFLY if space[IMPLICIT + lane] > 0.0 else EXPLICITLY
            if jacobian == 0:
                space[LIVE + lane] = 0.0


@inlined
def _methods(space):
    """Methods that the lanes under way need."""
    needed = 0
    for lane in range(W):
        if space[LIVE + lane] > 0.0:
            needed |= STIFFLY if space[IMPLICIT + lane] > 0.0 else EXPLICITLY
    return needed


@inlined
def _begin_block(block, last, order, how, line, found, place, watch):
    """Put eight patients into the lanes; those left over in the last block get its last patient and stand still."""
    for lane in range(W):
        patient = order[min(block + lane, last - 1)]
        begin(line, place, lane, patient, block + lane < last, how.implicit)
        if watch is not None:
            begin_watch(watch, lane)
        if block + lane < last:
            found.method[patient] = STIFFLY if how.implicit else EXPLICITLY


@inlined
def _serve(block, lanes, order, model, how, line, found, place, watch):
    """Events and observations of the lanes that stand at their stop, and their first step after it."""
    space, size = place.space, line.start.shape[1] * W
    at, parameters = space.ctypes.data, place.parameters.ctypes.data
    while lanes:
        lane = first_lane(lanes)
        lanes &= lanes - 1
        if space[LIVE + lane] > 0.0:
            _arrive(line, found, place, watch, model, lane, order[min(block + lane, order.size - 1)])
    look_after(at, size, 0.0, 0.0)
    tsit5.derivative(model, at, size, parameters, STAGE_TIME, STATE, WORK)
    begin_steps(at, size, how.relative, how.absolute)


@njit(cache=True, nogil=True, _nrt=False, error_model="numpy")
def solve_range(first, last, order, model, jacobian, how, line, found, place, watch, implicit):
    """Solve the patients ``order[first:last]``, eight at a time.

    `model` and `jacobian` are addresses; `how` is a `Method`; `found` is filled; `place`, `watch` and `implicit` are
    working space (see `place.make_place`, `make_watch` and `rodas5p.make_implicit`). For a model without events `watch`
    is None, without a Jacobian `implicit` is: what they need is then not compiled.
    """
    space, size, relative, absolute = place.space, line.start.shape[1] * W, how.relative, how.absolute
    at, parameters = space.ctypes.data, place.parameters.ctypes.data
    for block in range(first, last, W):
        _begin_block(block, last, order, how, line, found, place, watch)
        arriving, methods = _LANES, 0
        while True:
            if arriving:
                _serve(block, arriving, order, model, how, line, found, place, watch)
                methods = _methods(space)
            if methods == 0:
                break
            set_steps(at, size, 0.0, 0.0)
            if methods & EXPLICITLY:
                tsit5.try_step(model, at, size, parameters, relative, absolute)
            if implicit is not None:  # noqa: SIM102
                if methods & STIFFLY:
                    allowed = (IMPLICIT_SHARE * relative, IMPLICIT_SHARE * absolute)
                    rodas5p.try_step(model, jacobian, space, size, parameters, implicit, *allowed)
            flags = judge(at, size, how.max_steps, how.automatic)
            if watch is not None:
                flags = watch_steps(watch, space, size, parameters, flags, methods)
            if flags & _LANES:
                _observe(line, found, place, size, flags & _LANES, methods)
            if methods & STIFFLY:
                blend(at, size, 0.0, 0.0)
            if watch is not None:
                end_steps(watch, space, size, flags)
            advance(at, size, 0.0, 0.0)
            arriving = flags >> ENDS & _LANES
            if flags >> STUCK:
                _give_up(order, block, found, space, flags)
                _change_methods(order, block, jacobian, found, space, flags >> CHANGE)
                methods = _methods(space)
