"""Windows: first and last day belong to them, eras count when they overlap, each entry has its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from covariate_cdm import by_id, cdm_of, day, entries, found

from understudy.causal import StudyPopulation
from understudy.causal.attrition import Attrition
from understudy.causal.covariates import build_covariates

NAN = np.nan
DRUGS = [
    (1, 11, day(-365)),  # first day of the long window
    (1, 12, day(-366)),  # a day too early
    (1, 13, day(-180)),
    (1, 14, day(-30)),
    (1, 15, day(-31)),
    (1, 16, day(0)),
    (1, 17, day(1)),  # after entry
    (1, 0, day(0)),  # no concept
    (2, 18, day(0)),  # somebody else
]


@pytest.mark.parametrize(
    ("analysis", "concepts"),
    [
        ("DrugExposureAnyTimePrior", {11, 12, 13, 14, 15, 16}),
        ("DrugExposureLongTerm", {11, 13, 14, 15, 16}),
        ("DrugExposureMediumTerm", {13, 14, 15, 16}),
        ("DrugExposureShortTerm", {14, 16}),
    ],
)
def test_both_ends_of_a_window_belong_to_it(analysis, concepts):
    number = {"AnyTimePrior": 301, "LongTerm": 302, "MediumTerm": 303, "ShortTerm": 304}
    number = number[analysis.removeprefix("DrugExposure")]
    assert found(cdm_of(drug_exposure=DRUGS), analysis) == {id * 1000 + number: [1.0] for id in concepts}


def test_other_windows():
    cdm = cdm_of(drug_exposure=DRUGS)
    assert set(found(cdm, "DrugExposureShortTerm", short_term_start=-31, end=-30)) == {14304, 15304}
    assert set(found(cdm, "DrugExposureShortTerm", short_term_start=1, end=5)) == {17304}
    assert set(found(cdm, "DrugExposureAnyTimePrior", end=-366)) == {12301}


ERAS = [
    (1, 21, day(-500), day(-365)),  # ends on the first day of the window
    (1, 22, day(-500), day(-366)),
    (1, 23, day(-40), day(-5)),
    (1, 24, day(-40), day(40)),  # under way on the day of entry
    (1, 25, day(0), day(0)),
    (1, 26, day(1), day(9)),
    (1, 23, day(-20), day(-5)),  # overlaps the other era of the same drug
]


@pytest.mark.parametrize(
    ("analysis", "concepts"),
    [
        ("DrugEraAnyTimePrior", {21, 22, 23, 24, 25}),
        ("DrugEraLongTerm", {21, 23, 24, 25}),
        ("DrugEraShortTerm", {23, 24, 25}),
        ("DrugEraOverlapping", {24, 25}),
        ("DrugEraStartLongTerm", {23, 24, 25}),
        ("DrugEraStartShortTerm", {23, 25}),
    ],
)
def test_eras_count_when_they_overlap_the_window(analysis, concepts):
    got = found(cdm_of(drug_era=ERAS), analysis)
    assert {id // 1000 for id in got} == concepts
    assert all(values == [1.0] for values in got.values())


def test_each_entry_of_a_person_has_its_own_window():
    cdm = cdm_of(drug_exposure=[(1, 11, day(-10)), (2, 11, day(5)), (1, 12, day(100))])
    rows = entries((2, 30), (1, 100), (1, 0), (1, 0))
    assert found(cdm, "DrugExposureShortTerm", rows) == {
        11304: pytest.approx([1.0, NAN, 1.0, 1.0], nan_ok=True),
        12304: pytest.approx([NAN, 1.0, NAN, NAN], nan_ok=True),
    }


def test_inpatient_conditions_lie_within_a_stay():
    visits = [(1, 9201, day(-20), day(-10)), (1, 9202, day(-8), day(-8)), (1, 99, day(-5), day(-5))]
    cdm = cdm_of(
        condition_occurrence=[(1, 31, day(-20)), (1, 32, day(-9)), (1, 33, day(-8)), (1, 34, day(-5))],
        visit_occurrence=visits,
        concept_ancestor=[(9201, 9201, 0), (9201, 99, 1), (9202, 9202, 0)],
    )
    got = found(cdm, "ConditionOccurrencePrimaryInpatientLongTerm")
    assert {id // 1000 for id in got} == {31, 34}


def test_counts():
    cdm = cdm_of(
        visit_occurrence=[
            (1, 9202, day(-365), day(-365)),
            (1, 9202, day(-20), day(-20)),
            (1, 9201, day(-400), day(-30)),
            (1, 9201, day(-400), day(-366)),
        ],
        drug_era=ERAS,
    )
    assert found(cdm, "VisitCountLongTerm") == {1920: [3.0]}
    assert found(cdm, "VisitCountShortTerm") == {1922: [2.0]}
    assert found(cdm, "VisitConceptCountLongTerm") == {9201923: [1.0], 9202923: [2.0]}
    assert found(cdm, "DistinctIngredientCountShortTerm") == {1910: [3.0]}


def test_the_matrix_does_not_depend_on_chunks():
    generator = np.random.default_rng(3)
    rows = pd.DataFrame(
        {
            "person_id": generator.integers(1, 5, 60),
            "start": day(0) + pd.to_timedelta(generator.integers(-300, 300, 60), "D"),
        }
    )
    drugs = [
        (int(person), int(drug), day(int(offset)), day(int(offset) + 30))
        for person, drug, offset in zip(
            generator.integers(1, 5, 200),
            generator.integers(40, 60, 200),
            generator.integers(-700, 300, 200),
            strict=True,
        )
    ]
    cdm = cdm_of(drug_era=drugs, visit_occurrence=[(1, 9202, day(-5), day(0)), (3, 9201, day(-90), day(-60))])
    names = [
        "DrugEraLongTerm",
        "DistinctIngredientCountLongTerm",
        "VisitConceptCountLongTerm",
        "Chads2",
        "DemographicsAge",
    ]
    whole = build_covariates(cdm, rows, {"analyses": names})
    for chunk in (7, 59):
        parts = build_covariates(cdm, rows, {"analyses": names}, chunk=chunk)
        pd.testing.assert_frame_equal(parts.covariates, whole.covariates)
        assert (parts.values.indptr == whole.values.indptr).all()
        assert (parts.values.indices == whole.values.indices).all()
        assert (parts.values.data == whole.values.data).all()
    assert (whole.persons == rows["person_id"]).all()


def test_a_study_population_will_do():
    rows = entries((2, 0), (1, 0))
    cdm = cdm_of()
    population = StudyPopulation(rows, Attrition(()))
    matrix = build_covariates(cdm, population, {"analyses": ["DemographicsGender"]})
    assert by_id(matrix) == {
        8507001: pytest.approx([NAN, 1.0], nan_ok=True),
        8532001: pytest.approx([1.0, NAN], nan_ok=True),
    }
    assert matrix.covariates["window"].tolist() == ["", ""]


def test_nothing_is_left_behind_in_the_connection():
    cdm = cdm_of()
    before = cdm.connection.execute("SELECT table_name FROM information_schema.tables ORDER BY 1").fetchall()
    build_covariates(cdm, entries())
    assert (
        cdm.connection.execute("SELECT table_name FROM information_schema.tables ORDER BY 1").fetchall()
        == before
    )
