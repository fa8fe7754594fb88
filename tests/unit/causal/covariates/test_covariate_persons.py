"""Demographics and scores, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from covariate_cdm import ancestors, by_id, cdm_of, concept, day, entries, found

from understudy.causal.covariates import build_covariates
from understudy.causal.covariates.frailty_score import HFRS

NAN = np.nan


def test_age_is_counted_in_calendar_years():
    cdm = cdm_of(person=[(1, 8507, 1971, 0, 0), (2, 8532, 1970, 0, 0), (3, 8532, 2010, 0, 0)])
    rows = entries((1, 0), (2, 0), (3, 0))  # in 2010
    assert found(cdm, "DemographicsAge", rows) == {1002: [39.0, 40.0, 0.0]}
    groups = found(cdm, "DemographicsAgeGroup", rows)
    assert {id: np.nansum(values) for id, values in groups.items()} == {3: 1.0, 7003: 1.0, 8003: 1.0}


def test_calendar():
    rows = entries((1, 0), (2, 200))  # June 2010, January 2011
    assert set(found(cdm_of(), "DemographicsIndexYear", rows)) == {2010006, 2011006}
    assert set(found(cdm_of(), "DemographicsIndexMonth", rows)) == {6007, 1007}
    assert set(found(cdm_of(), "DemographicsIndexYearMonth", rows)) == {201006011, 201101011}


def test_race_and_ethnicity_need_their_concepts_in_the_vocabulary():
    cdm = cdm_of(
        person=[
            (1, 8507, 1950, 8527, 38003563),
            (2, 8532, 1950, 8516, 38003564),
            (3, 0, 1950, 0, 0),
            (4, 8507, 1950, 77, 0),
        ],
        concept=[
            concept(8527, "White", "Race", kind="Race"),
            concept(8516, "Black", "Race", kind="Race"),
            concept(38003563, "Hispanic or Latino", "Ethnicity", kind="Ethnicity"),
            concept(38003564, "Not Hispanic or Latino", "Ethnicity", kind="Ethnicity"),
            concept(77, "of another class", "Race", kind="Clinical Finding"),
        ],
    )
    rows = entries((1, 0), (2, 0), (3, 0), (4, 0))
    assert set(found(cdm, "DemographicsRace", rows)) == {8527004, 8516004}
    assert set(found(cdm, "DemographicsEthnicity", rows)) == {38003563005, 38003564005}
    assert set(found(cdm, "DemographicsGender", rows)) == {8507001, 8532001}  # nobody's sex is 0
    assert set(found(cdm, "DemographicsRace", rows, excluded_concepts=[8527])) == {8516004}
    matrix = build_covariates(cdm, rows, {"analyses": ["DemographicsRace", "DemographicsEthnicity"]})
    assert matrix.covariates["name"].tolist()[:2] == ["race: Black", "race: White"]


def test_days_of_observation_and_in_the_cohort():
    cdm = cdm_of(observation_period=[(1, day(-100), day(50)), (1, day(60), day(90)), (2, day(-10), day(-1))])
    rows = entries((1, 0), (1, 75), (2, 0)).assign(end=[day(7), day(75), day(1)])
    assert found(cdm, "DemographicsPriorObservationTime", rows) == {
        1008: pytest.approx([100, 15, NAN], nan_ok=True)
    }
    assert found(cdm, "DemographicsPostObservationTime", rows) == {
        1009: pytest.approx([50, 15, NAN], nan_ok=True)
    }
    assert found(cdm, "DemographicsTimeInCohort", rows) == {1010: [7.0, 0.0, 1.0]}


TREE = ancestors(
    *((4329847, 90, 1), (316139, 91, 1), (201820, 92, 1), (443767, 92, 1), (443392, 93, 1), (432851, 93, 1)),
    *((316866, 94, 1), (320128, 94, 1), (381591, 95, 1), (434656, 95, 1), (312327, 96, 1), (195771, 97, 1)),
    *((201820, 97, 1), (320128, 98, 1), (197930, 98, 1)),
)


def had(*conditions):
    """A CDM whose person 1 had these conditions long ago, and one that begins after entry."""
    eras = [(1, each, day(-3000), day(-2990)) for each in conditions]
    return cdm_of(
        condition_era=[*eras, (1, 90, day(1), day(5))],
        concept_ancestor=TREE,
        concept=[concept(321319, "CMP")],
    )


def test_charlson_adds_each_condition_once():
    # heart attack 1; diabetes 1 and its complications 2 by one concept; metastasis 6 and malignancy 2
    assert found(had(90, 90, 4329847), "CharlsonIndex") == {1901: [1.0]}
    assert found(had(92), "CharlsonIndex") == {1901: [3.0]}
    assert found(had(90, 91, 92, 93), "CharlsonIndex") == {1901: [13.0]}
    assert found(had(), "CharlsonIndex") == {}


def test_chads2():
    assert found(had(91, 94, 92, 95), "Chads2") == {1903: [5.0]}
    assert found(had(), "Chads2") == {1903: [0.0]}
    old = cdm_of(person=[(1, 8507, 1935, 0, 0), (2, 8507, 1936, 0, 0)])
    assert found(old, "Chads2", entries((1, 0), (2, 0))) == {1903: [1.0, 0.0]}


def test_cha2ds2_vasc():
    assert found(had(91, 94, 92, 95, 96), "Chads2Vasc") == {1904: [1 + 1 + 1 + 2 + 1]}
    assert found(had(97, 98), "Chads2Vasc") == {
        1904: [0.0]
    }  # gestational diabetes, and the like, do not count
    assert found(had(321319), "Chads2Vasc") == {1904: [1.0]}  # itself, by the table of concepts
    people = [(1, 8507, 1945, 0, 0), (2, 8532, 1935, 0, 0), (3, 8532, 1946, 0, 0), (4, 8521, 1934, 0, 0)]
    rows = entries((1, 0), (2, 0), (3, 0), (4, 0))
    assert found(cdm_of(person=people), "Chads2Vasc", rows) == {1904: [1.0, 3.0, 1.0, 2.0]}


def mapped(vocabulary, codes):
    """A CDM in which these source codes mean concepts 1001, 1002, …, and person 1 had all of them."""
    sources = [
        concept(2000 + k, code, vocabulary=vocabulary, standard=None, code=code)
        for k, code in enumerate(codes)
    ]
    targets = [concept(1000 + k, f"standard {code}") for k, code in enumerate(codes)]
    return cdm_of(
        concept=[*sources, *targets],
        concept_relationship=[(2000 + k, 1000 + k, "Maps to") for k in range(len(codes))],
        condition_era=[(1, 1000 + k, day(-400 - k), day(-300)) for k in range(len(codes))],
    )


@pytest.mark.parametrize(
    ("codes", "points"),
    [
        (["250.50"], 1),
        (["250.50", "362.02"], 2),  # of retinopathy, the worse
        (["355", "354.0"], 1),
        (["354"], None),
        (["585.6", "250.60", "435.9", "410.01", "443.81", "250.13"], 2 + 1 + 1 + 2 + 1 + 2),
        (["401.9"], None),
    ],
)
def test_dcsi(codes, points):
    assert found(mapped("ICD9CM", codes), "Dcsi") == ({1902: [float(points)]} if points else {})


def test_hfrs():
    assert found(mapped("ICD10", ["F00.1", "F00.9", "W19", "I10"]), "Hfrs") == {
        1926: pytest.approx([7.1 + 3.2])
    }
    assert found(mapped("ICD9CM", ["F00.1"]), "Hfrs") == {}
    assert len(HFRS.items) == 109


def test_scores_know_nothing_of_excluded_concepts():
    assert found(had(90), "CharlsonIndex", excluded_concepts=[90]) == {1901: [1.0]}


def test_all_at_once_is_what_each_is_alone():
    cdm = had(90, 91, 92)
    names = ["Chads2", "CharlsonIndex", "DemographicsAge", "ConditionEraLongTerm"]
    rows = pd.concat([entries((1, 0), (2, 30)), entries((1, 3))])
    together = by_id(build_covariates(cdm, rows, {"analyses": names}))
    alone = {id: values for name in names for id, values in found(cdm, name, rows).items()}
    assert together == {id: pytest.approx(values, nan_ok=True) for id, values in alone.items()}
