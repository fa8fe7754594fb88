from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics.estimates import Estimates, f_test
from understudy.biostatistics.numeric_column import binary_column, category_column, numeric_column
from understudy.core.errors import DataError, UnderstudyError


def estimates(**settings) -> Estimates:
    return Estimates(
        ("a", "b"), np.array([0.0, 0.7]), np.array([1.0, 0.2]), np.array([10.0, np.inf]), **settings
    )


def test_intervals_and_p_values_are_of_students_t():
    from scipy.stats import norm, t

    found = estimates(level=0.9)
    assert found.intervals[0] == pytest.approx(t.interval(0.9, 10), rel=1e-12)
    assert found["b"].p_value == pytest.approx(2 * norm.sf(3.5), rel=1e-9)
    assert estimates(null=0.7)["b"].p_value == 1.0


@pytest.mark.parametrize("freedom", [1.0, 2.5, 30.0, 1e4, 1e7, np.inf])
def test_tails_are_those_of_scipy_stats(freedom):
    from scipy.stats import t

    found = Estimates(("a", "b"), np.array([1.3, 9.0]), np.ones(2), np.full(2, freedom), level=0.99)
    np.testing.assert_allclose(found.p_values, 2 * t.sf([1.3, 9.0], freedom), rtol=1e-9)
    np.testing.assert_allclose(found.intervals[0], t.interval(0.99, freedom, 1.3), rtol=1e-9)


def test_ratios_are_exponentials_with_errors_of_logarithms():
    plain, ratio = estimates(), estimates(scale="exp")
    np.testing.assert_allclose(ratio.intervals, np.exp(plain.intervals))
    assert ratio["b"].value == pytest.approx(np.exp(0.7))
    assert ratio["b"].standard_error == 0.2
    assert list(ratio.table().columns[:2]) == ["ratio", "standard_error_of_log"]
    assert ratio["b"].p_value == plain["b"].p_value


def test_a_table_has_a_row_an_estimate_and_the_picture_says_the_level():
    table = estimates().table()
    assert list(table.index) == ["a", "b"]
    assert "95 % interval" in repr(estimates())
    assert repr(estimates()["b"]).startswith("b: 0.7 (SE 0.2")


def test_arrays_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        estimates().values[0] = 3


def test_unknown_names_and_levels_are_refused():
    with pytest.raises(UnderstudyError, match="no estimate 'c'"):
        estimates()["c"]
    with pytest.raises(UnderstudyError, match="confidence level of 95"):
        estimates(level=95)


def test_f_with_infinite_denominator_is_chi_square():
    from scipy.stats import chi2

    assert f_test("x", 2.0, 3, np.inf).p_value == pytest.approx(chi2.sf(6, 3), rel=1e-12)


def test_columns_name_every_bad_cell():
    with pytest.raises(DataError) as refused:
        numeric_column([1, "two", 3, "four"], "age")
    assert [problem.row for problem in refused.value.problems] == [1, 3]
    assert np.isnan(numeric_column([1, np.nan], "y", missing=True)[1])
    with pytest.raises(DataError, match="neither 0 nor 1"):
        binary_column([0, 1, 3], "event")
    assert category_column(np.array([1.0, 2.5]), "dose") == ("1", "2.5")
    with pytest.raises(DataError, match="2 rows where 3 are expected"):
        category_column(["a", "b"], "arm", 3)
