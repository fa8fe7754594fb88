"""Closed form for linear systems whose exchanges form trees: exact between any two events, sensitivities too.

One to three compartments with depots, transit compartments, metabolites, effect compartments and collectors, and in
general all that `blocks` knows. `stretch` tells how the states are written; here patients are followed from event to
event.
"""

from __future__ import annotations

import numba
import numpy as np

from understudy.engine.kernel.lanes import WIDTH, run_in_threads
from understudy.engine.kernel.line import apply_event, line_of, nothing_found, solution_of
from understudy.engine.linear.blocks import blocks_of
from understudy.engine.linear.divided_differences import partial_fractions, shortest_time
from understudy.engine.linear.lane_differences import longest_time, set_series
from understudy.engine.linear.linear import linear_system
from understudy.engine.linear.rate_constants import rate_constants
from understudy.engine.linear.stretch import (
    System,
    add_up,
    move_sensitivities,
    occupied,
    set_coefficients,
    set_points,
    set_vectors,
    space_for,
    weigh_differences,
    weigh_exponentials,
)
from understudy.engine.problem import BAD_PARAMETER, NOT_FINITE, OK, Problem, Solution, Tolerances
from understudy.engine.timeline import BOLUS, FLOW, RATE, ROW
from understudy.model.model import Model


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
    if _is_fed(problem, system) and _lowest_rate_constant(system) < 0.0:
        # What flows in evenly is written as the slowest decay of all, which growth is slower than.
        from understudy.engine.linear.matrix_exponential import solve as solve_by_exponential

        return solve_by_exponential(problem, tolerances, jobs)
    line, found = line_of(problem), nothing_found(problem)

    def work(first: int, last: int) -> None:
        _solve_range(first, last, system, space_for(system), line, found)

    run_in_threads(work, len(found.status), jobs)
    return solution_of(found)


def _is_fed(problem: Problem, system: System) -> bool:
    """Whether something flows in evenly: by the equations, or as an infusion."""
    return bool(system.inflow.any() or (problem.timeline.event_kind == RATE).any())


@numba.njit(cache=True, nogil=True)
def _lowest_rate_constant(system):
    """The lowest rate constant of all rows; below zero where something grows of itself."""
    size, rows, columns, _, _, entries, _, _, block_start, block_states = system[:10]
    matrix, work, decays, lowest = np.zeros((size, size)), np.zeros((size, size)), np.zeros(size), np.inf
    for row in range(entries.shape[0]):
        for e in range(rows.size):
            matrix[rows[e], columns[e]] = entries[row, e]
        rate_constants(matrix, block_start, block_states, work, decays)
        for i in range(size):
            lowest = min(lowest, decays[i])
    return lowest


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
        blocks.places, blocks.reach,
    )  # fmt: skip


def _places(places: tuple[tuple[int, int], ...]) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.array(places, dtype=np.int64).reshape(-1, 2).T.copy()
    return rows, columns


@numba.njit(cache=True, nogil=True)
def _solve_range(first, last, system, space, line, found):
    """Follow patients `first` to `last` from event to event."""
    size, rows, columns, coupled, driver, entries, couplings, inflow = system[:8]
    block_start, block_states, places, reach = system[8:]
    decays, matrix, work, points, labels, spent, powers, fractions, vectors, forced = space[:10]
    carried, coefficients, weights, lengths, factors, sums, series, lane_powers, lane_table, table, terms = (
        space[10:]
    )
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
        known = (-1, 0, 0)
        count, shortest, longest = 0, 0.0, 0.0
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
                held, given = occupied(base, inputs, places, reach)
                if known != (row, held, given):
                    if row != known[0]:
                        for e in range(rows.size):
                            matrix[rows[e], columns[e]] = entries[row, e]
                        rate_constants(matrix, block_start, block_states, work, decays)
                    count = set_points(decays, held, given, reach, points, labels, spent)
                    partial_fractions(points, count, powers, fractions)
                    shortest = shortest_time(points, count, powers, fractions)
                    set_series(points, count, series)
                    longest = longest_time(points, count)
                    known = (row, held, given)
                set_vectors(
                    base, inputs, size, row, rows, columns, entries, coupled, driver, couplings, places,
                    points, count, given, spent, vectors, forced, carried,
                )  # fmt: skip
                summed = False
                while k < after:
                    for lane in range(WIDTH):
                        at = min(k + lane, after - 1)
                        lengths[lane] = (seen_time[at] if at < seen else until) - time
                    lanes = min(WIDTH, after - k)
                    if lengths[0] >= shortest:
                        if not summed:
                            set_coefficients(count, fractions, vectors, coefficients)
                            summed = True
                        weigh_exponentials(lengths, points, count, powers, factors)
                        add_up(factors, count, coefficients, sums)
                    else:
                        had = weigh_differences(
                            lengths, points, count, longest, series, lane_powers, lane_table, table, terms, weights,
                            factors,
                        )  # fmt: skip
                        lanes = min(lanes, had)
                        add_up(factors, count, vectors, sums)
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
                move_sensitivities(
                    target, int(event_value[event]), flow, size, row, rows, columns, entries, coupled, driver,
                    couplings, inputs, vectors[0], base,
                )  # fmt: skip
            else:
                apply_event(line, event, time, 0, 1, base, unused, infused, used)
