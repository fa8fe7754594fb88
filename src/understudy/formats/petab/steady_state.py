"""Steady state: where experiments come to rest.

They are followed through ever longer stretches of time until implicit Euler steps, ever longer too, lead to a point
nearby at which nothing changes. Such steps leave alone what the equations conserve, which Newton's method would not
(pseudo-transient continuation: Kelley, Keyes 1998, SIAM J Numer Anal 35:508-523, doi:10.1137/S0036142996304796). A
point that small deviations would grow from is a pass, not a rest, and is left again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.formats.petab.passage import Passage
from understudy.formats.petab.slope import Known
from understudy.formats.petab.snapshot import Snapshot, joined

# The first stretch, how much longer each is than the one before, and the last, in the model's unit of time.
_FIRST, _LONGER, _LAST = 10.0, 10.0, 1e12
# How near the point must be: beside it by this part, or by so little of the largest value that a state has had.
_NEAR, _NOTHING = 1e-3, 1e-7
# Steps that reach it, each so much longer, and the relative length of the last one.
_STEPS, _STRETCH, _ARRIVED = 30, 10.0, 1e-11
# Deviations that grow by less than this part of the fastest rate are rounding of what is conserved.
_ROUNDING = 1e-7
NO_REST = "no steady state was found"


@dataclass(frozen=True, eq=False)
class _Rates:
    """Rates of states of one experiment, their Jacobian, and how they move with the parameters to be estimated."""

    value: np.ndarray
    jacobian: np.ndarray
    slope: np.ndarray


def at_rest(passage: Passage, start: Snapshot, truth: np.ndarray | None, own: np.ndarray) -> Snapshot:
    """Experiments at their steady states, one row each; not-a-number where none is found.

    Parameters
    ----------
    passage : Passage
    start : Snapshot
    truth : bool array, shape (rows, events), or None
        What triggers were before.
    own : int array, shape (rows,)
        The experiments' places, for failures.
    """
    if not passage.model.states:
        return start
    found: dict[int, Snapshot] = {}
    waiting, largest, length = np.arange(start.time.size), np.abs(start.states), _FIRST
    while waiting.size and length <= _LAST:
        ends = [np.array([time + length]) for time in start.time]
        start = passage.through(start, ends, truth, own[waiting])
        truth = passage.truth(start)
        largest = np.maximum(largest, np.abs(start.states))
        lost = ~np.isfinite(start.states).all(axis=1)
        rests = [None if lost[k] else _rest(passage, start, k, largest[k]) for k in range(waiting.size)]
        for k in np.flatnonzero(lost):
            told = passage.failures.get(int(own[waiting[k]]), "a state is undefined")
            passage.failures[int(own[waiting[k]])] = f"{NO_REST}: {told}"
        for k, place in enumerate(waiting):
            if rests[k] is not None or lost[k]:
                found[int(place)] = start.take(np.array([k])) if lost[k] else rests[k]
        on = np.array([rest is None for rest in rests], dtype=bool) & ~lost
        waiting, largest, start = waiting[on], largest[on], start.take(np.flatnonzero(on))
        truth, length = None if truth is None else truth[on], length * _LONGER
    for k, place in enumerate(waiting):
        passage.failures[int(own[place])] = NO_REST
        found[int(place)] = _lost(start.take(np.array([k])))
    return joined([found[place] for place in sorted(found)])


def _lost(snapshot: Snapshot) -> Snapshot:
    return snapshot.with_states(snapshot.time, snapshot.states * np.nan, snapshot.states_slope * np.nan)


def _rest(passage: Passage, snapshot: Snapshot, row: int, largest: np.ndarray) -> Snapshot | None:
    """The point of rest near where an experiment is; None where there is none."""
    here = snapshot.take(np.array([row]))
    began, step = here.states[0], max(1.0, abs(float(here.time[0])))
    allowed = _NEAR * np.abs(began) + _NOTHING * largest
    size = np.abs(began) + 1e-9 * largest
    size = np.where(size > 0, size, 1.0)
    for _ in range(_STEPS):
        rates = _rates(passage, here)
        if not (np.isfinite(rates.value).all() and np.isfinite(rates.jacobian).all()):
            return None
        move = _solved(rates.jacobian, step, rates.value, size)
        states = here.states[0] + move
        if not np.isfinite(states).all() or (np.abs(states - began) > allowed).any():
            return None
        here = here.with_states(here.time, states[None], here.states_slope)
        if (np.abs(move) <= _ARRIVED * size).all():
            break
        step *= _STRETCH
    else:
        return None
    rates = _rates(passage, here)
    growth = np.linalg.eigvals(rates.jacobian)
    if growth.real.max(initial=0.0) > _ROUNDING * np.abs(growth).max(initial=0.0):
        return None
    return here.with_states(
        here.time, here.states, _rested_slope(rates, here.states_slope[0], step, size)[None]
    )


def _rested_slope(rates: _Rates, slope: np.ndarray, step: float, size: np.ndarray) -> np.ndarray:
    """How the point of rest moves, shape (states, directions): the same steps, for slopes."""
    if not slope.size:
        return slope
    for _ in range(3):
        change = rates.slope + rates.jacobian @ slope
        slope = slope + np.stack([_solved(rates.jacobian, step, part, size) for part in change.T], axis=1)
    return slope


def _solved(jacobian: np.ndarray, step: float, rates: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The change in an implicit Euler step; states are measured by their sizes, so that none is lost beside others."""
    matrix = np.eye(size.size) / step - jacobian * size[None, :] / size[:, None]
    try:
        return size * np.linalg.solve(matrix, rates / size)
    except np.linalg.LinAlgError:
        return np.full(size.size, np.nan)


def _rates(passage: Passage, snapshot: Snapshot) -> _Rates:
    """Rates of one experiment, with derivatives by states and along the directions."""
    model, count = passage.model, len(passage.model.states)
    running = model.running
    wide = snapshot.states_slope.shape[-1]
    # Directions after the parameters': each state by itself.
    table = np.concatenate([snapshot.table_slope, np.zeros((*snapshot.table_slope.shape[:2], count))], axis=2)
    states = np.concatenate([np.zeros((1, count, wide)), np.eye(count)[None]], axis=2)
    theta = _widened(passage.theta, count)
    outside = {
        name: (value, np.concatenate([slope, np.zeros((1, count))], axis=1))
        for name, (value, slope) in snapshot.outside.items()
    }
    moving = Snapshot(snapshot.time, snapshot.table, table, snapshot.states, states, outside)
    known = moving.known(model, theta, set().union(*(rate.names for rate in running.rates)))
    value, slope = np.zeros(count), np.zeros((count, wide + count))
    for k, rate in enumerate(running.rates):
        found, way = known.of(rate)
        value[k] = np.ravel(found)[0]
        if way is not None:
            slope[k] = np.reshape(way, -1)
    return _Rates(value, slope[:, wide:], slope[:, :wide])


def _widened(theta: Known, count: int) -> Known:
    """The parameter table with directions in which it does not move."""
    slopes = {
        name: np.concatenate([slope, np.zeros((len(slope), count))], axis=1)
        for name, slope in theta.slopes.items()
    }
    return Known(dict(theta.values), slopes)
