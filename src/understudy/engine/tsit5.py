"""Tsitouras' explicit Runge-Kutta method of order 5(4) with its free interpolant, eight patients side by side.

Ch. Tsitouras 2011, Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption,
Comput Math Appl 62:770-775, doi:10.1016/j.camwa.2011.06.002 (nodes, weights, interpolant).
First step: Hairer, Nørsett, Wanner 1993, Solving Ordinary Differential Equations I, II.4.

Every lane has its own time, step size and place in its timeline. The model is a pointer: this file knows no model.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from understudy.engine.pointer import call_right_hand_side
from understudy.engine.problem import BAD_PARAMETER, NEVER, NOT_FINITE, STEP_COLLAPSED, TOO_MANY_STEPS
from understudy.engine.timeline import ADD, BOLUS, PROFILE, RATE, REINITIALISE, ROW, STEADY, STOP_INFUSIONS

W = 8

NODES = (0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0)
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


@njit(cache=True, nogil=True, fastmath={"contract"})
def _stages(model, t, hh, hv, y, p, r, k, y1, tmp, at, n):
    """All stages of one step for eight lanes; k[0] is known."""
    for j in range(n):
        tmp[j] = y[j] + hv[j] * (A21 * k[0, j])
    for i in range(W):
        at[i] = t[i] + hh[i] * 0.161
    call_right_hand_side(
        model, at.ctypes.data, tmp.ctypes.data, p.ctypes.data, r.ctypes.data, k[1].ctypes.data
    )
    for j in range(n):
        tmp[j] = y[j] + hv[j] * (A31 * k[0, j] + A32 * k[1, j])
    for i in range(W):
        at[i] = t[i] + hh[i] * 0.327
    call_right_hand_side(
        model, at.ctypes.data, tmp.ctypes.data, p.ctypes.data, r.ctypes.data, k[2].ctypes.data
    )
    for j in range(n):
        tmp[j] = y[j] + hv[j] * (A41 * k[0, j] + A42 * k[1, j] + A43 * k[2, j])
    for i in range(W):
        at[i] = t[i] + hh[i] * 0.9
    call_right_hand_side(
        model, at.ctypes.data, tmp.ctypes.data, p.ctypes.data, r.ctypes.data, k[3].ctypes.data
    )
    for j in range(n):
        tmp[j] = y[j] + hv[j] * (A51 * k[0, j] + A52 * k[1, j] + A53 * k[2, j] + A54 * k[3, j])
    for i in range(W):
        at[i] = t[i] + hh[i] * 0.9800255409045097
    call_right_hand_side(
        model, at.ctypes.data, tmp.ctypes.data, p.ctypes.data, r.ctypes.data, k[4].ctypes.data
    )
    for j in range(n):
        tmp[j] = y[j] + hv[j] * (
            A61 * k[0, j] + A62 * k[1, j] + A63 * k[2, j] + A64 * k[3, j] + A65 * k[4, j]
        )
    for i in range(W):
        at[i] = t[i] + hh[i]
    call_right_hand_side(
        model, at.ctypes.data, tmp.ctypes.data, p.ctypes.data, r.ctypes.data, k[5].ctypes.data
    )
    for j in range(n):
        y1[j] = y[j] + hv[j] * (
            B1 * k[0, j] + B2 * k[1, j] + B3 * k[2, j] + B4 * k[3, j] + B5 * k[4, j] + B6 * k[5, j]
        )
    call_right_hand_side(
        model, at.ctypes.data, y1.ctypes.data, p.ctypes.data, r.ctypes.data, k[6].ctypes.data
    )


@njit(cache=True, nogil=True, fastmath={"contract"})
def _errors(hv, y, k, y1, peak, relative, absolute, error, n):
    """Largest error of each lane, in units of what is allowed."""
    for i in range(W):
        error[i] = 0.0
    for base in range(0, n, W):
        for i in range(W):
            j = base + i
            e = hv[j] * (
                E1 * k[0, j]
                + E2 * k[1, j]
                + E3 * k[2, j]
                + E4 * k[3, j]
                + E5 * k[4, j]
                + E6 * k[5, j]
                + E7 * k[6, j]
            )
            allowed = relative * max(abs(y[j]), abs(y1[j])) + absolute * peak[j] + 1e-300
            e = abs(e) / allowed
            # The comparison is turned round so that not-a-number is kept, and later rejected.
            error[i] = error[i] if e <= error[i] else e


@njit(cache=True, nogil=True)
def _first_step(lane, y, f, peak, relative, absolute, span, n):
    """A step that changes no state by more than a hundredth of its scale."""
    size, speed = 0.0, 0.0
    for j in range(lane, n, W):
        allowed = relative * abs(y[j]) + absolute * peak[j] + 1e-300
        size, speed = max(size, abs(y[j]) / allowed), max(speed, abs(f[j]) / allowed)
    if not speed > 0.0:
        return span
    guess = 0.01 * size / speed
    return min(guess, span) if guess > 1e-12 * span else 1e-6 * span


@njit(cache=True, nogil=True)
def _interpolate(lane, theta, h, y, k, states, row, n):
    """States a fraction `theta` into the step."""
    states[row, :] = 0.0
    for i in range(7):
        c = INTERPOLANT[i]
        weight = h * theta * (c[0] + theta * (c[1] + theta * (c[2] + theta * c[3])))
        for q in range(n // W):
            states[row, q] += weight * k[i, q * W + lane]
    for q in range(n // W):
        states[row, q] += y[q * W + lane]


@njit(cache=True, nogil=True)
def _apply(lane, kind, target, value, time, y, p, r, used, table, slots, initial, steady, steady_row, n_row):
    """One event of one lane."""
    size = initial.shape[1]
    if kind == ROW:
        for q in range(n_row):
            p[q * W + lane] = table[target, q]
    elif kind == REINITIALISE or kind == STOP_INFUSIONS:
        for q in range(size):
            r[q * W + lane] = 0.0
            if kind == REINITIALISE:
                y[q * W + lane] = initial[target, q]
        for i in range(slots.shape[0]):
            for s in range(slots[i, 1]):
                p[(slots[i, 0] + 2 * s) * W + lane] = 0.0
                p[(slots[i, 0] + 2 * s + 1) * W + lane] = NEVER
            used[i, lane] = 0
    elif kind == STEADY:
        for q in range(size):
            base = y[q * W + lane] - initial[steady_row[target], q] if value == ADD else 0.0
            y[q * W + lane] = base + steady[target, q]
    elif kind == RATE:
        r[target * W + lane] += value
    elif kind == BOLUS:
        y[target * W + lane] += value
    elif kind == PROFILE:
        column = slots[target, 0] + 2 * used[target, lane]
        p[column * W + lane], p[(column + 1) * W + lane] = value, time
        used[target, lane] += 1


@njit(cache=True, nogil=True)
def solve_range(
    first, last, model, relative, absolute, max_steps, table, n_row, slots, start, initial, steady, steady_row,
    first_row, start_time, event_start, event_time, event_kind, event_target, event_value, observation_start,
    observation_time, observation_after, states, status, failed_at, steps,
):  # fmt: skip
    """Solve patients `first` to `last`, eight at a time; fills `states`, `status`, `failed_at` and `steps`."""
    size = start.shape[1]
    n = size * W
    k = np.empty((7, n))
    y, y1, tmp, r, hv, peak, f = (
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
    )
    p = np.zeros(max(table.shape[1], 1) * W)
    t, h, hh, at, error, stop = np.zeros(W), np.zeros(W), np.zeros(W), np.zeros(W), np.zeros(W), np.zeros(W)
    event, event_end, seen, seen_end = (
        np.zeros(W, np.int64),
        np.zeros(W, np.int64),
        np.zeros(W, np.int64),
        np.zeros(W, np.int64),
    )
    taken = np.zeros(W, np.int64)
    used = np.zeros((slots.shape[0], W), np.int64)
    live, fresh = np.zeros(W, np.bool_), np.zeros(W, np.bool_)
    for block in range(first, last, W):
        # Empty lanes of the last block run along with the first lane's patient and write nothing.
        for lane in range(W):
            patient = min(block + lane, last - 1)
            live[lane] = block + lane < last
            fresh[lane] = True
            t[lane], h[lane], hh[lane], taken[lane] = start_time[patient], 0.0, 0.0, 0
            event[lane], event_end[lane] = event_start[patient], event_start[patient + 1]
            seen[lane], seen_end[lane] = observation_start[patient], observation_start[patient + 1]
            for q in range(size):
                y[q * W + lane], r[q * W + lane] = start[patient, q], 0.0
                peak[q * W + lane] = abs(start[patient, q])
            for q in range(table.shape[1]):
                p[q * W + lane] = table[first_row[patient], q]
            used[:, lane] = 0
        while True:
            any_fresh, any_live = False, False
            for lane in range(W):
                if not live[lane] or (not fresh[lane] and t[lane] < stop[lane]):
                    any_live = any_live or live[lane]
                    continue
                patient = block + lane
                # Observations and events that are due now, in their order.
                while True:
                    applied = event[lane] - event_start[patient]
                    while (
                        seen[lane] < seen_end[lane]
                        and observation_after[seen[lane]] == applied
                        and observation_time[seen[lane]] <= t[lane]
                    ):
                        for q in range(size):
                            states[seen[lane], q] = y[q * W + lane]
                        seen[lane] += 1
                    if event[lane] == event_end[lane] or not event_time[event[lane]] <= t[lane]:
                        break
                    e = event[lane]
                    _apply(
                        lane,
                        event_kind[e],
                        event_target[e],
                        event_value[e],
                        t[lane],
                        y,
                        p,
                        r,
                        used,
                        table,
                        slots,
                        initial,
                        steady,
                        steady_row,
                        n_row,
                    )
                    event[lane] += 1
                    fresh[lane] = True
                if seen[lane] == seen_end[lane]:
                    live[lane] = False
                    hh[lane] = 0.0
                    continue
                stop[lane] = (
                    event_time[event[lane]]
                    if event[lane] < event_end[lane]
                    else observation_time[seen_end[lane] - 1]
                )
                if not stop[lane] < np.inf:
                    status[patient], failed_at[patient], live[lane], hh[lane] = (
                        BAD_PARAMETER,
                        t[lane],
                        False,
                        0.0,
                    )
                    continue
                taken[lane] = 0
                any_live = True
                any_fresh = any_fresh or fresh[lane]
            if not any_live:
                break
            if any_fresh:
                call_right_hand_side(
                    model, t.ctypes.data, y.ctypes.data, p.ctypes.data, r.ctypes.data, f.ctypes.data
                )
                for lane in range(W):
                    if not fresh[lane] or not live[lane]:
                        continue
                    for j in range(lane, n, W):
                        k[0, j] = f[j]
                        peak[j] = max(peak[j], abs(y[j]))
                    span = stop[lane] - t[lane]
                    guess = _first_step(lane, y, f, peak, relative, absolute, span, n)
                    h[lane] = guess
                    fresh[lane] = False
            for lane in range(W):
                if live[lane]:
                    left = stop[lane] - t[lane]
                    # A last sliver is taken together with the step before it.
                    hh[lane] = left if h[lane] * 1.001 >= left else h[lane]
            for base in range(0, n, W):
                for i in range(W):
                    hv[base + i] = hh[i]
            _stages(model, t, hh, hv, y, p, r, k, y1, tmp, at, n)
            _errors(hv, y, k, y1, peak, relative, absolute, error, n)
            for lane in range(W):
                if not live[lane]:
                    continue
                patient = block + lane
                steps[patient] += 1
                taken[lane] += 1
                if error[lane] <= 1.0:
                    ends = hh[lane] == stop[lane] - t[lane]
                    now = stop[lane] if ends else t[lane] + hh[lane]
                    applied = event[lane] - event_start[patient]
                    while (
                        seen[lane] < seen_end[lane]
                        and observation_after[seen[lane]] == applied
                        and observation_time[seen[lane]] <= now
                    ):
                        theta = (observation_time[seen[lane]] - t[lane]) / hh[lane]
                        _interpolate(lane, theta, hh[lane], y, k, states, seen[lane], n)
                        seen[lane] += 1
                    for j in range(lane, n, W):
                        y[j], k[0, j] = y1[j], k[6, j]
                        peak[j] = max(peak[j], abs(y1[j]))
                    t[lane] = now
                    factor = min(_GROW, _SAFETY * max(error[lane], 1e-10) ** _EXPONENT)
                    # A step cut short by an event says little about the next one.
                    h[lane] = max(h[lane], hh[lane] * factor) if ends else hh[lane] * max(factor, _SHRINK)
                else:
                    h[lane] = hh[lane] * (
                        max(_SHRINK, _SAFETY * error[lane] ** _EXPONENT) if error[lane] < np.inf else 0.1
                    )
                    if h[lane] <= _SMALLEST * max(abs(t[lane]), stop[lane] - t[lane]):
                        status[patient] = STEP_COLLAPSED if error[lane] < np.inf else NOT_FINITE
                if taken[lane] >= max_steps and t[lane] < stop[lane]:
                    status[patient] = TOO_MANY_STEPS
                if status[patient] != 0:
                    failed_at[patient], live[lane], hh[lane] = t[lane], False, 0.0
