"""Courses of a pair: counts and ratios by period, change points, and times to onset."""

import numpy as np
import pandas as pd
import pytest

from understudy.causal.signals import change_point, fit_onset, simulate_reports, time_to_onset, trend
from understudy.causal.signals.pair_trend import _tell_tale
from understudy.core.errors import SimulationError


@pytest.fixture(scope="module")
def reports():
    return simulate_reports(4000, seed=1)


def test_counts_by_quarter_and_so_far(reports):
    found = trend(reports, "drug 1", "event 1")
    table = found.table
    assert table["period"].tolist() == [f"{year}Q{q}" for year in (2021, 2022, 2023) for q in (1, 2, 3, 4)]
    assert table["total"].sum() == reports.count
    assert table["n"].cumsum().tolist() == table["n_so_far"].tolist()
    row = table.iloc[3]
    a, b, c = row["n"], row["n_drug"] - row["n"], row["n_event"] - row["n"]
    assert row["ror"] == pytest.approx(a * (row["total"] - a - b - c) / (b * c))
    # Up to the last period it is the ratio of all reports.
    from understudy.causal.signals import find_signals

    whole = find_signals(reports, drugs=["drug 1"], events=["event 1"]).table.iloc[0]
    assert table["ror_so_far"].iloc[-1] == pytest.approx(whole["ror"])
    assert table["ic_low"].iloc[-1] == pytest.approx(whole["ic_low"])


def test_the_first_signal_is_the_first_period_with_a_limit_above_zero(reports):
    found = trend(reports, "drug 3", "event 9")
    above = found.table[found.table["ic_low"] > 0]["period"]
    assert found.first_signal == above.iloc[0]


def test_a_gap_is_a_period_without_reports(reports):
    from dataclasses import replace

    quarter = reports.cases["quarter"]
    kept = reports.kept((quarter != "2022Q1").to_numpy())
    table = trend(kept, "drug 1", "event 1").table
    assert table.set_index("period")["total"]["2022Q1"] == 0
    dated = replace(reports, cases=reports.cases.assign(received="", quarter=""))
    with pytest.raises(SimulationError, match="no report tells its quarter"):
        trend(dated, "drug 1", "event 1")


def test_periods_with_few_reports_are_hidden_with_sums_that_would_tell_them():
    assert _tell_tale([6, 3, 9, 2, 7]).tolist() == [False, False, True, False, False]
    reports = simulate_reports(1500, seed=1)
    found = trend(reports, "drug 3", "event 9")
    shown = found.shown()
    few = found.table["n"].between(1, 4).to_numpy()
    assert few.any()
    assert shown.loc[few, ["n", "n_so_far", "ror", "expected"]].isna().all(axis=None)
    assert shown["total"].notna().all()
    assert found.shown(public=True) is found.table


def test_a_change_is_found_where_it_is():
    found = change_point(np.array([10, 9, 11, 10, 30, 28, 33]), np.full(7, 15.0), list("abcdefg"))
    assert found.period == "e"
    assert found.p_value < 0.005
    assert found.before == pytest.approx(40 / 60)


def test_a_change_of_what_is_expected_is_no_change():
    expected = np.array([10.0, 10, 10, 40, 40, 40])
    assert change_point(np.array([10, 12, 9, 41, 38, 40]), expected, list("abcdef")).p_value > 0.3


def test_p_values_of_no_change_are_uniform():
    rng = np.random.Generator(np.random.Philox(9))
    expected = np.array([4.0, 8, 6, 9, 5, 7, 8, 8])
    p = np.array(
        [change_point(rng.poisson(expected), expected, list("abcdefgh")).p_value for _ in range(200)]
    )
    # 200 trials: the share below 0.1 has a standard error of 0.021.
    assert 0.03 < (p <= 0.1).mean() < 0.17


def test_few_reports_have_no_change_point():
    assert change_point(np.array([3, 3, 3]), np.full(3, 3.0), list("abc")) is None


@pytest.mark.parametrize("shape", [0.6, 1.0, 1.8])
def test_onset_finds_the_shape_and_its_limits_cover(shape):
    rng = np.random.Generator(np.random.Philox(11))
    covered = 0
    for _ in range(100):
        found = fit_onset(np.floor(20 * rng.weibull(shape, 150)))
        covered += found.shape_low < shape < found.shape_high
    # 95 of 100 with a standard error of 2.2.
    assert covered >= 88


def test_onset_takes_the_first_start_and_leaves_out_what_is_not_told(reports):
    found = time_to_onset(reports, "drug 1", "event 1")
    n = trend(reports, "drug 1", "event 1").table["n"].sum()
    assert found.reports + found.left_out + found.before_start == n
    assert found.hazard == "falling"
    from dataclasses import replace

    again = reports.therapies.assign(start="2023-12-31")
    both = replace(reports, therapies=pd.concat([reports.therapies, again], ignore_index=True))
    assert np.array_equal(time_to_onset(both, "drug 1", "event 1").days, found.days)


def test_too_few_dates_are_an_error(reports):
    from dataclasses import replace

    undated = replace(reports, cases=reports.cases.assign(event_date=""))
    with pytest.raises(SimulationError, match="fewer than 5 reports tell how long"):
        time_to_onset(undated, "drug 1", "event 1")
