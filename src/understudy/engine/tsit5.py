"""Tsitouras' explicit Runge-Kutta method of order 5(4) with its free interpolant, eight patients side by side.

Ch. Tsitouras 2011, Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption,
Comput Math Appl 62:770-775, doi:10.1016/j.camwa.2011.06.002 (nodes, weights, interpolant).
First step: Hairer, Nørsett, Wanner 1993, Solving Ordinary Differential Equations I, II.4.

Every lane has its own time, step size and place in its timeline. The model is a pointer: this file knows no model.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from understudy.engine.lanes import WIDTH as W
from understudy.engine.line import apply_event
from understudy.engine.pointer import call_right_hand_side
from understudy.engine.problem import BAD_PARAMETER, NOT_FINITE, OK, STEP_COLLAPSED, TOO_MANY_STEPS
from understudy.engine.timeline import BOLUS, PROFILE, RATE

C2, C3, C4, C5 = 0.161, 0.327, 0.9, 0.9800255409045097
A21 = 0.161
A31, A32 = -0.008480655492356989, 0.335480655492357
A41, A42, A43 = 2.8971530571054935, -6.359448489975075, 4.3622954328695815
A51, A52, A53, A54 = 5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525
A61, A62, A63, A64, A65 = (
    5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383,
)  # fmt: skip
B1, B2, B3, B4, B5, B6 = (
    0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774,
)  # fmt: skip
E1, E2, E3, E4, E5, E6, E7 = (
    -0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995, -0.1447110071732629,
    0.5823571654525552, -0.45808210592918697, 0.015151515151515152,
)  # fmt: skip
# Interpolant: weight i at theta is theta * (c0 + theta * (c1 + theta * (c2 + theta * c3))).
INTERPOLANT = np.array(
    [
        [1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216],
        [0.0, 0.13169999999999998, -0.2234, 0.1017],
        [0.0, 3.9302962368947516, -5.941033872131505, 2.490627285651253],
        [0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902],
        [0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928],
        [0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661],
        [0.0, 1.5, -4.0, 2.5],
    ]
)

_SAFETY, _SHRINK, _GROW, _EXPONENT = 0.9, 0.2, 5.0, -0.2
# A step below this fraction of the time reached can no longer be told from no step.
_SMALLEST = 1e-14
# A state that has been zero so far is measured by these fractions of the largest amount given and of the largest dose
# that enters by a profile. Without them a state that rises from zero like a power of time would have the same relative
# error at every step size, however small. It is measured by its own size once it has one: units differ.
_SEED, _PROFILE_SEED = 1e-10, 1e-3


class Lanes(NamedTuple):
    """Eight patients under way: arrays of (8,) for the lanes, of (names * 8,) for what each lane has several of."""

    t: np.ndarray
    h: np.ndarray
    step: np.ndarray
    stop: np.ndarray
    error: np.ndarray
    at: np.ndarray
    event: np.ndarray
    applied: np.ndarray
    seen: np.ndarray
    seen_end: np.ndarray
    taken: np.ndarray
    live: np.ndarray
    fresh: np.ndarray
    used: np.ndarray
    y: np.ndarray
    y1: np.ndarray
    work: np.ndarray
    infused: np.ndarray
    p: np.ndarray
    peak: np.ndarray
    steps: np.ndarray
    k: np.ndarray


def make_lanes(states: int, parameters: int, inputs: int) -> Lanes:
    """Working space for one thread."""
    lane = [np.zeros(W) for _ in range(6)]
    count = [np.zeros(W, dtype=np.int64) for _ in range(5)]
    flag = [np.zeros(W, dtype=np.bool_) for _ in range(2)]
    wide = [np.zeros(states * W) for _ in range(4)]
    rest = [
        np.zeros(max(parameters, 1) * W),
        np.zeros(states * W),
        np.zeros(states * W),
        np.zeros((7, states * W)),
    ]
    return Lanes(*lane, *count, *flag, np.zeros((inputs, W), dtype=np.int64), *wide, *rest)


@njit(cache=True, nogil=True)
def _derivative(model, at, y, lanes, out):
    call_right_hand_side(
        model, at.ctypes.data, y.ctypes.data, lanes.p.ctypes.data, lanes.infused.ctypes.data, out.ctypes.data
    )


@njit(cache=True, nogil=True)
def _move(lanes, node):
    """Times of a stage."""
    for i in range(W):
        lanes.at[i] = lanes.t[i] + lanes.step[i] * node


@njit(cache=True, nogil=True, fastmath={"contract"})
def _try_step(model, lanes):
    """All stages of one step; the first derivative is known."""
    y, k, h, work, y1 = lanes.y, lanes.k, lanes.steps, lanes.work, lanes.y1
    n = y.size
    for j in range(n):
        work[j] = y[j] + h[j] * (A21 * k[0, j])
    _move(lanes, C2)
    _derivative(model, lanes.at, work, lanes, k[1])
    for j in range(n):
        work[j] = y[j] + h[j] * (A31 * k[0, j] + A32 * k[1, j])
    _move(lanes, C3)
    _derivative(model, lanes.at, work, lanes, k[2])
    for j in range(n):
        work[j] = y[j] + h[j] * (A41 * k[0, j] + A42 * k[1, j] + A43 * k[2, j])
    _move(lanes, C4)
    _derivative(model, lanes.at, work, lanes, k[3])
    for j in range(n):
        work[j] = y[j] + h[j] * (A51 * k[0, j] + A52 * k[1, j] + A53 * k[2, j] + A54 * k[3, j])
    _move(lanes, C5)
    _derivative(model, lanes.at, work, lanes, k[4])
    for j in range(n):
        work[j] = y[j] + h[j] * (
            A61 * k[0, j] + A62 * k[1, j] + A63 * k[2, j] + A64 * k[3, j] + A65 * k[4, j]
        )
    _move(lanes, 1.0)
    _derivative(model, lanes.at, work, lanes, k[5])
    for j in range(n):
        y1[j] = y[j] + h[j] * (
            B1 * k[0, j] + B2 * k[1, j] + B3 * k[2, j] + B4 * k[3, j] + B5 * k[4, j] + B6 * k[5, j]
        )
    _derivative(model, lanes.at, y1, lanes, k[6])


@njit(cache=True, nogil=True, fastmath={"contract"})
def _measure_errors(lanes, relative, absolute):
    """Largest error of each lane, in units of what is allowed."""
    y, k, y1, error = lanes.y, lanes.k, lanes.y1, lanes.error
    error[:] = 0.0
    for base in range(0, y.size, W):
        for i in range(W):
            j = base + i
            e = lanes.steps[j] * (
                E1 * k[0, j]
                + E2 * k[1, j]
                + E3 * k[2, j]
                + E4 * k[3, j]
                + E5 * k[4, j]
                + E6 * k[5, j]
                + E7 * k[6, j]
            )
            allowed = relative * max(abs(y[j]), abs(y1[j])) + absolute * abs(lanes.peak[j]) + 1e-300
            e = abs(e) / allowed
            # The comparison is turned round so that not-a-number is kept, and later rejected.
            error[i] = error[i] if e <= error[i] else e


@njit(cache=True, nogil=True)
def _first_step(lanes, lane, relative, absolute):
    """A step that changes no state by more than a hundredth of its scale."""
    size, speed, span = 0.0, 0.0, lanes.stop[lane] - lanes.t[lane]
    for j in range(lane, lanes.y.size, W):
        allowed = relative * abs(lanes.y[j]) + absolute * abs(lanes.peak[j]) + 1e-300
        size, speed = max(size, abs(lanes.y[j]) / allowed), max(speed, abs(lanes.k[0, j]) / allowed)
    # Nothing moves yet: an input may be about to begin, and must not be stepped over.
    guess = 0.01 * size / speed if speed > 0.0 else 0.0
    return min(guess, span) if guess > 1e-12 * span else 1e-6 * span


@njit(cache=True, nogil=True)
def _interpolate(lane, theta, h, y, k, states, row):
    """Write the states a fraction `theta` into the step into a row of `states`."""
    for q in range(states.shape[1]):
        states[row, q] = y[q * W + lane]
    for i in range(7):
        c = INTERPOLANT[i]
        weight = h * theta * (c[0] + theta * (c[1] + theta * (c[2] + theta * c[3])))
        for q in range(states.shape[1]):
            states[row, q] += weight * k[i, q * W + lane]


@njit(cache=True, nogil=True)
def _seed(line, patient):
    """What a state of a patient is measured by while it is zero."""
    largest, profiled = 0.0, 0.0
    for q in range(line.start.shape[1]):
        largest = max(largest, abs(line.start[patient, q]))
    for event in range(line.event_start[patient], line.event_start[patient + 1]):
        if line.event_kind[event] in (BOLUS, RATE, PROFILE):
            largest = max(largest, abs(line.event_value[event]))
        if line.event_kind[event] == PROFILE:
            profiled = max(profiled, abs(line.event_value[event]))
    return max(_SEED * largest, _PROFILE_SEED * profiled)


@njit(cache=True, nogil=True)
def _raise_peak(peak, j, value):
    """The largest value that a state has had; minus its seed while it has had none."""
    if value > 0.0 and value > peak[j]:
        peak[j] = value


@njit(cache=True, nogil=True)
def _begin(line, lanes, lane, patient, live):
    """Put a patient into a lane."""
    lanes.live[lane], lanes.fresh[lane] = live, True
    lanes.t[lane], lanes.h[lane], lanes.step[lane], lanes.taken[lane] = line.start_time[patient], 0.0, 0.0, 0
    lanes.event[lane], lanes.applied[lane] = line.event_start[patient], 0
    lanes.seen[lane], lanes.seen_end[lane] = line.seen_start[patient], line.seen_start[patient + 1]
    lanes.used[:, lane] = 0
    seed = _seed(line, patient)
    for q in range(line.start.shape[1]):
        j = q * W + lane
        lanes.y[j], lanes.infused[j] = line.start[patient, q], 0.0
        lanes.peak[j] = -seed
        _raise_peak(lanes.peak, j, abs(line.start[patient, q]))
    for q in range(line.table.shape[1]):
        lanes.p[q * W + lane] = line.table[line.first_row[patient], q]


@njit(cache=True, nogil=True)
def _do_what_is_due(line, found, lanes, lane, patient):
    """Observations and events of this very time, in their order."""
    now, end = lanes.t[lane], line.event_start[patient + 1]
    while True:
        row = lanes.seen[lane]
        while (
            row < lanes.seen_end[lane]
            and line.seen_after[row] == lanes.applied[lane]
            and line.seen_time[row] <= now
        ):
            for q in range(line.start.shape[1]):
                found.states[row, q] = lanes.y[q * W + lane]
            row += 1
        lanes.seen[lane] = row
        event = lanes.event[lane]
        if event == end or not line.event_time[event] <= now:
            return
        apply_event(line, event, now, lane, W, lanes.y, lanes.p, lanes.infused, lanes.used)
        lanes.event[lane] += 1
        lanes.applied[lane] += 1
        lanes.fresh[lane] = True


@njit(cache=True, nogil=True)
def _next_stop(line, found, lanes, lane, patient):
    """Where the lane must stop next: at an event, or at the last observation; or the lane is done."""
    event, end = lanes.event[lane], line.event_start[patient + 1]
    last = lanes.seen_end[lane]
    lanes.live[lane] = lanes.seen[lane] < last
    if lanes.live[lane]:
        lanes.stop[lane] = line.event_time[event] if event < end else line.seen_time[last - 1]
        if not lanes.stop[lane] < np.inf:
            _fail(found, lanes, lane, patient, BAD_PARAMETER)


@njit(cache=True, nogil=True)
def _fail(found, lanes, lane, patient, code):
    found.status[patient], found.failed_at[patient] = code, lanes.t[lane]
    found.steps[patient] += lanes.taken[lane]
    lanes.live[lane] = False


@njit(cache=True, nogil=True)
def _start_fresh(model, lanes, relative, absolute):
    """First derivative and step of lanes whose state or parameters have just been changed; others keep theirs."""
    _derivative(model, lanes.t, lanes.y, lanes, lanes.work)
    for lane in range(W):
        if lanes.fresh[lane] and lanes.live[lane]:
            for j in range(lane, lanes.y.size, W):
                lanes.k[0, j] = lanes.work[j]
                _raise_peak(lanes.peak, j, abs(lanes.y[j]))
            lanes.h[lane] = _first_step(lanes, lane, relative, absolute)
            lanes.fresh[lane] = False


@njit(cache=True, nogil=True)
def _go_on(lane, t, h, step, stop, error, y, y1, k, peak):
    """Accept a step."""
    for j in range(lane, y.size, W):
        y[j], k[0, j] = y1[j], k[6, j]
        _raise_peak(peak, j, abs(y1[j]))
    ends = step[lane] == stop[lane] - t[lane]
    t[lane] = stop[lane] if ends else t[lane] + step[lane]
    grown = step[lane] * max(_SHRINK, min(_GROW, _SAFETY * max(error[lane], 1e-10) ** _EXPONENT))
    # A step cut short by an event says little about the next one.
    h[lane] = max(h[lane], grown) if ends else grown


@njit(cache=True, nogil=True)
def _retry(lane, t, h, step, stop, error):
    """Shorten a rejected step; returns the failure where it cannot be shortened any more."""
    finite = error[lane] < np.inf
    h[lane] = step[lane] * (max(_SHRINK, _SAFETY * error[lane] ** _EXPONENT) if finite else 0.1)
    if h[lane] > _SMALLEST * max(abs(t[lane]), stop[lane] - t[lane]):
        return OK
    return STEP_COLLAPSED if finite else NOT_FINITE


@njit(cache=True, nogil=True)
def _solve_block(block, model, relative, absolute, max_steps, line, found, lanes):
    """The time loop of eight patients. What it does at every step is written on plain arrays: it is what takes time."""
    t, h, step, stop, error, steps = lanes.t, lanes.h, lanes.step, lanes.stop, lanes.error, lanes.steps
    y, y1, k, peak, live, fresh = lanes.y, lanes.y1, lanes.k, lanes.peak, lanes.live, lanes.fresh
    seen, taken, seen_time, seen_after, states = (
        lanes.seen,
        lanes.taken,
        line.seen_time,
        line.seen_after,
        found.states,
    )
    seen_end, applied = lanes.seen_end, lanes.applied
    while True:
        any_fresh = False
        for lane in range(W):
            if live[lane] and (fresh[lane] or t[lane] >= stop[lane]):
                _arrive(line, found, lanes, lane, block + lane)
                any_fresh = any_fresh or (live[lane] and fresh[lane])
        if not live.any():
            return
        if any_fresh:
            _start_fresh(model, lanes, relative, absolute)
        for lane in range(W):
            left = stop[lane] - t[lane]
            # A last sliver is taken together with the step before it; a lane that is done stands still.
            step[lane] = (left if h[lane] * 1.001 >= left else h[lane]) if live[lane] else 0.0
        for base in range(0, y.size, W):
            for lane in range(W):
                steps[base + lane] = step[lane]
        _try_step(model, lanes)
        _measure_errors(lanes, relative, absolute)
        for lane in range(W):
            if not live[lane]:
                continue
            taken[lane] += 1
            failure = TOO_MANY_STEPS if taken[lane] >= max_steps else OK
            if error[lane] <= 1.0:
                before, row = t[lane], seen[lane]
                now = stop[lane] if step[lane] == stop[lane] - before else before + step[lane]
                while row < seen_end[lane] and seen_after[row] == applied[lane] and seen_time[row] <= now:
                    _interpolate(lane, (seen_time[row] - before) / step[lane], step[lane], y, k, states, row)
                    row += 1
                seen[lane] = row
                _go_on(lane, t, h, step, stop, error, y, y1, k, peak)
                failure = failure if t[lane] < stop[lane] else OK
            else:
                failure = max(failure, _retry(lane, t, h, step, stop, error))
            if failure != OK:
                _fail(found, lanes, lane, block + lane, failure)


@njit(cache=True, nogil=True)
def _arrive(line, found, lanes, lane, patient):
    """Serve a lane that stands at its stop, and set the next one."""
    found.steps[patient] += lanes.taken[lane]
    lanes.taken[lane] = 0
    _do_what_is_due(line, found, lanes, lane, patient)
    _next_stop(line, found, lanes, lane, patient)


@njit(cache=True, nogil=True)
def solve_range(first, last, model, relative, absolute, max_steps, line, found, lanes):
    """Solve patients `first` to `last`, eight at a time.

    `model` is the address of the right-hand side; `found` is filled; `lanes` is working space (see `make_lanes`).
    """
    for block in range(first, last, W):
        for lane in range(W):
            # Lanes left over in the last block are given its last patient and stand still.
            _begin(line, lanes, lane, min(block + lane, last - 1), block + lane < last)
        _solve_block(block, model, relative, absolute, max_steps, line, found, lanes)
