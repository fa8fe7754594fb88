"""The CUDA engine on the device at hand: ``python -m benchmarks.gpu``. Needs numba-cuda and an NVIDIA device.

Patients per second for 10 thousand to 10 million patients of the turnover model, 15 doses and 241 observations each, in
64 and 32 bits, and which fraction of the device's 64-bit peak that is. Patients are solved in chunks that fit into
memory. Operations are counted, not measured: those of the model's code, a fused multiplication as two, and those of
the method's stages; what the loop does besides is left out, so the fraction is a lower bound.
"""

from __future__ import annotations

import re
import sys
import time

import numpy as np
from benchmarks.result import store
from benchmarks.turnover import MODEL, parameters, problem

from understudy.engine.cuda import cuda as engine
from understudy.engine.cuda.ptx import right_hand_side_ptx
from understudy.engine.kernel import kernel
from understudy.engine.problem import OK, Problem, Tolerances, initial_states
from understudy.engine.solve import problem_of, timeline_of

COUNTS = (10_000, 100_000, 1_000_000, 10_000_000)
CHUNK = 100_000
TOLERANCES = {64: Tolerances(relative=1e-6, absolute=1e-8), 32: Tolerances(relative=1e-5, absolute=1e-7)}
THREADS = 64
# Fused multiplications of 64-bit numbers a multiprocessor starts in a clock cycle, by compute capability (CUDA C++
# Programming Guide, throughput of native arithmetic instructions).
_PER_CYCLE = {(6, 0): 32, (7, 0): 32, (8, 0): 32, (9, 0): 64, (10, 0): 64}
_OTHERS_PER_CYCLE = 2


def operations_of_a_step() -> float:
    """64-bit operations of one step of one patient."""
    code = right_hand_side_ptx(MODEL)
    fused = len(re.findall(r"\bfma\.\S*f64", code))
    plain = len(re.findall(r"\b(?:add|sub|mul|div|sqrt|neg)\.\S*f64", code))
    # Stages and new state: one multiplication and addition for each earlier stage, and one for the step; the error too.
    stages = sum(2 * earlier + 2 for earlier in range(1, 7)) + 2 * 7 + 6
    return 6 * (2 * fused + plain) + len(MODEL.states) * stages


def peak(device) -> float:
    """Largest number of 64-bit operations a second."""
    per_cycle = _PER_CYCLE.get(tuple(device.compute_capability), _OTHERS_PER_CYCLE)
    return 2.0 * per_cycle * device.MULTIPROCESSOR_COUNT * device.CLOCK_RATE * 1e3


def chunk_problem(count: int) -> Problem:
    schedule, rows = problem(count)
    return problem_of(rows, timeline_of(schedule, rows)[0])


def measured(count: int, bits: int, first: Problem) -> dict[str, float]:
    """Seconds in the kernel and in all, transfers included, and steps taken."""
    from numba import cuda

    function = engine.device_function(MODEL, bits)
    size, tolerances = first.timeline.patients, TOLERANCES[bits]
    how = (kernel.PER_STEP * tolerances.relative, kernel.PER_STEP * tolerances.absolute, tolerances.max_steps)
    loop = engine.kernel_for(function, first.start.shape[1], first.table.shape[1], len(first.slots), bits)
    in_kernel, steps, failed, chunks = 0.0, 0, 0, -(-count // size)
    values = parameters(size * min(chunks, 10)).reshape(-1, size, first.table.shape[1])
    started = time.perf_counter()
    for chunk in range(chunks):
        table = values[chunk % len(values)]
        this = first.replace(table=table, start=initial_states(first.model, table)[first.timeline.first_row])
        line = engine.device_line(this, engine.REALS[bits])
        found = engine.device_found(engine.nothing_found(this), engine.REALS[bits])
        order = cuda.to_device(np.arange(size))
        cuda.synchronize()
        begun = time.perf_counter()
        loop[-(-size // THREADS), THREADS](order, *how, line, found)
        cuda.synchronize()
        in_kernel += time.perf_counter() - begun
        steps += int(found.steps.copy_to_host().sum())
        failed += int((found.status.copy_to_host() != OK).sum())
        found.states.copy_to_host()
    return {
        "patients": count,
        "bits": bits,
        "kernel_seconds": in_kernel,
        "seconds": time.perf_counter() - started,
        "steps": steps,
        "failed": failed,
    }


def agreement(bits: int) -> float:
    """Largest difference from the kernel on this machine's processor, relative to each state's largest value."""
    small = chunk_problem(1000)
    function = engine.device_function(MODEL, bits)
    found = engine.run(small, TOLERANCES[bits], function, bits).states
    exact = kernel.solve(small, Tolerances(relative=1e-10, absolute=1e-12), 0).states
    return float((np.abs(found - exact) / np.abs(exact).max(axis=0)).max())


def main() -> int:
    engine.require_device()
    from numba import cuda

    device, rows = cuda.get_current_device(), []
    for bits in (64, 32):
        measured(COUNTS[0], bits, chunk_problem(COUNTS[0]))  # compiles
        for count in COUNTS:
            row = measured(count, bits, chunk_problem(min(count, CHUNK)))
            row["patients_per_second"] = count / row["kernel_seconds"]
            row["patients_per_second_with_transfers"] = count / row["seconds"]
            if bits == 64:
                row["fraction_of_peak"] = (
                    row["steps"] * operations_of_a_step() / row["kernel_seconds"] / peak(device)
                )
            rows.append(row)
            print({key: float(f"{value:.4g}") for key, value in row.items()})
    figures = {
        "device": device.name if isinstance(device.name, str) else device.name.decode(),
        "peak_64_bit_operations_per_second": peak(device),
        "difference_from_processor": {str(bits): agreement(bits) for bits in (64, 32)},
        "rows": rows,
    }
    print("Written:", store("gpu", figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
