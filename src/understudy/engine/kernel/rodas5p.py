"""Steinebach's Rosenbrock method Rodas5P of order 5(4) for stiff systems, eight patients side by side.

G. Steinebach 2023, Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the Julia
Differential Equations package, BIT Numer Math 63:27, doi:10.1007/s10543-023-00967-x (coefficients, interpolant), in the
form without matrix products of Hairer and Wanner 1996, Solving Ordinary Differential Equations II, IV.7.

This file knows one step; events, observations and step sizes are the business of `time_loop`. The
model and its Jacobian are addresses: no model is known here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from understudy.engine.code.compiled import compiled
from understudy.engine.code.pivots import Elimination
from understudy.engine.code.pointer import call_factorise, call_right_hand_side, call_speed, call_substitute
from understudy.engine.kernel import elimination
from understudy.engine.kernel.lane_code import Code, Vector, operation
from understudy.engine.kernel.lane_space import (
    ALLOWANCE,
    BY_TIME,
    CUT,
    ERROR,
    FLOOR,
    IMPLICIT,
    IMPLICIT_SLOPE,
    IMPLICIT_STATE,
    INCREMENT,
    LIVE,
    NEXT_SEEN,
    PEAK,
    RADIUS,
    RIGHT,
    SCALE,
    SEEN,
    SLOPE,
    STAGE_TIME,
    STATE,
    STEP,
    TIME,
    aligned,
    row,
)
from understudy.engine.kernel.lanes import WIDTH as W
from understudy.engine.kernel.tsit5 import derivative, stage_time

STAGES = 8
GAMMA = 0.21193756319429014
# Stage i: (1 - h GAMMA J) u_i = GAMMA (h f(t + h NODE_i, y + sum A_ij u_j) + sum C_ij u_j + h^2 TIME_SLOPE_i df/dt).
NODE = np.array(
    [0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0]
)
TIME_SLOPE = np.array(
    [
        GAMMA, -0.42387512638858027, -0.3384627126235924, 1.8046452872882734, 2.325825639765069, 0.0, 0.0, 0.0,
    ]
)  # fmt: skip
# After this stage (counted from 0) each looks where the one before would have ended: at its place plus its increment.
ADDITIVE = 5
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


class Implicit(NamedTuple):
    """What an implicit step needs beyond the working space; every array but `rows` and `columns` is of lanes.

    `factorise`, `substitute` and `speed` are addresses of the functions of `sparse_lu`; `entries` (of the Jacobian, at
    `rows` and `columns`), `factors`, `unsafe` and `fastest` are theirs. The other arrays are for patients whose pivots
    must be sought (`elimination`).
    """

    factorise: int
    substitute: int
    speed: int
    rows: np.ndarray
    columns: np.ndarray
    entries: np.ndarray
    factors: np.ndarray
    unsafe: np.ndarray
    fastest: np.ndarray
    matrix: np.ndarray
    filled: np.ndarray
    pivot: np.ndarray
    right: np.ndarray


def make_implicit(plan: Elimination, factorise: int, substitute: int, speed: int) -> Implicit:
    """Working space for one thread."""
    states = plan.size
    return Implicit(
        factorise,
        substitute,
        speed,
        plan.rows,
        plan.columns,
        aligned(plan.rows.size).reshape(-1, W),
        aligned(plan.room).reshape(-1, W),
        np.zeros(W),
        np.zeros(W),
        np.zeros((states, states, W)),
        np.zeros((states, states), dtype=np.bool_),
        np.zeros((states, W + 1), dtype=np.int64),
        np.zeros((states, W)),
    )


@operation
def _set_scale(code: Code, relative: Vector, absolute: Vector) -> None:
    """What each state is measured by: the error allowed if it stays as it is."""
    with code.each_state():
        allowed = relative * abs(code.row(STATE)) + absolute * abs(code.row(PEAK))
        code.set_row(SCALE, allowed * code.row(ALLOWANCE) + 1e-300)


@compiled
def _linearise(jacobian, space, size, parameters, implicit):
    """Jacobian and derivatives by time at the start of the step, and factors; whether pivots had to be sought."""
    at, entries = space.ctypes.data, implicit.entries.ctypes.data
    state, scale = at + 8 * row(size, STATE), at + 8 * row(size, SCALE)
    call_right_hand_side(jacobian, at + 8 * TIME, state, parameters, entries, at + 8 * row(size, BY_TIME))
    factors, unsafe = implicit.factors.ctypes.data, implicit.unsafe.ctypes.data
    call_factorise(implicit.factorise, entries, at + 8 * STEP, scale, factors, unsafe)
    sought = False
    for i in range(W):
        if implicit.unsafe[i] > 0.0 and space[IMPLICIT + i] > 0.0 and space[LIVE + i] > 0.0:
            sought = True
    if sought:
        _seek_pivots(space, implicit)
    return sought


@njit(cache=True, nogil=True, _nrt=False, fastmath={"contract"})
def _seek_pivots(space, implicit):
    """Factors of 1 - h GAMMA J with the largest pivots."""
    matrix, filled, rows, columns = implicit.matrix, implicit.filled, implicit.rows, implicit.columns
    matrix[:], filled[:] = 0.0, False
    for q in range(matrix.shape[0]):
        filled[q, q] = True
        for i in range(W):
            matrix[q, q, i] = 1.0
    for e in range(rows.size):
        filled[rows[e], columns[e]] = True
        for i in range(W):
            slope = implicit.entries[e, i]
            # As in `sparse_lu`: what is not finite counts as zero.
            if abs(slope) < np.inf:
                matrix[rows[e], columns[e], i] -= space[STEP + i] * GAMMA * slope
    elimination.factorise(matrix, filled, implicit.pivot)


def _combination(stage: int):
    """Where a stage looks at the model, and what the stages before add to its right-hand side."""

    @operation
    def combine(code: Code, a: Vector, b: Vector) -> None:
        code.set_lane(STAGE_TIME, stage_time(code, float(NODE[stage])))
        with code.each_state():
            # Later stages look where the one before would have ended: at its place plus its increment.
            last = stage > ADDITIVE
            place = code.row(IMPLICIT_STATE) + code.row(INCREMENT + stage - 1) if last else code.row(STATE)
            right = code.constant(0.0)
            for s in range(stage):
                increment = code.row(INCREMENT + s)
                right = right + float(C[stage, s]) * increment
                place = place if last else place + float(A[stage, s]) * increment
            code.set_row(IMPLICIT_STATE, place)
            code.set_row(RIGHT, right)

    return combine


def _completion(stage: int):
    """The right-hand side of a stage, from the derivatives it found, where its increment will stand."""

    @operation
    def complete(code: Code, a: Vector, b: Vector) -> None:
        step = code.lane(STEP)
        with code.each_state():
            slope = code.row(IMPLICIT_SLOPE if stage else SLOPE) + step * float(TIME_SLOPE[stage]) * code.row(
                BY_TIME
            )
            code.set_row(INCREMENT + stage, GAMMA * (code.row(RIGHT) + step * slope))

    return complete


_place_1, _place_2, _place_3, _place_4, _place_5, _place_6, _place_7, _place_8 = map(
    _combination, range(STAGES)
)
_right_1, _right_2, _right_3, _right_4, _right_5, _right_6, _right_7, _right_8 = map(
    _completion, range(STAGES)
)


@operation
def _arrive(code: Code, a: Vector, b: Vector) -> None:
    """The new state; where it falls below its floor it is put there, and how far it fell counts as error."""
    with code.each_state():
        found, floor = code.row(IMPLICIT_STATE) + code.row(INCREMENT + STAGES - 1), code.row(FLOOR)
        below = found < floor
        code.set_row(CUT, (floor - found).where(below, 0.0))
        code.set_row(IMPLICIT_STATE, floor.where(below, found))


@operation
def _measure(code: Code, relative: Vector, absolute: Vector) -> None:
    """Largest error of each implicit lane in units of what is allowed: the last increment, of stage 8."""
    implicit, largest = code.lane(IMPLICIT) > 0.0, code.variable(0.0)
    with code.each_state():
        size = abs(code.row(IMPLICIT_STATE)).largest(abs(code.row(STATE)))
        allowed = (relative * size + absolute * abs(code.row(PEAK))) * code.row(ALLOWANCE) + 1e-300
        code.set_row(SCALE, allowed)
        error = code.row(CUT).largest(abs(code.row(INCREMENT + STAGES - 1))) / allowed
        # Not-a-number must be kept, and a derivative that is not finite ends the method as it would begin a step.
        error = error.where(abs(code.row(IMPLICIT_SLOPE)) < float("inf"), float("nan"))
        largest.set(error.where((error > largest.get()) | error.undefined(), largest.get()))
    code.set_lane(ERROR, largest.get().where(implicit, code.lane(ERROR)))


@njit(cache=True, nogil=True, _nrt=False, inline="always")
def _solve(space, size, implicit, stage, sought):
    """The increment of a stage, in place of its right-hand side."""
    right = space.ctypes.data + 8 * row(size, INCREMENT + stage)
    if sought:
        _solve_with_pivots(space, size, implicit, row(size, INCREMENT + stage))
    else:
        call_substitute(implicit.substitute, implicit.factors.ctypes.data, right)


@njit(cache=True, nogil=True, _nrt=False)
def _solve_with_pivots(space, size, implicit, begin):
    """The same where some lanes have their pivots sought."""
    right = implicit.right.reshape(size)
    for j in range(size):
        right[j] = space[begin + j]
    elimination.substitute(implicit.matrix, implicit.filled, implicit.pivot, implicit.right)
    call_substitute(implicit.substitute, implicit.factors.ctypes.data, space.ctypes.data + 8 * begin)
    # Each lane has its own reason: what others need changes none of its numbers.
    for j in range(size):
        if implicit.unsafe[j % W] > 0.0:
            space[begin + j] = right[j]


@compiled
def _look(model, space, size, parameters):
    """Derivatives where a stage looks."""
    derivative(model, space, size, parameters, STAGE_TIME, IMPLICIT_STATE, IMPLICIT_SLOPE)


@compiled
def try_step(model, jacobian, space, size, parameters, implicit, relative, absolute):
    """One step of every implicit lane and its error; the derivative at its start is known.

    `model`, `jacobian` and `parameters` are addresses.
    """
    at = space.ctypes.data
    _set_scale(at, size, relative, absolute)
    sought = _linearise(jacobian, space, size, parameters, implicit)
    _place_1(at, size, 0.0, 0.0)
    _right_1(at, size, 0.0, 0.0)
    _solve(space, size, implicit, 0, sought)
    _place_2(at, size, 0.0, 0.0)
    _look(model, at, size, parameters)
    _right_2(at, size, 0.0, 0.0)
    _solve(space, size, implicit, 1, sought)
    _place_3(at, size, 0.0, 0.0)
    _look(model, at, size, parameters)
    _right_3(at, size, 0.0, 0.0)
    _solve(space, size, implicit, 2, sought)
    _place_4(at, size, 0.0, 0.0)
    _look(model, at, size, parameters)
    _right_4(at, size, 0.0, 0.0)
    _solve(space, size, implicit, 3, sought)
    _place_5(at, size, 0.0, 0.0)
    _look(model, at, size, parameters)
    _right_5(at, size, 0.0, 0.0)
    _solve(space, size, implicit, 4, sought)
    _place_6(at, size, 0.0, 0.0)
    _look(model, at, size, parameters)
    _right_6(at, size, 0.0, 0.0)
    _solve(space, size, implicit, 5, sought)
    _place_7(at, size, 0.0, 0.0)
    _look(model, at, size, parameters)
    _right_7(at, size, 0.0, 0.0)
    _solve(space, size, implicit, 6, sought)
    _place_8(at, size, 0.0, 0.0)
    _look(model, at, size, parameters)
    _right_8(at, size, 0.0, 0.0)
    _solve(space, size, implicit, 7, sought)
    _arrive(at, size, 0.0, 0.0)
    # The next step begins with this derivative.
    _look(model, at, size, parameters)
    _measure(at, size, relative, absolute)
    _measure_radius(space, size, implicit)


@compiled
def _measure_radius(space, size, implicit):
    """A bound of the fastest change times the step, squared."""
    fastest, scale = implicit.fastest, space.ctypes.data + 8 * row(size, SCALE)
    call_speed(implicit.speed, implicit.entries.ctypes.data, scale, fastest.ctypes.data)
    for i in range(W):
        if space[IMPLICIT + i] > 0.0:
            space[RADIUS + i] = (fastest[i] * space[STEP + i]) ** 2


@operation
def interpolate(code: Code, a: Vector, b: Vector) -> None:
    """The states at the next observation of each implicit lane."""
    implicit = code.lane(IMPLICIT) > 0.0
    x = (code.lane(NEXT_SEEN) - code.lane(TIME)) / code.lane(STEP)
    with code.each_state():
        d0, d1, d2 = (_dense(code, weights) for weights in DENSE.tolist())
        inner = code.row(IMPLICIT_STATE) + (1.0 - x) * (d0 + x * (d1 + x * d2))
        value = (1.0 - x) * code.row(STATE) + x * inner
        code.set_row(SEEN, value.where(implicit, code.row(SEEN)))


def _dense(code: Code, weights: list[float]) -> Vector:
    total = weights[0] * code.row(INCREMENT)
    for stage in range(1, STAGES):
        total = total + weights[stage] * code.row(INCREMENT + stage)
    return total
