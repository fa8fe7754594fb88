"""The kernel engine: the model as machine code, an adaptive time loop around it, threads over blocks.

A model declared stiff is solved by the Rosenbrock method with its Jacobian compiled too, any other by the explicit
Runge-Kutta method.
"""

from __future__ import annotations

from collections.abc import Callable

from understudy.engine import rodas5p, tsit5
from understudy.engine.codegen import RIGHT_HAND_SIDE, right_hand_side
from understudy.engine.compiler import address
from understudy.engine.jacobian import JACOBIAN, jacobian
from understudy.engine.lanes import run_in_threads
from understudy.engine.line import Found, Line, line_of, nothing_found, solution_of
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
    line, found = line_of(problem), nothing_found(problem)
    method = _implicit if problem.model.stiff else _explicit
    run_in_threads(method(problem, tolerances, line, found), problem.timeline.patients, jobs)
    return solution_of(found)


Work = Callable[[int, int], None]


def _explicit(problem: Problem, tolerances: Tolerances, line: Line, found: Found) -> Work:
    """Solve a range of patients by Tsitouras' method."""
    model = address(right_hand_side(problem.model), RIGHT_HAND_SIDE)
    how = (tolerances.relative, tolerances.absolute, tolerances.max_steps)

    def work(first: int, last: int) -> None:
        tsit5.solve_range(first, last, model, *how, line, found, _lanes(line))

    return work


def _implicit(problem: Problem, tolerances: Tolerances, line: Line, found: Found) -> Work:
    """Solve a range of patients by Rodas5P."""
    model = address(right_hand_side(problem.model), RIGHT_HAND_SIDE)
    slopes = jacobian(problem.model)
    code = address(slopes.code, JACOBIAN)
    how = (tolerances.relative, tolerances.absolute, tolerances.max_steps)

    def work(first: int, last: int) -> None:
        space = rodas5p.make_implicit(line.start.shape[1], slopes.rows, slopes.columns)
        rodas5p.solve_range(first, last, model, code, *how, line, found, _lanes(line), space)

    return work


def _lanes(line: Line) -> tsit5.Lanes:
    return tsit5.make_lanes(line.start.shape[1], line.table.shape[1], len(line.slots))
