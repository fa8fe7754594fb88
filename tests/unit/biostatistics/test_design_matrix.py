from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics.design_matrix import design_matrix
from understudy.core.errors import DataError, UnderstudyError

COLUMNS = {"arm": ["b", "a", "c", "a"], "age": [1.0, 2.0, 3.0, 4.0], "visit": [2, 10, 2, 10]}


def test_names_and_matrix_follow_columns_levels_and_interactions():
    design = design_matrix(
        COLUMNS, reference={"arm": "a"}, categories=["visit"], interactions=[("arm", "visit")]
    )
    assert design.names == (
        *("(intercept)", "arm[b]", "arm[c]", "age", "visit[10]"),
        *("arm[b]:visit[10]", "arm[c]:visit[10]"),
    )
    np.testing.assert_array_equal(
        design.matrix,
        [[1, 1, 0, 1, 0, 0, 0], [1, 0, 0, 2, 1, 0, 0], [1, 0, 1, 3, 0, 0, 0], [1, 0, 0, 4, 1, 0, 0]],
    )
    assert {term: list(at) for term, at in design.term_columns.items()} == {
        "arm": [1, 2],
        "age": [3],
        "visit": [4],
        "arm:visit": [5, 6],
    }


def test_levels_of_numbers_are_in_order_of_size_and_a_reference_goes_first():
    assert design_matrix(COLUMNS, categories=["visit"]).levels("visit") == ("2", "10")
    assert design_matrix(COLUMNS, reference={"visit": 10}).levels("visit") == ("10", "2")
    assert design_matrix(COLUMNS, levels={"arm": ["c", "a", "b"]}).levels("arm") == ("c", "a", "b")


def test_other_rows_are_coded_alike():
    design = design_matrix(COLUMNS, interactions=[("arm", "age")])
    everyone = design.set_to(arm="b")
    assert everyone.names == design.names
    np.testing.assert_array_equal(everyone.matrix[:, 1], np.ones(4))
    np.testing.assert_array_equal(everyone.matrix[:, -2], [1, 2, 3, 4])
    assert design.select([0, 2]).matrix.tolist() == design.matrix[[0, 2]].tolist()


def test_mean_row_averages_levels_equally_or_as_observed():
    design = design_matrix(COLUMNS)
    np.testing.assert_allclose(design.mean_row({})[1:3], [1 / 3, 1 / 3])
    np.testing.assert_allclose(design.mean_row({}, weights="observed")[1:3], [1 / 4, 1 / 4])
    np.testing.assert_allclose(design.mean_row({"arm": "c", "age": 7}), [1, 0, 1, 7, 6])


def test_deviation_coding_spans_the_same_space():
    design = design_matrix(COLUMNS | {"age": [1.0, 5.0, 3.0, 4.0]}, categories=["visit"])
    both = np.hstack([design.matrix, design.recoded(sums=True).matrix])
    assert np.linalg.matrix_rank(both) == np.linalg.matrix_rank(design.matrix)
    assert design.recoded(sums=True).matrix[1, 1:3].tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"reference": {"arm": "z"}}, "reference level 'z'"),
        ({"reference": {"dose": "z"}}, "no column is called 'dose'"),
        ({"interactions": [("arm", "sex")]}, "no column is called 'sex'"),
        ({"interactions": [("arm", "arm")]}, "repeats itself"),
        ({"interactions": [("arm", "age"), ("age", "arm")]}, "repeats itself"),
        ({"levels": {"arm": ["a"]}}, "two different levels"),
        ({"levels": {"arm": ["a", "b"]}}, "unknown level (value 'c')"),
    ],
)
def test_impossible_settings_are_refused(settings, said):
    with pytest.raises(UnderstudyError) as refused:
        design_matrix(COLUMNS, **settings)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ([1.0, np.nan, 3.0, 4.0], "row 1, column x: no finite number (value 'nan')"),
        ([1.0, 2.0, np.inf, 4.0], "row 2, column x"),
        ([1.0, 2.0, 3.0], "4 rows are expected"),
        (["u", None, "v", "u"], "row 1, column x: missing category"),
        (["u", "v", "", "u"], "row 2, column x: missing category"),
    ],
)
def test_bad_cells_are_named(column, said):
    with pytest.raises(DataError) as refused:
        design_matrix(COLUMNS | {"x": column})
    assert said in str(refused.value)


def test_columns_of_a_frame_may_have_any_index_and_kind():
    import pandas as pd

    frame = pd.DataFrame({"arm": ["b", "a", "b"], "age": [1, 2, 3]}, index=[7, 3, 5])
    kinds = {"arm": frame.arm.astype("category"), "age": frame.age.astype("Int64")}
    np.testing.assert_array_equal(design_matrix(kinds).matrix, [[1, 1, 1], [1, 0, 2], [1, 1, 3]])
    for column in (pd.Series(["a", pd.NA, "b"]), pd.Series([1, pd.NA, 3], dtype="Int64")):
        with pytest.raises(DataError, match="row 1, column x"):
            design_matrix({"x": column})


def test_a_setting_outside_the_levels_is_refused():
    with pytest.raises(DataError, match="unknown level"):
        design_matrix(COLUMNS).set_to(arm="z")
