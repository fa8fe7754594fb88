"""How long ten thousand survival trials of 500 patients take, with three looks, recruitment and dropout; and of others.

Run with ``python -m benchmarks.trial_simulation``; writes benchmarks/results/trial_simulation.json.
"""

from __future__ import annotations

import sys
import time

from benchmarks.result import store

from understudy.trials.designs import (
    MAX_COMBO,
    Conduct,
    Dropout,
    Enrichment,
    Hazard,
    MultiArmMultiStage,
    ParallelDesign,
    PlatformTrial,
    PromisingZone,
    Recruitment,
    ReEstimatedDesign,
    ResponseAdaptive,
    SurvivalPatients,
    group_sequential,
    simulate_trials,
)
from understudy.trials.designs.response_patients import BiomarkerPatients
from understudy.trials.designs.runs import Design

TRIALS = 10_000
PATIENTS = 500
LIMIT = 60.0  # seconds for one scenario on two cores


def others(control: Hazard, given: dict) -> dict[str, dict[str, float]]:
    """Designs of about 500 patients with times to an event: seconds for ten thousand trials, type I error and power."""
    two = SurvivalPatients({"control": control, "drug": control.times(0.7)})
    three = SurvivalPatients({"control": control, "a": control, "b": control.times(0.7)})
    kinds = BiomarkerPatients(SurvivalPatients({"control": control, "drug": control}), two, 0.5)
    plan = group_sequential(3, alpha=0.025, sides=1)
    designs: dict[str, tuple[Design, SurvivalPatients | BiomarkerPatients]] = {
        "max-combo, three looks": (ParallelDesign(PATIENTS, plan, events=330, weights=MAX_COMBO), two),
        "re-estimation": (ReEstimatedDesign(PromisingZone(220, most=1.5), enrolled=334), two),
        "response-adaptive": (ResponseAdaptive(PATIENTS, 50, hazard_prior=(0.5, 8.0), follow_up=12.0), three),
        "multi-arm multi-stage": (MultiArmMultiStage(167, 2, keep=1, control_events=120), three),
        "platform": (
            PlatformTrial(150, {"a": 0, "b": 100}, patients=PATIENTS, events=200, futility=0.0),
            three,
        ),
        "enrichment": (Enrichment(250, 250, follow_up=12.0), kinds),
    }
    found = {}
    for name, (design, patients) in designs.items():
        began = time.perf_counter()
        runs = simulate_trials(design, {"HR 0.7": patients}, trials=TRIALS, jobs=2, **given)
        found[name] = {
            "seconds_per_scenario": round((time.perf_counter() - began) / len(runs.runs), 2),
            "type_1_error": runs.rejection("null")[0],
            "power": runs.rejection("HR 0.7")[0],
        }
        print(f"{name:<24}{found[name]}")
    return found


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
        "other_designs": others(control, given),
    }
    path = store("trial_simulation", figures)
    print(found)
    print(f"{seconds:.1f} s for {TRIALS} trials of {PATIENTS} patients (limit {LIMIT:.0f} s); {path.name}")
    return int(seconds > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
