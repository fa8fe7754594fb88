"""Simulate trials, then recover: intervals of regression, repeated measures and imputation cover as they say."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics import (
    design_matrix,
    impute,
    linear_model,
    logistic_model,
    mantel_haenszel,
    mmrm,
    risk_difference,
    standardised_risks,
)

EFFECT = -2.0
VISITS = np.array([[1.0, 0.6, 0.4, 0.3], [0.6, 1.5, 0.9, 0.7], [0.4, 0.9, 2.0, 1.3], [0.3, 0.7, 1.3, 2.5]])


def allowed(trials: int) -> float:
    """Three standard errors of a coverage of 95 % in this many trials: a right method fails once in 370 runs."""
    return 3 * np.sqrt(0.95 * 0.05 / trials)


def longitudinal(draw: np.random.Generator, patients: int) -> tuple[np.ndarray, np.ndarray]:
    """Two arms, four visits, an effect that grows to `EFFECT`; who did badly at a visit drops out more often."""
    arm = np.arange(patients) % 2
    y = draw.multivariate_normal(np.zeros(4), VISITS, patients)
    y += arm[:, None] * EFFECT * np.array([0.25, 0.5, 0.75, 1.0])
    for visit in (1, 2, 3):
        gone = draw.random(patients) < 1 / (1 + np.exp(2.2 - y[:, visit - 1]))
        y[gone | np.isnan(y[:, visit - 1]), visit] = np.nan
    return y, arm


@pytest.mark.slow
@pytest.mark.parametrize("freedom", ["kenward-roger", "satterthwaite"])
def test_mixed_models_of_few_patients_cover(freedom):
    """Twelve patients an arm with dropout at random; normal intervals would be too short here."""
    draw, trials, inside, short, used = np.random.default_rng(1), 500, 0, 0, 0
    arm = np.repeat(np.arange(24) % 2, 4)
    design = design_matrix(
        {"arm": arm, "visit": np.tile(range(4), 24)},
        categories=["visit", "arm"],
        interactions=[("arm", "visit")],
    )
    for _ in range(trials):
        y, _ = longitudinal(draw, 24)
        if (np.isfinite(y[:, 3]) & (arm[::4] == 1)).sum() < 4 or (
            np.isfinite(y[:, 3]) & (arm[::4] == 0)
        ).sum() < 4:
            continue
        fit = mmrm(y.ravel(), np.repeat(range(24), 4), np.tile(range(4), 24), design, freedom=freedom)
        found = fit.differences("arm", by=["visit"])["1 - 0, 3"]
        used += 1
        inside += found.low < EFFECT < found.high
        short += abs(found.value - EFFECT) < 1.96 * found.standard_error
    assert used > 0.9 * trials
    assert inside / used == pytest.approx(0.95, abs=allowed(used))
    assert short < inside


def test_multiple_imputation_at_random_covers():
    """Completers alone are biased here, because those who did badly left."""
    draw, trials, inside, completers = np.random.default_rng(2), 150, 0, []
    for trial in range(trials):
        y, arm = longitudinal(draw, 100)
        design = design_matrix({"arm": arm}, categories=["arm"])
        found = impute(y, design, arm="arm", imputations=20, seed=trial).ancova()["1 - 0"]
        inside += found.low < EFFECT < found.high
        seen = np.isfinite(y[:, 3])
        completers.append(linear_model(y[seen, 3], design.select(seen)).coefficients["arm[1]"].value)
    assert inside / trials == pytest.approx(0.95, abs=allowed(trials))
    bias = np.mean(completers) - EFFECT
    assert bias > 4 * np.std(completers) / np.sqrt(trials)


def test_standardised_risk_differences_of_a_wrong_model_cover():
    """The covariate acts through its square, which the model does not know: the variance need not."""
    draw, trials, inside, gains = np.random.default_rng(3), 600, 0, 0
    x = draw.normal(size=200_000)
    truth = np.mean(1 / (1 + np.exp(0.6 - x - 0.4 * x**2)) - 1 / (1 + np.exp(0.9 - x)))
    for _ in range(trials):
        arm, x = draw.integers(0, 2, 200), draw.normal(size=200)
        chance = np.where(arm == 1, 1 / (1 + np.exp(0.6 - x - 0.4 * x**2)), 1 / (1 + np.exp(0.9 - x)))
        y = (draw.random(200) < chance) * 1
        fit = logistic_model(y, design_matrix({"arm": arm, "x": x}, categories=["arm"]))
        found = standardised_risks(fit, "arm").differences["1 - 0"]
        inside += found.low < truth < found.high
        plain = risk_difference(
            y[arm == 1].sum(), (arm == 1).sum(), y[arm == 0].sum(), (arm == 0).sum(), method="wald"
        )
        gains += found.high - found.low < plain.high - plain.low
    assert inside / trials == pytest.approx(0.95, abs=allowed(trials))
    assert gains > 0.95 * trials


def test_stratified_differences_cover():
    draw, trials, inside = np.random.default_rng(4), 400, 0
    for _ in range(trials):
        strata, arm = draw.integers(0, 6, 240), draw.integers(0, 2, 240)
        y = (draw.random(240) < 0.1 + 0.1 * strata + 0.15 * arm) * 1
        found = mantel_haenszel(y, arm, strata, control=0)
        inside += found.low < 0.15 < found.high
    assert inside / trials == pytest.approx(0.95, abs=allowed(trials))


@pytest.mark.parametrize("variance", ["HC2", "HC3"])
def test_robust_variances_cover_where_the_classical_one_does_not(variance):
    """The small arm has five times the spread."""
    draw, trials, inside, classical = np.random.default_rng(5), 600, 0, 0
    arm = np.repeat([0, 1], [80, 20])
    design = design_matrix({"arm": arm}, categories=["arm"])
    for _ in range(trials):
        y = draw.normal(size=100) * (1 + 4 * arm) + arm
        found = linear_model(y, design, variance=variance).coefficients["arm[1]"]
        inside += found.low < 1 < found.high
        plain = linear_model(y, design).coefficients["arm[1]"]
        classical += plain.low < 1 < plain.high
    assert inside / trials == pytest.approx(0.95, abs=allowed(trials))
    assert classical / trials < 0.85
