from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics.design_matrix import design_matrix
from understudy.biostatistics.linear_model import VARIANCES, linear_model
from understudy.core.errors import DataError, UnderstudyError

sm = pytest.importorskip("statsmodels.api")


@pytest.fixture(scope="module")
def trial():
    """An unbalanced trial with two factors, a covariate and unequal variances."""
    draw = np.random.default_rng(3)
    arm = draw.choice(["placebo", "low", "high"], 90, p=[0.5, 0.3, 0.2])
    site = draw.choice(["1", "2"], 90)
    age = draw.normal(50, 10, 90)
    y = 0.1 * age + (arm == "high") * 2 + (site == "2") + draw.normal(size=90) * (1 + (arm == "high"))
    design = design_matrix(
        {"arm": arm, "site": site, "age": age}, reference={"arm": "placebo"}, interactions=[("arm", "site")]
    )
    return y, design


@pytest.mark.parametrize("variance", VARIANCES)
def test_coefficients_and_variances_are_those_of_statsmodels(trial, variance):
    y, design = trial
    fit = linear_model(y, design, variance=variance)
    kind = {} if variance == "classical" else {"cov_type": variance, "use_t": True}
    other = sm.OLS(y, design.matrix).fit(**kind)
    np.testing.assert_allclose(fit.coefficients.values, other.params, rtol=1e-9)  # two ways to solve
    np.testing.assert_allclose(fit.covariance, other.cov_params(), rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(fit.coefficients.p_values, other.pvalues, rtol=1e-7)
    np.testing.assert_allclose(fit.coefficients.intervals, other.conf_int(), rtol=1e-7)
    assert fit.r_squared == pytest.approx(other.rsquared, rel=1e-10)


def test_type_three_is_what_deviation_coded_models_lose(trial):
    y, design = trial
    sums = design.recoded(sums=True)
    whole = sm.OLS(y, sums.matrix).fit()
    for test in linear_model(y, design).type_three():
        kept = np.delete(sums.matrix, sums.term_columns[test.name], axis=1)
        f, p, df = whole.compare_f_test(sm.OLS(y, kept).fit())
        assert (test.statistic, test.p_value, test.numerator) == pytest.approx((f, p, df), rel=1e-8)


def test_type_three_of_an_unbalanced_two_way_layout():
    """Unweighted means: the hypothesis of the arm compares averages of cell means, whatever the cell sizes."""
    arm = ["a"] * 5 + ["b"] * 4
    site = ["1", "1", "1", "2", "2", "1", "2", "2", "2"]
    y = np.array([1.0, 2, 3, 6, 8, 4, 10, 11, 15])
    fit = linear_model(y, design_matrix({"arm": arm, "site": site}, interactions=[("arm", "site")]))
    cells = np.array([2.0, 7.0, 4.0, 12.0])
    spread = (2 + 2 + 0 + 14) / 5
    error = np.sqrt(spread * (1 / 3 + 1 / 2 + 1 + 1 / 3) / 4)
    gap = cells[2:].mean() - cells[:2].mean()
    assert fit.type_three()[0].statistic == pytest.approx((gap / error) ** 2, rel=1e-10)
    found = fit.differences("arm")["b - a"]
    assert (found.value, found.standard_error) == pytest.approx((gap, error), rel=1e-10)


def test_adjusted_means_are_predictions_at_the_mean_covariate(trial):
    y, design = trial
    fit = linear_model(y, design)
    age = np.mean(design.columns["age"])
    means = fit.least_squares_means(["arm"])
    row = design.set_to(arm="high", age=age)
    ones = [row.set_to(site=site).matrix[0] @ fit.coefficients.values for site in ("1", "2")]
    assert means["high"].value == pytest.approx(np.mean(ones), rel=1e-12)
    observed = fit.least_squares_means(["arm"], weights="observed")["high"].value
    share = design.columns["site"].count("2") / 90
    assert observed == pytest.approx(ones[0] * (1 - share) + ones[1] * share, rel=1e-12)
    gap = fit.differences("arm", "low", by=["site"])["high - low, 2"]
    assert gap.value == pytest.approx(
        fit.contrasts(
            {"x": {"arm[high]": 1, "arm[low]": -1, "arm[high]:site[2]": 1, "arm[low]:site[2]": -1}}
        )["x"].value
    )


def test_hc2_of_two_groups_is_welchs_standard_error():
    """Exactly: with one mean a group, HC2 gives the two variances over their counts."""
    a, b = np.array([1.0, 3, 2, 7]), np.array([4.0, 9, 6])
    design = design_matrix({"arm": ["a"] * 4 + ["b"] * 3})
    found = linear_model(np.concatenate([a, b]), design, variance="HC2").coefficients["arm[b]"]
    assert found.standard_error == pytest.approx(np.sqrt(a.var(ddof=1) / 4 + b.var(ddof=1) / 3), rel=1e-12)


def test_columns_that_depend_on_each_other_are_named():
    design = design_matrix({"dose": [0, 1, 2, 3, 4], "mg": [0, 10, 20, 30, 40]})
    with pytest.raises(UnderstudyError, match="column 'mg' is a combination"):
        linear_model([1, 2, 3, 4, 6], design)


def test_more_coefficients_than_rows_are_refused():
    with pytest.raises(DataError, match="2 rows for 2 coefficients"):
        linear_model([1, 2], design_matrix({"dose": [0, 1]}))


def test_an_exact_row_has_no_hc3():
    design = design_matrix({"dose": [0, 0, 0, 1]})
    with pytest.raises(UnderstudyError, match="row 3 is fitted exactly"):
        linear_model([1, 2, 3, 4], design, variance="HC3")


def test_an_exact_fit_is_refused():
    with pytest.raises(UnderstudyError, match="fitted exactly, so that nothing is left"):
        linear_model([7, 7, 7, 7], design_matrix({"dose": [0, 0, 1, 1]}))


def test_missing_outcomes_and_unknown_settings_are_refused():
    design = design_matrix({"dose": [0, 0, 1, 1]})
    with pytest.raises(DataError, match="row 2, column outcome"):
        linear_model([1, 2, np.nan, 4], design)
    with pytest.raises(UnderstudyError, match="unknown variance 'HC9'"):
        linear_model([1, 2, 3, 4], design, variance="HC9")
    with pytest.raises(UnderstudyError, match="no coefficient is called 'x'"):
        linear_model([1, 2, 3, 5], design).contrasts({"one": {"x": 1}})
