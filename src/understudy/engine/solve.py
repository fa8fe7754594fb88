"""Solve: choose the engine, find steady states, integrate, and read the outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine import steady
from understudy.engine.events.break_point import break_points
from understudy.engine.events.discrete_state import with_discrete_states
from understudy.engine.latest_timeline import latest_timeline
from understudy.engine.parameters import ParameterRows
from understudy.engine.problem import (
    BAD_PARAMETER,
    OK,
    Problem,
    Solution,
    Tolerances,
    initial_states,
    require_states,
    unroll_profiles,
    widen,
)
from understudy.engine.readout import evaluate, known_values, read
from understudy.engine.schedule import Schedule
from understudy.engine.sensitivity.directions import Directions
from understudy.engine.timeline import DoseValues, Timeline
from understudy.model.model import Model

ENGINES = ("auto", "closed_form", "kernel", "reference", "matrix_exponential", "cuda", "cuda_float32", "jax")
EXACT_ENGINES = frozenset({"closed_form", "matrix_exponential"})

# A full matrix costs the square of its size at every step, the kernel only the terms that are there.
MOST_STATES = 64


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
    sensitivities : mapping of name to float array, shape (observations, directions)
        Derivatives of the outputs; empty where none were asked for.
    """

    outputs: Mapping[str, np.ndarray]
    row: np.ndarray
    solution: Solution
    engine: str
    sensitivities: Mapping[str, np.ndarray] = field(default_factory=dict)


def choose(model: Model, engine: str = "auto") -> str:
    """The engine for a model: closed form where it is known, matrix exponential if linear, else the kernel.

    Raises
    ------
    SimulationError
        For an unknown engine, or one that cannot do this model.
    """
    from understudy.engine.linear import closed_form
    from understudy.engine.linear.linear import is_linear

    if engine not in ENGINES:
        raise SimulationError(f"unknown engine {engine!r}", repair=f"engines: {', '.join(ENGINES)}")
    if engine.startswith("cuda"):
        from understudy.engine.cuda.cuda import refuse

        refuse(model, 32 if engine == "cuda_float32" else 64)
    if model.events and engine not in ("auto", "kernel", "cuda", "reference"):
        raise SimulationError(
            f"engine {engine!r} knows no events that the solution sets off",
            place=model.name,
            repair="use engine='kernel' or 'auto'",
        )
    if engine == "auto":
        if model.events:
            return "kernel"
        if closed_form.applies(model):
            return "closed_form"
        return "matrix_exponential" if is_linear(model) and len(model.states) <= MOST_STATES else "kernel"
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


def solver_of(engine: str) -> steady.Solver:
    """The function that solves a problem by an engine."""
    if engine == "closed_form":
        from understudy.engine.linear.closed_form import solve
    elif engine == "matrix_exponential":
        from understudy.engine.linear.matrix_exponential import solve
    elif engine == "jax":
        from understudy.engine.jax.jax_engine import solve
    elif engine == "kernel":
        from understudy.engine.kernel.kernel import solve
    elif engine == "cuda":
        from understudy.engine.cuda.cuda import solve
    elif engine == "cuda_float32":
        from understudy.engine.cuda.cuda import solve_float32 as solve
    else:
        from understudy.engine.reference.reference import solve
    return solve


def solve(
    schedule: Schedule,
    rows: ParameterRows,
    outputs: Iterable[str],
    engine: str = "auto",
    tolerances: Tolerances | None = None,
    jobs: int = 1,
    directions: Directions | None = None,
) -> Answer:
    """Outputs of a mechanism for a schedule.

    Parameters
    ----------
    schedule : Schedule
    rows : ParameterRows
    outputs : iterable of str
        Names of the model's outputs.
    engine : str
        One of `ENGINES`.
    tolerances : Tolerances, optional
        The engine's own where None.
    jobs : int
        Threads, 0 for one per core.
    directions : Directions, optional
        Along which the outputs' derivatives are wanted too.
    """
    chosen = choose(rows.model, engine)
    if directions is not None and directions.names:
        require_states(rows.model)
        from understudy.engine.sensitivity.sensitivity import solve_along

        how = tolerances or default_tolerances(chosen)
        return solve_along(schedule, rows, tuple(outputs), engine, how, jobs, directions)
    rows = with_discrete_states(rows, schedule)
    timeline, _ = timeline_of(schedule, rows)
    if not rows.model.states:
        still = nothing_to_integrate(timeline)
        return Answer(
            evaluate(rows, timeline, still.states, outputs), timeline.observation_row, still, "closed_form"
        )
    solution = _integrate(rows, timeline, chosen, tolerances or default_tolerances(chosen), jobs)
    if chosen == "reference":
        found = evaluate(rows, timeline, solution.states, outputs)
    else:
        found = read(rows, timeline, solution.states, outputs, jobs)
    return Answer(found, timeline.observation_row, solution, chosen)


def nothing_to_integrate(timeline: Timeline) -> Solution:
    """The solution of a model without states: its outputs are functions of time and parameters."""
    patients = timeline.patients
    return Solution(
        np.zeros((timeline.observation_row.size, 0)),
        np.full(patients, OK),
        np.full(patients, np.nan),
        np.zeros(patients, dtype=np.int64),
        np.zeros(patients, dtype=np.int64),
    )


def default_tolerances(engine: str) -> Tolerances:
    """How exactly an engine works where nothing is said."""
    from understudy.engine.reference.reference import TIGHT

    # Numbers of 32 bits cannot tell smaller errors from rounding.
    own = {"reference": TIGHT, "cuda_float32": Tolerances(relative=1e-5, absolute=1e-7)}
    return own.get(engine) or Tolerances()


def timeline_of(schedule: Schedule, rows: ParameterRows) -> tuple[Timeline, DoseValues]:
    """The events of a schedule, and what governs its doses."""
    model = rows.model
    states = np.array([model.state_names.index(entry.state) for entry in model.doses], dtype=np.int64)
    profiles = np.array([entry.profile is not None for entry in model.doses])
    values = _dose_values(schedule, rows)
    _refuse_impossible_doses(schedule, values, profiles, model)
    breaks = break_points(rows, schedule)
    made_of = values, states, profiles, rows.point_row, rows.interval_row, breaks
    return latest_timeline(schedule, *made_of), values


def _dose_values(schedule: Schedule, rows: ParameterRows) -> DoseValues:
    """Lag, bioavailability, modelled rate and duration of every dose."""
    values = {"lag": 0.0, "bioavailability": 1.0, "rate": np.nan, "duration": np.nan}
    values = {field: np.full(schedule.dosed.size, default) for field, default in values.items()}
    for index, entry in enumerate(rows.model.doses):
        here = np.flatnonzero(schedule.entry[schedule.dosed] == index)
        told = {field: e for field, e in entry.expressions.items() if field != "profile"}
        if here.size and told:
            row = schedule.dosed[here]
            known = known_values(rows, rows.point_row[row], schedule.time[row], told.values())
            for field, expression in told.items():
                values[field][here] = expression.evaluate(known)
    return DoseValues(**values)


def _refuse_impossible_doses(
    schedule: Schedule, values: DoseValues, profiles: np.ndarray, model: Model
) -> None:
    """Doses that the model cannot take as they are written, by patient and time."""
    rate, steady = schedule.rate[schedule.dosed], schedule.steady[schedule.dosed]
    profiled = profiles[schedule.entry[schedule.dosed]] if rate.size else np.zeros(0, bool)
    refusals = (
        ((rate == -1) & np.isnan(values.rate), "RATE = -1 needs a modelled rate", "rate"),
        ((rate == -2) & np.isnan(values.duration), "RATE = -2 needs a modelled duration", "duration"),
        (profiled & (rate != 0), "an infusion cannot enter by an absorption profile", ""),
        (profiled & (steady > 0), "steady state is not known for an absorption profile", ""),
    )
    for where, cause, equation in refusals:
        if where.any():
            row = schedule.dosed[np.flatnonzero(where)[0]]
            name = schedule.patients[schedule.owner(row)]
            repair = (
                f"give the input a {equation} equation, or a plain RATE"
                if equation
                else "write the doses out one by one"
            )
            raise SimulationError(
                cause, place=f"{model.name}, patient {name}, time {schedule.time[row]:g}", repair=repair
            )


def problem_of(rows: ParameterRows, timeline: Timeline) -> Problem:
    """What a solver is given, steady states still to be found."""
    model, slots = unroll_profiles(rows.model, timeline)
    table = widen(rows.table, model)
    initial = initial_states(model, table)
    at_cycles = np.zeros((timeline.steady.row.size, initial.shape[1]))
    return Problem(model, slots, timeline, table, initial[timeline.first_row], at_cycles)


def _integrate(
    rows: ParameterRows, timeline: Timeline, engine: str, tolerances: Tolerances, jobs: int
) -> Solution:
    problem = problem_of(rows, timeline)
    solver = solver_of(engine)
    if not timeline.steady.row.size:
        return reject_bad_parameters(solver(problem, tolerances, jobs), problem)
    refuse_steady_events(rows.model)
    found = steady.find(problem, solver, tolerances, jobs)
    solution = solver(problem.replace(steady=found.states), tolerances, jobs)
    return reject_bad_parameters(without_steady_state(solution, timeline, found), problem)


def refuse_steady_events(model: Model) -> None:
    """Raise where a steady state is wanted of a model with events."""
    if model.events:
        raise SimulationError(
            "a steady state is not sought where the solution sets off events",
            place=model.name,
            repair="give the doses one by one until nothing changes any more",
        )


def without_steady_state(solution: Solution, timeline: Timeline, found: steady.SteadyStates) -> Solution:
    """Patients with a dosing cycle whose steady state was not found have failed."""
    failed = np.unique(timeline.steady.patient[found.status != OK])
    return _fail(solution, timeline, failed, steady.NO_STEADY_STATE)


def reject_bad_parameters(solution: Solution, problem: Problem) -> Solution:
    """Patients with a parameter or initial value that is no number have failed."""
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
