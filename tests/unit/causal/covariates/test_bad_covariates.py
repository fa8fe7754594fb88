"""Bad input: settings, entries and tables that cannot be used are refused, with cause and repair, without persons."""

from __future__ import annotations

import pandas as pd
import pytest
from covariate_cdm import cdm_of, concept, day, entries

from understudy.causal.covariates import CovariateSettings, build_covariates
from understudy.core.errors import DataError, StudyError


def refused(kind, cdm=None, rows=None, settings=None):
    """The message of an error."""
    with pytest.raises(kind) as caught:
        build_covariates(cdm or cdm_of(), entries() if rows is None else rows, settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"analyses": ["ConditionGroupEraLong"]}, "did you mean ConditionGroupEraLongTerm?"),
        ({"analyses": ["xyz!"]}, "there is no analysis 'xyz!'"),
        ({"analyses": ["Dcsi", "Chads2", "Dcsi"]}, "named twice: Dcsi"),
        ({"analyses": []}, "at least 1"),
        ({"end": -31}, "the windows are reversed: short_term_start -30 is after end -31"),
        (
            {"long_term_start": 1, "medium_term_start": 2, "short_term_start": 0},
            "long_term_start 1 is after end 0",
        ),
        ({"end": 0.5}, "whole number"),
        ({"excluded_concept": [1]}, "did you mean excluded_concepts?"),
        ({"excluded_concepts": [-3]}, "1 or more"),
        ({"excluded_concepts": ["1; DROP TABLE person"]}, "should be a whole number"),
        ({"excluded_concepts": [77, 78]}, "no concept 78"),
        ({"included_concepts": [79]}, "where: included_concepts"),
    ],
)
def test_settings(settings, words):
    cdm = cdm_of(concept=[concept(77, "known")])
    assert words in refused(StudyError, cdm, settings=settings)


def test_several_faults_of_settings_are_told_together():
    text = refused(StudyError, settings={"analyses": ["Dcsy"], "long_term_start": "x"})
    assert "2 problems" in text
    assert "Dcsi" in text


def test_settings_as_an_object_are_checked_too():
    with pytest.raises(ValueError, match="there is no analysis 'Dcsy'; did you mean Dcsi"):
        CovariateSettings(analyses=("Dcsy",))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (pd.DataFrame({"person_id": [1]}), "column start: is missing"),
        (entries().iloc[:0], "nobody enters"),
        (entries().assign(person_id=[None]), "<5 cells are empty"),
        (entries().assign(start=[pd.NaT]), "<5 cells are empty"),
        (entries().assign(person_id=["x"]), "is not whole numbers"),
        (entries().assign(start=["2010-06-15"]), "is not dates"),
        (entries((1, 0), (905, 0), (906, 0)), "<5 persons of the entries are not there"),
    ],
)
def test_entries(rows, words):
    assert words in refused(DataError, rows=rows)


def test_the_end_is_needed_for_days_in_the_cohort():
    text = refused(DataError, settings={"analyses": ["DemographicsTimeInCohort"]})
    assert "column end: is missing" in text


def test_a_person_without_birth_year():
    people = [(id, 8507, None, 0, 0) for id in range(1, 7)]
    rows = entries(*[(id, 0) for id in range(1, 7)])
    text = refused(DataError, cdm_of(person=people), rows)
    assert "column year_of_birth: 6 persons of the entries have none" in text
    matrix = build_covariates(cdm_of(person=people), rows, {"analyses": ["DemographicsGender"]})
    assert matrix.values.shape == (6, 1)


def test_entry_before_birth():
    text = refused(DataError, cdm_of(person=[(731, 8507, 2011, 0, 0)]), entries((731, 0)))
    assert "<5 persons enter before it" in text
    assert "731" not in text


def test_missing_tables_and_columns_name_who_reads_them():
    cdm = cdm_of()
    cdm.connection.execute("DROP TABLE device_exposure; ALTER TABLE measurement DROP COLUMN range_low")
    text = refused(DataError, cdm)
    assert "there is no table device_exposure" in text
    assert "leave out these analyses: DeviceExposureLongTerm, DeviceExposureShortTerm" in text
    assert "the table measurement has no column range_low" in text
    names = [
        name for name in CovariateSettings().analyses if not name.startswith(("Device", "MeasurementRange"))
    ]
    assert build_covariates(cdm, entries(), {"analyses": names}).values.shape[0] == 1


def test_a_column_that_the_source_lacks_is_not_taken_as_empty():
    cdm = cdm_of()
    cdm.absent = {"observation": ("value_as_concept_id",)}
    assert "the table observation has no column value_as_concept_id" in refused(DataError, cdm)


def test_after_an_error_nothing_is_left_behind():
    cdm = cdm_of(drug_exposure=[(1, 5, day(0))])
    refused(StudyError, cdm, settings={"excluded_concepts": [99]})
    tables = cdm.connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
    assert not [name for (name,) in tables if name.startswith("understudy")]


def test_chunks_are_not_empty():
    with pytest.raises(ValueError, match="at least one entry"):
        build_covariates(cdm_of(), entries(), chunk=0)


def test_too_little_memory_says_what_to_change():
    cdm = cdm_of()
    cdm.connection.execute(
        "DROP TABLE drug_era; CREATE VIEW drug_era AS SELECT 1 AS person_id, range AS drug_concept_id, "
        "DATE '2010-06-01' AS drug_era_start_date, DATE '2010-06-02' AS drug_era_end_date FROM range(1, 3000000)"
    )
    cdm.connection.execute("SET temp_directory = ''; SET memory_limit = '30MB'; SET threads = 1")
    text = refused(StudyError, cdm, settings={"analyses": ["DrugEraLongTerm"]})
    assert "a smaller chunk=, or open_cdm more memory=" in text
