"""Summary and Table 1: means by group, small counts masked, also where they could be told by subtraction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_matrix

from understudy.causal import CovariateMatrix
from understudy.causal.covariates import summary, table_1

TREATMENT = np.arange(30) < 20


def matrix_of(**columns):
    """A matrix of thirty entries: name with identifier, as a90210, and those who have it or their values."""
    ids = [int(name[1:]) for name in columns]
    covariates = pd.DataFrame({"covariate_id": ids, "name": [f"c: {id}" for id in ids]})
    covariates = covariates.assign(analysis_id=covariates["covariate_id"] % 1000)
    covariates = covariates.assign(concept_id=covariates["covariate_id"] // 1000)
    covariates = covariates.assign(binary=covariates["analysis_id"] < 700, missing_means_zero=True)
    values = np.zeros((30, len(ids)))
    for k, given in enumerate(columns.values()):
        values[np.asarray(given), k] = 1
    return CovariateMatrix(csc_matrix(values), np.arange(30), covariates)


def test_means_and_differences():
    table = summary(
        matrix_of(a9210=[*range(10), *range(20, 25)], b8210=[*range(8), *range(20, 28)]), TREATMENT
    )
    assert table["target_count"].tolist() == ["10", "8"]
    assert table["target_mean"].tolist() == [0.5, 0.4]
    assert table["comparator_mean"].tolist() == [0.5, 0.8]
    # (0.4 - 0.8) / sqrt((0.24 + 0.16) / 2)
    assert table["standardised_difference"].tolist() == [0.0, pytest.approx(-0.4 / np.sqrt(0.2))]


def test_small_counts_are_masked_with_all_that_would_tell_them():
    (row,) = summary(matrix_of(a9210=[*range(10), 20, 21]), TREATMENT).to_dict("records")
    assert row["comparator_count"] == "<5"
    assert np.isnan([row["comparator_mean"], row["comparator_sd"], row["standardised_difference"]]).all()
    assert row["target_mean"] == 0.5
    none = summary(matrix_of(a9210=range(10)), TREATMENT).iloc[0]
    assert (none["comparator_count"], none["comparator_mean"]) == ("0", 0.0)


def test_of_levels_the_next_is_masked_where_one_alone_is_small():
    table = summary(
        matrix_of(a8507001=[*range(17), *range(20, 25)], b8532001=[*range(17, 20), *range(25, 30)]), TREATMENT
    )
    assert table["target_count"].tolist() == ["masked", "<5"]
    assert table["comparator_count"].tolist() == ["5", "5"]
    assert table["target_mean"].isna().all()


def test_of_a_measurement_the_mean_is_of_those_measured():
    matrix = matrix_of(a9706=[0])
    rows = np.r_[0:6, 20:26]
    values = csc_matrix((np.r_[np.arange(6.0), np.full(6, 3.0)], rows, [0, 12]), shape=(30, 1))
    covariates = matrix.covariates.assign(missing_means_zero=False)
    table = summary(CovariateMatrix(values, matrix.persons, covariates), TREATMENT)
    assert table["target_count"].tolist() == ["6"]  # a recorded zero among them
    assert table["target_mean"].tolist() == [2.5]
    assert table["target_sd"].tolist() == [pytest.approx(np.std(np.arange(6)))]


@pytest.mark.parametrize(("treatment", "message"), [([0, 1], "shape"), (np.full(30, 2), "0 and 1")])
def test_treatment_is_checked(treatment, message):
    with pytest.raises(ValueError, match=message):
        summary(matrix_of(a9210=range(10)), treatment)


def test_table_1_shows_parts_that_occur():
    matrix = matrix_of(
        a6003=range(0, 30, 2), b7003=range(1, 30, 2), c201820210=range(12), d5210=range(9), e1901=range(9, 28)
    )
    table = table_1(matrix, TREATMENT)
    assert table["characteristic"].tolist() == [
        *("entries", "Age group", "  6003", "  7003", "Medical history: general", "  201820210"),
        "Charlson comorbidity index",
    ]
    assert table["target"].tolist() == ["20", "", "50.0 %", "50.0 %", "", "60.0 %", "0.55 (0.50)"]
    assert table["comparator"].tolist() == ["10", "", "50.0 %", "50.0 %", "", "0.0 %", "0.80 (0.40)"]
    assert table["standardised_difference"].tolist()[2] == "0.00"


def test_table_1_has_no_small_counts():
    table = table_1(matrix_of(a201820210=range(18, 30), b1901=range(3)), TREATMENT)
    assert "<5" in table["target"].tolist()
    cells = table[["target", "comparator"]].to_numpy().ravel().tolist()
    assert not {"2", "3", "10.0 %", "15.0 %"} & set(cells)
