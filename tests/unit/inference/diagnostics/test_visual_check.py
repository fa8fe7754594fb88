"""Visual predictive check: bins, quantiles and intervals."""

import numpy as np
import pandas as pd
import pytest
from normal_model import OMEGA, SIGMA2, THETA, normal_population
from scipy import stats

from understudy.core.errors import SimulationError
from understudy.data.records import Records
from understudy.inference.diagnostics.replicates import prior_vectors
from understudy.inference.diagnostics.visual_check import ordered_quantiles, visual_predictive_check
from understudy.inference.predictor import Predictor
from understudy.library.pk import compartments
from understudy.model.population_model import PopulationModel, Residual

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


def test_quantiles_lie_where_theory_puts_them(records):
    found = visual_predictive_check(normal_population(), records, replicates=400, bins=1).quantiles
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
    narrow = visual_predictive_check(
        normal_population(), records, replicates=100, bins=2, interval=0.5
    ).quantiles
    wide = visual_predictive_check(
        normal_population(), records, replicates=100, bins=2, interval=0.95
    ).quantiles
    assert ((wide["high"] - wide["low"]) > (narrow["high"] - narrow["low"])).all()


def test_new_effects_have_the_stated_covariance(records):
    drawn = prior_vectors(Predictor(normal_population(), records), 400, seed=1)
    assert drawn.shape == (400, COUNT, 1)
    assert drawn.var() == pytest.approx(OMEGA, rel=0.05)


def dosed(amounts, times=(2.0,), error=0.05, noise=0.0, **columns):
    """A model with hardly any variability, and levels of many doses that lie exactly on it."""
    model = PopulationModel(
        "iv",
        compartments(1, "iv"),
        {"CL": "5 * exp(eta)"},
        {"x": 1.0},
        {"eta": 0.01},
        {"Cp": f"({error} * Cp) ** 2"},
    )
    rng, rows = np.random.default_rng(5), []
    for k, amount in enumerate(amounts):
        rows.append({"ID": k, "TIME": 0.0, "AMT": amount, "EVID": 1})
        for t in times:
            level = amount / 50 * np.exp(-0.1 * t) * (1 + noise * rng.standard_normal())
            rows.append({"ID": k, "TIME": t, "AMT": 0.0, "EVID": 0, "DV": level})
    return model, Records.from_frame(pd.DataFrame(rows).assign(**columns))


def test_prediction_correction_divides_out_the_dose():
    model, records = dosed([10.0, 100.0, 1000.0] * 8)
    plain = visual_predictive_check(model, records, replicates=50, bins=1).quantiles
    corrected = visual_predictive_check(
        model, records, replicates=50, bins=1, correction="prediction"
    ).quantiles
    assert plain["observed"].iloc[2] / plain["observed"].iloc[0] == pytest.approx(100, rel=1e-6)
    np.testing.assert_allclose(corrected["observed"], 100 / 50 * np.exp(-0.2), rtol=1e-9)


def test_variability_correction_gives_every_measurement_the_same_spread():
    # The spread of a level grows with time, as clearance varies: 0.1 * t of it, beside 5 % of error.
    model, records = dosed([100.0] * 40, times=(1.0, 10.0, 30.0), noise=0.05)
    spread = {}
    for correction in ("prediction", "variability"):
        found = visual_predictive_check(model, records, replicates=400, bins=1, correction=correction)
        own = found.observations
        middle = own.groupby("time")["observed"].apply(lambda v: np.std(v))
        spread[correction] = middle
    model_spread = np.sqrt(0.05**2 + (0.01 * np.array([0.1, 1.0, 3.0]) ** 2))
    ratio = (spread["variability"] / spread["prediction"]).to_numpy()
    # Each is scaled to the median of the three, the second.
    np.testing.assert_allclose(ratio, model_spread[1] / model_spread, rtol=0.1)


def test_a_stratum_is_made_of_its_own_measurements():
    model, records = dosed([10.0, 100.0, 1000.0] * 4)
    table = records.table
    records = Records.from_frame(
        pd.DataFrame({"ID": table["id"], "TIME": table["time"], "AMT": table["amt"], "EVID": table["evid"],
                      "DV": table["dv"], "DOSE": np.repeat([10.0, 100.0, 1000.0] * 4, 2)})
    )  # fmt: skip
    found = visual_predictive_check(model, records, replicates=20, bins=1, stratify="dose").quantiles
    assert list(dict.fromkeys(found["stratum"])) == ["DOSE 10", "DOSE 100", "DOSE 1000"]
    assert (found["n"] == 4).all()
    np.testing.assert_allclose(
        found.groupby("stratum")["observed"].mean(), np.array([10, 100, 1000]) / 50 * np.exp(-0.2)
    )
    cut = visual_predictive_check(
        model, records, replicates=20, bins=1, stratify="DOSE", cuts=[50.0]
    ).quantiles
    assert dict.fromkeys(zip(cut["stratum"], cut["n"], strict=True)) == {
        ("DOSE < 50", 4): None,
        ("DOSE ≥ 50", 8): None,
    }


def test_measurements_below_the_limit_are_counted_and_hide_the_lowest_quantiles():
    model = normal_population(residual=(Residual("y", str(SIGMA2), lower_limit=4.5),))
    rng, rows = np.random.default_rng(3), []
    for k in range(200):
        value = THETA + np.sqrt(OMEGA + SIGMA2) * rng.standard_normal()
        rows.append({"ID": k, "TIME": 1.0, "DV": max(value, 4.0)})
    found = visual_predictive_check(model, Records.from_frame(pd.DataFrame(rows)), replicates=300, bins=1)
    share = stats.norm.cdf((4.5 - THETA) / np.sqrt(OMEGA + SIGMA2))
    row = found.censored.iloc[0]
    # 200 patients: five standard errors of a share are 0.17; the median of 300 such is far nearer.
    assert row["observed"] == pytest.approx(share, abs=0.17)
    assert row["median"] == pytest.approx(share, abs=0.02)
    assert row["low"] < share < row["high"]
    lowest, middle = found.quantiles.iloc[0], found.quantiles.iloc[1]
    assert np.isnan([lowest["observed"], lowest["low"], lowest["high"]]).all()
    assert np.isfinite([middle["observed"], middle["low"], middle["high"]]).all()
    given = visual_predictive_check(
        normal_population(), Records.from_frame(pd.DataFrame(rows)), replicates=300, bins=1, lower_limit=4.5
    )
    pd.testing.assert_frame_equal(given.censored, found.censored)


def test_time_after_dose_lies_on_the_axis():
    rows = [{"ID": 1, "TIME": 0.0, "AMT": 100.0, "EVID": 1, "ADDL": 3, "II": 12.0, "DV": np.nan}]
    rows += [{"ID": 1, "TIME": t, "EVID": 0, "DV": 1.0} for t in (3.0, 12.0, 23.0, 37.0, 60.0)]
    model, _ = dosed([1.0])
    found = visual_predictive_check(
        model, Records.from_frame(pd.DataFrame(rows)), replicates=10, bins=1, over="time after dose"
    )
    assert found.observations["time"].tolist() == [3.0, 0.0, 11.0, 1.0, 24.0]
    assert found.axis_unit == "h"


def test_measurements_before_the_first_dose_have_no_time_after_it():
    model, _ = dosed([1.0])
    rows = [
        {"ID": 1, "TIME": 0.0, "EVID": 0, "DV": 0.1},
        {"ID": 1, "TIME": 0.0, "AMT": 100.0, "EVID": 1},
        {"ID": 1, "TIME": 2.0, "EVID": 0, "DV": 1.6},
    ]
    records = Records.from_frame(pd.DataFrame(rows))
    found = visual_predictive_check(model, records, replicates=10, bins=1, over="time after dose")
    assert (len(found.observations), found.left_out) == (1, 1)
    # Nor does a typical prediction of zero have a correction.
    corrected = visual_predictive_check(model, records, replicates=10, bins=1, correction="prediction")
    assert (len(corrected.observations), corrected.left_out) == (1, 1)


def test_a_column_of_nominal_times_lies_on_the_axis(records):
    table = records.table
    nominal = Records.from_frame(
        pd.DataFrame(
            {"ID": table["id"], "TIME": table["time"] + 0.1, "DV": table["dv"], "NTIM": table["time"]}
        )
    )
    found = visual_predictive_check(normal_population(), nominal, replicates=10, binning="each", over="NTIM")
    assert sorted(set(found.quantiles["time"])) == [1.0, 2.0, 3.0]


def test_quantiles_among_infinite_values():
    values = np.array([[-np.inf, 1.0], [2.0, np.inf]])
    np.testing.assert_array_equal(ordered_quantiles(values, [0.5]), [[-np.inf, np.inf]])
    rng = np.random.default_rng(0).normal(size=(31, 4))
    np.testing.assert_allclose(
        ordered_quantiles(rng, [0.05, 0.5, 0.95]), np.quantile(rng, [0.05, 0.5, 0.95], axis=0)
    )


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"stratify": "SEXX"}, "no column 'SEXX'"),
        ({"over": "NTIM"}, "no column 'NTIM'"),
        ({"bins": 0}, "0 bins are too few"),
        ({"bins": [2.0]}, "too few or do not increase"),
        ({"bins": [1.5, 9.0]}, "60 of 180 measurements lie outside"),
        ({"binning": "fancy"}, "unknown binning"),
        ({"correction": "all"}, "unknown correction"),
        ({"quantiles": [5.0]}, "5 is no probability"),
        ({"interval": 90}, "90 is no probability"),
        ({"replicates": 1}, "1 replicates are too few"),
        ({"over": "time after dose"}, "no measurement has a time after dose"),
    ],
)
def test_impossible_questions_name_what_to_mend(records, options, cause):
    with pytest.raises(SimulationError, match=cause) as caught:
        visual_predictive_check(normal_population(), records, **{"replicates": 5} | options)
    assert caught.value.repair


def test_without_measurements_there_is_nothing_to_check(records):
    none = records.without_observations(records.table["row"])
    with pytest.raises(SimulationError, match="no measurement"):
        visual_predictive_check(normal_population(), none, replicates=10)
