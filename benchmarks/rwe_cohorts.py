"""Cohorts, attrition, person-days and events of GiBleed found again, from the CDM beside the checkout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.trial_results import Found, rows

from understudy.causal.cdm import open_cdm
from understudy.causal.cohorts import CohortDefinition, PopulationSettings, build_cohort, study_population

FOLDER = Path(__file__).parents[2] / "shared" / "reference" / "rwe" / "gibleed"
SETTINGS = PopulationSettings(
    both_cohorts="remove all", washout=183, prior_outcome_lookback=30, risk_end=30, censor_at_new_risk=True
)


def _definition(name: str, table: str, concept: int) -> CohortDefinition:
    """Events wherever they lie, as the answer key's cohorts have them."""
    return CohortDefinition(name=name, entry=[{"table": table, "concepts": concept}], observed=False)


def found() -> Iterator[Found]:
    """Celecoxib against diclofenac and gastrointestinal bleeding, as CohortMethod 6 has them."""
    name = "GiBleed"
    with open_cdm(FOLDER) as cdm:
        target, comparator, outcome = (
            build_cohort(cdm, _definition(*each))
            for each in (
                ("celecoxib", "drug_era", 1118084),
                ("diclofenac", "drug_era", 1124300),
                ("GI bleed", "condition_occurrence", 192671),
            )
        )
        population = study_population(cdm, target, comparator, outcome, SETTINGS)
    steps = population.attrition.steps
    yield from rows(name, "persons with the outcome", "479", [outcome.persons])
    for step, theirs in zip(
        (steps[0], steps[3], steps[4], steps[-1]),
        ("1844 850", "1800 830", "1797 830", "1797 830"),
        strict=True,
    ):
        yield from rows(name, f"persons: {step.rule.lower()}", theirs, [step.target, step.comparator])
    by_side = population.rows.groupby("treatment")
    days, events = by_side["time"].sum(), by_side["events"].apply(lambda each: (each > 0).sum())
    yield from rows(name, "person-days", "54388 25102", [days[1], days[0]])
    yield from rows(name, "events", "113 46", [events[1], events[0]])
