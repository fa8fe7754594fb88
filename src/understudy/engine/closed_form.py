"""Closed form for linear compartments whose exchanges form trees: exact between any two events, sensitivities too.

With the rate constants z_0 >= z_1 >= ... of the system (minus its eigenvalues, and zero for constant inputs) the states
are ``x(t) = sum of F_k(t) w_k``, with w_0 the states at the start, ``w_(k+1) = (A + z_k) w_k``, and F_k the divided
differences of `understudy.engine.divided_differences`: Newton's interpolation of the exponential of A, exact as
(A + z_0) (A + z_1) ... = 0 (Putzer 1966, Am Math Monthly 73:2-7, doi:10.2307/2313914, is the same in another order).
With the fastest first, all w_k of compartments are non-negative (Micchelli & Willoughby 1979, Linear Algebra Appl
23:141-156, doi:10.1016/0024-3795(79)90097-8): nothing is lost to cancellation. Equal or nearly equal rate constants are
no special case. Sensitivities run through the same rate constants a second time, so each counts twice.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from understudy.engine.blocks import blocks_of
from understudy.engine.divided_differences import (
    divided_differences,
    partial_fractions,
    shortest_time,
    work_space,
)
from understudy.engine.lane_sums import LANE_BYTES, add_product, set_exponentials
from understudy.engine.lanes import WIDTH, run_in_threads
from understudy.engine.line import apply_event, line_of, nothing_found, solution_of
from understudy.engine.linear import linear_system
from understudy.engine.problem import BAD_PARAMETER, NOT_FINITE, OK, Problem, Solution, Tolerances
from understudy.engine.rate_constants import rate_constants
from understudy.engine.timeline import BOLUS, FLOW, RATE, ROW
from understudy.model.model import Model


class System(NamedTuple):
    """Blocks and every parameter row's rates, as the compiled loop takes them.

    ``rows[e]`` and ``columns[e]`` are the place of ``entries[row, e]`` in the matrix of the first states,
    ``coupled[e]`` and ``driver[e]`` that of ``couplings[row, e]``.
    """

    size: int
    rows: np.ndarray
    columns: np.ndarray
    coupled: np.ndarray
    driver: np.ndarray
    entries: np.ndarray
    couplings: np.ndarray
    inflow: np.ndarray
    block_start: np.ndarray
    block_states: np.ndarray
    upstream: np.ndarray
    driving: np.ndarray


class Space(NamedTuple):
    """What is worked out once for a parameter row and a set of states that hold anything, and room to work in."""

    decays: np.ndarray
    matrix: np.ndarray
    work: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    spent: np.ndarray
    powers: np.ndarray
    fractions: np.ndarray
    vectors: np.ndarray
    coefficients: np.ndarray
    weights: np.ndarray
    lengths: np.ndarray
    factors: np.ndarray
    sums: np.ndarray
    table: np.ndarray
    terms: np.ndarray


def applies(model: Model) -> bool:
    """Whether the closed form knows a model."""
    return blocks_of(model) is not None


def solve(problem: Problem, tolerances: Tolerances, jobs: int = 1) -> Solution:
    """Solve by closed form; tolerances do not matter, the answer is exact but for rounding.

    Parameters
    ----------
    problem : Problem
        With a model for which `applies` holds.
    tolerances : Tolerances
    jobs : int
        Threads, 0 for one per core.
    """
    system = system_of(problem)
    line, found = line_of(problem), nothing_found(problem)

    def work(first: int, last: int) -> None:
        _solve_range(first, last, system, space_for(system), line, found)

    run_in_threads(work, len(found.status), jobs)
    return solution_of(found)


def system_of(problem: Problem) -> System:
    """The rates of a problem's rows."""
    blocks = blocks_of(problem.model)
    matrix, inflow = linear_system(problem.model).values(problem.table)
    entries, couplings = _places(blocks.entries), _places(blocks.couplings)
    lengths = [len(block) for block in blocks.exchanges]
    whole = lambda values: np.array(values, dtype=np.int64)  # noqa: E731
    return System(
        blocks.size, *entries, *couplings, matrix[:, *entries], matrix[:, *couplings], inflow,
        np.concatenate([[0], np.cumsum(whole(lengths))]), whole([i for block in blocks.exchanges for i in block]),
        whole(blocks.upstream), whole(blocks.driving),
    )  # fmt: skip


def _places(places: tuple[tuple[int, int], ...]) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.array(places, dtype=np.int64).reshape(-1, 2).T.copy()
    return rows, columns


def space_for(system: System) -> Space:
    """Work space of one thread."""
    size, states = system.size, system.inflow.shape[1]
    most = (1 if states == size else 2) * size + 1
    whole = lambda count: np.empty(count, dtype=np.int64)  # noqa: E731
    table, terms = work_space(most)
    whole = lambda count: np.empty(count, dtype=np.int64)  # noqa: E731
    return Space(
        decays=np.empty(size),
        matrix=np.zeros((size, size)),
        work=np.empty((size, size)),
        points=np.empty(most),
        labels=whole(most),
        spent=whole(2 * size),
        powers=whole(most),
        fractions=np.zeros((most, most)),
        vectors=np.empty((most, states)),
        coefficients=np.empty((most, states)),
        weights=np.empty(most),
        lengths=np.empty(WIDTH),
        factors=np.empty((most, WIDTH)),
        sums=np.empty((states, WIDTH)),
        table=table,
        terms=terms,
    )


@numba.njit(cache=True, nogil=True)
def _occupied(base, inputs, size, upstream, coupled, driver):
    """States that hold something or will, as bits: the first ones, their copies, and whether there is an input."""
    first, copies, given = 0, 0, 0
    for s in range(base.size):
        if inputs[s] != 0.0:
            given = 1
        if base[s] != 0.0 or inputs[s] != 0.0:
            if s < size:
                first |= 1 << s
            else:
                copies |= 1 << (s % size)
    first = _downstream(first, upstream)
    for e in range(coupled.size):
        if first >> driver[e] & 1:
            copies |= 1 << (coupled[e] % size)
    return first, _downstream(copies, upstream), given


@numba.njit(cache=True, nogil=True)
def _downstream(states, upstream):
    reached = 0
    for i in range(upstream.size):
        if upstream[i] & states != 0:
            reached |= 1 << i
    return reached


@numba.njit(cache=True, nogil=True)
def _set_points(decays, first, copies, given, upstream, driving, points, labels, spent):
    """Falling rate constants of the states occupied, and after how many of them each state is spent.

    A state is spent once all that it can hold has been worked off: what rounding leaves there is no amount.
    """
    size, count = decays.size, 0
    for state in range(2 * size + 1):
        mask = first if state < size else copies if state < 2 * size else given
        if not mask >> (state % size) & 1:
            continue
        own = decays[state % size] if state < 2 * size else 0.0
        k = count
        while k > 0 and points[k - 1] < own:
            points[k], labels[k] = points[k - 1], labels[k - 1]
            k -= 1
        points[k], labels[k] = own, state
        count += 1
    for i in range(size):
        spent[i], spent[size + i] = 0, 0
        for k in range(count):
            label = labels[k]
            if label == 2 * size or (label < size and upstream[i] >> label & 1):
                spent[i] = k + 1
            through = upstream[i] if label >= size else driving[i]
            if label == 2 * size or through >> (label % size) & 1:
                spent[size + i] = k + 1
    return count


@numba.njit(cache=True, nogil=True)
def _set_vectors(
    base, inputs, size, row, rows, columns, entries, coupled, driver, couplings, points, count, spent, vectors
):
    """Newton's vectors w_0, w_1, ... of a stretch."""
    unit = 1.0
    for s in range(base.size):
        vectors[0, s] = base[s]
    for k in range(1, count):
        z = points[k - 1]
        for s in range(base.size):
            vectors[k, s] = z * vectors[k - 1, s] + unit * inputs[s]
        # The constant that drives the inputs is a state too, of rate constant zero.
        unit *= z
        for start in range(0, base.size, size):
            for e in range(rows.size):
                vectors[k, start + rows[e]] += entries[row, e] * vectors[k - 1, start + columns[e]]
        for e in range(coupled.size):
            vectors[k, coupled[e]] += couplings[row, e] * vectors[k - 1, driver[e]]
        for s in range(base.size):
            if k >= spent[s if s < size else size + s % size]:
                vectors[k, s] = 0.0


@numba.njit(cache=True, nogil=True)
def _set_coefficients(count, fractions, vectors, coefficients):
    """What each exponential brings to each state: the vectors in the sums of exponentials."""
    for q in range(count):
        for s in range(vectors.shape[1]):
            coefficients[q, s] = fractions[q, q] * vectors[q, s]
        for k in range(q + 1, count):
            for s in range(vectors.shape[1]):
                coefficients[q, s] += fractions[k, q] * vectors[k, s]


@numba.njit(cache=True, nogil=True)
def _sum_exponentials(lengths, points, count, powers, coefficients, factors, sums):
    """States after `WIDTH` lengths of time, ``sums[state, lane]``."""
    for q in range(count):
        if powers[q] == 0:
            set_exponentials(points[q], lengths.ctypes.data, factors.ctypes.data + q * LANE_BYTES)
        else:
            for lane in range(WIDTH):
                factors[q, lane] = factors[q - 1, lane] * lengths[lane] / powers[q]
    for s in range(sums.shape[0]):
        for lane in range(WIDTH):
            sums[s, lane] = 0.0
        for q in range(count):
            add_product(
                coefficients[q, s], factors.ctypes.data + q * LANE_BYTES, sums.ctypes.data + s * LANE_BYTES
            )


@numba.njit(cache=True, nogil=True)
def _sum_differences(length, points, count, vectors, weights, table, terms, sums):
    """States after one length of time by divided differences, in the first lane of ``sums[state, lane]``."""
    divided_differences(points, count, length, weights, table, terms)
    for s in range(sums.shape[0]):
        sums[s, 0] = 0.0
        for q in range(count):
            sums[s, 0] += weights[q] * vectors[q, s]


@numba.njit(cache=True, nogil=True)
def _move_sensitivities(
    moved, flow, size, row, rows, columns, entries, coupled, driver, couplings, inputs, speed, base
):
    """Add the derivatives of the first states by time to their sensitivities, times ``flow[moved, direction]``."""
    for s in range(base.size):
        speed[s] = inputs[s]
    for start in range(0, base.size, size):
        for e in range(rows.size):
            speed[start + rows[e]] += entries[row, e] * base[start + columns[e]]
    for e in range(coupled.size):
        speed[coupled[e]] += couplings[row, e] * base[driver[e]]
    own = base.size // (1 + flow.shape[1])
    for direction in range(flow.shape[1]):
        for s in range(own):
            base[(1 + direction) * own + s] += flow[moved, direction] * speed[s]


@numba.njit(cache=True, nogil=True)
def _solve_range(first, last, system, space, line, found):
    """Follow patients `first` to `last` from event to event."""
    size, rows, columns, coupled, driver, entries, couplings, inflow = system[:8]
    block_start, block_states, upstream, driving = system[8:]
    decays, matrix, work, points, labels, spent, powers, fractions, vectors, coefficients = space[:10]
    weights, lengths, factors, sums, table, terms = space[10:]
    event_time, event_kind, event_target = line.event_time, line.event_kind, line.event_target
    event_value, flow, start = line.event_value, line.flow, line.start
    seen_time, seen_after, states = line.seen_time, line.seen_after, found.states
    status, failed_at, n = found.status, found.failed_at, start.shape[1]
    base, infused, inputs, unused = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(1)
    used = np.zeros((line.slots.shape[0], 1), np.int64)
    for patient in range(first, last):
        row, time = line.first_row[patient], line.start_time[patient]
        for s in range(n):
            base[s], infused[s] = start[patient, s], 0.0
        seen, seen_end = line.seen_start[patient], line.seen_start[patient + 1]
        begin, end = line.event_start[patient], line.event_start[patient + 1]
        known = (-1, 0, 0, 0)
        count, shortest = 0, 0.0
        for event in range(begin, end + 1):
            until = event_time[event] if event < end else np.inf
            k = seen
            while seen < seen_end and seen_after[seen] == event - begin:
                seen += 1
            done = event == end or seen == seen_end
            # What is observed at the very start is what there is.
            while k < seen and not seen_time[k] > time:
                for s in range(n):
                    states[k, s] = base[s]
                k += 1
            after = seen if done or not until > time else seen + 1
            if k < after:
                for s in range(n):
                    inputs[s] = infused[s] + inflow[row, s]
                now, copies, given = _occupied(base, inputs, size, upstream, coupled, driver)
                if known != (row, now, copies, given):
                    if row != known[0]:
                        for e in range(rows.size):
                            matrix[rows[e], columns[e]] = entries[row, e]
                        rate_constants(matrix, block_start, block_states, work, decays)
                    count = _set_points(decays, now, copies, given, upstream, driving, points, labels, spent)
                    partial_fractions(points, count, powers, fractions)
                    shortest = shortest_time(points, count, powers, fractions)
                    known = (row, now, copies, given)
                _set_vectors(
                    base, inputs, size, row, rows, columns, entries, coupled, driver, couplings,
                    points, count, spent, vectors,
                )  # fmt: skip
                if shortest < np.inf:
                    _set_coefficients(count, fractions, vectors, coefficients)
                while k < after:
                    length, lanes = (seen_time[k] if k < seen else until) - time, 1
                    if length >= shortest:
                        lanes = min(WIDTH, after - k)
                        for lane in range(WIDTH):
                            at = min(k + lane, after - 1)
                            lengths[lane] = (seen_time[at] if at < seen else until) - time
                        _sum_exponentials(lengths, points, count, powers, coefficients, factors, sums)
                    else:
                        _sum_differences(length, points, count, vectors, weights, table, terms, sums)
                    for lane in range(min(lanes, seen - k)):
                        total = 0.0
                        for s in range(n):
                            states[k + lane, s] = sums[s, lane]
                            total += sums[s, lane]
                        if not abs(total) < np.inf and status[patient] == OK:
                            status[patient], failed_at[patient] = NOT_FINITE, seen_time[k + lane]
                    k += lanes
                if after > seen:
                    for s in range(n):
                        base[s] = sums[s, lanes - 1]
            if done:
                break
            if not until < np.inf:
                status[patient], failed_at[patient] = BAD_PARAMETER, time
                break
            time, kind, target = max(time, until), event_kind[event], event_target[event]
            # Plain doses are given here: handing the timeline over costs more than they do.
            if kind == BOLUS:
                base[target] += event_value[event]
            elif kind == RATE:
                infused[target] += event_value[event]
            elif kind == ROW:
                row = target
            elif kind == FLOW:
                for s in range(n):
                    inputs[s] = infused[s] + inflow[row, s]
                _move_sensitivities(
                    target, flow, size, row, rows, columns, entries, coupled, driver, couplings, inputs,
                    vectors[0], base,
                )  # fmt: skip
            else:
                apply_event(line, event, time, 0, 1, base, unused, infused, used)
