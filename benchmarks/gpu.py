"""The CUDA engine on the device at hand: ``python -m benchmarks.gpu``. Needs numba-cuda and an NVIDIA device.

Patients per second of two models. The turnover model, 15 doses and 241 observations each, for 10 thousand to 10 million
patients in 64 and 32 bits, and which fraction of the device's 64-bit peak that is; full target-mediated disposition
with fast binding, 4 doses and 169 observations each, which is stiff, for 100 thousand and a million. Patients are
solved in chunks that fit into memory. It takes some three minutes; a count that would take longer than `MOST_SECONDS`
is left out, and named. Operations are counted, not measured: those of the model's code, a fused multiplication
as two, and those of the method's stages; what the loop does besides is left out, so the fraction is a lower bound.
"""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from benchmarks import turnover
from benchmarks.cases import case
from benchmarks.result import store

from understudy.engine.code.invariant import with_invariants
from understudy.engine.cuda import cuda as engine
from understudy.engine.cuda.device_run import DeviceRun
from understudy.engine.cuda.linked import linked
from understudy.engine.cuda.ptx import ptx
from understudy.engine.kernel import kernel
from understudy.engine.kernel.line import nothing_found
from understudy.engine.problem import OK, Problem, Tolerances, initial_states
from understudy.engine.solve import problem_of, timeline_of

CHUNK = 200_000
MOST_SECONDS = 120.0
# Chunks whose parameters differ; later ones have those of earlier ones.
DISTINCT = 5
TOLERANCES = {64: Tolerances(relative=1e-6, absolute=1e-8), 32: Tolerances(relative=1e-5, absolute=1e-7)}
# Fused multiplications of 64-bit numbers a multiprocessor starts in a clock cycle, by compute capability (CUDA C++
# Programming Guide, throughput of native arithmetic instructions).
_PER_CYCLE = {(6, 0): 32, (7, 0): 32, (8, 0): 32, (9, 0): 64, (10, 0): 64}
_OTHERS_PER_CYCLE = 2


@dataclass(frozen=True)
class Measure:
    """A model by its title, how many patients of it are solved, and in how many bits."""

    title: str
    bits: int
    counts: tuple[int, ...]


COUNTS = (10_000, 100_000, 1_000_000, 10_000_000)
MODELS = {"turnover": turnover, "full TMDD, stiff": case("d")}
MEASURES = (
    Measure("turnover", 64, COUNTS),
    Measure("turnover", 32, COUNTS[:3]),
    Measure("full TMDD, stiff", 64, COUNTS[1:3]),
)


def operations_of_a_step(problem: Problem) -> float:
    """64-bit operations of one explicit step of one patient."""
    code = ptx(with_invariants(problem).model, "right_hand_side")
    fused = len(re.findall(r"\bfma\.\S*f64", code))
    plain = len(re.findall(r"\b(?:add|sub|mul|div|sqrt|neg)\.\S*f64", code))
    # Stages and new state: one multiplication and addition for each earlier stage, and one for the step; the error too.
    stages = sum(2 * earlier + 2 for earlier in range(1, 7)) + 2 * 7 + 6
    return 6 * (2 * fused + plain) + len(problem.model.states) * stages


def peak(device) -> float:
    """Largest number of 64-bit operations a second."""
    per_cycle = _PER_CYCLE.get(tuple(device.compute_capability), _OTHERS_PER_CYCLE)
    return 2.0 * per_cycle * device.MULTIPROCESSOR_COUNT * device.CLOCK_RATE * 1e3


@lru_cache(maxsize=8)
def chunk_problem(title: str, count: int) -> Problem:
    """The problem of one chunk."""
    schedule, rows = MODELS[title].problem(count)
    return problem_of(rows, timeline_of(schedule, rows)[0])


@lru_cache(maxsize=2)
def parameters_of_chunks(title: str, size: int, chunks: int) -> np.ndarray:
    return MODELS[title].parameters(size * chunks).reshape(chunks, size, -1)


def measured(measure: Measure, count: int) -> dict[str, float]:
    """Seconds on the device and in all, transfers included, and steps taken."""
    from numba import cuda

    first = chunk_problem(measure.title, min(count, CHUNK))
    size, bits = first.timeline.patients, measure.bits
    chunks, everyone = -(-count // size), np.arange(size)
    values = parameters_of_chunks(measure.title, size, min(chunks, DISTINCT))
    solving, steps, failed, stiff_ones, found = 0.0, 0, 0, 0, nothing_found(first)
    started = time.perf_counter()
    for chunk in range(chunks):
        table = values[chunk % len(values)]
        this = first.replace(table=table, start=initial_states(first.model, table)[first.timeline.first_row])
        device = DeviceRun(with_invariants(this), TOLERANCES[bits], linked, bits, found)
        cuda.synchronize()
        begun = time.perf_counter()
        device.solve(everyone, False)
        stiff = device.stiff(everyone)
        if stiff.size and bits != 64:
            raise RuntimeError("a model with stiff patients is measured in 64 bits")
        device.solve(stiff, True)
        cuda.synchronize()
        solving += time.perf_counter() - begun
        device.take_home(found)
        steps += int(found.steps.sum())
        failed += int((found.status != OK).sum())
        stiff_ones += stiff.size
    seconds = time.perf_counter() - started
    return {
        "model": measure.title,
        "patients": count,
        "bits": bits,
        "kernel_seconds": solving,
        "seconds": seconds,
        "steps": steps,
        "failed": failed,
        "stiff": stiff_ones,
        "patients_per_second": count / solving,
        "patients_per_second_with_transfers": count / seconds,
    }


def agreement(measure: Measure) -> float:
    """Largest difference from the kernel on this machine's processor, relative to each state's largest value."""
    small = chunk_problem(measure.title, 1000)
    found = engine.run(with_invariants(small), TOLERANCES[measure.bits], linked, measure.bits).states
    exact = kernel.solve(small, Tolerances(relative=1e-10, absolute=1e-12), 0).states
    return float((np.abs(found - exact) / np.abs(exact).max(axis=0)).max())


def main() -> int:
    engine.require_device()
    from numba import cuda

    device, rows, differences = cuda.get_current_device(), [], {}
    most = peak(device)
    for measure in MEASURES:
        differences[f"{measure.title}, {measure.bits} bits"] = agreement(measure)  # compiles, too
        row = {"seconds": 0.0, "patients": 1}
        for count in measure.counts:
            if row["seconds"] * count / row["patients"] > MOST_SECONDS:
                print(f"{measure.title}, {measure.bits} bits: {count:,} patients would take too long")
                break
            row = measured(measure, count)
            if measure.bits == 64 and not row["stiff"]:
                work = row["steps"] * operations_of_a_step(chunk_problem(measure.title, 1000))
                row["fraction_of_peak"] = work / row["kernel_seconds"] / most
            rows.append(row)
            print({key: v if isinstance(v, str) else float(f"{v:.4g}") for key, v in row.items()}, flush=True)
    figures = {
        "device": device.name if isinstance(device.name, str) else device.name.decode(),
        "peak_64_bit_operations_per_second": most,
        "difference_from_processor": differences,
        "rows": rows,
    }
    print(json.dumps(figures))
    print("Written:", store("gpu", figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
