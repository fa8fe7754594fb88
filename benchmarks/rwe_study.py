"""GiBleed's study beside the tables of CohortMethod 6, and how long it takes."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from benchmarks.rwe_found import rows_within
from benchmarks.trial_results import Found, rows

from understudy.causal import StudyResult, load_study, run_study

ROOT = Path(__file__).parents[1]
FOLDER = ROOT.parent / "shared" / "reference" / "rwe"
STUDY = ROOT / "examples" / "gibleed" / "study.toml"
_NAME = "GiBleed"
_INTERVAL = "a search there that stops at a tolerance; limits agree to about 1e-4"


@cache
def result() -> StudyResult:
    """The study as it is run."""
    return run_study(load_study(STUDY), FOLDER / "gibleed")


def found() -> Iterator[Found]:
    """Counts, estimates and diagnostics; what the study hides is compared here, and nowhere else shown."""
    outcome = result().material.cohorts["gastrointestinal bleeding"]
    yield from rows(_NAME, "persons with the outcome", "479", [outcome.persons])
    yield from _attrition()
    yield from _estimates()
    values = {each.name: each.value for each in result().answer("weighted").diagnostics.items}
    yield from rows(_NAME, "minimum detectable relative risk", "1.6127112396", [values["power"]])
    yield from rows(_NAME, "equipoise", "0.9756376094404263", [values["equipoise"]])


def _attrition() -> Iterator[Found]:
    path = FOLDER / "gibleed_cohortmethod_results" / "cm_attrition.csv"
    with path.open(encoding="utf-8") as file:
        theirs = [
            row
            for row in csv.DictReader(file)
            if row["target_comparator_id"] == "894409308"
            and row["outcome_id"] == "3"
            and row["analysis_id"] == "1"
        ]
    steps = result().material.outcomes["gastrointestinal bleeding"].attrition.steps
    for exposure, side in (("1", "target"), ("2", "comparator")):
        own = [row for row in theirs if row["exposure_id"] == exposure]
        for row, step in zip(own, steps, strict=True):
            yield from rows(_NAME, f"{side}: {step.rule}", row["subjects"], [getattr(step, side)])


def _estimates() -> Iterator[Found]:
    crude, weighted = (result().answer(name).finding._content for name in ("crude", "weighted"))
    counts = crude.counts
    yield from rows(_NAME, "days at risk: target, comparator", "54388 25102", counts.days)
    yield from rows(_NAME, "events: target, comparator", "113 46", counts.events)
    one, three = crude.estimate, weighted.estimate
    yield from rows(_NAME, "crude hazard ratio", "1.134067", [one.exp])
    yield from rows(_NAME, "crude log-likelihood ratio", "0.26321403", [one.log_likelihood_ratio])
    yield from rows_within(_NAME, "crude, limits", "0.81082 1.61250", one.interval, 2e-4, _INTERVAL)
    yield from rows(_NAME, "weighted hazard ratio", "1.131558", [three.exp])
    yield from rows_within(_NAME, "weighted, limits", "0.753159 1.743481", three.interval, 2e-4, _INTERVAL)
    yield from rows_within(_NAME, "weighted, error", "0.214127", [three.standard_error], 1e-4, _INTERVAL)
    yield from rows(_NAME, "weighted, robust error", "0.18316", [three.robust_error])
    yield from rows(_NAME, "weighted log-likelihood ratio", "0.170819", [three.log_likelihood_ratio])


def seconds() -> dict[str, float]:
    """How long the whole study takes, once the machine code is there."""
    result()
    wall, processor = time.perf_counter(), time.process_time()
    run_study(load_study(STUDY), FOLDER / "gibleed")
    return {"wall_s": time.perf_counter() - wall, "processor_s": time.process_time() - processor}
