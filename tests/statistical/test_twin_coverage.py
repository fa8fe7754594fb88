"""Simulate newborns, make their twins, and see whether the intervals hold what they say."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from understudy.core.random import normals
from understudy.data.records import Records
from understudy.engine.simulate import simulate
from understudy.inference.diagnose import diagnose
from understudy.inference.diagnostics.visual_check import visual_predictive_check
from understudy.inference.forecast import forecast
from understudy.inference.hold_out import check_forecasts
from understudy.inference.individualise import individualise
from understudy.library.catalogue import model
from understudy.population.virtual import virtual_patients

COUNT, REGIMEN = 400, "20 mg/kg then 2.5 mg/kg every 12 h for 6 days"
TIMES = np.array([2.0, 60.0, 143.0])
INTERVAL = 0.9
# Odds of one in ten thousand that right intervals cover less or more.
LOW, HIGH = stats.binom.ppf([0.5e-4, 1 - 0.5e-4], COUNT, INTERVAL) / COUNT


@pytest.fixture(scope="module")
def truth():
    """Simulated newborns: covariates and random effects."""
    real = pd.DataFrame({"WT": np.linspace(0.8, 3.4, 27), "APGR": np.tile([3.0, 6.0, 9.0], 9)})
    return virtual_patients(model("phenobarbital_neonates"), real, COUNT, seed=2)


@pytest.fixture(scope="module")
def measured(truth):
    """Their measurements, as a hospital's table would show them."""
    pop = model("phenobarbital_neonates")
    levels = simulate(pop, truth, REGIMEN, TIMES)["Cp"].values
    noise = normals(3, "measurement", np.arange(COUNT), TIMES.size)
    values = levels * (1 + np.sqrt(pop.fixed_values["sigma2"]) * noise)
    rows = []
    for k, (name, patient) in enumerate(truth.iterrows()):
        fixed = {"ID": name, "WT": patient["WT"], "APGR": patient["APGR"]}
        load, maintenance = 20 * patient["WT"], 2.5 * patient["WT"]
        doses = [(0.0, load), *((12.0 * j, maintenance) for j in range(1, 13))]
        events = [{"TIME": t, "AMT": a, "EVID": 1} for t, a in doses]
        events += [{"TIME": t, "EVID": 0, "DV": v} for t, v in zip(TIMES, values[k], strict=True)]
        rows += [fixed | event for event in sorted(events, key=lambda e: e["TIME"])]
    return Records.from_frame(pd.DataFrame(rows))


@pytest.fixture(scope="module")
def twins(measured):
    made = individualise(model("phenobarbital_neonates"), measured)
    assert not made.failures
    return made


@pytest.mark.parametrize("index", [0, 1])
def test_posterior_intervals_hold_the_true_random_effects(twins, truth, index):
    name = twins.effects.names[index]
    error = twins.modes[:, index] - truth[name].to_numpy()
    spread = np.sqrt(twins.covariances[:, index, index])
    covered = (np.abs(error) <= stats.norm.ppf((1 + INTERVAL) / 2) * spread).mean()
    assert LOW <= covered <= HIGH
    # The spread itself is right, not only the share: standardised errors have variance one.
    assert abs((error / spread).var() - 1) < stats.norm.ppf(1 - 0.5e-4) * np.sqrt(2 / COUNT)


def test_joint_posterior_is_right_with_its_correlation(twins, truth):
    error = twins.modes - truth[list(twins.effects.names)].to_numpy()
    distance = np.einsum("ni,nij,nj->n", error, np.linalg.inv(twins.covariances), error)
    assert stats.kstest(distance, stats.chi2(2).cdf).pvalue > 1e-4


def test_individualising_narrows_what_the_population_leaves_open(twins):
    # On average: a patient who is far from the others can leave more open than the population did.
    prior = np.diag(twins.effects.omega)
    posterior = np.diagonal(twins.covariances, axis1=1, axis2=2).mean(axis=0)
    clearance, volume = posterior / prior
    assert clearance < 0.9
    assert volume < 0.3


def test_forecast_intervals_hold_the_last_level(measured):
    check = check_forecasts(model("phenobarbital_neonates"), measured, interval=INTERVAL, draws=200)
    scores = check.scores.set_index("method")
    for method in ("twin", "population alone"):
        assert LOW <= scores.loc[method, "coverage"] <= HIGH
    assert scores.loc["twin", "mae"] < scores.loc["population alone", "mae"]
    assert check.gain[1] > 0
    assert check.sentence.startswith("Individualising helped")


def test_forecasts_of_a_new_regimen_hold_the_true_level(twins, truth):
    regimen, times = "4 mg/kg every 12 h for 4 days", [96.0]
    wanted = simulate(twins.model, truth, regimen, times)["Cp"].values[:, 0]
    low, high = (
        forecast(twins, regimen, times, draws=400)["Cp"].quantile([0.05, 0.95], dim="draw").values[:, :, 0]
    )
    assert LOW <= ((low <= wanted) & (wanted <= high)).mean() <= HIGH


def test_weighted_residuals_are_no_wider_than_one(twins):
    iwres = diagnose(twins, draws=20).observations["iwres"]
    # The twin has seen the very measurement, so that residuals are narrower than the measurement's scatter.
    assert 0.5 < iwres.std() < 1.0


def test_data_from_the_model_pass_its_visual_check(measured):
    check = visual_predictive_check(
        model("phenobarbital_neonates"), measured, replicates=200, bins=3
    ).quantiles
    inside = check["observed"].between(check["low"], check["high"])
    assert inside.sum() >= 7  # of 9 quantiles, 90 % intervals


def test_data_from_another_model_fail_its_visual_check(measured):
    wrong = model("phenobarbital_neonates").with_values(theta_CL=0.012)
    check = visual_predictive_check(wrong, measured, replicates=200, bins=3).quantiles
    inside = check["observed"].between(check["low"], check["high"])
    assert inside.sum() <= 5
