"""Closed form for one to three linear compartments with depots: exact between any two events.

The central block's exponential is written in Putzer's form (Putzer 1966, Am Math Monthly 73:2-7,
doi:10.2307/2313914), a sum of divided differences of exponentials; a depot or a constant infusion adds its own rate
constant, or zero, as one more point of the divided difference. Equal or nearly equal rate constants (ka = k,
no distribution) are therefore no special case: close points are summed as a series.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from understudy.engine.lanes import run_in_threads
from understudy.engine.line import apply_event, line_of, nothing_found, refuse_infinite, solution_of
from understudy.engine.linear import linear_system, mammillary
from understudy.engine.problem import BAD_PARAMETER, Problem, Solution, Tolerances
from understudy.engine.timeline import ROW

# With points no further apart than 1/t the series below has terms under 1/k!; 20 of them reach 4e-19.
_TERMS = 20


class Rates(NamedTuple):
    """Rates of every parameter row: matrices, inflows, decay constants of the central block, and who is who."""

    matrix: np.ndarray
    inflow: np.ndarray
    decays: np.ndarray
    block: np.ndarray
    depots: np.ndarray


def applies(problem_model) -> bool:
    """Whether the closed form knows a model."""
    system = linear_system(problem_model)
    return system is not None and mammillary(system) is not None


def solve(problem: Problem, tolerances: Tolerances, jobs: int = 1) -> Solution:
    """Solve by closed form; tolerances do not matter, the answer is exact but for rounding.

    Parameters
    ----------
    problem : Problem
        With a model for which `applies` holds.
    tolerances : Tolerances
    jobs : int
        Threads.
    """
    system = linear_system(problem.model)
    shape = mammillary(system)
    matrix, inflow = system.values(problem.table)
    block = np.array([shape.central, *shape.peripherals], dtype=np.int64)
    rates = Rates(matrix, inflow, _decays(matrix, block), block, np.array(shape.depots, dtype=np.int64))
    line, found = line_of(problem), nothing_found(problem)
    run_in_threads(lambda first, last: _solve_range(first, last, rates, line, found), len(found.status), jobs)
    refuse_infinite(found, line)
    return solution_of(found)


def _decays(matrix: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Rate constants of the central block (minus its eigenvalues), shape (rows, 1 to 3).

    A mammillary matrix is similar to a symmetric one, so its eigenvalues are real.
    """
    part = matrix[:, block][:, :, block]
    symmetric = np.zeros_like(part)
    for k in range(len(block)):
        symmetric[:, k, k] = part[:, k, k]
    for k in range(1, len(block)):
        with np.errstate(invalid="ignore"):
            symmetric[:, 0, k] = symmetric[:, k, 0] = np.sqrt(part[:, 0, k] * part[:, k, 0])
    finite = np.isfinite(symmetric).all(axis=(1, 2))
    decays = np.full((len(matrix), len(block)), np.nan)
    decays[finite] = -np.linalg.eigvalsh(symmetric[finite])
    return decays


@numba.njit(cache=True, nogil=True)
def divided_difference(z, count, t):
    """Divided difference of exp(-z t) over `count` increasing points, its sign taken positive.

    It is the convolution of their exponentials: what has come through compartments with those rate constants.
    """
    if count == 1:
        return np.exp(-z[0] * t)
    if count == 2:
        return _two_points(z[0], z[1], t)
    if count == 3:
        gap = z[2] - z[0]
        if gap * t > 1.0:
            return (_two_points(z[0], z[1], t) - _two_points(z[1], z[2], t)) / gap
        return _series(z, 0, 2, t)
    return _many_points(z, count, t)


@numba.njit(cache=True, nogil=True)
def _two_points(low, high, t):
    gap = high - low
    return np.exp(-low * t) * (-np.expm1(-gap * t) / gap if gap > 0.0 else t)


@numba.njit(cache=True, nogil=True)
def _many_points(z, count, t):
    value = np.exp(-z[:count] * t)
    for order in range(1, count):
        for i in range(count - order):
            gap = z[i + order] - z[i]
            value[i] = (value[i] - value[i + 1]) / gap if gap * t > 1.0 else _series(z, i, order, t)
    return value[0]


@numba.njit(cache=True, nogil=True)
def _series(z, first, order, t):
    """The divided difference over close points, as a series around their middle."""
    middle = 0.5 * (z[first] + z[first + order])
    symmetric = np.zeros(_TERMS)
    symmetric[0] = 1.0
    for i in range(first, first + order + 1):
        x = (middle - z[i]) * t
        for m in range(1, _TERMS):
            symmetric[m] += x * symmetric[m - 1]
    factor, total = 1.0, 0.0
    for k in range(1, order + 1):
        factor *= t / k
    for m in range(_TERMS):
        total += symmetric[m] * factor
        factor *= 1.0 / (order + m + 1) if t > 0.0 else 0.0
    return total * np.exp(-middle * t)


@numba.njit(cache=True, nogil=True)
def _prepare(matrix, decays, block, depots, base, inputs, chain, points, counts):
    """What one stretch of constant inputs needs, whatever the time: vectors and the points of their weights.

    Sources: amounts and inputs of the central block, then what each depot's amount and input send into the central
    compartment. ``chain[source, k]`` is Putzer's product of k factors applied to the source, and its weight is a
    divided difference over ``points[source, k, :counts[source, k]]``. Sources that are zero have a count of zero.
    """
    size = block.size
    chain[:] = 0.0
    for k in range(size):
        chain[0, 0, k], chain[1, 0, k] = base[block[k]], inputs[block[k]]
    for d in range(depots.size):
        flow = matrix[block[0], depots[d]]
        chain[2 + 2 * d, 0, 0], chain[3 + 2 * d, 0, 0] = flow * base[depots[d]], flow * inputs[depots[d]]
    for source in range(chain.shape[0]):
        given = False
        for k in range(size):
            given = given or chain[source, 0, k] != 0.0
        for order in range(size):
            if order > 0:
                _next_factor(matrix, block, decays[order - 1], chain[source, order - 1], chain[source, order])
            counts[source, order] = 0
            if given:
                depot = depots[(source - 2) // 2] if source >= 2 else -1
                own = -matrix[depot, depot] if source >= 2 else 0.0
                counts[source, order] = _set_points(decays, order, source, own, points[source, order])


@numba.njit(cache=True, nogil=True)
def _next_factor(matrix, block, decay, vector, result):
    """Multiply a vector by (central block + decay)."""
    for i in range(block.size):
        result[i] = decay * vector[i]
        for j in range(block.size):
            result[i] += matrix[block[i], block[j]] * vector[j]


@numba.njit(cache=True, nogil=True)
def _set_points(decays, order, source, depot_rate, points):
    """Rate constants that a source's exponentials run through, increasing; returns how many there are."""
    count = order + 1
    points[:count] = decays[:count]
    if source >= 2:
        points[count] = depot_rate
        count += 1
    if source % 2 == 1:
        # A constant input is an exponential that does not decay.
        points[count] = 0.0
        count += 1
    points[:count] = np.sort(points[:count])
    return count


@numba.njit(cache=True, nogil=True)
def _propagate(matrix, block, depots, base, inputs, chain, points, counts, t, result):
    """States a time `t` into a prepared stretch."""
    for k in range(block.size):
        result[block[k]] = 0.0
    for d in range(depots.size):
        depot = depots[d]
        decay = -matrix[depot, depot]
        grown = _two_points(min(decay, 0.0), max(decay, 0.0), t) if inputs[depot] != 0.0 else 0.0
        result[depot] = base[depot] * np.exp(-decay * t) + inputs[depot] * grown
    for source in range(chain.shape[0]):
        for order in range(block.size):
            if counts[source, order] == 0:
                continue
            weight = divided_difference(points[source, order], counts[source, order], t)
            for k in range(block.size):
                result[block[k]] += weight * chain[source, order, k]


@numba.njit(cache=True, nogil=True)
def _solve_range(first, last, rates, line, found):
    """Follow patients `first` to `last` from event to event."""
    size, block, depots = line.start.shape[1], rates.block, rates.depots
    infused, here, used = np.zeros(size), np.empty(size), np.zeros((line.slots.shape[0], 1), np.int64)
    sources, unused = 2 + 2 * depots.size, np.zeros(1)
    chain, points = (
        np.empty((sources, block.size, block.size)),
        np.empty((sources, block.size, block.size + 2)),
    )
    counts = np.empty((sources, block.size), dtype=np.int64)
    seen_time, seen_after, states = line.seen_time, line.seen_after, found.states
    for patient in range(first, last):
        base, time = line.start[patient].copy(), line.start_time[patient]
        row, seen, seen_end = line.first_row[patient], line.seen_start[patient], line.seen_start[patient + 1]
        begin, end = line.event_start[patient], line.event_start[patient + 1]
        infused[:] = 0.0
        for event in range(begin, end + 1):
            inputs, matrix = infused + rates.inflow[row], rates.matrix[row]
            until = line.event_time[event] if event < end else np.inf
            if until > time:
                _prepare(matrix, rates.decays[row], block, depots, base, inputs, chain, points, counts)
            while seen < seen_end and seen_after[seen] == event - begin:
                if seen_time[seen] > time:
                    after = seen_time[seen] - time
                    _propagate(matrix, block, depots, base, inputs, chain, points, counts, after, here)
                    states[seen] = here
                else:
                    states[seen] = base
                seen += 1
            if event == end or seen == seen_end:
                break
            if not until < np.inf:
                found.status[patient], found.failed_at[patient] = BAD_PARAMETER, time
                break
            if until > time:
                _propagate(matrix, block, depots, base, inputs, chain, points, counts, until - time, here)
                base[:], time = here, until
            if line.event_kind[event] == ROW:
                row = line.event_target[event]
            else:
                apply_event(line, event, time, 0, 1, base, unused, infused, used)
