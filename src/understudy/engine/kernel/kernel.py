"""The kernel engine: the model as machine code, an adaptive time loop around it, threads over blocks.

Patients begin with the explicit Runge-Kutta method and change to the Rosenbrock method, and back, as their stiffness
asks for; its code is compiled when the first patient does. A model declared stiff is solved by the Rosenbrock method
throughout.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from understudy.engine.code.codegen import RIGHT_HAND_SIDE, right_hand_side
from understudy.engine.code.compiler import address
from understudy.engine.code.invariant import with_invariants
from understudy.engine.code.jacobian import JACOBIAN, jacobian
from understudy.engine.code.pivots import Elimination, eliminate
from understudy.engine.code.sparse_lu import FACTORISE, SPEED, SUBSTITUTE, sparse_lu
from understudy.engine.events.event_space import make_watch
from understudy.engine.kernel import rodas5p
from understudy.engine.kernel.lanes import run_in_threads
from understudy.engine.kernel.line import Found, Line, line_of, nothing_found, solution_of
from understudy.engine.kernel.patient_order import by_cost, pilots
from understudy.engine.kernel.place import make_place
from understudy.engine.kernel.time_loop import Method, solve_range
from understudy.engine.problem import STIFFLY, Problem, Solution, Tolerances
from understudy.model.model import Model

# Errors of steps add up, and observations between steps are interpolated one order lower: with this much of the
# tolerance allowed to a step, what comes out is within ten times the tolerance for every model of the library.
PER_STEP = 0.2


def solve(problem: Problem, tolerances: Tolerances, jobs: int = 1) -> Solution:
    """Solve eight patients at a time.

    Parameters
    ----------
    problem : Problem
    tolerances : Tolerances
    jobs : int
        Threads, 0 for one per core.
    """
    fast = with_invariants(problem)
    line, found = line_of(fast), nothing_found(problem)
    declared = problem.model.stiff
    relative, absolute = PER_STEP * tolerances.relative, PER_STEP * tolerances.absolute
    how = Method(relative, absolute, float(tolerances.max_steps), declared, 1.0 - declared)
    everybody = np.arange(problem.timeline.patients)
    _solve(fast, everybody, how, line, found, jobs, with_jacobian=declared)
    stiff = np.flatnonzero(found.method & STIFFLY)
    if stiff.size and not declared:
        # What a patient's numbers are does not depend on who else is stiff: these begin again.
        found.steps[stiff] = 0
        _solve(fast, stiff, how, line, found, jobs, with_jacobian=True)
    return solution_of(found)


def _solve(
    problem: Problem,
    patients: np.ndarray,
    how: Method,
    line: Line,
    found: Found,
    jobs: int,
    with_jacobian: bool,
) -> None:
    model = address(right_hand_side(problem.model), RIGHT_HAND_SIDE)
    slopes, make = 0, lambda: None
    if with_jacobian:
        code = jacobian(problem.model)
        slopes = address(code.code, JACOBIAN)
        plan, elimination = _elimination(problem.model)
        functions = [address(elimination, name) for name in (FACTORISE, SUBSTITUTE, SPEED)]
        make = lambda: rodas5p.make_implicit(plan, *functions)  # noqa: E731

    def solve_in(order: np.ndarray) -> None:
        def work(first: int, last: int) -> None:
            place = make_place(line.start.shape[1], line.table.shape[1], len(line.slots))
            watch = make_watch(problem.model) if problem.model.events else None
            solve_range(first, last, order, model, slopes, how, line, found, place, watch, make())

        run_in_threads(work, order.size, jobs)

    first = pilots(problem, patients)
    solve_in(first)
    solve_in(by_cost(problem, patients, first, found.steps[first]))


@lru_cache(maxsize=512)
def _elimination(model: Model) -> tuple[Elimination, str]:
    """How the equations of an implicit step of a model are solved, and the code of it."""
    slopes = jacobian(model)
    plan = eliminate(len(model.states), slopes.rows, slopes.columns)
    return plan, sparse_lu(plan, rodas5p.GAMMA)
