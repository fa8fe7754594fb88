"""Tsitouras' explicit Runge-Kutta method of order 5(4) with its free interpolant, eight patients side by side.

Ch. Tsitouras 2011, Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption,
Comput Math Appl 62:770-775, doi:10.1016/j.camwa.2011.06.002 (nodes, weights, interpolant).
Estimate of stiffness: Hairer, Wanner 1996, Solving Ordinary Differential Equations II, IV.2.

This file knows one step; events, observations and step sizes are the business of `time_loop`. The
model is an address: no model is known here.
"""

from __future__ import annotations

import numpy as np

from understudy.engine.code.compiled import compiled
from understudy.engine.code.pointer import call_right_hand_side
from understudy.engine.kernel.lane_code import Code, Vector, operation
from understudy.engine.kernel.lane_space import (
    ALLOWANCE,
    CUT,
    ERROR,
    FLOOR,
    INFUSED,
    NEW_STATE,
    NEXT_SEEN,
    PEAK,
    RADIUS,
    SEEN,
    SLOPE,
    STAGE_TIME,
    STATE,
    STEP,
    STOP,
    TIME,
    WORK,
    row,
)

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
# Beyond this product of step and fastest rate of change the method is unstable; a little less than the 3.5 at which its
# domain of stability meets the real axis.
STABLE = 3.25
# One rounding of a number near 1.
ROUNDING = 2.0**-52


def stage_time(code: Code, node: float) -> Vector:
    """When a stage looks: up to just before the stop, where an equation may change its form in time."""
    stop = code.lane(STOP)
    return (code.lane(TIME) + code.lane(STEP) * node).least(stop - abs(stop) * ROUNDING)


def _total(code: Code, weights: tuple[float, ...] | list[Vector]) -> Vector:
    """The slopes of all stages so far, weighted."""
    total = weights[0] * code.row(SLOPE)
    for stage, weight in enumerate(weights[1:], start=1):
        total = total + weight * code.row(SLOPE + stage)
    return total


def _stage(node: float, weights: tuple[float, ...]):
    """Where and when a stage looks."""

    @operation
    def look(code: Code, a: Vector, b: Vector) -> None:
        step = code.lane(STEP)
        code.set_lane(STAGE_TIME, stage_time(code, node))
        with code.each_state():
            code.set_row(WORK, code.row(STATE) + step * _total(code, weights))

    return look


_look_2 = _stage(C2, (A21,))
_look_3 = _stage(C3, (A31, A32))
_look_4 = _stage(C4, (A41, A42, A43))
_look_5 = _stage(C5, (A51, A52, A53, A54))
_look_6 = _stage(1.0, (A61, A62, A63, A64, A65))


@operation
def _arrive(code: Code, a: Vector, b: Vector) -> None:
    """The new state; where it falls below its floor it is put there, and how far it fell counts as error."""
    step = code.lane(STEP)
    with code.each_state():
        found = code.row(STATE) + step * _total(code, (B1, B2, B3, B4, B5, B6))
        floor = code.row(FLOOR)
        below = found < floor
        code.set_row(CUT, (floor - found).where(below, 0.0))
        code.set_row(NEW_STATE, floor.where(below, found))


@operation
def _measure(code: Code, relative: Vector, absolute: Vector) -> None:
    """Largest error of each lane in units of what is allowed, and the speed of the fastest change times the step."""
    step, largest = code.lane(STEP), code.variable(0.0)
    fast, far = code.variable(0.0), code.variable(0.0)
    with code.each_state():
        state, new = code.row(STATE), code.row(NEW_STATE)
        wrong = code.row(CUT).largest(abs(step * _total(code, (E1, E2, E3, E4, E5, E6, E7))))
        allowed = relative * abs(new).largest(abs(state)) + absolute * abs(code.row(PEAK))
        allowed = allowed * code.row(ALLOWANCE) + 1e-300
        share = 1.0 / allowed
        error = wrong * share
        # Not-a-number is kept, and later rejected.
        largest.set(error.where((error > largest.get()) | error.undefined(), largest.get()))
        change = (code.row(SLOPE + 6) - code.row(SLOPE + 5)) * share
        way = (new - code.row(WORK)) * share
        fast.set(fast.get() + change * change)
        far.set(far.get() + way * way)
    code.set_lane(ERROR, largest.get())
    # Squared: without a way to tell the ratio is not a number, and nothing is concluded from it.
    code.set_lane(RADIUS, step * step * (fast.get() / far.get()))


@operation
def interpolate(code: Code, a: Vector, b: Vector) -> None:
    """The states at the next observation of each lane."""
    step = code.lane(STEP)
    theta = (code.lane(NEXT_SEEN) - code.lane(TIME)) / step
    weights = []
    for c0, c1, c2, c3 in INTERPOLANT.tolist():
        weights.append(step * theta * (c0 + theta * (c1 + theta * (c2 + theta * c3))))
    with code.each_state():
        code.set_row(SEEN, code.row(STATE) + _total(code, weights))


@compiled
def derivative(model, space, size, parameters, when, where, out):
    """The model's derivatives at a vector of times and a row of states, into a row."""
    call_right_hand_side(
        model,
        space + 8 * when,
        space + 8 * row(size, where),
        parameters,
        space + 8 * row(size, INFUSED),
        space + 8 * row(size, out),
    )


@compiled
def try_step(model, space, size, parameters, relative, absolute):
    """One step of every lane and its error; the derivative at its start is known.

    `model`, `space` and `parameters` are addresses.
    """
    _look_2(space, size, 0.0, 0.0)
    derivative(model, space, size, parameters, STAGE_TIME, WORK, SLOPE + 1)
    _look_3(space, size, 0.0, 0.0)
    derivative(model, space, size, parameters, STAGE_TIME, WORK, SLOPE + 2)
    _look_4(space, size, 0.0, 0.0)
    derivative(model, space, size, parameters, STAGE_TIME, WORK, SLOPE + 3)
    _look_5(space, size, 0.0, 0.0)
    derivative(model, space, size, parameters, STAGE_TIME, WORK, SLOPE + 4)
    _look_6(space, size, 0.0, 0.0)
    derivative(model, space, size, parameters, STAGE_TIME, WORK, SLOPE + 5)
    _arrive(space, size, 0.0, 0.0)
    derivative(model, space, size, parameters, STAGE_TIME, NEW_STATE, SLOPE + 6)
    _measure(space, size, relative, absolute)
