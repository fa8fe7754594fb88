from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics.design_matrix import design_matrix
from understudy.biostatistics.logistic import logistic_model, penalised_profile
from understudy.biostatistics.separation import separation
from understudy.biostatistics.standardised_risk import standardised_risks
from understudy.core.errors import DataError, UnderstudyError

sm = pytest.importorskip("statsmodels.api")


@pytest.fixture(scope="module")
def trial():
    draw = np.random.default_rng(5)
    arm, age = draw.choice(["placebo", "drug", "both"], 400), draw.normal(60, 10, 400)
    chance = 1 / (1 + np.exp(3 - 0.05 * age - 0.8 * (arm == "drug")))
    design = design_matrix({"arm": arm, "age": age}, reference={"arm": "placebo"})
    return (draw.random(400) < chance) * 1, design, arm


@pytest.mark.parametrize("variance", ["model", "HC0"])
def test_maximum_likelihood_is_that_of_statsmodels(trial, variance):
    y, design, _ = trial
    fit = logistic_model(y, design, variance=variance)
    model = sm.GLM(y, design.matrix, family=sm.families.Binomial())
    other = model.fit(tol=1e-12, cov_type="HC0" if variance == "HC0" else "nonrobust")
    np.testing.assert_allclose(fit.coefficients.values, other.params, rtol=1e-7)  # both searches end at 1e-9
    np.testing.assert_allclose(fit.covariance, other.cov_params(), rtol=1e-6)
    assert fit.log_likelihood == pytest.approx(other.llf, rel=1e-10)
    np.testing.assert_allclose(fit.predict(design), other.fittedvalues, rtol=1e-7)


def test_odds_ratio_of_a_table_is_its_cross_product():
    design = design_matrix({"arm": ["a"] * 20 + ["b"] * 30}, reference={"arm": "a"})
    found = logistic_model([1] * 5 + [0] * 15 + [1] * 18 + [0] * 12, design).odds_ratios["arm[b]"]
    assert found.value == pytest.approx(18 * 15 / (12 * 5), rel=1e-9)
    assert found.standard_error == pytest.approx(np.sqrt(1 / 5 + 1 / 15 + 1 / 18 + 1 / 12), rel=1e-8)


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ([0, 0, 0, 1, 1, 1], "complete"),
        ([0, 0, 1, 1, 1, 1], "quasi-complete"),
        ([0, 1, 0, 1, 0, 1], "none"),
        ([1, 1, 1, 1, 1, 1], "complete"),
    ],
)
def test_separation_is_found_exactly(outcome, kind):
    x = design_matrix({"dose": [0, 0, 0, 1, 1, 1]})
    found = separation(np.array(outcome, dtype=float), x.matrix, x.names)
    assert found.kind == kind
    assert bool(found) == (kind != "none")


def test_separation_by_a_combination_of_covariates_is_found():
    """Neither covariate separates alone: only their sum does, which no look at single columns shows."""
    draw = np.random.default_rng(2)
    u, v = draw.normal(size=(2, 80))
    keep = np.abs(u + v) > 0.2
    y = (u + v > 0)[keep] * 1
    design = design_matrix({"u": u[keep], "v": v[keep]})
    with pytest.raises(UnderstudyError, match="complete separation: the likelihood has no maximum"):
        logistic_model(y, design)
    y[np.argmax((u + v)[keep])] = 0
    assert np.isfinite(logistic_model(y, design).log_likelihood)


def test_what_separates_is_named_and_nothing_else():
    draw = np.random.default_rng(1)
    dose, age = np.repeat([0.0, 1.0], 20), draw.normal(size=40)
    x = design_matrix({"dose": dose, "age": age})
    assert separation(dose, x.matrix, x.names).columns == ("(intercept)", "dose")
    quasi = np.where(np.arange(40) < 10, 1.0, dose)
    assert separation(quasi, x.matrix, x.names).columns == ("dose",)


def test_firth_is_half_an_event_more_in_a_saturated_table():
    """Firth 1993: with one parameter a cell the penalty adds half to each count."""
    design = design_matrix({"arm": ["a"] * 10 + ["b"] * 12}, reference={"arm": "a"})
    fit = logistic_model([0] * 10 + [1] * 5 + [0] * 7, design, firth=True)
    expected = [np.log(0.5 / 10.5), np.log(5.5 / 7.5) - np.log(0.5 / 10.5)]
    np.testing.assert_allclose(fit.coefficients.values, expected, rtol=1e-7)
    assert fit.penalised


def test_the_penalised_likelihood_ratio_of_a_saturated_table():
    """By hand: log-likelihoods at the penalised maxima plus half the logarithm of the information's determinant."""
    design = design_matrix({"arm": ["a"] * 10 + ["b"] * 12}, reference={"arm": "a"})
    y = [0] * 10 + [1] * 5 + [0] * 7
    statistic, p = penalised_profile(y, design, ["arm[b]"])

    def penalised(p_a, p_b):
        information = 10 * p_a * (1 - p_a) * 12 * p_b * (1 - p_b)
        return 10 * np.log(1 - p_a) + 5 * np.log(p_b) + 7 * np.log(1 - p_b) + np.log(information) / 2

    grid = np.linspace(0.01, 0.9, 200001)
    best = penalised(grid, grid).max()
    assert statistic == pytest.approx(2 * (penalised(0.5 / 11, 5.5 / 13) - best), abs=1e-7)
    assert 0 < p < 0.05


def test_bad_outcomes_are_refused(trial):
    _, design, _ = trial
    with pytest.raises(DataError, match=r"neither 0 nor 1 \(value '2'\)"):
        logistic_model(np.full(400, 2), design)
    with pytest.raises(UnderstudyError, match="unknown variance 'HC3'"):
        logistic_model(np.arange(400) % 2, design, variance="HC3")


def test_without_covariates_standardised_risks_are_proportions(trial):
    y, _, arm = trial
    fit = logistic_model(y, design_matrix({"arm": arm}, reference={"arm": "placebo"}))
    found = standardised_risks(fit, "arm")
    drug, placebo = y[arm == "drug"], y[arm == "placebo"]
    gap = found.differences["drug - placebo"]
    assert gap.value == pytest.approx(drug.mean() - placebo.mean(), rel=1e-9)
    # Ye et al.: without covariates the variance is Neyman's, with n - 1 in each arm.
    neyman = drug.var(ddof=1) / len(drug) + placebo.var(ddof=1) / len(placebo)
    assert gap.standard_error == pytest.approx(np.sqrt(neyman), rel=1e-9)
    ratio = found.ratios["drug / placebo"]
    assert ratio.value == pytest.approx(drug.mean() / placebo.mean(), rel=1e-9)
    log_error = np.sqrt(
        drug.var(ddof=1) / len(drug) / drug.mean() ** 2
        + placebo.var(ddof=1) / len(placebo) / placebo.mean() ** 2
    )
    assert ratio.standard_error == pytest.approx(log_error, rel=1e-9)
    odds = found.odds_ratios["drug / placebo"]
    assert odds.value == pytest.approx(fit.odds_ratios["arm[drug]"].value, rel=1e-7)


@pytest.mark.parametrize("variance", ["conditional", "conditional HC0"])
def test_the_delta_method_agrees_with_differences(trial, variance):
    y, design, _ = trial
    fit = logistic_model(y, design, variance="HC0" if variance == "conditional HC0" else "model")

    def risks(beta):
        predict = [1 / (1 + np.exp(-design.set_to(arm=arm).matrix @ beta)) for arm in design.levels("arm")]
        return np.mean(predict, axis=1)

    beta, step = fit.coefficients.values, 1e-6
    slopes = np.array([(risks(beta + u) - risks(beta - u)) / (2 * step) for u in step * np.eye(len(beta))]).T
    found = standardised_risks(fit, "arm", variance=variance)
    np.testing.assert_allclose(found.risks.values, risks(beta), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, slopes @ fit.covariance @ slopes.T, rtol=1e-6, atol=1e-11)


def test_the_sandwich_does_not_depend_on_which_variance_was_fitted(trial):
    y, design, _ = trial
    plain = standardised_risks(logistic_model(y, design), "arm", variance="conditional HC0")
    robust = standardised_risks(logistic_model(y, design, variance="HC0"), "arm", variance="conditional HC0")
    np.testing.assert_allclose(plain.covariance, robust.covariance, rtol=1e-9)


def test_what_cannot_be_standardised_is_refused(trial):
    y, design, _ = trial
    with pytest.raises(UnderstudyError, match="needs maximum likelihood with an intercept"):
        standardised_risks(logistic_model(y, design, firth=True), "arm")
    with pytest.raises(UnderstudyError, match="'age' is numeric"):
        standardised_risks(logistic_model(y, design), "age")
