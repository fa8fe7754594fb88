"""The solver loop for NVIDIA devices: one patient a thread, all events inside.

It is `time_loop` and `step_control` for one patient. A patient's numbers depend on no other patient. The model is
device functions: this file knows no model. Without a device the same functions run in Numba's simulator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import cuda

from understudy.engine.cuda import implicit_step
from understudy.engine.cuda.device_control import count_held, first_step, next_factor, ought_to_change
from understudy.engine.cuda.device_timeline import add_flow, apply_event, begin, raise_peaks, write
from understudy.engine.cuda.event_steps import Shape, make_event_steps
from understudy.engine.cuda.explicit_step import SLOPES, make_explicit_step
from understudy.engine.events.event_queue import Queue, forget, next_time
from understudy.engine.events.event_space import LOOK, LOOKS, Watch
from understudy.engine.events.event_watch import begin_watch
from understudy.engine.kernel.lane_space import ROWS_BEGIN
from understudy.engine.kernel.step_control import SMALLEST, SMALLEST_OF_SPAN
from understudy.engine.kernel.time_loop import IMPLICIT_SHARE
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

# Arrays of a number for each state that a thread has besides its slopes; the last is for events.
VECTORS = 6


@dataclass(frozen=True)
class Sizes:
    """Sizes of a thread's own arrays."""

    states: int
    parameters: int
    inputs: int


@dataclass(frozen=True, eq=False)
class Events:
    """Events that the states trigger: their shape, and the device functions of `event_code`."""

    shape: Shape
    differences: object
    conditions: object
    equations: object


def make_kernel(
    right_hand_side,
    sizes: Sizes,
    real: type,
    implicit_way: tuple | None = None,
    events: Events | None = None,
):
    """A kernel ``(order, relative, absolute, max_steps, implicit, automatic, line, found)``.

    Parameters
    ----------
    right_hand_side : device function
        ``right_hand_side(t, y, p, r, dy)``.
    sizes : Sizes
    real : {np.float64, np.float32}
        What states are computed in. Times and step sizes have 64 bits always.
    implicit_way : tuple of device functions, optional
        What `make_implicit_step` gives. Without it a patient that turns out stiff is left, to be solved again by a
        kernel that has it.
    events : Events, optional
        Of a model with events that states trigger.
    """
    states, parameters, inputs = sizes.states, max(sizes.parameters, 1), max(sizes.inputs, 1)
    tiny = real(1e-300) if real is np.float64 else real(1e-30)
    rounding, both, watched = float(np.finfo(real).eps), implicit_way is not None, events is not None
    rows = implicit_step.ROWS if both else SLOPES
    explicitly, interpolate_explicitly = make_explicit_step(right_hand_side, states, real)
    implicitly, interpolate_implicitly = implicit_way if both else (explicitly, interpolate_explicitly)

    @cuda.jit(device=True)
    def try_step(implicit, t, step, stop, relative, absolute, y, p, r, floor, allowance, peak, k, work, y1):
        if both and implicit:
            share = real(IMPLICIT_SHARE)
            return implicitly(
                t,
                step,
                stop,
                share * relative,
                share * absolute,
                y,
                p,
                r,
                floor,
                allowance,
                peak,
                k,
                work,
                y1,
            )
        return explicitly(t, step, stop, relative, absolute, y, p, r, floor, allowance, peak, k, work, y1)

    @cuda.jit(device=True)
    def interpolate(implicit, out, theta, step, y, y1, k):
        if both and implicit:
            interpolate_implicitly(out, theta, step, y, y1, k)
        else:
            interpolate_explicitly(out, theta, step, y, y1, k)

    settle = watch_step = rules_table = target_table = restless_table = None
    waiting_shape = counts_shape = signs_shape = truth_shape = values_shape = (1, 1, 1)
    if watched:
        shape = events.shape
        settle, watch_step = make_event_steps(
            events.differences, events.conditions, events.equations, interpolate, states
        )
        rules_table, target_table, restless_table = shape.queue.rules, shape.queue.target, shape.restless
        waiting_shape, counts_shape = shape.queue.waiting.shape, shape.queue.counts.shape
        signs_shape = (LOOK + LOOKS + 1, shape.differences, 1)
        truth_shape, values_shape = (shape.events, 1), (shape.equations, 1)

    @cuda.jit
    def kernel(order, relative, absolute, max_steps, begins_implicitly, automatic, line, found):
        thread = cuda.grid(1)
        if thread >= order.size:
            return
        patient = order[thread]
        y, y1 = cuda.local.array(states, real), cuda.local.array(states, real)
        work, r = cuda.local.array(states, real), cuda.local.array(states, real)
        peak, k = cuda.local.array(states, real), cuda.local.array((rows, states), real)
        p, used = cuda.local.array(parameters, real), cuda.local.array(inputs, np.int64)
        begin(line, patient, y, p, r, peak, used)
        if watched:
            rules, target = cuda.const.array_like(rules_table), cuda.const.array_like(target_table)
            restless = cuda.const.array_like(restless_table)
            waiting, counts = (
                cuda.local.array(waiting_shape, np.float64),
                cuda.local.array(counts_shape, np.float64),
            )
            signs, lanes = cuda.local.array(signs_shape, np.float64), cuda.local.array((8, 1), np.float64)
            truth, values = (
                cuda.local.array(truth_shape, np.float64),
                cuda.local.array(values_shape, np.float64),
            )
            crossed, space = (
                cuda.local.array((states, 1), np.float64),
                cuda.local.array(ROWS_BEGIN, np.float64),
            )
            queue = Queue(rules, target, waiting, counts)
            watch = Watch(True, 0, 0, 0, queue, restless, signs, lanes, truth, values, crossed)
            begin_watch(watch, 0)
        relative, absolute = real(relative), real(absolute)
        first, event, end = (
            line.event_start[patient],
            line.event_start[patient],
            line.event_start[patient + 1],
        )
        row, last = line.seen_start[patient], line.seen_start[patient + 1]
        implicit, methods = begins_implicitly != 0, STIFFLY if begins_implicitly != 0 else EXPLICITLY
        t, h, steps, taken, failure = line.start_time[patient], 0.0, 0, 0, OK
        fresh, crossing, abandoned, held, calm = True, False, False, 0, 0
        while failure == OK and not abandoned:
            if not crossing:
                # Steps between crossings add up: their number has an end even where crossings have none.
                steps += taken
                taken = 0
            crossing = False
            if watched:
                failure, changed = settle(watch, t, y, p)
                fresh = fresh or changed
            # Observations and events of this very time, in their order.
            while failure == OK:
                while row < last and line.seen_after[row] == event - first and line.seen_time[row] <= t:
                    write(found.states, row, y)
                    row += 1
                if event == end or not line.event_time[event] <= t:
                    break
                if line.event_kind[event] == FLOW:
                    right_hand_side(t, y, p, r, work)
                    add_flow(line, line.event_target[event], y, work)
                else:
                    apply_event(line, event, t, y, p, r, used)
                    if watched and line.event_kind[event] == REINITIALISE:
                        forget(watch.queue, 0)
                event += 1
                fresh = True
                if watched:
                    looked_at = row < last and line.seen_after[row] == event - first
                    if not (event < end and line.event_time[event] <= t and not looked_at):
                        failure, changed = settle(watch, t, y, p)
            if failure != OK or row >= last:
                break
            stop = line.event_time[event] if event < end else line.seen_time[last - 1]
            if watched:
                stop = min(stop, min(line.seen_time[last - 1], next_time(watch.queue, 0)))
            if not stop < np.inf:
                failure = BAD_PARAMETER
                break
            if fresh:
                right_hand_side(t + abs(t) * rounding, y, p, r, k[0])
                raise_peaks(peak, y)
                h, calm = first_step(stop - t, relative, absolute, tiny, y, k[0], peak), 0
                fresh = False
            arrived = not t < stop
            while not arrived and not abandoned and failure == OK:
                left = stop - t
                # A last sliver is taken together with the step before it.
                step = left if h * 1.001 >= left else h
                error, radius = try_step(
                    implicit,
                    t,
                    step,
                    stop,
                    relative,
                    absolute,
                    y,
                    p,
                    r,
                    line.floor,
                    line.allowance,
                    peak,
                    k,
                    work,
                    y1,
                )
                taken += 1
                accepted = error <= 1.0
                arrived = accepted and step == left
                wanted = step * next_factor(error)
                # A step cut short by an event says little about the next one.
                h = max(h, wanted) if arrived else wanted
                now = stop if arrived else (t + step if accepted else t)
                spent = not arrived and taken >= max_steps
                held, calm = count_held(radius, accepted, implicit, held, calm)
                change = automatic != 0 and ought_to_change(
                    implicit, held, calm, stop - now, step, wanted, radius
                )
                if accepted:
                    until, inclusive = now, True
                    if watched:
                        crossing, until, now = watch_step(
                            watch, space, implicit, t, step, now, arrived, y, y1, p, k, work
                        )
                        # What is seen where a step ends is what is there after all that happens then.
                        inclusive = crossing or not arrived
                        arrived, fresh = arrived or crossing, crossing
                    while row < last and line.seen_after[row] == event - first:
                        seen = line.seen_time[row]
                        if not (seen < until or (inclusive and seen == until)):
                            break
                        interpolate(implicit, found.states[row], (seen - t) / step, step, y, y1, k)
                        row += 1
                    if watched and crossing:
                        for q in range(states):
                            y1[q] = watch.states[q, 0]
                    for q in range(states):
                        y[q], k[0, q] = y1[q], k[SLOPES - 1, q]
                    raise_peaks(peak, y)
                    t = now
                elif not wanted > max(SMALLEST * abs(t), SMALLEST_OF_SPAN * left):
                    failure = STEP_COLLAPSED if error < np.inf else NOT_FINITE
                if failure == OK and spent:
                    failure = TOO_MANY_STEPS
                if failure == OK and change:
                    implicit = not implicit
                    methods |= STIFFLY if implicit else EXPLICITLY
                    held, calm = 0, 0
                    abandoned = not both
        steps += taken
        found.status[patient], found.steps[patient], found.method[patient] = failure, steps, methods
        if failure != OK:
            found.failed_at[patient] = t
            # Room on the device holds anything before it is written.
            for unseen in range(row, last):
                for q in range(states):
                    found.states[unseen, q] = np.nan

    return kernel
