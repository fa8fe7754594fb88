"""Concepts: which make covariates, what they are rolled up to, what settings include and exclude."""

from __future__ import annotations

import pytest
from covariate_cdm import ancestors, cdm_of, concept, day, entries, found

from understudy.causal.covariates import ANALYSES, build_covariates
from understudy.causal.covariates.analysis import DEFAULTS

# clinical finding (441840) > disorder (50) > heart disease (51) > arrhythmia (52) > atrial fibrillation (53)
HEART = ancestors(
    *((441840, 50, 1), (441840, 51, 2), (441840, 52, 3), (441840, 53, 4)),
    *((50, 51, 1), (50, 52, 2), (50, 53, 3), (51, 52, 1), (51, 53, 2), (52, 53, 1)),
    *((441840, 192671, 2), (192671, 54, 1), (441840, 54, 3)),
    *((441840, 55, 3), (55, 53, 1), (441840, 56, 3), (56, 53, 1)),
)
NAMES = [
    concept(50, "Disorder"),
    concept(51, "Heart disease"),
    concept(52, "Arrhythmia"),
    concept(53, "Atrial fibrillation"),
    concept(192671, "Gastrointestinal hemorrhage"),
    concept(54, "Bleeding ulcer"),
    concept(55, "Disorder of thorax"),
    concept(56, "Something measured", domain="Measurement"),
]
CONDITIONS = {"condition_era": [(1, 53, day(-9), day(-9)), (1, 54, day(-9), day(-9))], "concept": NAMES}


def groups(**keys):
    """Concepts of the groups found, given settings."""
    return {
        id // 1000
        for id in found(cdm_of(concept_ancestor=HEART, **CONDITIONS), "ConditionGroupEraLongTerm", **keys)
    }


def test_conditions_are_rolled_up_to_telling_groups():
    # Not 50 and 51 (too near to the top), 55 (its name), 56 (not a condition); 192671 is near, but named.
    assert groups() == {52, 53, 192671, 54}


def test_excluded_concepts_are_no_groups_and_what_descends_from_them_fills_none():
    assert groups(excluded_concepts=[52]) == {192671, 54}
    assert groups(excluded_concepts=[52], exclude_descendants=False) == {53, 192671, 54}
    assert groups(excluded_concepts=[53]) == {192671, 54}


def test_included_concepts():
    assert groups(included_concepts=[52], include_descendants=True) == {52, 53}
    assert groups(included_concepts=[52]) == set()
    assert groups(included_concepts=[52, 53, 54], excluded_concepts=[54]) == {52, 53}


def test_drugs_are_rolled_up_to_ingredients_and_atc():
    cdm = cdm_of(
        drug_era=[(1, 60, day(-9), day(-9))],
        concept=[
            concept(60, "warfarin", "Drug", vocabulary="RxNorm", kind="Ingredient"),
            concept(61, "BLOOD", "Drug", vocabulary="ATC", kind="ATC 1st", standard="C", code="B"),
            concept(
                62,
                "Vitamin K antagonists",
                "Drug",
                vocabulary="ATC",
                kind="ATC 4th",
                standard="C",
                code="B01AA",
            ),
            concept(
                63, "warfarin; oral", "Drug", vocabulary="ATC", kind="ATC 5th", standard="C", code="B01AA03"
            ),
            concept(64, "some drug", "Drug", vocabulary="RxNorm", kind="Clinical Drug"),
        ],
        concept_ancestor=ancestors((61, 60, 5), (62, 60, 2), (63, 60, 1), (64, 60, 1)),
    )
    assert set(found(cdm, "DrugGroupEraShortTerm")) == {60412, 61412, 62412}
    assert (
        set(found(cdm, "DrugGroupEraShortTerm", excluded_concepts=[62])) == set()
    )  # warfarin descends from it
    assert set(found(cdm, "DrugGroupEraShortTerm", excluded_concepts=[62], exclude_descendants=False)) == {
        60412,
        61412,
    }
    assert set(found(cdm, "DrugEraShortTerm", excluded_concepts=[62])) == set()


def test_only_covariates_wanted():
    cdm = cdm_of(concept_ancestor=HEART, **CONDITIONS)
    assert set(found(cdm, "ConditionGroupEraLongTerm", included_covariates=[52210, 7])) == {52210}
    assert found(cdm, "ConditionGroupEraLongTerm", included_covariates=[7]) == {}


def test_a_group_counts_once_however_many_records_fill_it():
    eras = [(1, 53, day(-9), day(-9)), (1, 52, day(-8), day(-8)), (1, 53, day(-7), day(-7))]
    cdm = cdm_of(condition_era=eras, concept=NAMES, concept_ancestor=HEART)
    assert found(cdm, "ConditionGroupEraLongTerm") == {52210: [1.0], 53210: [1.0]}


def test_columns_are_told_in_words():
    matrix = build_covariates(cdm_of(concept_ancestor=HEART, **CONDITIONS), entries())
    told = matrix.covariates.set_index("covariate_id")
    row = told.loc[52210]
    assert row["name"] == "condition era group, days -365 to 0: Arrhythmia"
    assert (row["analysis_id"], row["concept_id"], row["binary"]) == (210, 52, True)
    assert (row["analysis"], row["window"]) == ("ConditionGroupEraLongTerm", "days -365 to 0")
    assert told.loc[1904, "binary"] == False  # noqa: E712 (NumPy's)
    assert matrix.covariates["covariate_id"].is_unique
    order = matrix.covariates[["analysis_id", "covariate_id"]].values.tolist()
    assert order == sorted(order)


def test_analyses_are_those_of_ohdsi():
    assert len(ANALYSES) == 113
    assert len({each.id for each in ANALYSES.values()}) == 113
    assert len(DEFAULTS) == 29
    some = {
        "DemographicsIndexYearMonth": 11, "ConditionOccurrencePrimaryInpatientShortTerm": 108,
        "ConditionEraOverlapping": 205, "ConditionGroupEraStartShortTerm": 216, "DrugExposureAnyTimePrior": 301,
        "DrugGroupEraOverlapping": 413, "ProcedureOccurrenceShortTerm": 504, "DeviceExposureLongTerm": 602,
        "MeasurementValueAnyTimePrior": 705, "MeasurementRangeGroupShortTerm": 712,
        "MeasurementValueAsConceptShortTerm": 716, "ObservationValueAsConceptLongTerm": 806, "Dcsi": 902,
        "DistinctObservationCountShortTerm": 919, "VisitConceptCountShortTerm": 925, "Hfrs": 926,
    }  # fmt: skip
    assert {name: ANALYSES[name].id for name in some} == some


@pytest.mark.parametrize("table", ["procedure_occurrence", "device_exposure", "measurement", "observation"])
def test_tables_of_single_days(table):
    name = {"procedure_occurrence": "ProcedureOccurrence", "device_exposure": "DeviceExposure"}.get(
        table, table.title()
    )
    number = ANALYSES[f"{name}LongTerm"].id
    assert found(cdm_of(**{table: [(1, 71, day(-3)), (1, 0, day(-3))]}), f"{name}LongTerm") == {
        71000 + number: [1.0]
    }


def test_all_analyses_can_be_asked_for_together():
    cdm = cdm_of(concept_ancestor=HEART, **CONDITIONS)
    matrix = build_covariates(cdm, entries().assign(end=day(9)), {"analyses": list(ANALYSES)})
    filled = {"DistinctConditionCountLongTerm", "ConditionGroupEraStartLongTerm", "DemographicsTimeInCohort"}
    assert filled < set(matrix.covariates["analysis"])
