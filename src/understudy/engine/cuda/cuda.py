"""The CUDA engine: the model as PTX, linked into a kernel that solves one patient a thread on an NVIDIA device.

Patients begin with the explicit method. Those that turn out stiff are solved again by a kernel that has both methods
and changes between them; so only models with such patients pay for its compilation and its memory.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np

from understudy.core.errors import MissingExtraError, SimulationError
from understudy.engine.code.invariant import with_invariants
from understudy.engine.cuda.device_run import THREADS, DeviceRun, Functions
from understudy.engine.cuda.linked import linked
from understudy.engine.kernel.line import nothing_found, solution_of
from understudy.engine.problem import OK, Problem, Solution, Tolerances
from understudy.model.model import Model

# Rounding in 32 bits hides smaller errors of a step.
_LEAST_RELATIVE = {64: 1e-14, 32: 1e-5}
# Patients whose numbers in 32 bits are compared with those in 64.
_SAMPLE = 256


def solve(problem: Problem, tolerances: Tolerances, jobs: int = 1) -> Solution:
    """Solve every patient on the device, in 64 bits.

    Parameters
    ----------
    problem : Problem
    tolerances : Tolerances
    jobs : int
        Has no effect: the device decides how many patients are under way at once.

    Raises
    ------
    MissingExtraError
        Where numba-cuda is not installed.
    SimulationError
        Where there is no device, or too little memory on it or in a thread.
    """
    require_device()
    return run(with_invariants(problem), tolerances, linked)


def solve_float32(problem: Problem, tolerances: Tolerances, jobs: int = 1) -> Solution:
    """Solve every patient in 32 bits, and a sample of them in 64 bits too: the solution tells the difference.

    Patients that turn out stiff are solved in 64 bits.
    """
    refuse(problem.model, 32)
    require_device()
    return run_float32(with_invariants(problem), tolerances, linked)


def run_float32(
    problem: Problem, tolerances: Tolerances, functions: Functions, threads: int = THREADS
) -> Solution:
    """Solve in 32 bits, and a sample in 64 bits."""
    solution = run(problem, tolerances, functions, 32, threads)
    exact = replace(Tolerances(), max_steps=tolerances.max_steps)
    checked = run(problem, exact, functions, 64, threads, sample_of(problem))
    return replace(solution, rounding=largest_difference(problem, solution, checked))


def sample_of(problem: Problem) -> np.ndarray:
    """Patients that are solved twice, spread over all."""
    count = min(problem.timeline.patients, _SAMPLE)
    return np.arange(count) * problem.timeline.patients // max(count, 1)


def largest_difference(problem: Problem, solution: Solution, checked: Solution) -> float:
    """Largest difference of the sample's states, relative to the largest value of each; failures are left out."""
    worst, start = 0.0, problem.timeline.observation_start
    for patient in sample_of(problem):
        rows = slice(start[patient], start[patient + 1])
        exact, difference = checked.states[rows], np.abs(solution.states[rows] - checked.states[rows])
        if len(exact) and solution.status[patient] == checked.status[patient] == OK:
            worst = max(worst, float((difference / (np.abs(exact).max(axis=0) + 1e-300)).max()))
    return worst


def refuse(model: Model, bits: int) -> None:
    """Raise for a model that numbers of so many bits do not suffice for."""
    cause = "it is declared stiff" if model.stiff else "states trigger events in it" if model.events else ""
    if cause and bits == 32:
        raise SimulationError(
            f"numbers of 32 bits do not suffice for this model: {cause}",
            place=model.name,
            repair="use engine='cuda'",
        )


def require_device() -> None:
    """Raise where the engine's package or an NVIDIA device is missing."""
    if importlib.util.find_spec("numba_cuda") is None:
        raise MissingExtraError(
            "engine='cuda' needs numba-cuda, which is not installed",
            repair="pip install 'understudy[cuda]', or use engine='auto'",
        )
    from numba import cuda

    if not cuda.is_available():
        raise SimulationError(
            "engine='cuda' finds no NVIDIA device with a driver on this machine",
            repair="run it on a machine with one (nvidia-smi lists them), or use engine='auto'",
        )


def run(
    problem: Problem,
    tolerances: Tolerances,
    functions: Functions,
    bits: int = 64,
    threads: int = THREADS,
    patients: np.ndarray | None = None,
) -> Solution:
    """Solve some patients, or all, by kernels that call given device functions.

    Parameters
    ----------
    functions : callable
        ``functions(model, name, bits=64)`` is a device function of a model, one of `ptx.FUNCTIONS`.
    bits : {64, 32}
        Stiff patients are solved in 64 bits always.
    threads : int
        Threads a block.
    patients : int array, optional
        All where None.
    """
    _refuse_tolerance(tolerances, bits)
    declared, found = problem.model.stiff, nothing_found(problem)
    everyone = np.arange(problem.timeline.patients) if patients is None else patients
    device = DeviceRun(problem, tolerances, functions, bits, found, threads, known=patients is not None)
    device.solve(everyone, declared)
    # What a patient's numbers are does not depend on who else is stiff: these begin again.
    stiff = everyone[:0] if declared else device.stiff(everyone)
    if bits == 64:
        device.solve(stiff, True)
    device.take_home(found)
    if bits != 64 and stiff.size:
        device = DeviceRun(problem, tolerances, functions, 64, found, threads, known=True)
        device.solve(stiff, True)
        device.take_home(found)
    return solution_of(found)


def _refuse_tolerance(tolerances: Tolerances, bits: int) -> None:
    if tolerances.relative < _LEAST_RELATIVE[bits]:
        raise SimulationError(
            f"a relative tolerance of {tolerances.relative:g} cannot be kept with numbers of {bits} bits",
            repair=f"ask for {_LEAST_RELATIVE[bits]:g} or more",
        )
