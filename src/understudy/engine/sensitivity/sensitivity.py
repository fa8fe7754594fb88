"""Sensitivities: derivatives of outputs along directions, from one solution of the augmented problem.

The further states of an augmented model, its augmented timeline and its steady states go through the same solvers as
everything else. Second derivatives are in `understudy.engine.sensitivity.second_sensitivity`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine import solve as plain
from understudy.engine import steady
from understudy.engine.events.discrete_state import with_discrete_states
from understudy.engine.parameters import ParameterRows
from understudy.engine.problem import Problem, Solution, Tolerances, initial_states, unroll_profiles, widen
from understudy.engine.readout import evaluate, read
from understudy.engine.schedule import Schedule
from understudy.engine.sensitivity import steady_slopes
from understudy.engine.sensitivity.augmented_model import AugmentedModel, augment
from understudy.engine.sensitivity.augmented_timeline import EventSlopes, Settings, augment_timeline
from understudy.engine.sensitivity.directions import Direction, Directions, started, with_parameters
from understudy.engine.sensitivity.dose_slopes import DoseSlopes, dose_slopes, event_slopes
from understudy.engine.sensitivity.event_jump import with_jumps
from understudy.engine.sensitivity.event_state import (
    EventStates,
    infuse_by_states,
    infused_states,
    instant_settings,
    report_faults,
    with_event_states,
)
from understudy.engine.sensitivity.least_size import allowance, least_sizes
from understudy.engine.sensitivity.profile_slopes import SlopeSlots, refuse_moving_steps, unroll_slopes
from understudy.engine.sensitivity.side_state import with_side_states
from understudy.engine.sensitivity.switch_state import (
    SwitchStates,
    raise_switches,
    start_switches,
    switch_settings,
    with_switch_states,
)
from understudy.engine.timeline import Timeline
from understudy.model.model import Model


def solve_along(
    schedule: Schedule,
    rows: ParameterRows,
    outputs: tuple[str, ...],
    engine: str,
    tolerances: Tolerances,
    jobs: int,
    directions: Directions,
) -> plain.Answer:
    """Outputs and their derivatives; `understudy.engine.solve.solve` is the way here.

    Raises
    ------
    SimulationError
        For a direction that the model does not have, and steady states with events or with times that move at which
        equations change their form.
    """
    rows, found = with_parameters(rows, directions)
    asked, engine = engine, plain.choose(rows.model, engine)
    task = _Task.of(schedule, rows, found)
    if task.events is not None:
        plain.choose(task.augmented.model, engine)
    serving = _serving(asked, engine, task.augmented.model)
    solver, timeline, problem = plain.solver_of(serving), task.timeline, task.problem
    if timeline.steady.row.size:
        _refuse_steady(task)
        start = plain.problem_of(task.rows, timeline)
        states = steady.find(start, plain.solver_of(engine), tolerances, jobs)
        states = steady_slopes.extend(problem, states, task.slopes, solver, tolerances, jobs)
        solution = solver(problem.replace(steady=states.states), tolerances, jobs)
        solution = plain.without_steady_state(solution, timeline, states)
    else:
        solution = task.checked(solver(problem, tolerances, jobs))
    solution = plain.reject_bad_parameters(solution, problem)
    wanted = [name for output in outputs for name in (output, *task.augmented.outputs[output])]
    if engine == "reference":
        seen = evaluate(task.wide, problem.timeline, solution.states, wanted)
    else:
        seen = read(task.wide, problem.timeline, solution.states, wanted, jobs)
    own = replace(solution, states=solution.states[:, : len(task.rows.model.states)])
    return plain.Answer(
        {name: seen[name] for name in outputs},
        timeline.observation_row,
        own,
        serving,
        {name: np.stack([seen[d] for d in task.augmented.outputs[name]], axis=1) for name in outputs},
    )


def _serving(asked: str, engine: str, model: Model) -> str:
    """The engine for an augmented model: its mechanism's, unless that does not know it or takes too long."""
    from understudy.engine.linear.closed_form import applies

    if engine == "closed_form" and not applies(model):
        engine = "matrix_exponential"
    too_many = engine == "matrix_exponential" and len(model.states) > plain.MOST_STATES
    return "kernel" if asked == "auto" and too_many else engine


@dataclass(frozen=True, eq=False)
class _Task:
    """A problem with its sensitivities, and what it is made of.

    Parameters
    ----------
    rows, wide : ParameterRows
        Of the mechanism, and of its augmented model.
    timeline : Timeline
        Of the mechanism.
    slopes : DoseSlopes
    switches : SwitchStates
    events : EventStates or None
        None for a model without events.
    augmented : AugmentedModel
    problem : Problem
        Steady states still to be found.
    """

    rows: ParameterRows
    wide: ParameterRows
    timeline: Timeline
    slopes: DoseSlopes
    switches: SwitchStates
    events: EventStates | None
    augmented: AugmentedModel
    problem: Problem

    @classmethod
    def of(cls, schedule: Schedule, rows: ParameterRows, directions: tuple[Direction, ...]) -> _Task:
        """The task for a schedule."""
        directions = tuple(started(direction, rows.model) for direction in directions)
        rows = with_discrete_states(rows, schedule)
        timeline, values = plain.timeline_of(schedule, rows)
        moved = frozenset(name for direction in directions for name in direction.parameters)
        switches = with_switch_states(rows.model, moved)
        model, events = with_side_states(switches.model, moved, frozenset(switches.names)), None
        if model.events:
            events = with_event_states(model, infused_states(timeline, model))
            model = events.model
        augmented = augment(model, directions, switches.times)
        wide = replace(rows, model=augmented.model)
        refuse_moving_steps(wide, augmented, moved)
        slopes = dose_slopes(schedule, values, wide, augmented)
        maker = _Maker(wide, timeline, augmented, switches, events, directions)
        return cls(rows, wide, timeline, slopes, switches, events, augmented, maker.problem(slopes))

    def checked(self, solution: Solution) -> Solution:
        """A solution in which patients have failed where an event's time had no derivative."""
        if self.events is None:
            return solution
        place = self.augmented.model.state_names.index(self.events.fault)
        return report_faults(solution, self.timeline, place, self.augmented.own)


@dataclass(frozen=True, eq=False)
class _Maker:
    """Makes the problem of an augmented model."""

    wide: ParameterRows
    timeline: Timeline
    augmented: AugmentedModel
    switches: SwitchStates
    events: EventStates | None
    directions: tuple[Direction, ...]

    def problem(self, doses: DoseSlopes) -> Problem:
        unrolled, slots = unroll_profiles(self.augmented.model, self.timeline)
        model, slots, held = unroll_slopes(self.augmented, unrolled, slots)
        if self.events is not None:
            model = with_jumps(model, self.augmented, self.events, self.directions)
        line = self.line(event_slopes(self.timeline, doses, self.wide, self.augmented), held)
        table = widen(self.wide.table, model)
        initial = initial_states(model, table)
        at_cycles = np.zeros((line.steady.row.size, initial.shape[1]))
        start = initial[line.first_row]
        start_switches(start, line, self.switches, self.wide)
        if self.events is not None:
            start[:, model.state_names.index(self.events.instant)] = line.start_time
        least = least_sizes(self.wide, line, start[:, : self.augmented.own], self.directions)
        allowed = allowance(self.augmented.own, start.shape[1])
        return Problem(model, slots, line, table, start, at_cycles, least, allowed)

    def line(self, slopes: EventSlopes, held: SlopeSlots) -> Timeline:
        """The timeline with the events of the sensitivities."""
        own, line = self.augmented.own, self.timeline
        settings = [switch_settings(line, self.switches, self.wide)]
        line, slopes = raise_switches(line, slopes, self.switches, self.wide, self.augmented.times)
        if self.events is not None:
            place = self.augmented.model.state_names.index(self.events.instant)
            settings.append(instant_settings(line, slopes, place, own))
            line, slopes = infuse_by_states(line, slopes, self.events)
        return augment_timeline(line, slopes, own, held, Settings.joined(settings))


def _refuse_steady(task: _Task) -> None:
    """Raise for cycles whose equations change their form: they know no events, and no clock beyond themselves."""
    plain.refuse_steady_events(task.rows.model)
    if task.switches.times or task.events is not None:
        time = f"at the time {task.switches.times[0]}" if task.switches.times else "by a step"
        raise SimulationError(
            f"a steady state has no sensitivities where an equation changes its form {time}",
            place=task.rows.model.name,
            repair="give the doses one by one, or leave out the sensitivity to what moves that time",
        )
