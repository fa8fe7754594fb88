"""How long 10,000 trials take, each with a log-rank test and a hazard ratio, and cohorts of 300,000 patients.

Run with ``python -m benchmarks.many_trials``; writes benchmarks/results/many_trials.json.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from benchmarks.result import store

from understudy.biostatistics import cox, log_rank_many
from understudy.core.random import normals, uniforms

TRIALS, PATIENTS, COHORT = 10_000, 500, 300_000
LIMIT_S = 60.0  # for all trials, on two cores


def seconds(job: Callable[[], Any]) -> float:
    """Wall-clock time of the faster of two runs."""
    runs = []
    for _ in range(2):
        start = time.perf_counter()
        job()
        runs.append(time.perf_counter() - start)
    return round(min(runs), 3)


def trials() -> dict[str, float]:
    """Two arms of 250 with a hazard ratio of 0.75, about two thirds of patients with an event."""
    u = uniforms(1, "trials", range(TRIALS * PATIENTS), 2).reshape(TRIALS, PATIENTS, 2)
    arm = np.arange(PATIENTS) % 2
    survival, watched = -12 * np.log(u[..., 0]) / np.where(arm, 0.75, 1), 6 + 24 * u[..., 1]
    times, events = np.minimum(survival, watched), survival <= watched
    four = [(0, 0), (0, 1), (1, 0), (1, 1)]
    log_rank_many(times[:2], events[:2], arm)
    return {
        "one thread": seconds(lambda: log_rank_many(times, events, arm)),
        "two threads": seconds(lambda: log_rank_many(times, events, arm, jobs=2)),
        "two threads, four weights": seconds(lambda: log_rank_many(times, events, arm, weights=four, jobs=2)),
    }


def cohorts() -> dict[str, float]:
    """Five covariates, half of the patients with an event."""
    u, x = uniforms(2, "cohort", range(COHORT), 3), normals(2, "covariates", range(COHORT), 5)
    survival, watched = -np.log(u[:, 0]) * np.exp(-0.3 * x[:, 0]), -np.log(u[:, 1])
    time, event = np.minimum(survival, watched), survival <= watched
    sets, entry = np.arange(COHORT) // 3, 0.3 * time * u[:, 2]
    cox(time[:300], event[:300], x[:300])
    return {
        "one stratum": seconds(lambda: cox(time, event, x)),
        "100,000 matched sets of three": seconds(lambda: cox(time, event, x, strata=sets)),
        "delayed entry, robust errors": seconds(lambda: cox(time, event, x, entry=entry, robust=True)),
    }


def main() -> int:
    """Measure, store, print; 1 where the limit is passed."""
    found = {"trials_s": trials(), "cohorts_s": cohorts()}
    store(
        "many_trials", {"trials": TRIALS, "patients": PATIENTS, "cohort": COHORT, "limit_s": LIMIT_S, **found}
    )
    for name, times in found.items():
        for case, value in times.items():
            print(f"{name.removesuffix('_s')}, {case:<32}{value:.2f} s")
    return int(found["trials_s"]["two threads"] > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
