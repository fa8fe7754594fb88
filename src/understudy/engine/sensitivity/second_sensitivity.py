"""Second sensitivities: second derivatives of outputs along pairs of directions.

A linear model with constant coefficients is still one with its sensitivities and theirs as further states, so the
closed form, or else the matrix exponential, solves it exactly, doses whose times move and steady states included. For
other models they are differences of first sensitivities (`understudy.engine.sensitivity.second_differences`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from understudy.engine import solve as plain
from understudy.engine import steady
from understudy.engine.linear.closed_form import applies
from understudy.engine.linear.linear import is_linear
from understudy.engine.parameters import ParameterRows
from understudy.engine.problem import Problem, Tolerances, initial_states
from understudy.engine.readout import read
from understudy.engine.schedule import Schedule
from understudy.engine.sensitivity.directions import Direction, Directions, with_parameters
from understudy.engine.sensitivity.dose_slopes import dose_slopes, event_slopes
from understudy.engine.sensitivity.second_differences import second_differences
from understudy.engine.sensitivity.second_dose_slopes import second_dose_slopes
from understudy.engine.sensitivity.twice_augmented_model import (
    TwiceAugmentedModel,
    augment_twice,
    pairs_of,
)
from understudy.engine.sensitivity.twice_augmented_timeline import augment_timeline_twice
from understudy.engine.sensitivity.twice_steady_slopes import extend_twice
from understudy.model.model import Model

# States with which a pair of directions is still solved by matrix exponential: its cost grows with their cube.
_MOST_STATES = plain.MOST_STATES


def second_sensitivities(
    schedule: Schedule,
    rows: ParameterRows,
    outputs: Iterable[str],
    directions: Directions,
    engine: str = "auto",
    tolerances: Tolerances | None = None,
    jobs: int = 1,
) -> Mapping[str, np.ndarray]:
    """Second derivatives of a mechanism's outputs; arguments as those of `understudy.engine.solve.solve`.

    Seeds are held as they are: where parameters move along a curve, the caller adds what the curve bends.

    Returns
    -------
    mapping of name to float array, shape (observations, directions, directions)
        Not-a-number for patients whose solution fails, with differences anywhere nearby. Errors are some 1e-13 of the
        largest value with the closed form or the matrix exponential, and 1e-9 with differences.
    """
    names = tuple(outputs)
    chosen = plain.choose(rows.model, engine)
    if chosen not in plain.EXACT_ENGINES or not is_linear(rows.model):
        return second_differences(schedule, rows, names, directions, engine, tolerances, jobs)
    rows, found = with_parameters(rows, directions)
    groups = tuple(_groups(rows.model, found, chosen))
    if not groups:
        return second_differences(schedule, rows, names, directions, engine, tolerances, jobs)
    count, how = len(found), tolerances or Tolerances()
    answer = {name: np.zeros((int(schedule.observed.sum()), count, count)) for name in names}
    for members, augmented, exact in groups:
        solved = _solved(schedule, rows, names, augmented, (chosen, exact), how, jobs)
        for name in names:
            for (i, j), values in zip(augmented.pairs, solved[name], strict=True):
                answer[name][:, members[i], members[j]] = values
                answer[name][:, members[j], members[i]] = values
    return answer


def _groups(
    model: Model, found: tuple[Direction, ...], engine: str
) -> Iterator[tuple[tuple[int, ...], TwiceAugmentedModel, str]]:
    """Directions that are solved together, their model, and by what; nothing where that would take too long.

    The closed form does all at once. The cost of a matrix exponential grows with the cube of the states: each pair has
    its own.
    """
    if engine == "closed_form":
        everything = augment_twice(model, found, pairs_of(len(found)))
        if applies(everything.twice.model):
            yield tuple(range(len(found))), everything, "closed_form"
            return
    if 4 * len(model.states) > _MOST_STATES:
        return
    for i, j in pairs_of(len(found)):
        members, pairs = ((i,), ((0, 0),)) if i == j else ((i, j), ((0, 1),))
        directed = tuple(found[m] for m in members)
        yield members, augment_twice(model, directed, pairs), "matrix_exponential"


def _solved(
    schedule: Schedule,
    rows: ParameterRows,
    names: tuple[str, ...],
    augmented: TwiceAugmentedModel,
    engines: tuple[str, str],
    tolerances: Tolerances,
    jobs: int,
) -> dict[str, list[np.ndarray]]:
    """Second derivatives of outputs, an array of shape (observations,) for each pair.

    Of the two engines the first is for the mechanism's own steady states.
    """
    once, twice, pairs = augmented.once, augmented.twice, augmented.pairs
    wide, (own, solver) = replace(rows, model=twice.model), map(plain.solver_of, engines)
    timeline, values = plain.timeline_of(schedule, rows)
    first = dose_slopes(schedule, values, replace(rows, model=once.model), once)
    second = second_dose_slopes(schedule, values, wide, augmented, first)
    slopes = [event_slopes(timeline, each, wide, model) for each, model in ((first, once), (second, twice))]
    line = augment_timeline_twice(timeline, *slopes, twice.own, pairs)
    problem = _problem(wide, line)
    if timeline.steady.row.size:
        states = steady.find(plain.problem_of(rows, timeline), own, tolerances, jobs)
        states = extend_twice(problem, states, (first, second), pairs, solver, tolerances, jobs)
        solution = solver(problem.replace(steady=states.states), tolerances, jobs)
        solution = plain.without_steady_state(solution, timeline, states)
    else:
        solution = solver(problem, tolerances, jobs)
    solution = plain.reject_bad_parameters(solution, problem)
    wanted = [d for name in names for d in twice.outputs[name]]
    seen = read(wide, line, solution.states, wanted, jobs)
    return {name: [seen[d] for d in twice.outputs[name]] for name in names}


def _problem(wide: ParameterRows, line) -> Problem:
    initial = initial_states(wide.model, wide.table)
    at_cycles = np.zeros((line.steady.row.size, initial.shape[1]))
    slots = np.zeros((len(wide.model.doses), 2), dtype=np.int64)
    return Problem(wide.model, slots, line, wide.table, initial[line.first_row], at_cycles)
