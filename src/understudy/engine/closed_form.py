"""Closed form for one to three linear compartments with depots: exact between any two events.

The central block's exponential is written in Putzer's form (Putzer 1966, Am Math Monthly 73:2-7,
doi:10.2307/2313914), a sum of divided differences of exponentials; a depot or a constant infusion adds its own rate
constant, or zero, as one more point of the divided difference. Equal or nearly equal rate constants (ka = k,
no distribution) are therefore no special case: close points are summed as a series.
"""

from __future__ import annotations

import numba
import numpy as np

from understudy.engine.lanes import run_in_threads
from understudy.engine.linear import linear_system, mammillary
from understudy.engine.problem import BAD_PARAMETER, NOT_FINITE, Problem, Solution, Tolerances
from understudy.engine.timeline import ADD, BOLUS, RATE, REINITIALISE, ROW, STEADY, STOP_INFUSIONS

# With points no further apart than 1/t the series below has terms under 1/k!; 20 of them reach 4e-19.
_TERMS = 20


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
    depots = np.array(shape.depots, dtype=np.int64)
    line, count = problem.timeline, problem.timeline.patients
    states = np.full((line.observation_time.size, matrix.shape[1]), np.nan)
    status, failed_at = np.zeros(count, dtype=np.int64), np.full(count, np.nan)

    decays = _decays(matrix, block)

    def work(first: int, last: int) -> None:
        _solve_range(
            first, last, matrix, inflow, decays, block, depots, problem.start, problem.initial,
            problem.steady, line.steady.row, line.first_row, line.start_time, line.event_start, line.event_time,
            line.event_kind, line.event_target, line.event_value, line.observation_start, line.observation_time,
            line.observation_after, states, status, failed_at,
        )  # fmt: skip

    run_in_threads(work, count, jobs)
    return Solution(states, status, failed_at, np.zeros(count, dtype=np.int64))


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
def divided_difference(points, count, t):
    """Divided difference of exp(-z t) over `points` (sign taken positive): the convolution of their exponentials."""
    if count == 1:
        return np.exp(-points[0] * t)
    if count == 2:
        low, gap = min(points[0], points[1]), abs(points[0] - points[1])
        return np.exp(-low * t) * (-np.expm1(-gap * t) / gap if gap > 0.0 else t)
    z = np.sort(points[:count])
    value = np.exp(-z * t)
    for order in range(1, count):
        for i in range(count - order):
            gap = z[i + order] - z[i]
            if gap * t > 1.0:
                value[i] = (value[i] - value[i + 1]) / gap
            else:
                value[i] = _series(z, i, order, t)
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
        factor /= order + m + 1
    return total * np.exp(-middle * t)


@numba.njit(cache=True, nogil=True)
def _propagate(matrix, decays, block, depots, base, input_rate, t, result, points, scratch, vectors):
    """States a time `t` after `base` under constant inputs; the last three arguments are working space."""
    size = block.size
    result[:] = 0.0
    for k in range(size):
        vectors[0, k], vectors[1, k] = base[block[k]], input_rate[block[k]]
    for d in range(depots.size):
        depot, flow = depots[d], matrix[block[0], depots[d]]
        vectors[2 + 2 * d, :] = 0.0
        vectors[3 + 2 * d, :] = 0.0
        vectors[2 + 2 * d, 0], vectors[3 + 2 * d, 0] = flow * base[depot], flow * input_rate[depot]
        points[0], points[1] = -matrix[depot, depot], 0.0
        result[depot] = base[depot] * np.exp(-points[0] * t) + input_rate[depot] * divided_difference(
            points, 2, t
        )
    for order in range(size):
        for v in range(vectors.shape[0]):
            given = False
            for k in range(size):
                given = given or vectors[v, k] != 0.0
            if not given:
                continue
            extra = order + 1
            for k in range(extra):
                points[k] = decays[k]
            if v >= 2:
                points[extra] = -matrix[depots[(v - 2) // 2], depots[(v - 2) // 2]]
                extra += 1
            if v % 2 == 1:
                points[extra] = 0.0
                extra += 1
            weight = divided_difference(points, extra, t)
            for k in range(size):
                result[block[k]] += weight * vectors[v, k]
        if order + 1 < size:
            for v in range(vectors.shape[0]):
                _next_vector(matrix, block, decays[order], vectors[v], scratch)


@numba.njit(cache=True, nogil=True)
def _next_vector(matrix, block, decay, vector, scratch):
    """Multiply a vector by (block matrix + decay), Putzer's next factor."""
    for i in range(block.size):
        scratch[i] = decay * vector[i]
        for j in range(block.size):
            scratch[i] += matrix[block[i], block[j]] * vector[j]
    for i in range(block.size):
        vector[i] = scratch[i]


@numba.njit(cache=True, nogil=True)
def _solve_range(
    first, last, matrix, inflow, decays, block, depots, start, initial, steady, steady_row, first_row, start_time,
    event_start, event_time, event_kind, event_target, event_value, observation_start, observation_time,
    observation_after, states, status, failed_at,
):  # fmt: skip
    size = start.shape[1]
    infusions, total, here = np.zeros(size), np.empty(size), np.empty(size)
    points, scratch, vectors = (
        np.empty(block.size + 2),
        np.empty(block.size),
        np.empty((2 + 2 * depots.size, block.size)),
    )
    for patient in range(first, last):
        base, time, row = start[patient].copy(), start_time[patient], first_row[patient]
        infusions[:] = 0.0
        seen, seen_end = observation_start[patient], observation_start[patient + 1]
        begin, end = event_start[patient], event_start[patient + 1]
        for event in range(begin, end + 1):
            total[:] = infusions + inflow[row]
            while seen < seen_end and observation_after[seen] == event - begin:
                if observation_time[seen] <= time:
                    states[seen] = base
                else:
                    step = observation_time[seen] - time
                    _propagate(
                        matrix[row],
                        decays[row],
                        block,
                        depots,
                        base,
                        total,
                        step,
                        here,
                        points,
                        scratch,
                        vectors,
                    )
                    states[seen] = here
                if not np.isfinite(states[seen]).all():
                    status[patient], failed_at[patient] = NOT_FINITE, observation_time[seen]
                seen += 1
            if event == end or seen == seen_end:
                break
            if not np.isfinite(event_time[event]):
                status[patient], failed_at[patient] = BAD_PARAMETER, time
                states[seen:seen_end] = np.nan
                break
            if event_time[event] > time:
                step = event_time[event] - time
                _propagate(
                    matrix[row], decays[row], block, depots, base, total, step, here, points, scratch, vectors
                )
                base[:] = here
                time = event_time[event]
            kind, target, value = event_kind[event], event_target[event], event_value[event]
            if kind == ROW:
                row = target
            elif kind == REINITIALISE:
                base[:] = initial[target]
                infusions[:] = 0.0
            elif kind == STOP_INFUSIONS:
                infusions[:] = 0.0
            elif kind == STEADY:
                if value == ADD:
                    base[:] = base + steady[target] - initial[steady_row[target]]
                else:
                    base[:] = steady[target]
            elif kind == RATE:
                infusions[target] += value
            elif kind == BOLUS:
                base[target] += value
