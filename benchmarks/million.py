"""One million virtual patients on two cores: time per patient and memory, against fewer patients.

Run with ``python -m benchmarks.million``; writes benchmarks/results/million.json. With a number, such as
``python -m benchmarks.million 100000``, that many patients are measured in this very process and the figures printed.

The model is that of benchmarks/turnover.py (4 states, 15 doses, tolerance 1e-6), observed at 25 times. The outcome is
streamed to Zarr in chunks, and its quantiles, moments and shares above a threshold are read back from there. Every
count is measured in a process of its own, whose peak of resident memory is that of the whole run. What is imported and
compiled is warmed up before the clock starts.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.result import store
from benchmarks.turnover import DOSE, DOSES, INTERVAL, MODEL, SPREAD

from understudy.core.random import normals
from understudy.core.result import Outcome
from understudy.engine.dispatch.settings import Dispatch
from understudy.engine.problem import Tolerances
from understudy.engine.simulate import simulate

COUNTS = (10_000, 100_000, 1_000_000)
TIMES = np.linspace(0.0, 240.0, 25)
REGIMEN = f"{DOSE:g} mg every {INTERVAL:g} h for {DOSES} doses"
MEMORY, CORES = "4 GB", 2
TOLERANCES = Tolerances(relative=1e-6, absolute=1e-8)
# The most that a patient among the most may cost, compared with one among the fewest.
RATIO = 1.2


@dataclass(frozen=True)
class Drawn:
    """Log-normal parameters, drawn when a patient's turn comes."""

    count: int
    hash: str = "turnover benchmark"

    def table(self, first: int, last: int) -> pd.DataFrame:
        """Patients `first` to `last` (excluded)."""
        typical = np.array([parameter.value for parameter in MODEL.parameters])
        drawn = typical * np.exp(SPREAD * normals(1, "turnover", np.arange(first, last), typical.size))
        return pd.DataFrame(drawn, index=np.arange(first, last), columns=MODEL.parameter_names)


def run(count: int, folder: Path) -> Outcome:
    """The outcome of so many patients, on disk."""
    dispatch = Dispatch("threads", memory=MEMORY)
    to = folder / f"{count}.zarr"
    return simulate(
        MODEL, Drawn(count), REGIMEN, TIMES, tolerances=TOLERANCES, dispatch=dispatch, jobs=CORES, to=to
    )


def measure(count: int) -> dict[str, Any]:
    """Seconds, bytes and failures of one run in this process."""
    with TemporaryDirectory(dir=Path.cwd()) as name:
        run(100, Path(name)).quantiles()
        wall, processor = time.perf_counter(), time.process_time()
        outcome = run(count, Path(name))
        simulated, simulated_cpu = time.perf_counter() - wall, time.process_time() - processor
        outcome.quantiles(), outcome.moments(), outcome.share_above("C", [1.0, 5.0])
        size = sum(file.stat().st_size for file in Path(name).rglob("*") if file.is_file())
        return {
            "patients": count,
            "chunks": outcome.record.dispatch["chunks"],
            "patients_per_chunk": outcome.record.dispatch["patients_per_chunk"],
            "failed": len(outcome.failures),
            "simulate_wall_s": round(simulated, 3),
            "simulate_cpu_s": round(simulated_cpu, 3),
            "summaries_wall_s": round(time.perf_counter() - wall - simulated, 3),
            "cpu_us_per_patient": round(1e6 * simulated_cpu / count, 2),
            "peak_memory_MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),
            "disk_MB": round(size / 1e6),
        }


def measured_apart(count: int) -> dict[str, Any]:
    """What `measure` finds in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.million", str(count)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(arguments: list[str]) -> int:
    """Measure, store, print; 1 where memory or time per patient pass their limits."""
    if arguments:
        print(json.dumps(measure(int(arguments[0])), indent=2))
        return 0
    runs = [measured_apart(count) for count in COUNTS]
    ratio = runs[-1]["cpu_us_per_patient"] / runs[0]["cpu_us_per_patient"]
    limits = {"memory": MEMORY, "ratio": RATIO}
    asked = {"observations": TIMES.size, "outputs": len(MODEL.outputs), "doses": DOSES, "threads": CORES}
    store("million", {**asked, "runs": runs, "ratio_of_cpu_per_patient": round(ratio, 3), "limits": limits})
    for found in runs:
        print(
            f"{found['patients']:>9,} patients: {found['cpu_us_per_patient']:6.1f} CPU µs each, "
            f"{found['simulate_wall_s']:8.1f} s, summaries {found['summaries_wall_s']:5.1f} s, "
            f"{found['peak_memory_MB']:5,} MB"
        )
    print(f"a patient among {COUNTS[-1]:,} costs {ratio:.2f} times one among {COUNTS[0]:,} (limit {RATIO})")
    over = runs[-1]["peak_memory_MB"] * 10**6 > Dispatch(memory=MEMORY).bytes
    return int(ratio > RATIO or over)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
