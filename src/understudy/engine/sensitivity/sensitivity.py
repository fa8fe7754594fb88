"""Sensitivities: derivatives of outputs along directions, from one solution of the augmented problem.

The further states of an augmented model, its augmented timeline and its steady states go through the same solvers as
everything else. Second derivatives are in `understudy.engine.sensitivity.second_sensitivity`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine import solve as plain
from understudy.engine import steady
from understudy.engine.events.break_point import switch_times
from understudy.engine.parameters import ParameterRows
from understudy.engine.problem import Problem, Tolerances, initial_states, unroll_profiles, widen
from understudy.engine.readout import evaluate, needed_names, read
from understudy.engine.schedule import Schedule
from understudy.engine.sensitivity import steady_slopes
from understudy.engine.sensitivity.augmented_model import AugmentedModel, augment
from understudy.engine.sensitivity.augmented_timeline import augment_timeline
from understudy.engine.sensitivity.directions import Direction, Directions, with_parameters
from understudy.engine.sensitivity.dose_slopes import DoseSlopes, dose_slopes, event_slopes
from understudy.engine.sensitivity.profile_slopes import unroll_slopes
from understudy.engine.timeline import Timeline
from understudy.model.model import Model

# Sensitivities are measured by this fraction of state / parameter at least: solvers' absolute tolerances, fractions of
# that, are small beside any that matters.
_NEGLIGIBLE = 1e-2


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
        For a direction that the model does not have, events that the solution sets off, and times at which equations
        change their form if they move along a direction.
    """
    rows, found = with_parameters(rows, directions)
    _refuse_moving_switches(rows.model, {name for direction in found for name in direction.parameters})
    augmented = augment(rows.model, found)
    wide = replace(rows, model=augmented.model)
    timeline, values = plain.timeline_of(schedule, rows)
    slopes = dose_slopes(schedule, values, wide, augmented)
    asked, engine = engine, plain.choose(rows.model, engine)
    serving = _serving(asked, engine, augmented.model)
    solver = plain.solver_of(serving)
    problem = _augmented_problem(wide, timeline, augmented, slopes, found)
    if timeline.steady.row.size:
        start = plain.problem_of(rows, timeline)
        states = steady.find(start, plain.solver_of(engine), tolerances, jobs)
        states = steady_slopes.extend(problem, states, slopes, solver, tolerances, jobs)
        solution = solver(problem.replace(steady=states.states), tolerances, jobs)
        solution = plain.without_steady_state(solution, timeline, states)
    else:
        solution = solver(problem, tolerances, jobs)
    solution = plain.reject_bad_parameters(solution, problem)
    wanted = [name for output in outputs for name in (output, *augmented.outputs[output])]
    if engine == "reference":
        seen = evaluate(wide, problem.timeline, solution.states, wanted)
    else:
        seen = read(wide, problem.timeline, solution.states, wanted, jobs)
    own = replace(solution, states=solution.states[:, : augmented.own])
    return plain.Answer(
        {name: seen[name] for name in outputs},
        timeline.observation_row,
        own,
        serving,
        {name: np.stack([seen[d] for d in augmented.outputs[name]], axis=1) for name in outputs},
    )


def _serving(asked: str, engine: str, model: Model) -> str:
    """The engine for an augmented model: its mechanism's, unless that does not know it or takes too long."""
    from understudy.engine.linear.closed_form import applies

    if engine == "closed_form" and not applies(model):
        engine = "matrix_exponential"
    too_many = engine == "matrix_exponential" and len(model.states) > plain.MOST_STATES
    return "kernel" if asked == "auto" and too_many else engine


def _refuse_moving_switches(model: Model, moved: set[str]) -> None:
    if model.events:
        raise SimulationError(
            "there are no sensitivities where the solution sets off events",
            place=model.name,
            repair="write the events as doses, or take differences of simulations",
        )
    for time in switch_times(model):
        through = sorted(needed_names(model, [time]) & moved)
        if through:
            raise SimulationError(
                f"{through[0]} moves the time {time} at which an equation changes its form",
                place=model.name,
                repair=f"leave the sensitivity to {through[0]} out, or write the change as a dose with a lag",
            )


def _augmented_problem(
    wide: ParameterRows,
    timeline: Timeline,
    augmented: AugmentedModel,
    slopes: DoseSlopes,
    directions: tuple[Direction, ...],
) -> Problem:
    unrolled, slots = unroll_profiles(augmented.model, timeline)
    model, slots, held = unroll_slopes(augmented, unrolled, slots)
    events = event_slopes(timeline, slopes, wide, augmented)
    line = augment_timeline(timeline, events, augmented.own, held)
    table = widen(wide.table, model)
    initial = initial_states(model, table)
    at_cycles = np.zeros((line.steady.row.size, initial.shape[1]))
    least = _least_sizes(wide, initial[:, : augmented.own], directions)
    return Problem(model, slots, line, table, initial[line.first_row], at_cycles, least)


def _least_sizes(rows: ParameterRows, initial: np.ndarray, directions: tuple[Direction, ...]) -> np.ndarray:
    """What sensitivities are measured by at least, shape (rows, states): a fraction of their states at the start.

    Where a mechanism is in balance its sensitivities are rounding: they have no size of their own to keep to.
    """
    found, place = [np.zeros_like(initial)], {name: k for k, name in enumerate(rows.model.parameter_names)}
    for direction in directions:
        speed = np.zeros(len(initial))
        for name, seed in zip(direction.parameters, direction.seeds, strict=True):
            value = np.abs(rows.table[:, place[name]])
            moved = np.abs(rows.table[:, place[seed]]) if seed else np.ones(value.size)
            speed = np.maximum(speed, np.divide(moved, value, out=np.zeros(value.size), where=value > 0))
        found.append(_NEGLIGIBLE * np.abs(initial) * speed[:, None])
    return np.hstack(found)
