"""What sensitivities cost: the turnover model with k of them against the plain solution.

Run with ``python -m benchmarks.sensitivities``; writes benchmarks/results/sensitivities.json. One thread, CPU seconds,
least of several runs that take turns. Tolerances are the same, and the sensitivities' own errors are controlled too.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from benchmarks.result import store
from benchmarks.turnover import MODEL, problem

from understudy.engine.problem import Tolerances
from understudy.engine.sensitivity.directions import Directions
from understudy.engine.solve import solve

PATIENTS, REPEATS = 1000, 5
COUNTS = (0, 1, 3, 9)
HOW = Tolerances(1e-6, 1e-8)


def cpu_times() -> dict[int, float]:
    """CPU seconds for 1,000 patients, by the number of sensitivities."""
    schedule, rows = problem(PATIENTS)

    def work(count: int) -> float:
        along = Directions(MODEL.parameter_names[:count])
        start = time.process_time()
        solve(schedule, rows, MODEL.output_names, "kernel", HOW, directions=along)
        return time.process_time() - start

    best = dict.fromkeys(COUNTS, np.inf)
    for repeat in range(REPEATS + 1):
        for count in COUNTS:
            seconds = work(count)
            # The first time compiles.
            best[count] = min(best[count], seconds) if repeat else np.inf
    return {count: seconds / PATIENTS * 1000 for count, seconds in best.items()}


def ratios(seconds: dict[int, float]) -> list[dict[str, float]]:
    """A row for each number of sensitivities: its cost in plain solutions, and in shares of 1 + k of them."""
    return [
        {
            "sensitivities": count,
            "cpu_s_per_1000": each,
            "times_plain": each / seconds[0],
            "share_of_limit": each / seconds[0] / (1 + count),
        }
        for count, each in seconds.items()
    ]


def main() -> int:
    """Measure, store, print; 1 where k sensitivities cost more than 1 + k solutions."""
    figures: dict[str, Any] = {"tolerance": HOW.relative, "patients": PATIENTS, "rows": ratios(cpu_times())}
    for row in figures["rows"]:
        print(
            f"{row['sensitivities']} sensitivities: {row['cpu_s_per_1000']:.4f} CPU s / 1,000,"
            f" {row['times_plain']:.2f} times the plain solution"
        )
    print(store("sensitivities", figures))
    return int(any(row["share_of_limit"] > 1 for row in figures["rows"]))


if __name__ == "__main__":
    sys.exit(main())
