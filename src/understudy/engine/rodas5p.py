"""Steinebach's Rosenbrock method Rodas5P of order 5(4) for stiff systems, eight patients side by side.

G. Steinebach 2023, Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the Julia
Differential Equations package, BIT Numer Math 63:27, doi:10.1007/s10543-023-00967-x (coefficients, interpolant), in the
form without matrix products of Hairer and Wanner 1996, Solving Ordinary Differential Equations II, IV.7.

Lanes, events, observations and step control are those of `understudy.engine.tsit5`. The model and its Jacobian are
pointers: this file knows no model.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from understudy.engine.elimination import factorise, substitute
from understudy.engine.lanes import WIDTH as W
from understudy.engine.pointer import call_right_hand_side
from understudy.engine.problem import NOT_FINITE, OK, STEP_COLLAPSED, TOO_MANY_STEPS
from understudy.engine.tsit5 import (
    _EXPONENT,
    _SAFETY,
    _SHRINK,
    _arrive,
    _begin,
    _derivative,
    _fail,
    _go_on,
    _start_fresh,
)

STAGES = 8
GAMMA = 0.21193756319429014
# Stage i: (1 - h GAMMA J) u_i = GAMMA (h f(t + h NODE_i, y + sum A_ij u_j) + sum C_ij u_j + h^2 SLOPE_i df/dt).
NODE = np.array(
    [0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0]
)
SLOPE = np.array(
    [
        GAMMA, -0.42387512638858027, -0.3384627126235924, 1.8046452872882734, 2.325825639765069, 0.0, 0.0, 0.0,
    ]
)  # fmt: skip
# After this stage (counted from 0) each looks where the one before would have ended: at its place plus its increment.
_ADDITIVE = 5
_A6 = (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946)
A = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [2.849394379747939, 0.45842242204463923, 0.0, 0.0, 0.0, 0.0, 0.0],
        [-6.954028509809101, 2.489845061869568, -10.358996098473584, 0.0, 0.0, 0.0, 0.0],
        [2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641, 0.0, 0.0, 0.0],
        [*_A6, 0.0, 0.0],
        [*_A6, 1.0, 0.0],
        [*_A6, 1.0, 1.0],
    ]
)
C = np.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [-14.155112264123755, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [-17.97296035885952, -2.859693295451294, 0.0, 0.0, 0.0, 0.0, 0.0],
        [147.12150275711716, -1.41221402718213, 71.68940251302358, 0.0, 0.0, 0.0, 0.0],
        [165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306, 0.0, 0.0, 0.0],
        [
            24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471,
            0.0, 0.0,
        ],
        [
            30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783, -19.097331116725623,
            -28.087943162872662, 0.0,
        ],
        [
            37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047, -40.06618937091002,
            -54.66780262877968, -9.48861652309627,
        ],
    ]
)  # fmt: skip
# Interpolant: (1 - x) y0 + x (y1 + (1 - x) (d0 + x (d1 + x d2))), d = DENSE @ u.
DENSE = np.array(
    [
        [
            25.948786856663858, -2.5579724845846235, 10.433815404888879, -2.3679251022685204,
            0.524948541321073, 1.1241088310450404, 0.4272876194431874, -0.17202221070155493,
        ],
        [
            -9.91568850695171, -0.9689944594115154, 3.0438037242978453, -24.495224566215796,
            20.176138334709044, 15.98066361424651, -6.789040303419874, -6.710236069923372,
        ],
        [
            11.419903575922262, 2.8879645146136994, 72.92137995996029, 80.12511834622643,
            -52.072871366152654, -59.78993625266729, -0.15582684282751913, 4.883087185713722,
        ],
    ]
)  # fmt: skip

# Functions of a step are written into the loop (`inline`): handing them the working space would cost as much as a step.
# A step below the first fraction of the time reached, or the second of the time still to go, is no step. The second is
# so small because a stiff system may begin a course of years by a change within microseconds.
_SMALLEST, _SMALLEST_OF_SPAN = 1e-14, 1e-30


class Implicit(NamedTuple):
    """What a stiff step needs beyond `Lanes`; every array ends with the eight lanes.

    `rows` and `columns` say where the `entries` of the Jacobian stand; `filled` marks what elimination has filled.
    """

    rows: np.ndarray
    columns: np.ndarray
    entries: np.ndarray
    by_time: np.ndarray
    matrix: np.ndarray
    filled: np.ndarray
    pivot: np.ndarray
    u: np.ndarray
    right: np.ndarray


def make_implicit(states: int, rows: np.ndarray, columns: np.ndarray) -> Implicit:
    """Working space for one thread."""
    return Implicit(
        rows,
        columns,
        np.zeros((rows.size, W)),
        np.zeros((states, W)),
        np.zeros((states, states, W)),
        np.zeros((states, states), dtype=np.bool_),
        np.zeros((states, W + 1), dtype=np.int64),
        np.zeros((STAGES, states * W)),
        np.zeros((states, W)),
    )


@njit(cache=True, nogil=True, fastmath={"contract"}, inline="always")
def _set_matrix(lanes, implicit):
    """1 - h GAMMA J, and the places where it is not zero."""
    matrix, filled, rows, columns = implicit.matrix, implicit.filled, implicit.rows, implicit.columns
    for q in range(matrix.shape[0]):
        for c in range(matrix.shape[0]):
            filled[q, c] = False
            for i in range(W):
                matrix[q, c, i] = 0.0
    for e in range(rows.size):
        filled[rows[e], columns[e]] = True
        for i in range(W):
            slope = implicit.entries[e, i]
            # A root or a power has no finite slope where it begins. Without it the step is less exact, which its
            # error estimate sees; a rate that is not finite itself still fails.
            finite = abs(slope) < np.inf
            matrix[rows[e], columns[e], i] = -lanes.step[i] * GAMMA * slope if finite else 0.0
    for q in range(matrix.shape[0]):
        filled[q, q] = True
        for i in range(W):
            matrix[q, q, i] += 1.0


@njit(cache=True, nogil=True, inline="always")
def _linearise(jacobian, lanes, implicit):
    """Jacobian and derivatives by time at the start of the step, and the factors of its matrix."""
    call_right_hand_side(
        jacobian,
        lanes.t.ctypes.data,
        lanes.y.ctypes.data,
        lanes.p.ctypes.data,
        implicit.entries.ctypes.data,
        implicit.by_time.ctypes.data,
    )
    _set_matrix(lanes, implicit)
    factorise(implicit.matrix, implicit.filled, implicit.pivot)


@njit(cache=True, nogil=True, fastmath={"contract"})
def _combine(stage, y, u, y1, right):
    """Where a stage looks at the model, and what the stages before add to its right-hand side."""
    for j in range(y.size):
        right[j] = 0.0
        y1[j] = y1[j] + u[stage - 1, j] if stage > _ADDITIVE else y[j]
    for s in range(stage):
        a, c = A[stage, s], C[stage, s]
        for j in range(y.size):
            right[j] += c * u[s, j]
        if stage <= _ADDITIVE:
            for j in range(y.size):
                y1[j] += a * u[s, j]


@njit(cache=True, nogil=True, fastmath={"contract"}, inline="always")
def _try_step(model, lanes, implicit):
    """All stages of one step; the first derivative is known. Leaves the error estimate in the last stage."""
    y, k, y1, u, steps = lanes.y, lanes.k, lanes.y1, implicit.u, lanes.steps
    right, by_time = implicit.right.reshape(-1), implicit.by_time.reshape(-1)
    for s in range(STAGES):
        _combine(s, y, u, y1, right)
        if s > 0:
            for i in range(W):
                lanes.at[i] = lanes.t[i] + lanes.step[i] * NODE[s]
            _derivative(model, lanes.at, y1, lanes, k[1])
        f = k[1] if s > 0 else k[0]
        slope = SLOPE[s]
        for j in range(y.size):
            right[j] = GAMMA * (right[j] + steps[j] * (f[j] + steps[j] * slope * by_time[j]))
        substitute(implicit.matrix, implicit.filled, implicit.pivot, implicit.right)
        for j in range(y.size):
            u[s, j] = right[j]
    for j in range(y.size):
        y1[j] += right[j]
    # The next step begins with this derivative.
    _derivative(model, lanes.at, y1, lanes, k[6])


@njit(cache=True, nogil=True, fastmath={"contract"}, inline="always")
def _measure_errors(lanes, u, relative, absolute):
    """Largest error of each lane, in units of what is allowed."""
    y, y1, error = lanes.y, lanes.y1, lanes.error
    error[:] = 0.0
    for base in range(0, y.size, W):
        for i in range(W):
            j = base + i
            allowed = relative * max(abs(y[j]), abs(y1[j])) + absolute * abs(lanes.peak[j]) + 1e-300
            e = abs(u[STAGES - 1, j]) / allowed
            # Not-a-number must be kept, and a derivative that is not finite ends the method as it would begin a step.
            e = e if abs(lanes.k[6, j]) < np.inf else np.nan
            error[i] = error[i] if e <= error[i] else e


@njit(cache=True, nogil=True, inline="always")
def _interpolate(lane, x, y, y1, u, states, row):
    """Write the states a fraction `x` into the step into a row of `states`."""
    for q in range(states.shape[1]):
        j = q * W + lane
        d0, d1, d2 = 0.0, 0.0, 0.0
        for s in range(STAGES):
            d0 += DENSE[0, s] * u[s, j]
            d1 += DENSE[1, s] * u[s, j]
            d2 += DENSE[2, s] * u[s, j]
        states[row, q] = (1.0 - x) * y[j] + x * (y1[j] + (1.0 - x) * (d0 + x * (d1 + x * d2)))


@njit(cache=True, nogil=True, inline="always")
def _see(line, found, lanes, implicit, lane):
    """Observations within the accepted step."""
    before, step, row = lanes.t[lane], lanes.step[lane], lanes.seen[lane]
    now = lanes.stop[lane] if step == lanes.stop[lane] - before else before + step
    while (
        row < lanes.seen_end[lane]
        and line.seen_after[row] == lanes.applied[lane]
        and line.seen_time[row] <= now
    ):
        x = (line.seen_time[row] - before) / step
        _interpolate(lane, x, lanes.y, lanes.y1, implicit.u, found.states, row)
        row += 1
    lanes.seen[lane] = row


@njit(cache=True, nogil=True, inline="always")
def _set_steps(lanes):
    """How far each lane goes: a last sliver is taken together with the step before it; a lane done stands still."""
    for lane in range(W):
        left, h = lanes.stop[lane] - lanes.t[lane], lanes.h[lane]
        lanes.step[lane] = (left if h * 1.001 >= left else h) if lanes.live[lane] else 0.0
    for base in range(0, lanes.y.size, W):
        for lane in range(W):
            lanes.steps[base + lane] = lanes.step[lane]


@njit(cache=True, nogil=True, inline="always")
def _shorten(lanes, lane):
    """Shorten a rejected step; returns the failure where it cannot be shortened any more."""
    error, left = lanes.error[lane], lanes.stop[lane] - lanes.t[lane]
    finite = error < np.inf
    lanes.h[lane] = lanes.step[lane] * (max(_SHRINK, _SAFETY * error**_EXPONENT) if finite else 0.1)
    if lanes.h[lane] > max(_SMALLEST * abs(lanes.t[lane]), _SMALLEST_OF_SPAN * left):
        return OK
    return STEP_COLLAPSED if finite else NOT_FINITE


@njit(cache=True, nogil=True, inline="always")
def _judge(line, found, lanes, implicit, lane, max_steps):
    """Accept or reject a lane's step; returns the failure, if any."""
    t, h, step, stop, error = lanes.t, lanes.h, lanes.step, lanes.stop, lanes.error
    lanes.taken[lane] += 1
    failure = TOO_MANY_STEPS if lanes.taken[lane] >= max_steps else OK
    if error[lane] <= 1.0:
        _see(line, found, lanes, implicit, lane)
        _go_on(lane, t, h, step, stop, error, lanes.y, lanes.y1, lanes.k, lanes.peak)
        return failure if t[lane] < stop[lane] else OK
    return max(failure, _shorten(lanes, lane))


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _solve_block(block, model, jacobian, relative, absolute, max_steps, line, found, lanes, implicit):
    """The time loop of eight patients."""
    while True:
        any_fresh = False
        for lane in range(W):
            if lanes.live[lane] and (lanes.fresh[lane] or lanes.t[lane] >= lanes.stop[lane]):
                _arrive(line, found, lanes, lane, block + lane)
                any_fresh = any_fresh or (lanes.live[lane] and lanes.fresh[lane])
        if not lanes.live.any():
            return
        if any_fresh:
            _start_fresh(model, lanes, relative, absolute)
        _set_steps(lanes)
        _linearise(jacobian, lanes, implicit)
        _try_step(model, lanes, implicit)
        _measure_errors(lanes, implicit.u, relative, absolute)
        for lane in range(W):
            if lanes.live[lane]:
                failure = _judge(line, found, lanes, implicit, lane, max_steps)
                if failure != OK:
                    _fail(found, lanes, lane, block + lane, failure)


@njit(cache=True, nogil=True)
def solve_range(first, last, model, jacobian, relative, absolute, max_steps, line, found, lanes, implicit):
    """Solve patients `first` to `last`, eight at a time.

    `model` and `jacobian` are addresses of compiled functions; `found` is filled; `lanes` and `implicit` are working
    space (see `tsit5.make_lanes` and `make_implicit`).
    """
    for block in range(first, last, W):
        for lane in range(W):
            # Lanes left over in the last block are given its last patient and stand still.
            _begin(line, lanes, lane, min(block + lane, last - 1), block + lane < last)
        _solve_block(block, model, jacobian, relative, absolute, max_steps, line, found, lanes, implicit)
