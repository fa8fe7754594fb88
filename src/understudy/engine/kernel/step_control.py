"""Step control: what becomes of a step, and how long the next one is, for eight lanes at once.

The controller is the classical one of Hairer, Nørsett, Wanner 1993, Solving Ordinary Differential Equations I, II.4,
also for the first step after a change.
"""

from __future__ import annotations

from llvmlite import ir

from understudy.engine.kernel.lane_code import Code, Vector, operation
from understudy.engine.kernel.lane_space import (
    ACCEPTED,
    CALM,
    ERROR,
    FRESH,
    IMPLICIT,
    IMPLICIT_SLOPE,
    IMPLICIT_STATE,
    LIVE,
    NEW_STATE,
    NEXT_SEEN,
    NEXT_TIME,
    PEAK,
    RADIUS,
    SLOPE,
    STAGE_TIME,
    STATE,
    STEP,
    STIFF,
    STOP,
    TAKEN,
    TIME,
    WANTED,
    WORK,
)
from understudy.engine.kernel.tsit5 import ROUNDING, STABLE

SAFETY, SHRINK, GROW = 0.9, 0.2, 5.0
# How much a step is shortened that led to no number at all.
BACK_OFF = 0.1
# An error below this lets a step grow as far as it may anyway.
LEAST_ERROR = 1e-10
# A step below the first fraction of the time reached, or the second of the time still to go, is no step. The second is
# so small because a stiff system may begin a course of years by a change within microseconds.
SMALLEST, SMALLEST_OF_SPAN = 4e-15, 1e-30
# Steps kept short by stability alone that make a lane stiff, and steps in a row that make up for them.
MOST_HELD, MAKES_UP = 15.0, 6.0
# An implicit lane returns only after many steps at which the explicit method would be far from unstable: lanes that go
# to and fro after every dose cost their block both methods.
EASY, EASILY = 1.0, 50.0
# A change of method must pay before the next event: so many steps must still be to go.
FAR = 100.0

# At the speed of its start a lane at rest would take so many times the span to change by a hundredth.
AT_REST = 1e3

# What `judge` returns, eight bits for each: which lanes have observations within their step, which stand at their stop,
# which cannot go on, which have taken all the steps they may, which ought to change method.
ENDS, STUCK, SPENT, CHANGE = 8, 16, 24, 32


@operation
def set_steps(code: Code, a: Vector, b: Vector) -> None:
    """How far each lane goes: a last sliver is taken with the step before it; a lane that is done stands still."""
    left, wanted = code.lane(STOP) - code.lane(TIME), code.lane(WANTED)
    step = left.where(wanted * 1.001 >= left, wanted)
    code.set_lane(STEP, step.where(code.lane(LIVE) > 0.0, 0.0))


@operation
def judge(code: Code, most: Vector, automatic: Vector) -> ir.Value:
    """Accept or reject every lane's step and say how long the next one shall be.

    At most `most` steps are allowed; lanes may change method where `automatic` is 1.
    """
    time, step, stop, error = code.lane(TIME), code.lane(STEP), code.lane(STOP), code.lane(ERROR)
    live = code.lane(LIVE) > 0.0
    accepted = live & (error <= 1.0)
    left = stop - time
    ends = accepted & step.same(left)
    factor = SAFETY * error.largest(LEAST_ERROR).inverse_fifth_root()
    factor = factor.least(GROW).largest(SHRINK)
    wanted = step * factor.where(error < float("inf"), BACK_OFF)
    # A step cut short by an event says little about the next one.
    code.set_lane(WANTED, code.lane(WANTED).largest(wanted).where(ends, wanted))
    now = stop.where(ends, (time + step).where(accepted, time))
    code.set_lane(NEXT_TIME, now)
    code.set_lane(ACCEPTED, accepted.as_number())
    taken = code.lane(TAKEN) + live.as_number()
    code.set_lane(TAKEN, taken)
    implicit = code.lane(IMPLICIT) > 0.0
    least = (SMALLEST * abs(time)).largest(SMALLEST_OF_SPAN * left)
    stuck = ~accepted & ~(wanted > least)
    spent = live & ~ends & (taken >= most)
    seen = accepted & (code.lane(NEXT_SEEN) <= now)
    change = (
        live
        & _far_to_go(code, stop - now, wanted, implicit)
        & _ought_to_change(code, accepted, implicit)
        & (automatic > 0.0)
    )
    return _together(code, seen, ends, live & stuck, spent, change)


def _far_to_go(code: Code, left: Vector, wanted: Vector, implicit: Vector) -> Vector:
    """Where it takes many steps to the stop: the longest stable ones, or of implicit lanes those they wish for."""
    step = code.lane(STEP) * (STABLE * FAR)
    held = left * left * code.lane(RADIUS) > step * step
    return ~implicit & held | implicit & (left > wanted * FAR)


def _ought_to_change(code: Code, accepted: Vector, implicit: Vector) -> Vector:
    """Which lanes have been kept to short steps by stability for long, or implicit ones that need not be so."""
    radius = code.lane(RADIUS)
    held = radius > code.constant(EASY * EASY).where(implicit, STABLE * STABLE)
    stiff, calm = code.lane(STIFF), code.lane(CALM)
    calm = (calm + 1.0).where(accepted & ~held, (calm - calm).where(accepted, calm))
    stiff = (stiff + 1.0).where(accepted & held, stiff)
    stiff = (stiff - stiff).where(calm >= MAKES_UP, stiff)
    code.set_lane(CALM, calm)
    code.set_lane(STIFF, stiff)
    return (stiff >= MOST_HELD) & ~implicit | (calm >= EASILY) & implicit


def _together(code: Code, *tests: Vector) -> ir.Value:
    """The bits of several tests in one number."""
    total = tests[0].bits()
    for k, test in enumerate(tests[1:], start=1):
        moved = code.builder.shl(test.bits(), ir.Constant(total.type, 8 * k))
        total = code.builder.or_(total, moved)
    return total


@operation
def advance(code: Code, a: Vector, b: Vector) -> None:
    """Go on to the new states where the step was accepted."""
    accepted = code.lane(ACCEPTED) > 0.0
    code.set_lane(TIME, code.lane(NEXT_TIME))
    with code.each_state():
        new = code.row(NEW_STATE)
        code.set_row(STATE, new.where(accepted, code.row(STATE)))
        code.set_row(SLOPE, code.row(SLOPE + 6).where(accepted, code.row(SLOPE)))
        _raise_peak(code, abs(new), accepted)


@operation
def blend(code: Code, a: Vector, b: Vector) -> None:
    """Take over what the implicit method found, in the lanes that it has."""
    implicit = code.lane(IMPLICIT) > 0.0
    with code.each_state():
        code.set_row(NEW_STATE, code.row(IMPLICIT_STATE).where(implicit, code.row(NEW_STATE)))
        code.set_row(SLOPE + 6, code.row(IMPLICIT_SLOPE).where(implicit, code.row(SLOPE + 6)))


def _raise_peak(code: Code, size: Vector, where: Vector) -> None:
    """The largest value that a state has had; minus its seed while it has had none."""
    peak = code.row(PEAK)
    code.set_row(PEAK, size.where(where & (size > 0.0) & (size > peak), peak))


@operation
def look_after(code: Code, a: Vector, b: Vector) -> None:
    """Just after the time of each lane: what an equation becomes at that time, it is when the lane goes on."""
    time = code.lane(TIME)
    code.set_lane(STAGE_TIME, time + abs(time) * ROUNDING)


@operation
def begin_steps(code: Code, relative: Vector, absolute: Vector) -> None:
    """First slope (found in WORK) and step of fresh lanes: no state changes by more than a hundredth of its scale."""
    fresh, size, speed = code.lane(FRESH) > 0.0, code.variable(0.0), code.variable(0.0)
    with code.each_state():
        slope = code.row(WORK)
        code.set_row(SLOPE, slope.where(fresh, code.row(SLOPE)))
        state = abs(code.row(STATE))
        _raise_peak(code, state, fresh)
        allowed = relative * state + (absolute * abs(code.row(PEAK)) + 1e-300)
        size.set((state / allowed).largest(size.get()))
        speed.set((abs(slope) / allowed).largest(speed.get()))
    span = code.lane(STOP) - code.lane(TIME)
    guess = 0.01 * size.get() / speed.get()
    # Nothing moves yet but by rounding: an input may be about to begin, and must not be stepped over.
    moves = (speed.get() > 0.0) & (guess > span * 1e-12) & (guess < span * AT_REST)
    wanted = guess.least(span).where(moves, span * 1e-6)
    code.set_lane(WANTED, wanted.where(fresh, code.lane(WANTED)))
    code.set_lane(FRESH, code.constant(0.0))
    zero = code.constant(0.0)
    code.set_lane(CALM, zero.where(fresh, code.lane(CALM)))
