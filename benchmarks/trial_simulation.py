"""How long ten thousand survival trials of 500 patients take, with three looks, recruitment and dropout.

Run with ``python -m benchmarks.trial_simulation``; writes benchmarks/results/trial_simulation.json.
"""

from __future__ import annotations

import sys
import time

from benchmarks.result import store

from understudy.trials.designs import (
    Conduct,
    Dropout,
    Hazard,
    ParallelDesign,
    Recruitment,
    SurvivalPatients,
    group_sequential,
    simulate_trials,
)

TRIALS = 10_000
PATIENTS = 500
LIMIT = 60.0  # seconds for one scenario on two cores


def main() -> int:
    """Measure, store, print; 1 where the limit is passed."""
    control = Hazard.of_median(12.0)
    patients = SurvivalPatients({"control": control, "drug": control.times(0.7)})
    plan = group_sequential(3, alpha=0.025, sides=1)
    design = ParallelDesign(patients=PATIENTS, events=330, monitoring=plan)
    given = {"seed": 1, "conduct": Conduct(Recruitment(25), Dropout(0.01))}
    simulate_trials(design, {"HR 0.7": patients}, trials=2, **given)  # compiles
    began = time.perf_counter()
    found = simulate_trials(design, {"HR 0.7": patients}, trials=TRIALS, **given)
    seconds = (time.perf_counter() - began) / len(found.runs)
    error, power = found.rejection("null"), found.rejection("HR 0.7")
    figures = {
        "trials": TRIALS,
        "patients": PATIENTS,
        "seconds_per_scenario": round(seconds, 2),
        "limit_s": LIMIT,
        "ratio_to_limit": round(seconds / LIMIT, 3),
        "type_1_error": error[0],
        "type_1_error_standard_error": error[1],
        "power": power[0],
        "power_standard_error": power[1],
    }
    path = store("trial_simulation", figures)
    print(found)
    print(f"{seconds:.1f} s for {TRIALS} trials of {PATIENTS} patients (limit {LIMIT:.0f} s); {path.name}")
    return int(seconds > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
