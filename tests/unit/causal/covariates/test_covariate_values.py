"""Values of measurements and observations: the last number, ranges, concepts as values."""

from __future__ import annotations

import numpy as np
import pytest
from covariate_cdm import by_id, cdm_of, concept, day, entries, found

from understudy.causal.covariates import build_covariates

NAN = np.nan
MG, MMOL = 8840, 8753  # units


def measured(*rows):
    """A CDM with rows of measurement: person, concept, day, number, unit, low, high, concept of the value."""
    return cdm_of(measurement=[(person, what, day(offset), *rest) for person, what, offset, *rest in rows])


def test_the_last_value_counts_and_of_one_day_the_smallest():
    cdm = measured((1, 80, -20, 5.0, MG), (1, 80, -3, 9.0, MG), (1, 80, -3, 7.0, MG), (1, 80, 4, 1.0, MG))
    assert found(cdm, "MeasurementValueLongTerm") == {80 * 1_000_000 + 840_000 + 706: [7.0]}


def test_units_are_apart_and_what_has_no_number_is_left_out():
    cdm = measured(
        (1, 80, -3, 9.0, MG),
        (1, 80, -9, 2.0, MMOL),
        (1, 80, -1, 4.0, 0),
        (1, 80, 0, None, MG),
        (1, 81, 0, 3.0),
    )
    assert found(cdm, "MeasurementValueAnyTimePrior") == {
        80_840_705: [9.0],
        80_753_705: [2.0],
        80_000_705: [4.0],
    }


def test_a_recorded_zero_is_stored_and_a_missing_value_is_not():
    cdm = measured((1, 80, -3, 0.0, MG), (2, 80, -3, 4.0, MG))
    matrix = build_covariates(
        cdm, entries((1, 0), (2, 0), (3, 0)), {"analyses": ["MeasurementValueLongTerm"]}
    )
    assert by_id(matrix) == {80_840_706: pytest.approx([0.0, 4.0, NAN], nan_ok=True)}
    assert not matrix.covariates["missing_means_zero"].any()
    assert not matrix.covariates["binary"].any()


def test_units_that_share_their_last_digits_do_not_add_up():
    cdm = measured((1, 80, -3, 9.0, 1840), (1, 80, -2, 5.0, 8840))
    assert found(cdm, "MeasurementValueLongTerm") == {80_840_706: [9.0]}  # that of the smaller unit


def test_ranges_are_judged_record_by_record():
    cdm = measured(
        (1, 80, -1, 3.0, MG, 4.0, 6.0),  # below
        (1, 80, -2, 4.0, MG, 4.0, 6.0),  # at the limit, within
        (1, 81, -1, 6.5, MG, 4.0, 6.0),  # above
        (1, 82, -1, 6.5, MG, 4.0, None),  # no upper limit: not told
        (1, 83, -1, None, MG, 4.0, 6.0),  # no number: within, as with OHDSI
        (1, 84, -40, 9.0, MG, 4.0, 6.0),  # before the short window
    )
    assert found(cdm, "MeasurementRangeGroupShortTerm") == {
        801712: [1.0], 802712: [1.0], 813712: [1.0], 832712: [1.0],
    }  # fmt: skip
    assert 843710 in found(cdm, "MeasurementRangeGroupLongTerm")


def identifier(concept_id, value, analysis):
    """Of a concept and the concept of its value, by OHDSI's formula in whole numbers of any length."""
    first = (concept_id * 2654435769 // 4096) & 1048575
    second = (value * 2654435769 // 1024) & 4194303
    return first * 4194304000 + second * 1000 + analysis


def test_concepts_as_values():
    rows = [(1, 3000963, -1, None, None, None, None, 4181412), (1, 3000963, -5, None, None, None, None, 0)]
    cdm = measured(*rows, (2, 3000963, -40, None, None, None, None, 4181412))
    id = identifier(3000963, 4181412, 714)
    assert id == 583330112135714  # worked out once more with Perl's bigint
    rows = entries((1, 0), (2, 0))
    assert found(cdm, "MeasurementValueAsConceptLongTerm", rows) == {id: [1.0, 1.0]}
    short = found(cdm, "MeasurementValueAsConceptShortTerm", rows)
    assert short == {id + 2: pytest.approx([1.0, NAN], nan_ok=True)}
    assert found(cdm, "MeasurementValueAsConceptLongTerm", rows, excluded_concepts=[]) != {}


def test_concepts_as_values_of_observations_are_named():
    cdm = cdm_of(
        observation=[(1, 40766362, day(-1), 45878245)],
        concept=[
            concept(40766362, "Tobacco smoking status", "Observation"),
            concept(45878245, "Former", "Meas Value"),
        ],
    )
    matrix = build_covariates(cdm, entries(), {"analyses": ["ObservationValueAsConceptLongTerm"]})
    (row,) = matrix.covariates.itertuples()
    assert row.covariate_id == identifier(40766362, 45878245, 806)
    assert row.name == "observation, days -365 to 0: Tobacco smoking status = Former"
    assert row.concept_id == 40766362
    assert found(cdm, "ObservationValueAsConceptLongTerm", excluded_concepts=[40766362]) == {}


def test_values_are_named_with_their_unit():
    cdm = cdm_of(
        measurement=[(1, 80, day(-1), 5.0, MG)],
        concept=[concept(80, "Glucose", "Measurement"), concept(MG, "milligram per deciliter", "Unit")],
    )
    matrix = build_covariates(cdm, entries(), {"analyses": ["MeasurementValueShortTerm"]})
    assert matrix.covariates["name"].tolist() == [
        "measurement value, days -30 to 0: Glucose (milligram per deciliter)"
    ]
