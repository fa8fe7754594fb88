"""The JAX engine: many patients side by side through diffrax, from the same timeline as every engine.

It is there for models with a neural term and for derivatives (see `jax_simulator`), and as a second
opinion. Patients are mapped over in chunks of equal shape; each chunk waits for its slowest patient.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine.jax.jax_extra import require_jax
from understudy.engine.kernel.line import Found, line_of, nothing_found, refuse_infinite, solution_of
from understudy.engine.problem import BAD_PARAMETER, Problem, Solution, Tolerances
from understudy.engine.timeline import BREAK, FLOW, REINITIALISE, ROW, SET

# Patients mapped over at once.
CHUNK = 128


def solve(problem: Problem, tolerances: Tolerances | None = None, jobs: int = 1) -> Solution:
    """Solve with diffrax, in doubles, without touching JAX's settings.

    Parameters
    ----------
    problem : Problem
    tolerances : Tolerances, optional
    jobs : int
        Ignored: JAX has threads of its own.

    Raises
    ------
    MissingExtraError
        Where JAX, diffrax or Equinox is not installed.
    SimulationError
        For a model whose solution sets off events, and sensitivities by times that move.
    """
    require_jax()
    _refuse(problem)
    import jax

    tolerances = tolerances or Tolerances()
    line, found = problem.timeline, nothing_found(problem)
    slots = tuple((int(column), int(count)) for column, count in problem.slots)
    run = _compiled(problem.model, slots, tolerances.max_steps)
    with jax.enable_x64(True):
        for first in range(0, line.patients, CHUNK):
            chosen = np.arange(first, min(first + CHUNK, line.patients))
            packed, place = _pack(problem, chosen)
            seen, end = run(*packed, (tolerances.relative, tolerances.absolute))
            mine = slice(line.observation_start[chosen[0]], line.observation_start[chosen[-1] + 1])
            found.states[mine] = np.asarray(seen)[place]
            found.status[chosen] = np.asarray(end.status)[: chosen.size]
            found.failed_at[chosen] = np.asarray(end.failed_at)[: chosen.size]
            found.steps[chosen] = np.asarray(end.steps)[: chosen.size]
    _judge(problem, found)
    return solution_of(found)


def _refuse(problem: Problem) -> None:
    """Raise for what is left to other engines."""
    if problem.model.events:
        raise SimulationError(
            "the JAX engine knows no events that the solution sets off",
            place=problem.model.name,
            repair="use engine='kernel' or 'auto'",
        )
    if np.isin(problem.timeline.event_kind, (FLOW, SET)).any():
        raise SimulationError(
            "the JAX engine takes no sensitivities by times that move",
            place=problem.model.name,
            repair="use engine='auto', or understudy.engine.jax.jax_simulator, whose derivatives JAX takes itself",
        )


@lru_cache(maxsize=64)
def _compiled(model: Any, slots: tuple, max_steps: int) -> Any:
    """The walk of many patients, compiled by JAX once for each set of shapes."""
    import jax

    from understudy.engine.jax.jax_walk import Stop, Tables, Walk, follow

    walk = Walk(model, slots, max_steps, on_looks=model.stiff)
    one = lambda tables, start, row, begin, stops, exact: follow(  # noqa: E731
        walk, Tables(*tables), start, row, begin, Stop(*stops), exact
    )
    return jax.jit(jax.vmap(one, in_axes=(None, 0, 0, 0, 0, None)))


def _pack(problem: Problem, chosen: np.ndarray) -> tuple[tuple, tuple]:
    """Some patients as arrays of equal shape, and where in the answer each of their observations will lie.

    Sizes are rounded up so that few shapes have to be compiled; what is left over repeats the first patient, and stops
    that do nothing.
    """
    line = problem.timeline
    begin, end = line.observation_start[chosen], line.observation_start[chosen + 1]
    patient = np.repeat(np.arange(chosen.size), end - begin)
    looks, after = line.observation_time[begin[0] : end[-1]], line.observation_after[begin[0] : end[-1]]
    rank = _rank(patient, after)
    rows, stops, width = (
        _rounded(chosen.size),
        _rounded(int(after.max(initial=0)) + 1),
        _rounded(_most(rank) + 1),
    )
    time, kind, target, value = _events(problem, chosen, patient, looks, after, stops)
    seen = np.repeat(time[:, :, None], width, axis=2)
    seen[patient, after, rank] = looks
    filled = np.where(np.arange(rows) < chosen.size, np.arange(rows), 0)
    tables, first_row, target = _tables(problem, line.first_row[chosen], kind, target)
    arrays = (problem.start[chosen], first_row, line.start_time[chosen], (time, kind, target, value, seen))
    take = lambda part: tuple(map(take, part)) if isinstance(part, tuple) else part[filled]  # noqa: E731
    return (tables, *take(arrays)), (patient, after, rank)


def _events(
    problem: Problem, chosen: np.ndarray, patient, looks, after, stops: int
) -> tuple[np.ndarray, ...]:
    """Time, kind, target and value of the stops, shape (patients, stops) each: events up to the last observation."""
    line, count = problem.timeline, chosen.size
    needed = np.zeros(count, dtype=np.int64)
    np.maximum.at(needed, patient, after)
    last = line.start_time[chosen].copy()
    np.maximum.at(last, patient, looks)
    number = np.arange(stops)
    event = np.minimum(line.event_start[chosen][:, None] + number, max(line.event_time.size - 1, 0))
    used = number < needed[:, None]
    pick = lambda column, other: np.where(used, column[event] if column.size else 0, other)  # noqa: E731
    # The way goes on to the last observation; an event of no effect stands there.
    return (
        pick(line.event_time, last[:, None]),
        pick(line.event_kind, BREAK),
        pick(line.event_target, 0),
        pick(line.event_value, 0.0),
    )


def _tables(problem: Problem, first_row: np.ndarray, kind: np.ndarray, target: np.ndarray) -> tuple:
    """The rows of parameters, initial and steady states that these patients need, and their numbers in them."""
    by_row = (kind == ROW) | (kind == REINITIALISE)
    steady, steady_row = problem.steady, problem.timeline.steady.row
    if not steady_row.size:
        steady, steady_row = np.zeros((1, problem.start.shape[1])), np.zeros(1, dtype=np.int64)
    wanted = np.concatenate([first_row, target[by_row], steady_row])
    rows, number = np.unique(wanted, return_inverse=True)
    renumbered = target.copy()
    renumbered[by_row] = number[first_row.size : wanted.size - steady_row.size]
    filled = np.append(rows, np.full(_rounded(rows.size) - rows.size, rows[0]))
    more = _rounded(len(steady)) - len(steady)
    steady = np.vstack([steady, np.repeat(steady[:1], more, axis=0)])
    places = np.append(number[wanted.size - steady_row.size :], np.zeros(more, dtype=np.int64))
    return (
        (problem.table[filled], problem.initial[filled], steady, places),
        number[: first_row.size],
        renumbered,
    )


def _rank(patient: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Number of each observation among those of its patient between the same two events."""
    first = np.flatnonzero(np.r_[True, (patient[1:] != patient[:-1]) | (after[1:] != after[:-1])])
    return (
        np.arange(after.size) - np.repeat(first, np.diff(np.r_[first, after.size])) if after.size else after
    )


def _most(rank: np.ndarray) -> int:
    return int(rank.max(initial=0))


def _rounded(count: int) -> int:
    """The next of 1, 2, 3, 4, 6, 8, 12, 16, 24, …"""
    power = 1 << max(count - 1, 0).bit_length()
    return 3 * power // 4 if power >= 4 and count <= 3 * power // 4 else power


def _judge(problem: Problem, found: Found) -> None:
    """Patients with undefined parameters have failed at the start; an undefined observation is a failure."""
    line = problem.timeline
    owner = np.repeat(np.arange(line.patients), np.diff(line.event_start))
    seen = np.repeat(np.arange(line.patients), np.diff(line.observation_start))
    bad = ~np.isfinite(problem.start).all(axis=1) | ~np.isfinite(problem.table[line.first_row]).all(axis=1)
    bad[owner[~np.isfinite(line.event_time)]] = True
    found.status[bad], found.failed_at[bad] = BAD_PARAMETER, line.start_time[bad]
    found.states[bad[seen]] = np.nan
    refuse_infinite(found, line_of(problem))
