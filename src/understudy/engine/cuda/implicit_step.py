"""Implicit step: Steinebach's method Rodas5P for one patient in one thread.

Method and coefficients are those of `rodas5p`, which names their source.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import cuda

from understudy.engine.code.pivots import Elimination
from understudy.engine.cuda import dense_lu
from understudy.engine.cuda.explicit_step import SLOPES
from understudy.engine.kernel import rodas5p

# Rows of slopes and increments: what explicit steps use, then the increment of each stage.
ROWS = SLOPES + rodas5p.STAGES
_LAST = SLOPES - 1


class Linear(NamedTuple):
    """The device functions of a model by which an implicit step is solved (see `ptx`)."""

    jacobian: object
    factorise: object
    substitute: object
    speed: object


def numbers_needed(plan: Elimination) -> int:
    """Numbers of 64 bits that a step has in its thread's own memory."""
    return plan.rows.size + plan.room + plan.size * (plan.size + 3)


def make_implicit_step(right_hand_side, linear: Linear, plan: Elimination):
    """Device functions that take a step and interpolate in it, called as those of `explicit_step`.

    The slope at the start is ``k[0]``; that at the end will be ``k[6]``.
    """
    jacobian, factorise, substitute, speed = linear
    states, entries_count, room = plan.size, max(plan.rows.size, 1), plan.room
    # Tables of a kernel cannot be empty, and must all fit into 64 KiB: no thread has room for more than 255 states.
    places = np.append(plan.rows * states + plan.columns, 0).astype(np.uint16)
    count, stages, last_own, gamma = plan.rows.size, rodas5p.STAGES, rodas5p.ADDITIVE, rodas5p.GAMMA
    a_table, c_table, dense_table = rodas5p.A, rodas5p.C, rodas5p.DENSE
    node_table, time_table = rodas5p.NODE, rodas5p.TIME_SLOPE
    rounding = float(np.finfo(np.float64).eps)

    @cuda.jit(device=True)
    def seek_pivots(step, entries, matrix, pivot):
        """Factors of 1 - step gamma J with the largest pivots."""
        place = cuda.const.array_like(places)
        for q in range(states):
            for s in range(states):
                matrix[q, s] = 1.0 if q == s else 0.0
        for e in range(count):
            slope = entries[e]
            # As in `sparse_lu`: what is not finite counts as zero.
            if abs(slope) < np.inf:
                at = int(place[e])
                matrix[at // states, at % states] -= step * gamma * slope
        dense_lu.factorise(matrix, pivot)

    @cuda.jit(device=True)
    def place_stage(stage, y, k, y1):
        """Where a stage looks at the model, and what the stages before add to its right-hand side."""
        a, c = cuda.const.array_like(a_table), cuda.const.array_like(c_table)
        for q in range(states):
            # Later stages look where the one before would have ended: at its place plus its increment.
            place = y1[q] + k[SLOPES + stage - 1, q] if stage > last_own else y[q]
            right = 0.0
            for s in range(stage):
                increment = k[SLOPES + s, q]
                right += c[stage, s] * increment
                if stage <= last_own:
                    place += a[stage, s] * increment
            y1[q], k[SLOPES + stage, q] = place, right

    @cuda.jit(device=True)
    def arrive(relative, absolute, y, floor, allowance, peak, k, y1, scale):
        """The new state, and the largest error in units of what is allowed: the last increment, or what falls below."""
        error = 0.0
        for q in range(states):
            new = y1[q] + k[SLOPES + stages - 1, q]
            below = new < floor[q]
            y1[q] = floor[q] if below else new
            allowed = relative * max(abs(y[q]), abs(y1[q])) + absolute * abs(peak[q])
            scale[q] = allowed * allowance[q] + 1e-300
            wrong = abs(k[SLOPES + stages - 1, q])
            wrong = max(wrong, floor[q] - new) if below else wrong
            wrong /= scale[q]
            if wrong > error or wrong != wrong:
                error = wrong
        return error

    @cuda.jit(device=True)
    def try_step(t, step, stop, relative, absolute, y, p, r, floor, allowance, peak, k, work, y1):
        entries = cuda.local.array(entries_count, np.float64)
        factors = cuda.local.array(room, np.float64)
        by_time, scale = cuda.local.array(states, np.float64), cuda.local.array(states, np.float64)
        matrix, pivot = cuda.local.array((states, states), np.float64), cuda.local.array(states, np.int64)
        node, by_stage = cuda.const.array_like(node_table), cuda.const.array_like(time_table)
        latest = stop - abs(stop) * rounding
        for q in range(states):
            scale[q] = (relative * abs(y[q]) + absolute * abs(peak[q])) * allowance[q] + 1e-300
        jacobian(t, y, p, entries, by_time)
        sought = factorise(step, entries, scale, factors) != 0
        if sought:
            seek_pivots(step, entries, matrix, pivot)
        for stage in range(stages):
            place_stage(stage, y, k, y1)
            slope = 0
            if stage > 0:
                right_hand_side(min(t + node[stage] * step, latest), y1, p, r, k[_LAST])
                slope = _LAST
            for q in range(states):
                total = k[slope, q] + step * by_stage[stage] * by_time[q]
                k[SLOPES + stage, q] = gamma * (k[SLOPES + stage, q] + step * total)
            if sought:
                dense_lu.substitute(matrix, pivot, k[SLOPES + stage])
            else:
                substitute(factors, k[SLOPES + stage])
        error = arrive(relative, absolute, y, floor, allowance, peak, k, y1, scale)
        # The next step begins with this slope.
        right_hand_side(min(t + step, latest), y1, p, r, k[_LAST])
        for q in range(states):
            # A slope that is not finite ends the method as it would begin a step.
            if not abs(k[_LAST, q]) < np.inf:
                error = np.nan
        fastest = speed(entries, scale) * step
        return error, fastest * fastest

    @cuda.jit(device=True)
    def interpolate(out, theta, step, y, y1, k):
        dense = cuda.const.array_like(dense_table)
        for q in range(states):
            d0, d1, d2 = 0.0, 0.0, 0.0
            for s in range(stages):
                increment = k[SLOPES + s, q]
                d0 += dense[0, s] * increment
                d1 += dense[1, s] * increment
                d2 += dense[2, s] * increment
            inner = y1[q] + (1.0 - theta) * (d0 + theta * (d1 + theta * d2))
            out[q] = (1.0 - theta) * y[q] + theta * inner

    return try_step, interpolate
