"""Solve: choose the engine, find steady states, integrate, and read the outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.expression import TIME
from understudy.engine import steady
from understudy.engine.break_point import break_points
from understudy.engine.discrete_state import with_discrete_states
from understudy.engine.parameters import ParameterRows
from understudy.engine.problem import (
    BAD_PARAMETER,
    OK,
    Problem,
    Solution,
    Tolerances,
    initial_states,
    parameter_values,
    require_states,
    unroll_profiles,
    widen,
)
from understudy.engine.schedule import Schedule
from understudy.engine.timeline import DoseValues, Timeline, build
from understudy.model.model import Model

ENGINES = ("auto", "closed_form", "kernel", "reference", "matrix_exponential")
EXACT_ENGINES = frozenset({"closed_form", "matrix_exponential"})

# A full matrix costs the square of its size at every step, the kernel only the terms that are there.
_MOST_STATES = 64


@dataclass(frozen=True, eq=False)
class Answer:
    """Outputs at the observations of a schedule.

    Parameters
    ----------
    outputs : mapping of name to float array, shape (observations,)
    row : int array, shape (observations,)
        Schedule row of each observation.
    solution : Solution
    engine : str
        The engine that was used.
    """

    outputs: Mapping[str, np.ndarray]
    row: np.ndarray
    solution: Solution
    engine: str


def choose(model: Model, engine: str = "auto") -> str:
    """The engine for a model: closed form where it is known, matrix exponential if linear, else the kernel.

    Raises
    ------
    SimulationError
        For an unknown engine, or one that cannot do this model.
    """
    from understudy.engine import closed_form
    from understudy.engine.linear import is_linear

    if engine not in ENGINES:
        raise SimulationError(f"unknown engine {engine!r}", repair=f"engines: {', '.join(ENGINES)}")
    if model.events and engine in EXACT_ENGINES:
        raise SimulationError(
            f"the {engine.replace('_', ' ')} knows no events that the solution sets off",
            place=model.name,
            repair="use engine='kernel' or 'auto'",
        )
    if engine == "auto":
        if model.events:
            return "kernel"
        if closed_form.applies(model):
            return "closed_form"
        return "matrix_exponential" if is_linear(model) and len(model.states) <= _MOST_STATES else "kernel"
    if engine == "closed_form" and not closed_form.applies(model):
        raise SimulationError(
            "no closed form is known for this model", place=model.name, repair="use engine='kernel' or 'auto'"
        )
    if engine == "matrix_exponential" and not is_linear(model):
        raise SimulationError(
            "the rates are not linear in the states with constant coefficients",
            place=model.name,
            repair="use engine='kernel' or 'auto'",
        )
    return engine


def _solver(engine: str) -> steady.Solver:
    if engine == "closed_form":
        from understudy.engine.closed_form import solve
    elif engine == "matrix_exponential":
        from understudy.engine.matrix_exponential import solve
    elif engine == "kernel":
        from understudy.engine.kernel import solve
    else:
        from understudy.engine.reference import solve
    return solve


def solve(
    schedule: Schedule,
    rows: ParameterRows,
    outputs: Iterable[str],
    engine: str = "auto",
    tolerances: Tolerances | None = None,
    jobs: int = 1,
) -> Answer:
    """Outputs of a mechanism for a schedule.

    Parameters
    ----------
    schedule : Schedule
    rows : ParameterRows
    outputs : iterable of str
        Names of the model's outputs.
    engine : {"auto", "closed_form", "kernel", "reference", "matrix_exponential"}
    tolerances : Tolerances, optional
        The engine's own where None.
    jobs : int
        Threads, 0 for one per core.
    """
    require_states(rows.model)
    chosen = choose(rows.model, engine)
    rows = with_discrete_states(rows, schedule)
    timeline = _timeline(schedule, rows)
    solution = _integrate(rows, timeline, chosen, tolerances or _default_tolerances(chosen), jobs)
    values = _observed_values(rows, schedule, timeline, solution)
    found = {name: np.asarray(rows.model.output(name).expression.evaluate(values), float) for name in outputs}
    size = timeline.observation_time.size
    return Answer(
        {k: np.broadcast_to(v, size) for k, v in found.items()}, timeline.observation_row, solution, chosen
    )


def _default_tolerances(engine: str) -> Tolerances:
    from understudy.engine.reference import TIGHT

    return TIGHT if engine == "reference" else Tolerances()


def _timeline(schedule: Schedule, rows: ParameterRows) -> Timeline:
    model = rows.model
    states = np.array([model.state_names.index(entry.state) for entry in model.doses], dtype=np.int64)
    profiles = np.array([entry.profile is not None for entry in model.doses])
    values = _dose_values(schedule, rows)
    _refuse_impossible_doses(schedule, values, profiles, model)
    breaks = break_points(rows, schedule)
    return build(schedule, values, states, profiles, rows.point_row, rows.interval_row, breaks)


def _dose_values(schedule: Schedule, rows: ParameterRows) -> DoseValues:
    """Lag, bioavailability, modelled rate and duration at every row that doses."""
    values = {"lag": 0.0, "bioavailability": 1.0, "rate": np.nan, "duration": np.nan}
    values = {field: np.full(schedule.time.size, default) for field, default in values.items()}
    for index, entry in enumerate(rows.model.doses):
        here = np.flatnonzero(schedule.entry == index)
        if not here.size:
            continue
        known = parameter_values(rows.model, rows.table[rows.point_row[here]]) | {TIME: schedule.time[here]}
        for item in rows.model.ordered_assignments:
            if item.name not in known and item.expression.names <= known.keys():
                known[item.name] = item.expression.evaluate(known)
        for field, expression in entry.expressions.items():
            if field != "profile":
                values[field][here] = expression.evaluate(known)
    return DoseValues(**values)


def _refuse_impossible_doses(
    schedule: Schedule, values: DoseValues, profiles: np.ndarray, model: Model
) -> None:
    """Doses that the model cannot take as they are written, by patient and time."""
    dosed = schedule.entry >= 0
    profiled = np.zeros(dosed.size, bool)
    profiled[dosed] = profiles[schedule.entry[dosed]]
    refusals = (
        ((schedule.rate == -1) & np.isnan(values.rate), "RATE = -1 needs a modelled rate", "rate"),
        (
            (schedule.rate == -2) & np.isnan(values.duration),
            "RATE = -2 needs a modelled duration",
            "duration",
        ),
        (profiled & (schedule.rate != 0), "an infusion cannot enter by an absorption profile", ""),
        (profiled & (schedule.steady > 0), "steady state is not known for an absorption profile", ""),
    )
    for where, cause, field in refusals:
        if (where & dosed).any():
            row = np.flatnonzero(where & dosed)[0]
            name = schedule.patients[schedule.patient[row]]
            repair = (
                f"give the input a {field} equation, or a plain RATE"
                if field
                else "write the doses out one by one"
            )
            raise SimulationError(
                cause, place=f"{model.name}, patient {name}, time {schedule.time[row]:g}", repair=repair
            )


def _integrate(
    rows: ParameterRows, timeline: Timeline, engine: str, tolerances: Tolerances, jobs: int
) -> Solution:
    model, slots = unroll_profiles(rows.model, timeline)
    table = widen(rows.table, model)
    initial = initial_states(model, table)
    problem = Problem(
        model,
        slots,
        timeline,
        table,
        initial[timeline.first_row],
        np.zeros((timeline.steady.row.size, initial.shape[1])),
    )
    solver = _solver(engine)
    if not timeline.steady.row.size:
        return _reject_bad_parameters(solver(problem, tolerances, jobs), problem)
    if model.events:
        raise SimulationError(
            "a steady state is not sought where the solution sets off events",
            place=model.name,
            repair="give the doses one by one until nothing changes any more",
        )
    found = steady.find(problem, solver, tolerances, jobs)
    solution = solver(problem.replace(steady=found.states), tolerances, jobs)
    return _reject_bad_parameters(_without_steady_state(solution, timeline, found), problem)


def _without_steady_state(solution: Solution, timeline: Timeline, found: steady.SteadyStates) -> Solution:
    """Patients with a dosing cycle whose steady state was not found have failed."""
    failed = np.unique(timeline.steady.patient[found.status != OK])
    return _fail(solution, timeline, failed, steady.NO_STEADY_STATE)


def _reject_bad_parameters(solution: Solution, problem: Problem) -> Solution:
    timeline = problem.timeline
    bad = ~(np.isfinite(problem.table).all(axis=1) & np.isfinite(problem.initial).all(axis=1))
    if not bad.any():
        return solution
    changes = np.repeat(np.arange(timeline.patients), np.diff(timeline.event_start))
    later = bad[timeline.event_target.clip(0, bad.size - 1)] & (timeline.event_kind == 0)
    failed = np.union1d(np.flatnonzero(bad[timeline.first_row]), changes[later])
    return _fail(solution, timeline, failed, BAD_PARAMETER)


def _fail(solution: Solution, timeline: Timeline, patients: np.ndarray, code: int) -> Solution:
    if not patients.size:
        return solution
    status, states = solution.status.copy(), solution.states.copy()
    status[patients] = code
    owner = np.repeat(np.arange(timeline.patients), np.diff(timeline.observation_start))
    states[np.isin(owner, patients)] = np.nan
    return replace(solution, status=status, states=states)


def _observed_values(rows: ParameterRows, schedule: Schedule, timeline: Timeline, solution: Solution) -> dict:
    """Every name an output may use, at every observation."""
    point = rows.point_row[timeline.observation_row]
    model = rows.model
    values = {name: rows.table[point, k] for k, name in enumerate(model.parameter_names)}
    values |= {name: solution.states[:, k] for k, name in enumerate(model.state_names)}
    values[TIME] = timeline.observation_time
    for item in model.ordered_assignments:
        values[item.name] = item.expression.evaluate(values)
    return values
