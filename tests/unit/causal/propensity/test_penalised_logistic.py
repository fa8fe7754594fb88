"""Penalised logistic regression: conditions of optimality, two other solvers, hard columns, refusals."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from propensity_case import mixed_columns
from scipy import sparse
from scipy.special import expit

from understudy.causal.propensity import Prior, penalised_logistic
from understudy.causal.propensity.sparse_columns import sparse_columns
from understudy.core.errors import StudyError


def broken(fit, x, y, weights=None, unpenalised=()):
    """Largest departure from the conditions of optimality, computed apart from the solver."""
    x, w = np.asarray(x.todense()), np.ones(len(y)) if weights is None else weights
    eta = fit.intercept + x @ fit.coefficients
    slope = x.T @ (w * (expit(eta) - y)) + fit.prior.ridge * fit.coefficients
    lasso = np.full(x.shape[1], fit.prior.lasso)
    if len(unpenalised):
        slope[list(unpenalised)] -= fit.prior.ridge * fit.coefficients[list(unpenalised)]
        lasso[list(unpenalised)] = 0.0
    zero = fit.coefficients == 0
    off = np.where(
        zero, np.maximum(np.abs(slope) - lasso, 0), np.abs(slope + lasso * np.sign(fit.coefficients))
    )
    return max(off.max(), abs((w * (expit(eta) - y)).sum()))


def objective(fit, x, y, lasso, ridge):
    eta = fit.intercept + x @ fit.coefficients
    loss = np.logaddexp(0, eta).sum() - y @ eta
    return loss + lasso * np.abs(fit.coefficients).sum() + ridge * (fit.coefficients**2).sum() / 2


# A gap of 1e-13 of some 280 leaves slopes of about sqrt(2 gap · curvature), with curvatures below 100: 1e-4.
@pytest.mark.parametrize("kind", ["laplace", "normal"])
@pytest.mark.parametrize("variance", [0.001, 0.05, 1.0, 100.0])
def test_conditions_of_optimality_hold(kind, variance):
    x, y = mixed_columns(400, 30, seed=1)
    fit = penalised_logistic(x, y, Prior(kind, variance), tolerance=1e-13)
    assert broken(fit, x, y) < 1e-4
    assert fit.gap <= 1e-13 * 400


@pytest.mark.parametrize("kind", ["laplace", "normal"])
def test_conditions_hold_with_weights_and_unpenalised_columns(kind):
    x, y = mixed_columns(400, 30, seed=2)
    weights = np.random.default_rng(3).choice([0.0, 0.5, 1.0, 3.0], 400)
    fit = penalised_logistic(x, y, Prior(kind, 0.02), weights=weights, unpenalised=[2, 8], tolerance=1e-13)
    assert broken(fit, x, y, weights, [2, 8]) < 1e-4
    assert fit.coefficients[2] != 0
    assert fit.coefficients[8] != 0


def test_conditions_hold_with_more_columns_than_rows():
    x, y = mixed_columns(80, 900, seed=4)
    fit = penalised_logistic(x, y, Prior(variance=0.5), tolerance=1e-13)
    assert broken(fit, x, y) < 1e-4
    assert 0 < fit.selected.size < 80


def test_strongly_correlated_columns_end():
    drawn = np.random.default_rng(5)
    base = drawn.normal(size=(500, 3))
    x = (np.repeat(base, 20, axis=1) + 0.05 * drawn.normal(size=(500, 60)) > 0.3).astype(float)
    y = (drawn.random(500) < expit(x[:, 0] - x[:, 30])).astype(int)
    fit = penalised_logistic(sparse.csc_matrix(x), y, Prior(variance=1.0), tolerance=1e-12)
    assert broken(fit, sparse.csc_matrix(x), y) < 1e-3


def test_scikit_learn_finds_no_lower_lasso_and_the_same_coefficients():
    from sklearn.linear_model import LogisticRegression

    x, y = mixed_columns(300, 12, seed=6)
    x = x[:, [0, 1, 2, 6, 7, 8, 9, 10, 11]]  # without constant and copied columns the solution is one
    prior = Prior(variance=0.1)
    fit = penalised_logistic(x, y, prior, tolerance=1e-13)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the names of its settings change from version to version
        theirs = LogisticRegression(
            penalty="l1", C=1 / prior.lasso, solver="saga", tol=1e-12, max_iter=100_000, random_state=0
        ).fit(x, y)
    # saga ends where coefficients change by less than 1e-12 of the largest in a pass: that is some 1e-8 of them.
    np.testing.assert_allclose(fit.coefficients, theirs.coef_[0], atol=1e-6)
    assert fit.intercept == pytest.approx(theirs.intercept_[0], abs=1e-6)


def test_newtons_method_finds_the_same_ridge_regression():
    x, y = mixed_columns(300, 12, seed=7)
    dense, b = np.column_stack([np.ones(300), x.toarray()]), np.zeros(13)
    penalty = np.diag([0.0] + [1 / 0.3] * 12)
    for _ in range(30):
        p = expit(dense @ b)
        b -= np.linalg.solve((dense.T * (p * (1 - p))) @ dense + penalty, dense.T @ (p - y) + penalty @ b)
    fit = penalised_logistic(x, y, Prior("normal", 0.3), tolerance=1e-14)
    # A gap of 1e-14 · 200 with curvatures of at least 3.3 bounds errors by sqrt(2 · 2e-12 / 3.3), 1e-6.
    np.testing.assert_allclose(fit.coefficients, b[1:], atol=2e-6)


def test_weights_count_rows():
    x, y = mixed_columns(200, 15, seed=8)
    weights = np.random.default_rng(9).integers(0, 4, 200)
    fit = penalised_logistic(x, y, Prior(variance=0.2), weights=weights, tolerance=1e-13)
    rows = np.repeat(np.arange(200), weights)
    repeated = penalised_logistic(x.tocsr()[rows].tocsc(), y[rows], Prior(variance=0.2), tolerance=1e-13)
    assert fit.objective == pytest.approx(repeated.objective, rel=1e-12)
    np.testing.assert_allclose(fit.linear_predictor[weights > 0], _first(repeated, rows), atol=1e-5)


def _first(fit, rows):
    return fit.linear_predictor[np.unique(rows, return_index=True)[1]]


def test_the_same_bits_each_time_and_on_every_thread():
    x, y = mixed_columns(300, 200, seed=10)
    fits = [penalised_logistic(x, y, Prior(variance=0.3)) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        fits += list(pool.map(lambda _: penalised_logistic(x, y, Prior(variance=0.3)), range(8)))
    assert len({(fit.coefficients.tobytes(), fit.intercept, fit.objective) for fit in fits}) == 1


def test_a_start_changes_the_way_and_not_the_end():
    x, y = mixed_columns(300, 40, seed=11)
    cold = penalised_logistic(x, y, Prior(variance=0.3))
    warm = penalised_logistic(x, y, Prior(variance=0.3), start=penalised_logistic(x, y, Prior(variance=1.0)))
    assert warm.objective == pytest.approx(cold.objective, rel=1e-8)


def test_the_gap_bounds_how_far_the_objective_is_off():
    x, y = mixed_columns(300, 40, seed=12)
    best = penalised_logistic(x, y, Prior(variance=0.3), tolerance=1e-14).objective
    for tolerance in (1e-1, 1e-3, 1e-5):
        fit = penalised_logistic(x, y, Prior(variance=0.3), tolerance=tolerance)
        assert -1e-10 * best <= fit.objective - best <= fit.gap + 1e-12 * best
        assert fit.gap <= tolerance * 300 * np.log(2)


def test_a_variance_so_small_that_all_is_zero_leaves_the_share():
    x, y = mixed_columns(300, 40, seed=13)
    fit = penalised_logistic(x, y, Prior(variance=1e-6))
    assert fit.selected.size == 0
    assert (fit.coefficients == 0).all()
    np.testing.assert_allclose(fit.probabilities, y.mean(), rtol=1e-10)


def test_a_penalised_column_that_separates_is_bounded():
    y = np.repeat([0, 1], 50)
    fit = penalised_logistic(y[:, None].astype(float), y, Prior(variance=0.01), tolerance=1e-13)
    # The fifty with the column are missed by as much in all as the penalty on a unit of its coefficient.
    assert 50 - 50 * fit.probabilities[-1] == pytest.approx(Prior(variance=0.01).lasso, abs=1e-4)


def test_predictions_are_the_fitted_probabilities():
    x, y = mixed_columns(200, 20, seed=14)
    fit = penalised_logistic(x, y, Prior(variance=0.3))
    np.testing.assert_allclose(fit.predict(x), fit.probabilities, rtol=1e-12)
    assert fit.table()["covariate"].iloc[0] == "(intercept)"
    assert "of 20 coefficients not zero" in repr(fit)


def test_values_are_not_copied_and_binary_columns_are_known():
    x, _ = mixed_columns(200, 20, seed=15)
    columns = sparse_columns(x)
    assert np.shares_memory(columns.values, x.data)
    assert columns.single[[0, 3, 4]].all()
    assert not columns.single[[1, 2]].any()
    assert np.flatnonzero(columns.constant).tolist() == [3, 4]


def test_columns_in_disorder_are_put_in_order():
    disordered = sparse.csc_matrix((np.ones(3), [2, 0, 2], [0, 3]), shape=(4, 1))
    columns = sparse_columns(disordered)
    assert columns.rows.tolist() == [0, 2]
    assert columns.values.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outcome": np.ones(50, int)}, "no row has outcome 0"),
        ({"outcome": np.arange(50)}, "an outcome is 0 or 1"),
        ({"outcome": np.zeros(49, int)}, "an outcome is 0 or 1"),
        ({"weights": -np.ones(50)}, "none is negative"),
        ({"weights": np.where(np.arange(50) < 25, 1.0, 0.0)}, "no row has outcome 1"),
        ({"unpenalised": [1]}, "'the same' is the same for everybody"),
        ({"unpenalised": [0]}, "'the drug' tells the outcome perfectly"),
        ({"unpenalised": [7]}, "is not there"),
        ({"names": ["one"]}, "1 names for 3 covariates"),
    ],
)
def test_what_is_refused(change, words):
    y = np.repeat([0, 1], 25)
    x = np.column_stack([y, np.ones(50), np.tile([0, 1], 25)]).astype(float)
    given = {"outcome": y, "prior": Prior(), "names": ["the drug", "the same", "other"]} | change
    with pytest.raises(StudyError, match=words):
        penalised_logistic(x, **given)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused_with_their_column(bad):
    with pytest.raises(StudyError, match=r"column 1"):
        penalised_logistic([[1.0, 0.0], [0.0, bad]], [0, 1])


@pytest.mark.parametrize(
    ("kind", "variance"), [("laplace", 0.0), ("laplace", np.inf), ("normal", -1.0), ("cauchy", 1.0)]
)
def test_impossible_priors(kind, variance):
    with pytest.raises(StudyError, match=r"variance of|no prior"):
        Prior(kind, variance)


def test_the_objective_is_what_it_says():
    x, y = mixed_columns(200, 20, seed=16)
    fit = penalised_logistic(x, y, Prior(variance=0.3))
    assert fit.objective == pytest.approx(objective(fit, x, y, Prior(variance=0.3).lasso, 0.0), rel=1e-12)
    ridge = penalised_logistic(x, y, Prior("normal", 0.3))
    assert ridge.objective == pytest.approx(objective(ridge, x, y, 0.0, 1 / 0.3), rel=1e-12)
