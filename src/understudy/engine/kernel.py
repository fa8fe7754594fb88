"""The kernel engine: the model as machine code, an adaptive Runge-Kutta loop around it, threads over blocks."""

from __future__ import annotations

from understudy.engine.codegen import RIGHT_HAND_SIDE, right_hand_side
from understudy.engine.compiler import address
from understudy.engine.lanes import run_in_threads
from understudy.engine.line import line_of, nothing_found, solution_of
from understudy.engine.problem import Problem, Solution, Tolerances
from understudy.engine.tsit5 import make_lanes, solve_range


def solve(problem: Problem, tolerances: Tolerances, jobs: int = 1) -> Solution:
    """Solve eight patients at a time.

    Parameters
    ----------
    problem : Problem
    tolerances : Tolerances
    jobs : int
        Threads, 0 for one per core.
    """
    line, found = line_of(problem), nothing_found(problem)
    model = address(right_hand_side(problem.model), RIGHT_HAND_SIDE)

    def work(first: int, last: int) -> None:
        lanes = make_lanes(line.start.shape[1], line.table.shape[1], len(line.slots))
        how = (tolerances.relative, tolerances.absolute, tolerances.max_steps)
        solve_range(first, last, model, *how, line, found, lanes)

    run_in_threads(work, problem.timeline.patients, jobs)
    return solution_of(found)
