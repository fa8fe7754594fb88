"""Tidying: what goes, what stays, what is divided by what."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_matrix

from understudy.causal import CovariateMatrix
from understudy.causal.covariates import tidy


def matrix_of(columns):
    """A matrix from columns by identifier."""
    ids = list(columns)
    covariates = pd.DataFrame({"covariate_id": ids, "name": [str(id) for id in ids]})
    covariates["analysis_id"] = covariates["covariate_id"] % 1000
    values = csc_matrix(np.column_stack([np.asarray(columns[id], float) for id in ids]))
    return CovariateMatrix(values, np.arange(values.shape[0]), covariates)


def some(entries, count):
    """One in the first so many entries."""
    return np.arange(entries) < count


def level(entries, first, last):
    """One from an entry to before another."""
    return (np.arange(entries) >= first) & (np.arange(entries) < last)


def test_of_levels_that_everybody_has_one_of_the_commonest_goes_and_the_rare_stay():
    matrix = matrix_of(
        {
            1003: level(55, 0, 1),
            2003: level(55, 1, 20),
            3003: level(55, 20, 55),
            9210: some(55, 1),
            8210: some(55, 40),
        }
    )
    tidied = tidy(matrix, min_fraction=0.1)
    assert tidied.covariates["covariate_id"].tolist() == [1003, 2003, 8210]
    assert tidied.dropped["covariate_id"].tolist() == [3003, 9210]
    assert [reason.split(":")[0] for reason in tidied.dropped["reason"]] == ["redundant", "infrequent"]


def test_equally_common_levels_leave_the_smallest_number_out():
    tidied = tidy(matrix_of({8532001: level(10, 0, 5), 8507001: level(10, 5, 10)}))
    assert tidied.covariates["covariate_id"].tolist() == [8532001]


def test_levels_that_not_everybody_has_all_stay():
    matrix = matrix_of({1004: level(10, 0, 5), 2004: level(10, 5, 9)})
    assert tidy(matrix).values.shape[1] == 2


def test_counts_that_add_up_by_chance_are_no_levels():
    matrix = matrix_of({1210: level(10, 0, 6), 2210: level(10, 3, 7)})  # six and four, but three have both
    assert tidy(matrix).values.shape[1] == 2


def test_what_everybody_has_goes_and_the_rest_of_its_analysis_stays():
    tidied = tidy(matrix_of({1210: some(10, 10), 2210: some(10, 4), 1901: 1 + some(10, 5)}))
    assert tidied.covariates["covariate_id"].tolist() == [2210, 1901]
    assert tidied.dropped["reason"].tolist() == ["redundant: everybody has it"]


def test_the_limit_of_frequency_is_rounded_down():
    columns = {1210: some(1999, 1), 2210: some(1999, 2)}
    assert tidy(matrix_of(columns)).values.shape[1] == 2  # a thousandth of 1,999 is one entry
    assert tidy(matrix_of({id: np.r_[column, False] for id, column in columns.items()})).values.shape[1] == 1
    assert tidy(matrix_of({1210: some(9, 0), 2210: some(9, 1)})).dropped["reason"].tolist() == [
        "nobody has it"
    ]


def test_a_column_is_divided_by_its_greatest_value():
    tidied = tidy(matrix_of({1901: [4, 0, 1, 2], 1706: [-2, -4, 0, 0], 1210: [0, 1, 1, 0]}))
    assert tidied.values.toarray().T.tolist() == [[1, 0, 0.25, 0.5], [-0.5, -1, 0, 0], [0, 1, 1, 0]]
    assert tidied.covariates["divisor"].tolist() == [4, 4, 1]


def test_a_stored_zero_counts_as_recorded():
    matrix = matrix_of({1903: np.zeros(3000)})
    stored = CovariateMatrix(
        csc_matrix((np.r_[1.0, np.zeros(2999)], np.arange(3000), [0, 3000]), shape=(3000, 1)),
        matrix.persons,
        matrix.covariates,
    )
    assert tidy(stored).values.shape[1] == 1


def test_the_given_matrix_stays_as_it_was():
    matrix = matrix_of({1901: [4, 0, 1, 2], 1210: [1, 1, 1, 1]})
    before = matrix.values.toarray()
    tidy(matrix)
    assert (matrix.values.toarray() == before).all()
    assert matrix.dropped is None
    kept = tidy(matrix, normalise=False, remove_redundant=False, min_fraction=0)
    assert (kept.values.toarray() == before).all()
    assert kept.dropped.empty


def test_rows_and_columns_keep_what_was_dropped():
    tidied = tidy(matrix_of({1901: [4, 0, 1, 2], 1210: [1, 1, 1, 1]}))
    assert tidied.rows([0, 1]).columns([True]).dropped.equals(tidied.dropped)
    assert repr(tidied) == "CovariateMatrix: 4 entries × 1 covariates, 3 values stored"


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_is_a_share(share):
    with pytest.raises(ValueError, match="give a share"):
        tidy(matrix_of({1210: [1, 0]}), min_fraction=share)
