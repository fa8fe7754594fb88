"""Held-back measurements: what is held back, what is known, and how the scores are made."""

import numpy as np
import pandas as pd
import pytest
from normal_model import OMEGA, SIGMA2, THETA, measured, normal_population, posterior
from scipy import stats

from understudy.inference.hold_out import METHODS, ForecastCheck, check_forecasts, training_records

VALUES = {"a": [5.5, 6.1, 4.9], "b": [3.0], "c": [7.2, 7.0], "d": [4.0, 3.8, 4.4, 4.1]}


@pytest.fixture(scope="module")
def check():
    return check_forecasts(normal_population(), measured(VALUES), draws=4000, interval=0.8)


def test_the_last_of_each_patient_with_two_or_more(check):
    assert check.table["id"].tolist() == ["a", "c", "d"]
    assert check.table["observed"].tolist() == [4.9, 7.0, 4.1]
    assert check.table["previous"].tolist() == [6.1, 7.2, 4.4]
    assert check.skipped == 1
    assert not check.failures


def test_the_twin_knows_all_but_the_last(check):
    wanted = [THETA + posterior(VALUES[name][:-1])[0] for name in "acd"]
    np.testing.assert_allclose(check.table["individual"], wanted, rtol=1e-7)
    np.testing.assert_array_equal(check.table["population"], THETA)


def test_intervals_are_those_of_a_new_measurement(check):
    z = stats.norm.ppf(0.9)
    for row, name in zip(check.table.itertuples(), "acd", strict=True):
        spread = np.sqrt(posterior(VALUES[name][:-1])[1] + SIGMA2)
        # A quantile of 4,000 draws is known to some 2.5 % of the spread; four of those.
        assert row.individual_upper - row.individual == pytest.approx(z * spread, abs=0.1 * spread)
        assert row.individual - row.individual_lower == pytest.approx(z * spread, abs=0.1 * spread)
        wide = np.sqrt(OMEGA + SIGMA2)
        assert row.population_upper - row.population == pytest.approx(z * wide, abs=0.1 * wide)


def test_differences_are_paired(check):
    table, found = check.table, check.differences.set_index("method")
    twin = (table["individual"] - table["observed"]).abs()
    for key in ("population", "previous"):
        row = found.loc[METHODS[key]]
        assert row["mean"] == pytest.approx(((table[key] - table["observed"]).abs() - twin).mean())
        assert row["low"] <= row["mean"] <= row["high"]
    assert tuple(found.loc[METHODS["population"]]) == check.gain


def test_twins_may_be_made_by_any_method():
    found = check_forecasts(normal_population(), measured(VALUES), draws=1000, method="sir")
    wanted = check_forecasts(normal_population(), measured(VALUES), draws=1000)
    # The draws are those of a normal distribution by either way; a quantile of 1,000 is known to 5 % of the spread.
    spread = np.sqrt(OMEGA + SIGMA2)
    np.testing.assert_allclose(
        found.table["individual_upper"], wanted.table["individual_upper"], atol=0.25 * spread
    )
    np.testing.assert_allclose(found.table["individual"], wanted.table["individual"], rtol=1e-7)


def test_scores_by_hand(check):
    table, scores = check.table, check.scores.set_index("method")
    for key, method in METHODS.items():
        error = (table[key] - table["observed"]).to_numpy()
        row = scores.loc[method]
        assert row["n"] == 3
        assert row["mae"] == pytest.approx(np.abs(error).mean())
        assert row["rmse"] == pytest.approx(np.sqrt((error**2).mean()))
        assert row["bias"] == pytest.approx(error.mean())
    assert np.isnan(scores.loc[METHODS["previous"], "coverage"])
    inside = table["observed"].between(table["individual_lower"], table["individual_upper"]).sum()
    twin = scores.loc[METHODS["individual"]]
    assert twin["coverage"] == inside / 3
    low, high = stats.binomtest(int(inside), 3).proportion_ci(0.95)
    assert (twin["coverage_low"], twin["coverage_high"]) == (low, high)


def test_the_gain_is_the_mean_of_paired_differences(check):
    table = check.table
    paired = (table["population"] - table["observed"]).abs() - (table["individual"] - table["observed"]).abs()
    mean, low, high = check.gain
    assert mean == pytest.approx(paired.mean())
    assert paired.min() <= low <= mean <= high <= paired.max()


def test_what_was_measured_with_or_after_the_held_back_level_is_not_known():
    # Another output at the same time would tell the answer.
    model = normal_population(residual={"y": str(SIGMA2), "twice": "0.0001"})
    rows = [("a", 1.0, 5.5, "y"), ("a", 2.0, 6.1, "y"), ("a", 2.0, 12.4, "twice"), ("a", 3.0, 12.2, "twice")]
    from understudy.data.records import Records

    records = Records.from_frame(pd.DataFrame(rows, columns=["ID", "TIME", "DV", "DVID"]))
    found = check_forecasts(model, records, output="y", draws=50)
    assert found.table["individual"].iloc[0] == pytest.approx(THETA + posterior([5.5])[0], rel=1e-6)


def test_nobody_has_two_measurements():
    found = check_forecasts(normal_population(), measured({"a": [5.0], "b": [4.0]}))
    assert (
        found.sentence
        == "No patient has two measurements, so that the twins' forecasts could not be checked."
    )
    assert (len(found.table), found.skipped) == (0, 2)


def test_a_patient_of_whom_no_twin_can_be_made_is_named():
    model = normal_population(
        individual={"base": "where(BAD > 0, log(-1), theta + eta)"}, covariates={"BAD": "1"}
    )
    found = check_forecasts(model, measured(VALUES, BAD=[0, 0, 0, 0, 1, 1, 0, 0, 0, 0]), draws=50)
    assert list(found.failures) == ["c"]
    assert found.table["id"].tolist() == ["a", "d"]


def sentence(gain: tuple[float, float, float]) -> str:
    table = pd.DataFrame({"id": ["a", "b"]})
    scores = pd.DataFrame({"method": list(METHODS.values()), "mae": [2.0, 3.0, 4.0]})
    return ForecastCheck(table, scores, gain, 0.9, "mg/L", 0, {}).sentence


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        ((1.0, 0.2, 1.8), "Individualising helped"),
        ((-1.0, -1.8, -0.2), "Individualising made the forecast worse"),
        ((0.5, -0.2, 1.2), "Individualising made no difference that these data can show"),
    ],
)
def test_the_verdict_follows_the_interval(gain, verdict):
    told = sentence(gain)
    assert told.startswith(verdict + ": over 2 held-back levels the twin was off by 2 mg/L on average")
    assert "the population alone by 3 mg/L" in told


def test_intervals_carry_how_sure_the_parameters_are():
    error, draws = 1.5, 8000
    model = normal_population()
    z = stats.norm.ppf((np.arange(24) + 0.5) / 24)
    theta = THETA + error * z / z.std()
    drawn = [model.with_values(theta=value) for value in np.random.default_rng(1).permutation(theta)]
    found = check_forecasts(model, measured(VALUES), draws=draws, interval=0.8, drawn=drawn)
    plain = check_forecasts(model, measured(VALUES), draws=draws, interval=0.8)
    np.testing.assert_array_equal(found.table["individual"], plain.table["individual"])
    z = stats.norm.ppf(0.9)
    for row, name in zip(found.table.itertuples(), "acd", strict=True):
        known = VALUES[name][:-1]
        # The twin's mean moves with theta by what the patient's own measurements leave of the population's weight.
        left = 1 - posterior(known)[1] * len(known) / SIGMA2
        spread = np.sqrt(posterior(known)[1] + SIGMA2 + left**2 * error**2)
        wide = np.sqrt(OMEGA + SIGMA2 + error**2)
        # 24 values of theta, and 8,000 draws among them: a quantile is known to some 3 % of the spread.
        assert row.individual_upper - row.individual_lower == pytest.approx(2 * z * spread, rel=0.1)
        assert row.population_upper - row.population_lower == pytest.approx(2 * z * wide, rel=0.1)


def test_training_records_are_those_that_forecasts_know():
    records = measured(VALUES)
    known = training_records(normal_population(), records)
    assert [known.observations.query("id == @name")["dv"].tolist() for name in "abcd"] == [
        [5.5, 6.1], [3.0], [7.2], [4.0, 3.8, 4.4],
    ]  # fmt: skip
    # What is learned from them does not depend on what is held back.
    other = training_records(normal_population(), measured(VALUES | {"a": [5.5, 6.1, 99.0]}))
    pd.testing.assert_frame_equal(
        known.observations.drop(columns="row"), other.observations.drop(columns="row")
    )
