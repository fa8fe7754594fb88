"""The kernel engine: the model as machine code, an adaptive Runge-Kutta loop around it, threads over blocks."""

from __future__ import annotations

import numpy as np

from understudy.engine import tsit5
from understudy.engine.codegen import RIGHT_HAND_SIDE, right_hand_side
from understudy.engine.compiler import address
from understudy.engine.lanes import run_in_threads
from understudy.engine.problem import Problem, Solution, Tolerances


def solve(problem: Problem, tolerances: Tolerances, jobs: int = 1) -> Solution:
    """Solve eight patients at a time.

    Parameters
    ----------
    problem : Problem
    tolerances : Tolerances
    jobs : int
        Threads, 0 for one per core.
    """
    line, count = problem.timeline, problem.timeline.patients
    states = np.full((line.observation_time.size, len(problem.model.states)), np.nan)
    status, failed_at = np.zeros(count, dtype=np.int64), np.full(count, np.nan)
    steps = np.zeros(count, dtype=np.int64)
    model = address(right_hand_side(problem.model), RIGHT_HAND_SIDE)
    slotted = 2 * int(problem.slots[:, 1].sum())

    def work(first: int, last: int) -> None:
        tsit5.solve_range(
            first, last, model, tolerances.relative, tolerances.absolute, tolerances.max_steps, problem.table,
            problem.table.shape[1] - slotted, problem.slots, problem.start, problem.initial, problem.steady,
            line.steady.row, line.first_row, line.start_time, line.event_start, line.event_time, line.event_kind,
            line.event_target, line.event_value, line.observation_start, line.observation_time,
            line.observation_after, states, status, failed_at, steps,
        )  # fmt: skip

    run_in_threads(work, count, jobs)
    return Solution(states, status, failed_at, steps)
