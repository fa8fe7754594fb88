"""One patient of the reference engine: states, parameters and infusions as doses go by."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from understudy.core.expression import Expression
from understudy.engine.problem import NEVER, NOT_FINITE, TOO_MANY_STEPS, Problem, Tolerances
from understudy.engine.readout import needed_names
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
from understudy.model.model import Model
from understudy.model.parts import Assignment


class Failed(Exception):
    """A patient cannot be followed any further."""

    def __init__(self, code: int, time: float):
        self.code, self.time = code, time


class Patient:
    """One patient's state while the events go by."""

    def __init__(self, problem: Problem, index: int):
        self.problem, self.model = problem, problem.model
        self.time = problem.timeline.start_time[index]
        self.states = problem.start[index].copy()
        self.infusions = np.zeros(len(self.states))
        self.row = problem.timeline.first_row[index]
        self.values = problem.table[self.row].copy()
        self.used = np.zeros(len(problem.slots), dtype=int)
        self.peak = np.zeros(len(self.states)) if problem.least is None else problem.least[index].copy()
        self.evaluations, self.allowed = 0, 0
        self.last_time = np.inf
        # What events and outputs alone need is not worked out at every step.
        self.needed = needed_assignments(self.model, self.model.rates)
        self.nonnegative = np.array([state.nonnegative for state in self.model.states])

    def above_floor(self, states: np.ndarray) -> np.ndarray:
        """States, those put to zero that cannot be negative and are, by the integrator's error; shape (..., states)."""
        return np.where(self.nonnegative & (states < 0), 0.0, states)

    def emptied(self) -> list[Callable[[float, np.ndarray], float]]:
        """For SciPy's solvers: a function for each state that cannot be negative, which ends them as it runs empty."""

        def watch(index: int) -> Callable[[float, np.ndarray], float]:
            # One that is empty already runs empty no more.
            level = lambda t, states: states[index] if states[index] != 0 else 1.0  # noqa: E731
            level.terminal, level.direction = True, -1
            return level

        return [watch(index) for index in np.flatnonzero(self.nonnegative)]

    def stand_empty(self, time: float, states: np.ndarray, empty: list[bool]) -> None:
        """Stand at the time at which some of the states that cannot be negative have run empty."""
        states = states.copy()
        states[np.flatnonzero(self.nonnegative)[empty]] = 0.0
        self.arrive(time, states)

    def derivative(self, t: float, states: np.ndarray) -> np.ndarray:
        self.evaluations += 1
        if self.evaluations > self.allowed:
            # LSODA goes on for ever where a solution blows up.
            raise Failed(TOO_MANY_STEPS, t)
        # What changes its form where the integration stops has its old form up to there.
        t, model = min(t, self.last_time), self.model
        values = dict(zip(model.parameter_names, self.values, strict=True))
        states = self.above_floor(states)
        values |= dict(zip(model.state_names, states, strict=True)) | {"t": t}
        for item in self.needed:
            values[item.name] = item.expression.function(values)
        slopes = np.array([rate.function(values) for rate in model.rates], dtype=float) + self.infusions
        # An empty state cannot lose any more.
        return np.where(self.nonnegative & (states == 0), np.maximum(slopes, 0.0), slopes)

    def apply(self, kind: int, target: int, value: float) -> None:
        problem = self.problem
        if kind == ROW:
            self.take_parameters(target)
        elif kind == REINITIALISE:
            self.states = problem.initial[target].copy()
            self.infusions[:] = 0
            self.forget_profiles()
        elif kind == STOP_INFUSIONS:
            self.infusions[:] = 0
            self.forget_profiles()
        elif kind == STEADY:
            steady = problem.steady[target]
            base = problem.initial[problem.timeline.steady.row[target]]
            self.states = self.states + steady - base if value == ADD else steady.copy()
        elif kind == RATE:
            self.infusions[target] += value
        elif kind == BOLUS:
            self.states[target] += value
        elif kind == SET:
            self.states[target] = value
        elif kind == PROFILE:
            column = problem.slots[target, 0] + 2 * self.used[target]
            self.values[column : column + 2] = value, self.time
            self.used[target] += 1
        elif kind == FLOW:
            self.flow(problem.timeline.flow[target], int(value))

    def flow(self, moved: np.ndarray, source: int) -> None:
        """Add the derivatives of a copy of the states to all copies, as far as each has moved."""
        own = len(self.states) // (1 + moved.size)
        self.allowed = self.evaluations + 1
        speed = self.derivative(self.time, self.states)[own * source : own * (source + 1)]
        self.states[own:] += np.outer(moved, speed).ravel()

    def take_parameters(self, row: int) -> None:
        kept = problem_slots(self.problem)
        slots = self.values[kept]
        self.values = self.problem.table[row].copy()
        self.values[kept], self.row = slots, row

    def forget_profiles(self) -> None:
        for column, count in self.problem.slots:
            self.values[column : column + 2 * count] = np.tile([0.0, NEVER], count)
        self.used[:] = 0

    def prepare(self, until: float, tolerances: Tolerances) -> dict:
        """Get ready for an integration to `until`; returns what SciPy's solvers are told."""
        if not np.isfinite(self.states).all():
            raise Failed(NOT_FINITE, self.time)
        self.allowed = self.evaluations + tolerances.max_steps
        self.last_time = np.nextafter(until, -np.inf)
        span = until - self.time
        return {"rtol": tolerances.relative, "atol": tolerances.absolute * self.scale(span)}

    def method(self, until: float) -> str:
        """LSODA, which refuses to start on a span that is short against the time itself, or another method there."""
        return "LSODA" if until - self.time > 1e-4 * max(1.0, abs(until)) else "DOP853"

    def arrive(self, time: float, states: np.ndarray) -> None:
        """Stand at a later time."""
        if not np.isfinite(states).all():
            raise Failed(NOT_FINITE, float(time))
        self.time, self.states = float(time), states.copy()
        self.peak = np.maximum(self.peak, np.abs(states))

    def scale(self, span: float) -> np.ndarray:
        """What each state is measured by: the largest value it has had, or a little where it has had none."""
        self.peak = np.maximum(self.peak, np.abs(self.states))
        largest = max(self.peak.max(), np.abs(self.infusions).max() * span)
        return np.where(self.peak > 0, self.peak, 1e-6 * largest if largest > 0 else 1.0)


def needed_assignments(model: Model, expressions: Iterable[Expression]) -> list[Assignment]:
    """The assignments that expressions use, directly or through others, each after those it needs."""
    needed = needed_names(model, expressions)
    return [item for item in model.ordered_assignments if item.name in needed]


def problem_slots(problem: Problem) -> np.ndarray:
    """Columns of the parameter table that hold past doses."""
    return np.concatenate([np.arange(c, c + 2 * n) for c, n in problem.slots] or [np.zeros(0, int)]).astype(
        int
    )
