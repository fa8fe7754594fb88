"""Simulate from a model, and see that its diagnostics call it right; plant a mistake, and see that they find it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from understudy.core.random import normals
from understudy.data.records import Records
from understudy.engine.simulate import simulate
from understudy.inference.diagnostics.estimates import with_estimates
from understudy.inference.diagnostics.goodness_of_fit import goodness_of_fit
from understudy.inference.diagnostics.predictive_check import maximum, minimum, predictive_check
from understudy.inference.diagnostics.visual_check import visual_predictive_check
from understudy.library.catalogue import model
from understudy.population.virtual import virtual_patients

COUNT, TIMES = 200, np.array([0.5, 1.5, 4.0, 9.0, 24.0])
# Odds of one in ten thousand that a test of a true model fails.
ODDS = 1e-4


def theophylline(residual: str = "(0.15 * Cp) ** 2 + 0.04"):
    """One compartment, first-order absorption, with a combined error: where interaction matters."""
    base = model("theophylline_adults")
    return replace(base, residual=(replace(base.residual[0], variance=residual),))


def measured(true, seed: int, limit: float | None = None) -> Records:
    """A study of the model's: `COUNT` patients, one dose each, five levels."""
    patients = virtual_patients(true, None, COUNT, seed=seed)
    levels = simulate(true, patients, "320 mg", TIMES)["Cp"].values
    noise = normals(seed, "measurement", np.arange(COUNT), TIMES.size)
    variance = true.residual[0].variance.evaluate(true.fixed_values | {"Cp": levels})
    values = levels + noise * np.sqrt(variance)
    values = values if limit is None else np.where(values < limit, limit / 2, values)
    rows = []
    for k, name in enumerate(patients.index):
        rows.append({"ID": name, "TIME": 0.0, "AMT": 320.0, "EVID": 1})
        rows += [{"ID": name, "TIME": t, "EVID": 0, "DV": v} for t, v in zip(TIMES, values[k], strict=True)]
    return Records.from_frame(pd.DataFrame(rows))


def assert_standard_normal(values: np.ndarray, moments: bool = True) -> None:
    """Mean, variance and shape, each with odds of `ODDS` to fail."""
    n, z = len(values), stats.norm.ppf(1 - ODDS / 2)
    assert abs(values.mean()) < z / np.sqrt(n)
    assert abs(values.var(ddof=1) - 1) < z * np.sqrt(2 / n)
    assert stats.kstest(values, "norm").pvalue > ODDS


@pytest.fixture(scope="module")
def study():
    return measured(theophylline(), seed=11)


@pytest.fixture(scope="module")
def right(study):
    return goodness_of_fit(theophylline(), study, replicates=1000, seed=1)


@pytest.fixture(scope="module")
def wrong(study):
    """Clearance is a quarter too high."""
    changed = theophylline()
    return goodness_of_fit(
        changed.with_values(theta_CL=1.25 * changed.fixed_values["theta_CL"]), study, replicates=1000, seed=1
    )


@pytest.mark.parametrize("name", ["NPD", "NPDE"])
def test_distribution_errors_are_standard_normal_under_the_model(right, name):
    values = right.table[name]
    assert_standard_normal(values.to_numpy())


def test_conditional_weighted_residuals_are_standard_normal_under_the_model(right):
    values = right.table["CWRESI"].to_numpy()
    z = stats.norm.ppf(1 - ODDS / 2)
    # The model is linear at the mode only: what that leaves is a mean within 0.05 and a variance within a tenth.
    assert abs(values.mean()) < 0.05 + z / np.sqrt(len(values))
    assert abs(values.var() - 1) < 0.1 + z * np.sqrt(2 / len(values))


def test_conditioning_is_nearer_to_normal_than_linearising_at_zero(right):
    distance = {n: stats.kstest(right.table[n], "norm").statistic for n in ("WRES", "CWRESI")}
    assert distance["CWRESI"] < distance["WRES"]


def test_residuals_of_a_patient_are_uncorrelated_after_and_correlated_before(right):
    npde, npd = (right.table[n].to_numpy().reshape(COUNT, TIMES.size) for n in ("NPDE", "NPD"))
    off = ~np.eye(TIMES.size, dtype=bool)
    limit = stats.norm.ppf(1 - ODDS / 2 / 20) / np.sqrt(COUNT)
    assert np.abs(np.corrcoef(npde.T)[off]).max() < limit
    assert np.abs(np.corrcoef(npd.T)[off]).max() > limit


@pytest.mark.parametrize("residual", ["CWRESI", "NPDE"])
def test_a_wrong_clearance_is_seen(right, wrong, residual):
    p = {k: g.tests.set_index("residual")["p"][residual] for k, g in {"right": right, "wrong": wrong}.items()}
    assert p["wrong"] < ODDS < p["right"]


def test_the_numerical_check_holds_the_right_model_and_not_the_wrong(right, wrong):
    assert right.numerical["outside"].mean() <= 0.25
    assert wrong.numerical["outside"].mean() >= 0.5


def test_a_wrong_residual_error_is_seen_in_the_variance(study):
    found = goodness_of_fit(theophylline("(0.30 * Cp) ** 2 + 0.04"), study, replicates=300, seed=1)
    tests = found.tests.set_index("residual")
    assert tests["variance"]["NPDE"] < 0.75
    assert tests["p_variance"]["NPDE"] < 1e-6


def test_levels_below_the_limit_leave_distribution_errors_standard_normal():
    true = theophylline()
    limited = replace(true, residual=(replace(true.residual[0], lower_limit=2.0),))
    found = goodness_of_fit(limited, measured(true, seed=13, limit=2.0), replicates=1000, seed=2).table
    assert 0.15 < (found["CENS"] == 1).mean() < 0.5
    assert_standard_normal(found["NPD"].to_numpy())
    assert_standard_normal(found["NPDE"].to_numpy())


@pytest.mark.parametrize("correction", ["none", "prediction", "variability"])
def test_visual_checks_hold_the_right_model_and_not_the_wrong(study, correction):
    true = theophylline()
    false = true.with_values(theta_CL=1.25 * true.fixed_values["theta_CL"])
    kept = {"replicates": 300, "binning": "each", "correction": correction}
    # Of 15 quantiles with 90 % intervals fewer than 9 are held with odds below one in a thousand.
    assert visual_predictive_check(true, study, **kept).share_inside >= 9 / 15
    assert visual_predictive_check(false, study, **kept).share_inside < 9 / 15


def test_predictive_checks_hold_the_right_model_and_not_the_wrong(study):
    true = theophylline()
    false = with_estimates(true, {"theta_V": 1.2 * true.fixed_values["theta_V"]})
    statistics = {"maximum": maximum, "minimum": minimum}
    held = predictive_check(true, study, statistics, replicates=300).table.set_index("statistic")
    missed = predictive_check(false, study, statistics, replicates=300).table.set_index("statistic")
    assert (held["p"] > 0.01).all()
    assert missed["p"]["maximum"] < 0.01
