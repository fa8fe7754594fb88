"""GiBleed, celecoxib against diclofenac: cohorts, attrition, person-days and events of CohortMethod 6."""

import json
from pathlib import Path

import pandas as pd
import pytest

from understudy.causal.cdm import ConceptSet, check, open_cdm, resolve
from understudy.causal.cohorts import (
    CohortDefinition,
    PopulationSettings,
    build_cohort,
    control_cohorts,
    read_circe,
    study_population,
)

RWE = Path(__file__).parents[2].parent / "shared" / "reference" / "rwe"
pytestmark = pytest.mark.skipif(
    not (RWE / "gibleed").is_dir(), reason=f"the reference data are not there: {RWE / 'gibleed'}"
)
CELECOXIB, DICLOFENAC, BLEED = 1118084, 1124300, 192671
COMPARISON = 894409308  # target_comparator_id in the answer key


@pytest.fixture(scope="module")
def cdm():
    with open_cdm(RWE / "gibleed") as found:
        yield found


def _drug(concept, name="drug", **more):
    return CohortDefinition(name=name, entry=[{"table": "drug_era", "concepts": concept}], **more)


OUTCOME = CohortDefinition(name="GI bleed", entry=[{"table": "condition_occurrence", "concepts": BLEED}])
SETTINGS = PopulationSettings(
    both_cohorts="remove all", washout=183, prior_outcome_lookback=30, risk_end=30, censor_at_new_risk=True
)


@pytest.fixture(scope="module")
def compared(cdm):
    target, comparator = (build_cohort(cdm, _drug(each, observed=False)) for each in (CELECOXIB, DICLOFENAC))
    return study_population(cdm, target, comparator, build_cohort(cdm, OUTCOME), SETTINGS)


def _key(name):
    frame = pd.read_csv(RWE / "gibleed_cohortmethod_results" / f"{name}.csv")
    return frame[
        (frame["target_comparator_id"] == COMPARISON)
        & (frame["outcome_id"] == 3)
        & (frame["analysis_id"] == 1)
    ]


def test_the_version_is_5_3_despite_columns_of_5_4(cdm):
    assert (cdm.version, cdm.version_by) == ("5.3", "cdm_source")
    found = check(cdm)
    assert found.ok
    assert found.vocabulary == "v5.0 18-JAN-19"
    assert found.rows["drug_exposure"] == 67_707
    unknown = next(each for each in found.warnings if each.table == "observation_period")
    assert unknown.rows == 5_343 - 2_694


def test_raw_cohorts_and_the_outcome(cdm):
    assert build_cohort(cdm, _drug(CELECOXIB, observed=False)).persons == 1_844
    assert build_cohort(cdm, _drug(DICLOFENAC, observed=False)).persons == 850
    assert build_cohort(cdm, OUTCOME).persons == 479


def test_attrition_is_cohortmethods_in_all_steps(compared):
    key = _key("cm_attrition").pivot(index="sequence_number", columns="exposure_id", values="subjects")
    assert len(key) == 8
    assert [(step.target, step.comparator) for step in compared.attrition.steps] == list(
        key[[1, 2]].itertuples(index=False, name=None)
    )


def test_person_days_and_events(compared):
    result = _key("cm_result").iloc[0]
    rows = compared.rows
    days = rows.groupby("treatment")["time"].sum()
    events = rows.groupby("treatment")["events"].apply(lambda each: int((each > 0).sum()))
    assert (days[1], days[0]) == (result["target_days"], result["comparator_days"]) == (54_388, 25_102)
    assert (events[1], events[0]) == (result["target_outcomes"], result["comparator_outcomes"]) == (113, 46)


def test_follow_up(compared):
    key = _key("cm_follow_up_dist").iloc[0]
    found = compared.follow_up()
    names = {
        "minimum": "min",
        "p10": "p_10",
        "p25": "p_25",
        "median": "median",
        "p75": "p_75",
        "p90": "p_90",
        "maximum": "max",
    }
    for side in ("target", "comparator"):
        assert [found.loc[side, ours] for ours in names] == [
            key[f"{side}_{theirs}_days"] for theirs in names.values()
        ]
        starts = compared.rows.loc[compared.treatment == (side == "target"), "start"]
        assert str(starts.min().date()) == key[f"{side}_min_date"]
        assert str(starts.max().date()) == key[f"{side}_max_date"]


def _expression(concept):
    items = [{"concept": {"CONCEPT_ID": concept}, "includeDescendants": True}]
    return {
        "ConceptSets": [{"id": 0, "name": "drug", "expression": {"items": items}}],
        "PrimaryCriteria": {
            "CriteriaList": [{"DrugEra": {"CodesetId": 0}}],
            "ObservationWindow": {"PriorDays": 0, "PostDays": 0},
            "PrimaryCriteriaLimit": {"Type": "All"},
        },
        "QualifiedLimit": {"Type": "All"}, "ExpressionLimit": {"Type": "All"}, "InclusionRules": [],
        "EndStrategy": {"DateOffset": {"DateField": "EndDate", "Offset": 0}},
        "CollapseSettings": {"CollapseType": "ERA", "EraPad": 0},
    }  # fmt: skip


@pytest.mark.parametrize(("concept", "persons"), [(CELECOXIB, 1_800), (DICLOFENAC, 830)])
def test_the_declarative_form_and_circe_json_give_the_same_cohort(cdm, concept, persons):
    """Circe knows events within observation only: 44 and 20 of the raw eras lie outside."""
    ours = build_cohort(cdm, _drug("drug", concept_sets={"drug": concept}, given_limit="all"))
    theirs = build_cohort(cdm, read_circe(json.dumps(_expression(concept)), "drug"))
    assert ours.persons == persons
    assert ours.rows.equals(theirs.rows)
    assert ours.hash == theirs.hash


def test_the_common_period_of_observed_cohorts_is_another_one(cdm):
    target, comparator = (build_cohort(cdm, _drug(each)) for each in (CELECOXIB, DICLOFENAC))
    found = study_population(cdm, target, comparator, build_cohort(cdm, OUTCOME), SETTINGS)
    assert (found.attrition.steps[-1].target, found.attrition.steps[-1].comparator) == (1_793, 830)


def test_every_condition_may_be_a_control_at_once(cdm):
    ids = [
        row[0]
        for row in cdm.connection.execute(
            "SELECT DISTINCT condition_concept_id FROM condition_era"
        ).fetchall()
    ]
    bleeding = set(resolve(cdm, ConceptSet(concepts=BLEED)).ids)
    others = sorted(set(ids) - bleeding)
    found = control_cohorts(cdm, others, outcome=OUTCOME)
    assert len(found) == len(others) > 70
    for each in others[::20]:
        alone = build_cohort(
            cdm,
            CohortDefinition(
                name="c", entry=[{"table": "condition_occurrence", "concepts": each}], observed=False
            ),
        )
        assert alone.persons == found[each].persons
