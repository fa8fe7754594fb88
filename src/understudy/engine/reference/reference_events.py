"""Events in the reference engine: signs watched on a fine grid, crossings found by bisection. Slow and obvious.

The semantics are those of SBML Level 3 Version 2 (Hucka et al. 2019, J Integr Bioinform 16:20190021, section 4.11,
doi:10.1515/jib-2019-0021), as `engine.events.event_queue` has them for compiled solvers; nothing is shared with it
but the sequence that random ties are drawn from.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from understudy.core.expression import TIME, Expression
from understudy.engine.events.event_queue import CAPACITY, MOST_AT_ONCE, NO_TIME, SAME_TIME, draw
from understudy.engine.events.trigger import sign_name, watch
from understudy.engine.problem import (
    BAD_DELAY,
    BAD_PARAMETER,
    CROWDED,
    ENDLESS,
    NOT_FINITE,
    STEP_COLLAPSED,
    Tolerances,
)
from understudy.engine.reference.reference_patient import Failed, Patient, needed_assignments
from understudy.engine.timeline import REINITIALISE
from understudy.model.parts import Assignment

Solution = Callable[[float], np.ndarray]

# Looks at the signs within one step of the solver.
_LOOKS = 32
# A difference below this part of what it is some way off may be rounding.
_NOTHING = 1e-7


@dataclass(frozen=True, eq=False)
class _Execution:
    """An event that has fired and is to be executed."""

    time: float
    event: int
    tie: float
    values: dict[str, float] | None


@dataclass(frozen=True, eq=False)
class _Crossing:
    """Times next to a change of sign; the differences behind it, their signs at its instant, and as they leave it."""

    before: float
    after: float
    differences: np.ndarray
    instant: np.ndarray
    left: np.ndarray

    @classmethod
    def between(cls, before: float, after: float, signs: np.ndarray, found: np.ndarray, far: np.ndarray):
        """The crossing from `signs` to differences `found`, which are `far` some way off."""
        # A difference that leaves zero may differ from it by rounding only, whose sign says nothing.
        leaves = (signs == 0) & (np.abs(found) <= _NOTHING * np.abs(far))
        left = np.where(leaves | (found == 0), np.sign(far), np.sign(found))
        return cls(before, after, found, np.where(signs * left < 0, 0.0, left), left)


class _Watched:
    """A patient whose events are watched."""

    def __init__(self, patient: Patient, index: int, states: np.ndarray):
        self.patient, self.model = patient, patient.model
        line = patient.problem.timeline
        mine = slice(*line.observation_start[index : index + 2])
        self.times, self.after, self.states = (
            line.observation_time[mine],
            line.observation_after[mine],
            states,
        )
        self.seen, self.applied = 0, 0
        self.watch = watch(patient.model)
        self.watched = needed_assignments(patient.model, self.watch.differences)
        self.draws, self.executed, self.executed_at = 0, 0, -np.inf
        self.forget()

    def forget(self) -> None:
        """As before the start: every trigger has its initial value, nothing waits."""
        self.truth = [event.initial_value for event in self.model.events]
        self.waiting: list[_Execution] = []
        self.signs = np.full(len(self.watch.differences), np.nan)

    def dose(self, kind: int, target: int, value: float) -> None:
        """Apply an event of the timeline."""
        self.patient.apply(kind, target, value)
        self.applied += 1
        if kind == REINITIALISE:
            self.forget()

    def values(self, time: float, states: np.ndarray, assignments: Iterable[Assignment]) -> dict:
        values = dict(zip(self.model.parameter_names, self.patient.values, strict=True))
        values |= dict(zip(self.model.state_names, states, strict=True)) | {TIME: time}
        for item in assignments:
            values[item.name] = item.expression.evaluate(values)
        return values

    def differences(self, time: float, states: np.ndarray) -> np.ndarray:
        values = self.values(time, states, self.watched)
        return np.array([float(item.evaluate(values)) for item in self.watch.differences])

    def truths(self, signs: np.ndarray) -> list[bool]:
        named = {sign_name(k): sign for k, sign in enumerate(signs)}
        return [bool(condition.evaluate(named)) for condition in self.watch.conditions]

    def settle(self, crossing: _Crossing | None = None) -> None:
        """Fire and execute everything that is due now, at a crossing first what holds only at that instant."""
        time, instant = self.patient.time, crossing.instant if crossing else None
        while True:
            found = self.differences(time, self.patient.states)
            self.signs = np.sign(found) if instant is None else instant
            if crossing and instant is None:
                # What nothing has changed leaves the crossing as the solution does.
                self.signs = np.where(found == crossing.differences, crossing.left, self.signs)
            self.update(self.truths(self.signs))
            due = [item for item in self.waiting if item.time <= time + SAME_TIME * abs(time)]
            if due:
                self.execute(min(due, key=self.rank))
            elif instant is None:
                return
            instant = None

    def update(self, truth: list[bool]) -> None:
        """Fire events whose trigger has become true, cancel what must not outlive its trigger."""
        fired = [
            k for k, (now, before) in enumerate(zip(truth, self.truth, strict=True)) if now and not before
        ]
        gone = {k for k, now in enumerate(truth) if not now and not self.model.events[k].persistent}
        self.truth = truth
        self.waiting = [item for item in self.waiting if item.event not in gone]
        for k in fired:
            self.fire(k)

    def fire(self, k: int) -> None:
        event, time = self.model.events[k], self.patient.time
        delay = self.number(event.delay)
        if not 0 <= delay < np.inf:
            raise Failed(BAD_DELAY, time)
        tie = 0.0
        if event.ties == "random":
            tie = draw(self.draws)
            self.draws += 1
        if len(self.waiting) >= CAPACITY + 4 * len(self.model.events):
            raise Failed(CROWDED, time)
        values = self.new_values(k) if event.from_trigger_time else None
        self.waiting.append(_Execution(time + delay, k, tie, values))

    def number(self, expression: Expression) -> float:
        needed = needed_assignments(self.model, [expression])
        return float(expression.evaluate(self.values(self.patient.time, self.patient.states, needed)))

    def new_values(self, k: int) -> dict[str, float]:
        expressions = [item.expression for item in self.model.events[k].assignments]
        needed = needed_assignments(self.model, expressions)
        values = self.values(self.patient.time, self.patient.states, needed)
        return {
            item.name: float(item.expression.evaluate(values)) for item in self.model.events[k].assignments
        }

    def rank(self, item: _Execution) -> tuple:
        """Highest priority first, then ties."""
        priority = self.model.events[item.event].priority
        value = -np.inf if priority is None else self.number(priority)
        return (-value if not np.isnan(value) else np.inf, item.tie, item.event)

    def execute(self, item: _Execution) -> None:
        time = self.patient.time
        if time - self.executed_at <= NO_TIME * abs(time):
            self.executed += 1
        else:
            self.executed, self.executed_at = 1, time
        if self.executed > MOST_AT_ONCE:
            raise Failed(ENDLESS, time)
        self.waiting.remove(item)
        for name, value in (self.new_values(item.event) if item.values is None else item.values).items():
            self.patient.states[self.model.state_names.index(name)] = value
        if not np.isfinite(self.patient.states).all():
            raise Failed(NOT_FINITE, time)

    def fires(self, signs: np.ndarray) -> bool:
        return any(now and not before for now, before in zip(self.truths(signs), self.truth, strict=True))

    def first_change(self, solution: Solution, begin: float, end: float) -> _Crossing | None:
        """The first change of a sign within a step."""

        def changed(t: float) -> bool:
            return not np.array_equal(np.sign(self.differences(t, solution(t))), self.signs, equal_nan=True)

        before = begin
        for after in self.looks(solution, begin, end):
            if changed(after):
                far = self.differences(after, solution(after))
                while after - before > 4 * np.spacing(abs(after)):
                    middle = 0.5 * (before + after)
                    before, after = (before, middle) if changed(middle) else (middle, after)
                found = self.differences(after, solution(after))
                return _Crossing.between(float(before), float(after), self.signs, found, far)
            before = after
        return None

    def looks(self, solution: Solution, begin: float, end: float) -> np.ndarray:
        """Times to look at within a step: a grid, and where a difference comes nearest to zero between its points."""
        from scipy.optimize import minimize_scalar

        grid = np.linspace(begin, end, _LOOKS + 1)
        sizes = np.abs([self.differences(t, solution(t)) for t in grid])
        nearest = []
        for i, k in np.argwhere((sizes[1:-1] <= sizes[:-2]) & (sizes[1:-1] <= sizes[2:])):
            size = lambda t, k=k: abs(self.differences(t, solution(t))[k])  # noqa: E731
            nearest.append(minimize_scalar(size, bounds=(grid[i], grid[i + 2]), method="bounded").x)
        return np.unique([*grid[1:], *nearest])

    def look(self, solution: Solution, until: float) -> None:
        """Write down what is to be seen up to a time."""
        while self.is_due(until):
            self.states[self.seen] = solution(self.times[self.seen])
            self.seen += 1

    def is_due(self, time: float) -> bool:
        """Whether the next observation is at this time or before, and no dose stands between."""
        seen = self.seen
        return seen < self.times.size and self.after[seen] == self.applied and self.times[seen] <= time

    def integrate(self, until: float, tolerances: Tolerances) -> _Crossing | None:
        """Go on to `until`, or to the first crossing at which an event fires, which is returned."""
        from scipy import integrate

        patient, how = self.patient, self.patient.prepare(until, tolerances)
        kind = getattr(integrate, patient.method(until))
        solver = kind(patient.derivative, patient.time, patient.states, until, **how)
        while patient.time < until:
            begin = patient.time
            solver.step()
            if solver.status == "failed":
                raise Failed(STEP_COLLAPSED, begin)
            solution = solver.dense_output()
            crossing = self.cross(solution, begin, solver.t)
            if crossing is not None:
                return crossing
            # What is seen at `until` itself is what is there after all that happens then.
            self.look(solution, min(solver.t, np.nextafter(until, -np.inf)))
            patient.arrive(solver.t, solver.y)
        return None

    def cross(self, solution: Solution, begin: float, end: float) -> _Crossing | None:
        """Take over every change of a sign within a step, up to the first that makes an event fire."""
        while (found := self.first_change(solution, begin, end)) is not None:
            begin = found.after
            if self.fires(found.instant) or self.fires(found.left):
                self.look(solution, found.before)
                self.patient.arrive(begin, solution(begin))
                return found
            self.signs = found.left
            self.update(self.truths(found.instant))
            self.update(self.truths(found.left))
        return None


def follow(patient: Patient, index: int, states: np.ndarray, tolerances: Tolerances) -> None:
    """Walk one patient through doses, observations and events; `states` is filled in place."""
    if not (np.isfinite(patient.values).all() and np.isfinite(patient.states).all()):
        raise Failed(BAD_PARAMETER, float(patient.time))
    timeline = patient.problem.timeline
    event, end = timeline.event_start[index : index + 2]
    watched = _Watched(patient, index, states)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        watched.settle()
        while True:
            while watched.is_due(patient.time):
                states[watched.seen] = patient.states
                watched.seen += 1
            if watched.seen == len(states):
                return
            at = timeline.event_time[event] if event < end else np.inf
            if at <= patient.time:
                watched.dose(
                    timeline.event_kind[event], int(timeline.event_target[event]), timeline.event_value[event]
                )
                event += 1
                together = event < end and timeline.event_time[event] <= patient.time
                if not (together and watched.after[watched.seen] > watched.applied):
                    watched.settle()
                continue
            stop = min([at, watched.times[-1], *[item.time for item in watched.waiting]])
            if not np.isfinite(stop):
                raise Failed(BAD_PARAMETER, float(patient.time))
            watched.settle(watched.integrate(stop, tolerances))
