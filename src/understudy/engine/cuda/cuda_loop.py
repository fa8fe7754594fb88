"""The solver loop for NVIDIA devices: Tsitouras' method, one patient a thread, all events inside.

Method and coefficients are those of `tsit5`, which names their source. A patient's numbers depend on no other patient.
The model is a device function: this file knows no model. Without a device the same functions run in Numba's simulator.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import cuda

from understudy.engine.kernel import tsit5
from understudy.engine.problem import BAD_PARAMETER, NEVER, NOT_FINITE, OK, STEP_COLLAPSED, TOO_MANY_STEPS
from understudy.engine.timeline import (
    ADD,
    BOLUS,
    FLOW,
    PROFILE,
    RATE,
    REINITIALISE,
    ROW,
    SET,
    STEADY,
    STOP_INFUSIONS,
)

# As in `step_control` and `time_loop`.
_SAFETY, _SHRINK, _GROW, _EXPONENT, _BACK_OFF = 0.9, 0.2, 5.0, -0.2, 0.1
_SMALLEST, _SMALLEST_OF_SPAN = 1e-14, 1e-30
_SEED, _PROFILE_SEED = 1e-10, 1e-3


class DeviceLine(NamedTuple):
    """What a thread reads: the arrays of `Line` that the loop uses, on the device."""

    event_start: np.ndarray
    event_time: np.ndarray
    event_kind: np.ndarray
    event_target: np.ndarray
    event_value: np.ndarray
    seen_start: np.ndarray
    seen_time: np.ndarray
    seen_after: np.ndarray
    first_row: np.ndarray
    start_time: np.ndarray
    start: np.ndarray
    initial: np.ndarray
    steady: np.ndarray
    steady_row: np.ndarray
    table: np.ndarray
    slots: np.ndarray
    flow: np.ndarray
    floor: np.ndarray
    row_width: int


class DeviceFound(NamedTuple):
    """What a thread writes: arrays of `Solution`."""

    states: np.ndarray
    status: np.ndarray
    failed_at: np.ndarray
    steps: np.ndarray


@cuda.jit(device=True)
def _raise_peaks(peak, y):
    """The largest value that each state has had; minus its seed while it has had none."""
    for q in range(y.size):
        size = abs(y[q])
        if size > 0.0 and size > peak[q]:
            peak[q] = size


@cuda.jit(device=True)
def _begin(line, patient, y, p, r, peak, used):
    """A patient's states, parameters and scales at the start."""
    largest, profiled = 0.0, 0.0
    for q in range(y.size):
        largest = max(largest, abs(line.start[patient, q]))
    for event in range(line.event_start[patient], line.event_start[patient + 1]):
        kind = line.event_kind[event]
        if kind in (BOLUS, RATE, PROFILE):
            largest = max(largest, abs(line.event_value[event]))
        if kind == PROFILE:
            profiled = max(profiled, abs(line.event_value[event]))
    seed = max(_SEED * largest, _PROFILE_SEED * profiled)
    for q in range(y.size):
        y[q], r[q], peak[q] = line.start[patient, q], 0.0, -seed
    _raise_peaks(peak, y)
    for q in range(line.table.shape[1]):
        p[q] = line.table[line.first_row[patient], q]
    for i in range(used.size):
        used[i] = 0


@cuda.jit(device=True)
def _apply_event(line, event, time, y, p, r, used):
    """One event, as `apply_event` of `line` does it for one lane."""
    kind, target, value = line.event_kind[event], line.event_target[event], line.event_value[event]
    if kind == BOLUS:
        y[target] += value
    elif kind == SET:
        y[target] = value
    elif kind == RATE:
        r[target] += value
    elif kind == ROW:
        for q in range(line.row_width):
            p[q] = line.table[target, q]
    elif kind == STEADY:
        for q in range(y.size):
            if value == ADD:
                y[q] += line.steady[target, q] - line.initial[line.steady_row[target], q]
            else:
                y[q] = line.steady[target, q]
    elif kind == PROFILE:
        column = line.slots[target, 0] + 2 * used[target]
        p[column], p[column + 1] = value, time
        used[target] += 1
    elif kind in (REINITIALISE, STOP_INFUSIONS):
        for q in range(y.size):
            r[q] = 0.0
            if kind == REINITIALISE:
                y[q] = line.initial[target, q]
        for i in range(line.slots.shape[0]):
            for s in range(line.slots[i, 1]):
                column = line.slots[i, 0] + 2 * s
                p[column], p[column + 1] = 0.0, NEVER
            used[i] = 0


@cuda.jit(device=True)
def _write(states, row, y):
    for q in range(y.size):
        states[row, q] = y[q]


@cuda.jit(device=True)
def _add_flow(line, flow, y, slope):
    """Move the sensitivities by the derivatives of the states, so much for each direction."""
    directions = line.flow.shape[1]
    own = y.size // (1 + directions)
    for m in range(directions):
        for q in range(own):
            y[own * (1 + m) + q] += line.flow[flow, m] * slope[q]


def make_kernel(right_hand_side, states: int, parameters: int, inputs: int, real: type):
    """A kernel for models of given sizes.

    Parameters
    ----------
    right_hand_side : device function
        ``right_hand_side(t, y, p, r, dy)``.
    states, parameters, inputs : int
        Sizes of a thread's own arrays.
    real : {np.float64, np.float32}
        What it computes in. Times and step sizes have 64 bits always.
    """
    parameters, inputs = max(parameters, 1), max(inputs, 1)
    tiny = real(1e-300) if real is np.float64 else real(1e-30)
    c2, c3, c4, c5 = tsit5.C2, tsit5.C3, tsit5.C4, tsit5.C5
    a21, a31, a32 = real(tsit5.A21), real(tsit5.A31), real(tsit5.A32)
    a41, a42, a43 = real(tsit5.A41), real(tsit5.A42), real(tsit5.A43)
    a51, a52, a53, a54 = real(tsit5.A51), real(tsit5.A52), real(tsit5.A53), real(tsit5.A54)
    a61, a62, a63 = real(tsit5.A61), real(tsit5.A62), real(tsit5.A63)
    a64, a65 = real(tsit5.A64), real(tsit5.A65)
    b1, b2, b3 = real(tsit5.B1), real(tsit5.B2), real(tsit5.B3)
    b4, b5, b6 = real(tsit5.B4), real(tsit5.B5), real(tsit5.B6)
    e1, e2, e3, e4 = real(tsit5.E1), real(tsit5.E2), real(tsit5.E3), real(tsit5.E4)
    e5, e6, e7 = real(tsit5.E5), real(tsit5.E6), real(tsit5.E7)
    interpolant, rounding = tsit5.INTERPOLANT, float(np.finfo(real).eps)

    @cuda.jit(device=True)
    def try_step(t, step, stop, y, p, r, floor, k, work, y1):
        """All stages of one step; the first derivative is known. Leaves in `work` what was cut off."""
        h = real(step)
        # Just before the stop, where an equation may change its form in time.
        latest = stop - abs(stop) * rounding
        for q in range(states):
            work[q] = y[q] + h * (a21 * k[0, q])
        right_hand_side(min(t + c2 * step, latest), work, p, r, k[1])
        for q in range(states):
            work[q] = y[q] + h * (a31 * k[0, q] + a32 * k[1, q])
        right_hand_side(min(t + c3 * step, latest), work, p, r, k[2])
        for q in range(states):
            work[q] = y[q] + h * (a41 * k[0, q] + a42 * k[1, q] + a43 * k[2, q])
        right_hand_side(min(t + c4 * step, latest), work, p, r, k[3])
        for q in range(states):
            work[q] = y[q] + h * (a51 * k[0, q] + a52 * k[1, q] + a53 * k[2, q] + a54 * k[3, q])
        right_hand_side(min(t + c5 * step, latest), work, p, r, k[4])
        for q in range(states):
            work[q] = y[q] + h * (
                a61 * k[0, q] + a62 * k[1, q] + a63 * k[2, q] + a64 * k[3, q] + a65 * k[4, q]
            )
        right_hand_side(min(t + step, latest), work, p, r, k[5])
        for q in range(states):
            y1[q] = y[q] + h * (
                b1 * k[0, q] + b2 * k[1, q] + b3 * k[2, q] + b4 * k[3, q] + b5 * k[4, q] + b6 * k[5, q]
            )
            # How far a state falls below its floor counts as error.
            work[q] = max(floor[q] - y1[q], real(0.0))
            y1[q] = max(y1[q], floor[q]) if y1[q] == y1[q] else y1[q]
        right_hand_side(min(t + step, latest), y1, p, r, k[6])

    @cuda.jit(device=True)
    def largest_error(step, relative, absolute, y, y1, k, cut, peak):
        """Largest error, in units of what is allowed."""
        error, h = real(0.0), real(step)
        for q in range(states):
            e = h * (
                e1 * k[0, q]
                + e2 * k[1, q]
                + e3 * k[2, q]
                + e4 * k[3, q]
                + e5 * k[4, q]
                + e6 * k[5, q]
                + e7 * k[6, q]
            )
            e = max(abs(e), cut[q]) / (relative * max(abs(y[q]), abs(y1[q])) + absolute * abs(peak[q]) + tiny)
            # The comparison is turned round so that not-a-number is kept, and later rejected.
            error = error if e <= error else e
        return error

    @cuda.jit(device=True)
    def first_step(span, relative, absolute, y, slope, peak):
        """A step that changes no state by more than a hundredth of its scale."""
        size, speed = real(0.0), real(0.0)
        for q in range(states):
            allowed = relative * abs(y[q]) + absolute * abs(peak[q]) + tiny
            size, speed = max(size, abs(y[q]) / allowed), max(speed, abs(slope[q]) / allowed)
        guess = 0.01 * size / speed if speed > 0.0 else 0.0
        return min(guess, span) if guess > 1e-12 * span else 1e-6 * span

    @cuda.jit(device=True)
    def interpolate(found, row, theta, step, y, k):
        """Write the states a fraction `theta` into the step."""
        weights = cuda.const.array_like(interpolant)
        for q in range(states):
            value = y[q]
            for i in range(7):
                w = weights[i, 0] + theta * (weights[i, 1] + theta * (weights[i, 2] + theta * weights[i, 3]))
                value += real(step * theta * w) * k[i, q]
            found[row, q] = value

    @cuda.jit
    def kernel(order, relative, absolute, max_steps, line, found):
        thread = cuda.grid(1)
        if thread >= order.size:
            return
        patient = order[thread]
        y, y1 = cuda.local.array(states, real), cuda.local.array(states, real)
        work, r = cuda.local.array(states, real), cuda.local.array(states, real)
        peak, k = cuda.local.array(states, real), cuda.local.array((7, states), real)
        p, used = cuda.local.array(parameters, real), cuda.local.array(inputs, np.int64)
        _begin(line, patient, y, p, r, peak, used)
        relative, absolute = real(relative), real(absolute)
        first, event, end = (
            line.event_start[patient],
            line.event_start[patient],
            line.event_start[patient + 1],
        )
        row, last = line.seen_start[patient], line.seen_start[patient + 1]
        t, h, steps, failure, fresh = line.start_time[patient], 0.0, 0, OK, True
        while failure == OK:
            # Observations and events of this very time, in their order.
            while True:
                while row < last and line.seen_after[row] == event - first and line.seen_time[row] <= t:
                    _write(found.states, row, y)
                    row += 1
                if event == end or not line.event_time[event] <= t:
                    break
                if line.event_kind[event] == FLOW:
                    right_hand_side(t, y, p, r, work)
                    _add_flow(line, line.event_target[event], y, work)
                else:
                    _apply_event(line, event, t, y, p, r, used)
                event += 1
                fresh = True
            if row >= last:
                break
            stop = line.event_time[event] if event < end else line.seen_time[last - 1]
            if not stop < np.inf:
                failure = BAD_PARAMETER
                break
            if fresh:
                right_hand_side(t + abs(t) * rounding, y, p, r, k[0])
                _raise_peaks(peak, y)
                h = first_step(stop - t, relative, absolute, y, k[0], peak)
                fresh = False
            taken = 0
            while failure == OK and t < stop:
                left = stop - t
                # A last sliver is taken together with the step before it.
                step = left if h * 1.001 >= left else h
                try_step(t, step, stop, y, p, r, line.floor, k, work, y1)
                error = largest_error(step, relative, absolute, y, y1, k, work, peak)
                taken += 1
                if error <= 1.0:
                    now = stop if step == left else t + step
                    while row < last and line.seen_after[row] == event - first and line.seen_time[row] <= now:
                        interpolate(found.states, row, (line.seen_time[row] - t) / step, step, y, k)
                        row += 1
                    for q in range(states):
                        y[q], k[0, q] = y1[q], k[6, q]
                    _raise_peaks(peak, y)
                    wanted = step * real(_SAFETY) * max(error, real(1e-10)) ** real(_EXPONENT)
                    wanted = max(_SHRINK * step, min(_GROW * step, wanted))
                    # A step cut short by an event says little about the next one.
                    h = max(h, wanted) if step == left else wanted
                    t = now
                else:
                    finite = error < np.inf
                    factor = max(real(_SHRINK), real(_SAFETY) * error ** real(_EXPONENT))
                    h = step * factor if finite else step * _BACK_OFF
                    if not h > max(_SMALLEST * abs(t), _SMALLEST_OF_SPAN * left):
                        failure = STEP_COLLAPSED if finite else NOT_FINITE
                if failure == OK and taken >= max_steps and t < stop:
                    failure = TOO_MANY_STEPS
            steps += taken
        found.status[patient], found.steps[patient] = failure, steps
        if failure != OK:
            found.failed_at[patient] = t

    return kernel
