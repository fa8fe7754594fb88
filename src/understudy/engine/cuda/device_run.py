"""Device run: a problem in the memory of a device, and its kernels at work on it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from understudy.core.errors import SimulationError
from understudy.engine.code.codegen import RIGHT_HAND_SIDE
from understudy.engine.code.event_code import CHANGES, CONDITIONS, DIFFERENCES
from understudy.engine.code.jacobian import JACOBIAN
from understudy.engine.code.sparse_lu import FACTORISE, SPEED, SUBSTITUTE
from understudy.engine.cuda.ptx import elimination_of
from understudy.engine.kernel.kernel import PER_STEP
from understudy.engine.kernel.line import Found
from understudy.engine.kernel.patient_order import by_cost, pilots
from understudy.engine.problem import STIFFLY, Problem, Tolerances
from understudy.model.model import Model

REALS = {64: np.float64, 32: np.float32}
# Few threads a block: each holds many numbers.
THREADS = 64
# What a device gives a thread at most (CUDA C++ Programming Guide, technical specifications), less what a compiler may
# need besides.
MOST_BYTES = 512 * 1024 - 16 * 1024

Functions = Callable[..., object]
"""``functions(model, name, bits=64)`` is a device function of a model, one of `ptx.FUNCTIONS`."""


class DeviceRun:
    """A problem on the device.

    Parameters
    ----------
    problem : Problem
    tolerances : Tolerances
    functions : Functions
    bits : {64, 32}
    found : Found
        What is known so far.
    threads : int
        Threads a block.
    known : bool
        Whether any states are known; else they are not taken to the device, and every patient is to be solved.
    """

    def __init__(
        self,
        problem: Problem,
        tolerances: Tolerances,
        functions: Functions,
        bits: int,
        found: Found,
        threads: int = THREADS,
        known: bool = False,
    ):
        from understudy.engine.cuda.device_line import device_found, device_line

        self.problem, self.functions, self.bits, self.threads = problem, functions, bits, threads
        self.how = (PER_STEP * tolerances.relative, PER_STEP * tolerances.absolute, tolerances.max_steps)
        self.line, self.results = device_line(problem, REALS[bits]), device_found(found, REALS[bits], known)

    def solve(self, patients: np.ndarray, both: bool) -> None:
        """Solve patients by one method or both; those of like cost together: threads of a warp wait for one another."""
        if not patients.size:
            return
        inputs = len(self.problem.slots)
        refuse_large_threads(self.problem.model, inputs, both)
        kernel = kernel_for(self.functions, self.problem.model, inputs, self.bits, both)
        first = pilots(self.problem, patients)
        self.launch(kernel, first)
        self.launch(kernel, by_cost(self.problem, patients, first, self.results.steps.copy_to_host()[first]))

    def launch(self, kernel, order: np.ndarray) -> None:
        """A thread for each patient of an order."""
        from numba import cuda

        if not order.size:
            return
        stiff = int(self.problem.model.stiff)
        with warnings.catch_warnings():
            # Few patients leave a device idle: that is no fault. Releases differ in the class of this warning.
            warnings.filterwarnings("ignore", message=r"(?s).*Grid size \d+ will likely result in")
            grid = -(-order.size // self.threads)
            kernel[grid, self.threads](
                cuda.to_device(order), *self.how, stiff, 1 - stiff, self.line, self.results
            )

    def stiff(self, patients: np.ndarray) -> np.ndarray:
        """Those of the patients that have turned out stiff."""
        return patients[self.results.method.copy_to_host()[patients] & STIFFLY > 0]

    def take_home(self, found: Found) -> None:
        """Write what the device has found."""
        for here, there in zip(found, self.results, strict=True):
            if here.dtype == there.dtype:
                there.copy_to_host(here)
            else:
                here[...] = there.copy_to_host()


@lru_cache(maxsize=256)
def kernel_for(functions: Functions, model: Model, inputs: int, bits: int, both: bool):
    """The kernel of a model, by the explicit method or by both, made once."""
    from understudy.engine.cuda.cuda_loop import Events, Sizes, make_kernel

    right_hand_side, way, events = functions(model, RIGHT_HAND_SIDE, bits), None, None
    if both:
        from understudy.engine.cuda.implicit_step import Linear, make_implicit_step

        linear = Linear(*(functions(model, name) for name in (JACOBIAN, FACTORISE, SUBSTITUTE, SPEED)))
        way = make_implicit_step(right_hand_side, linear, elimination_of(model))
    if model.events:
        from understudy.engine.cuda.event_steps import shape_of

        events = Events(
            shape_of(model), *(functions(model, name) for name in (DIFFERENCES, CONDITIONS, CHANGES))
        )
    sizes = Sizes(len(model.states), len(model.parameters), inputs)
    return make_kernel(right_hand_side, sizes, REALS[bits], way, events)


def bytes_of_thread(model: Model, inputs: int, both: bool) -> int:
    """Memory that a thread has for itself."""
    from understudy.engine.cuda import cuda_loop, event_steps, implicit_step

    states = len(model.states)
    rows = cuda_loop.VECTORS + (implicit_step.ROWS if both else implicit_step.SLOPES)
    count = states * rows + len(model.parameters) + inputs
    if both:
        count += implicit_step.numbers_needed(elimination_of(model))
    if model.events:
        count += event_steps.shape_of(model).numbers + cuda_loop.ROWS_BEGIN
    return 8 * count


def refuse_large_threads(model: Model, inputs: int, both: bool) -> None:
    """Raise where a thread needs more memory than a device has for it."""
    from numba import cuda

    own, free = bytes_of_thread(model, inputs, both), cuda.current_context().get_memory_info()[0]
    what = f"{len(model.states)} states" + (", solved by both methods," if both else "")
    repair = "use engine='auto', or a smaller model"
    if own > MOST_BYTES:
        raise SimulationError(
            f"{what} need {own / 1024:.0f} KiB in each thread, and a device gives it {MOST_BYTES / 1024:.0f} KiB",
            place=model.name,
            repair=repair,
        )
    # Numba's simulator has no end of memory and no processors.
    if np.isfinite(free):
        device = cuda.get_current_device()
        together = own * device.MULTIPROCESSOR_COUNT * device.MAX_THREADS_PER_MULTIPROCESSOR
        if together > free:
            raise SimulationError(
                f"{what} need {own / 1024:.0f} KiB in each thread, {together / 2**30:.1f} GiB for all threads of the "
                f"device, which has {free / 2**30:.1f} GiB free",
                place=model.name,
                repair=repair,
            )
