"""The CUDA engine: the model as PTX, linked into a kernel that solves one patient a thread on an NVIDIA device."""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import replace
from functools import lru_cache

import numpy as np

from understudy.core.errors import MissingExtraError, SimulationError
from understudy.engine.code.codegen import RIGHT_HAND_SIDE
from understudy.engine.cuda.ptx import right_hand_side_ptx
from understudy.engine.kernel.kernel import PER_STEP
from understudy.engine.kernel.line import Found, line_of, nothing_found, solution_of
from understudy.engine.kernel.patient_order import by_cost, pilots
from understudy.engine.problem import OK, Problem, Solution, Tolerances
from understudy.model.model import Model

REALS = {64: np.float64, 32: np.float32}
# Rounding in 32 bits hides smaller errors of a step.
_LEAST_RELATIVE = {64: 1e-14, 32: 1e-5}
# Few threads a block: each holds many numbers.
_THREADS = 64
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
        Where there is no device or too little memory on it, or for a model that the engine cannot solve.
    """
    refuse(problem.model)
    require_device()
    return run(problem, tolerances, device_function(problem.model))


def solve_float32(problem: Problem, tolerances: Tolerances, jobs: int = 1) -> Solution:
    """Solve every patient in 32 bits, and a sample of them in 64 bits too: the solution tells the difference."""
    refuse(problem.model)
    require_device()
    functions = {bits: device_function(problem.model, bits) for bits in REALS}
    return run_float32(problem, tolerances, functions[32], functions[64])


def run_float32(
    problem: Problem, tolerances: Tolerances, single, double, threads: int = _THREADS
) -> Solution:
    """Solve by a kernel of 32 bits, and a sample by one of 64 bits, which call given device functions."""
    solution = run(problem, tolerances, single, 32, threads)
    exact = replace(Tolerances(), max_steps=tolerances.max_steps)
    checked = run(problem, exact, double, 64, threads, sample_of(problem))
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


def refuse(model: Model) -> None:
    """Raise for a model that needs another engine."""
    if model.stiff:
        raise SimulationError(
            "the CUDA engine is for non-stiff models, and this one is declared stiff",
            place=model.name,
            repair="use engine='auto'",
        )
    if model.events:
        raise SimulationError(
            "the CUDA engine knows no events that states trigger",
            place=model.name,
            repair="use engine='auto'",
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


@lru_cache(maxsize=64)
def device_function(model: Model, bits: int = 64):
    """The right-hand side as a function that kernels can call."""
    from numba import cuda, float32, float64, types

    from understudy.engine.cuda.cuda_pointer import pointer_to

    pointer = types.CPointer({64: float64, 32: float32}[bits])
    code = cuda.PTXSource(right_hand_side_ptx(model, bits).encode())
    linked = cuda.declare_device(
        RIGHT_HAND_SIDE, types.int32(float64, pointer, pointer, pointer, pointer), link=code, abi="c"
    )

    @cuda.jit(device=True)
    def right_hand_side(t, y, p, r, dy):
        linked(t, pointer_to(y), pointer_to(p), pointer_to(r), pointer_to(dy))

    return right_hand_side


@lru_cache(maxsize=64)
def kernel_for(right_hand_side, states: int, parameters: int, inputs: int, bits: int):
    """The kernel of given sizes, made once."""
    from understudy.engine.cuda.cuda_loop import make_kernel

    return make_kernel(right_hand_side, states, parameters, inputs, REALS[bits])


def run(
    problem: Problem,
    tolerances: Tolerances,
    right_hand_side,
    bits: int = 64,
    threads: int = _THREADS,
    patients: np.ndarray | None = None,
) -> Solution:
    """Solve some patients, or all, by a kernel that calls a given device function."""
    from numba import cuda
    from numba.core.errors import NumbaPerformanceWarning

    _refuse_tolerance(tolerances, bits)
    found = nothing_found(problem)
    line, results = device_line(problem, REALS[bits]), device_found(found, REALS[bits])
    kernel = kernel_for(right_hand_side, line.start.shape[1], line.table.shape[1], len(line.slots), bits)
    how = (PER_STEP * tolerances.relative, PER_STEP * tolerances.absolute, tolerances.max_steps)

    def launch(order: np.ndarray) -> None:
        if not order.size:
            return
        with warnings.catch_warnings():
            # Few patients leave a device idle: that is no fault.
            warnings.simplefilter("ignore", NumbaPerformanceWarning)
            kernel[-(-order.size // threads), threads](cuda.to_device(order), *how, line, results)

    # Threads of a warp wait for one another: patients of like cost go together.
    everyone = np.arange(problem.timeline.patients) if patients is None else patients
    first = pilots(problem, everyone)
    launch(first)
    launch(by_cost(problem, everyone, first, results.steps.copy_to_host()[first]))
    states, status, failed_at, steps = (array.copy_to_host() for array in results)
    return solution_of(Found(states.astype(float), status, failed_at, steps, found.method))


def _refuse_tolerance(tolerances: Tolerances, bits: int) -> None:
    if tolerances.relative < _LEAST_RELATIVE[bits]:
        raise SimulationError(
            f"a relative tolerance of {tolerances.relative:g} cannot be kept with numbers of {bits} bits",
            repair=f"ask for {_LEAST_RELATIVE[bits]:g} or more",
        )


def device_line(problem: Problem, real: type):
    """The problem's arrays on the device, those of amounts and parameters in its numbers."""
    from understudy.engine.cuda.cuda_loop import DeviceLine

    line, width = line_of(problem), np.finfo(real)
    amounts = ("event_value", "start", "initial", "steady", "table", "flow")
    arrays = {name: getattr(line, name) for name in DeviceLine._fields[:-1]}
    # Slots without a dose hold a time larger than any 32-bit number.
    arrays["floor"] = line.floor.astype(real)
    arrays |= {name: np.clip(arrays[name], width.min, width.max).astype(real) for name in amounts}
    return DeviceLine(*_on_device(arrays.values()), line.row_width)


def device_found(found: Found, real: type):
    """Room for the answer on the device."""
    from understudy.engine.cuda.cuda_loop import DeviceFound

    return DeviceFound(*_on_device((found.states.astype(real), *found[1:4])))


def _on_device(arrays) -> list:
    """Copies in the device's memory."""
    from numba import cuda

    arrays = [np.ascontiguousarray(array) for array in arrays]
    needed, free = sum(array.nbytes for array in arrays), cuda.current_context().get_memory_info()[0]
    if needed > free:
        raise SimulationError(
            f"the patients need {needed / 2**30:.1f} GiB on the device, which has {free / 2**30:.1f} GiB free",
            repair="simulate fewer patients or times at once",
        )
    return [cuda.to_device(array) for array in arrays]
