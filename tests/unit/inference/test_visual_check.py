"""Visual predictive check: bins, quantiles and intervals."""

import numpy as np
import pandas as pd
import pytest
from normal_model import OMEGA, SIGMA2, THETA, normal_population
from scipy import stats

from understudy.data.records import Records
from understudy.inference.predictor import Predictor
from understudy.inference.visual_check import _bins, prior_vectors, visual_predictive_check
from understudy.library.pk import compartments
from understudy.model.population_model import PopulationModel

COUNT = 60


@pytest.fixture(scope="module")
def records():
    """Sixty patients with three measurements each, drawn from the model."""
    rng, rows = np.random.default_rng(8), []
    for k in range(COUNT):
        level = THETA + np.sqrt(OMEGA) * rng.standard_normal()
        rows += [
            {"ID": k, "TIME": t, "DV": level + np.sqrt(SIGMA2) * rng.standard_normal()}
            for t in (1.0, 2.0, 3.0)
        ]
    return Records.from_frame(pd.DataFrame(rows))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
def test_bins_hold_every_measurement_once_and_equal_times_together(count):
    time = np.random.default_rng(1).choice([0.0, 1.0, 2.0, 5.0, 9.0, 9.5], 200)
    bins = _bins(time, count)
    assert sorted(np.concatenate(bins)) == list(range(200))
    assert len(bins) <= min(count, 6)
    for first in bins:
        for second in bins:
            assert first is second or not set(time[first]) & set(time[second])


def test_bins_are_about_equally_large():
    sizes = [len(chosen) for chosen in _bins(np.arange(100.0), 4)]
    assert sizes == [25, 25, 25, 25]


def test_quantiles_lie_where_theory_puts_them(records):
    found = visual_predictive_check(normal_population(), records, replicates=400, bins=1)
    assert found["quantile"].tolist() == [0.05, 0.5, 0.95]
    spread = np.sqrt(OMEGA + SIGMA2)
    wanted = stats.norm.ppf([0.05, 0.5, 0.95], THETA, spread)
    # The median of 400 replicates' quantiles of 180 correlated values: known to a few per cent of the spread.
    np.testing.assert_allclose(found["median"], wanted, atol=0.08 * spread)
    assert (found["low"] < found["median"]).all()
    assert (found["median"] < found["high"]).all()
    np.testing.assert_allclose(found["observed"], records.observations["dv"].quantile([0.05, 0.5, 0.95]))
    assert (found["n"] == 3 * COUNT).all()


def test_a_wider_interval_is_wider(records):
    narrow = visual_predictive_check(normal_population(), records, replicates=100, bins=2, interval=0.5)
    wide = visual_predictive_check(normal_population(), records, replicates=100, bins=2, interval=0.95)
    assert ((wide["high"] - wide["low"]) > (narrow["high"] - narrow["low"])).all()


def test_new_effects_have_the_stated_covariance(records):
    drawn = prior_vectors(Predictor(normal_population(), records), 400, seed=1)
    assert drawn.shape == (400, COUNT, 1)
    assert drawn.var() == pytest.approx(OMEGA, rel=0.05)


def test_prediction_correction_divides_out_the_dose():
    model = PopulationModel(
        "iv",
        compartments(1, "iv"),
        {"CL": "5 * exp(eta)"},
        {"x": 1.0},
        {"eta": 0.01},
        {"Cp": "(0.05 * Cp) ** 2"},
    )
    rows = []
    for k, amount in enumerate([10.0, 100.0, 1000.0] * 8):
        rows.append({"ID": k, "TIME": 0.0, "AMT": amount, "EVID": 1})
        rows.append({"ID": k, "TIME": 2.0, "AMT": 0.0, "EVID": 0, "DV": amount / 50 * np.exp(-0.2)})
    records = Records.from_frame(pd.DataFrame(rows))
    plain = visual_predictive_check(model, records, replicates=50, bins=1)
    corrected = visual_predictive_check(model, records, replicates=50, bins=1, corrected=True)
    assert plain["observed"].iloc[2] / plain["observed"].iloc[0] == pytest.approx(100, rel=1e-6)
    np.testing.assert_allclose(corrected["observed"], 100 / 50 * np.exp(-0.2), rtol=1e-9)


def test_without_measurements_there_is_nothing_to_check(records):
    none = records.without_observations(records.table["row"])
    found = visual_predictive_check(normal_population(), none, replicates=10)
    assert list(found.columns) == ["output", "time", "n", "quantile", "observed", "low", "median", "high"]
    assert not len(found)
