"""Statistics, events and categories of studies beside simulated ones."""

import numpy as np
import pandas as pd
import pytest
from normal_model import OMEGA, SIGMA2, THETA, measured, normal_population
from scipy import stats

from understudy.core.errors import SimulationError
from understudy.inference.diagnostics.category_check import category_check
from understudy.inference.diagnostics.event_check import event_check, kaplan_meier
from understudy.inference.diagnostics.predictive_check import (
    STATISTICS,
    area,
    last,
    maximum,
    minimum,
    predictive_check,
)


def study(count=60, shift=0.0, seed=5):
    rng = np.random.default_rng(seed)
    levels = THETA + shift + np.sqrt(OMEGA) * rng.standard_normal(count)
    return measured(
        {str(k): list(level + np.sqrt(SIGMA2) * rng.standard_normal(3)) for k, level in enumerate(levels)}
    )


def test_statistics_of_one_patient():
    time, value = np.array([0.0, 2.0, 4.0]), np.array([1.0, 5.0, 3.0])
    assert [f(time, value) for f in (maximum, minimum, last, area)] == [5.0, 1.0, 3.0, 14.0]
    assert np.isnan(area(time[:1], value[:1]))


def test_the_right_model_passes_and_a_shifted_one_does_not():
    table = predictive_check(normal_population(), study(), replicates=400).table.set_index("statistic")
    assert set(table.index) == set(STATISTICS)
    assert (table["p"] > 0.01).all()
    assert (table["n"] == 60).all()
    shifted = predictive_check(normal_population(), study(shift=0.8), replicates=400).table.set_index(
        "statistic"
    )
    assert (shifted["p"][["last", "area"]] < 0.02).all()
    far = predictive_check(normal_population(), study(shift=5.0), replicates=100).table
    # As far out as no simulated study: two sides, and the observed study counts as one.
    np.testing.assert_allclose(far["p"], 2 / 101)


def test_simulated_statistics_lie_where_theory_puts_them():
    found = predictive_check(
        normal_population(), study(), {"mean": lambda t, v: v.mean()}, summary=np.mean, replicates=2000
    )
    error = np.sqrt((OMEGA + SIGMA2 / 3) / 60)
    row = found.table.iloc[0]
    assert row["median"] == pytest.approx(THETA, abs=5 * error / np.sqrt(2000 * 2 / np.pi))
    # Ends of a 90 % interval of 2,000 values: known to 5 % of the standard error, four times that.
    assert row["high"] == pytest.approx(THETA + stats.norm.ppf(0.95) * error, abs=0.2 * error)
    assert len(found.simulated) == 2000


def test_a_statistic_that_is_no_number_is_refused():
    with pytest.raises(SimulationError, match="the statistic 'all' gives ndarray"):
        predictive_check(normal_population(), study(3), {"all": lambda t, v: v}, replicates=5)


def test_survival_against_numbers_worked_out_by_hand():
    # Freireich et al. 1963 (doi:10.1182/blood.V21.6.699.699), 6-mercaptopurine: weeks in remission, + censored.
    time = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    event = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    curve = kaplan_meier(time, event).set_index("time")["survival"]
    wanted = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    np.testing.assert_allclose(curve[list(wanted)], list(wanted.values()), atol=5e-4)


def exponential(rate, count, seed):
    time = np.random.default_rng(seed).exponential(1 / rate, count)
    return pd.DataFrame({"time": np.minimum(time, 10.0), "event": (time < 10.0).astype(int)})


def test_events_of_the_model_lie_in_the_band_and_others_do_not():
    simulated = pd.concat([exponential(0.2, 150, 100 + k).assign(replicate=k) for k in range(200)])
    held = event_check(exponential(0.2, 150, 1), simulated).curves
    missed = event_check(exponential(0.4, 150, 1), simulated).curves
    assert held["observed"].between(held["low"], held["high"]).mean() > 0.6
    assert missed["observed"].between(missed["low"], missed["high"]).mean() < 0.2
    np.testing.assert_allclose(held["median"], np.exp(-0.2 * held["time"]), atol=0.03)
    assert held["at_risk"].iloc[0] == 150


def test_strata_of_events_are_kept_apart():
    both = pd.concat(
        [exponential(0.2, 50, 1).assign(stratum="A"), exponential(0.9, 50, 2).assign(stratum="B")]
    )
    curves = event_check(both, both.assign(replicate=1)).curves
    assert list(dict.fromkeys(curves["stratum"])) == ["A", "B"]
    np.testing.assert_allclose(curves["observed"], curves["median"])
    with pytest.raises(SimulationError, match="stratum 'B' was not simulated"):
        event_check(both, both[both["stratum"] == "A"].assign(replicate=1))


@pytest.mark.parametrize(
    ("table", "cause"),
    [
        (pd.DataFrame({"time": [1.0]}), "no column event"),
        (pd.DataFrame({"time": [], "event": []}), "no subject"),
        (pd.DataFrame({"time": [1.0, -2.0], "event": [1, 1]}), "time -2 with event 1 is impossible"),
        (pd.DataFrame({"time": [1.0], "event": [2]}), "event 2 is impossible"),
    ],
)
def test_impossible_events_are_refused(table, cause):
    with pytest.raises(SimulationError, match=cause):
        event_check(table, table.assign(replicate=1))


def categories(shares, count, seed):
    rng = np.random.default_rng(seed)
    time = np.repeat([1.0, 2.0, 3.0], count)
    drawn = [rng.choice(3, count, p=share) for share in shares]
    return pd.DataFrame({"time": time, "category": np.concatenate(drawn)})


def test_categories_of_the_model_lie_in_their_intervals_and_others_do_not():
    true, other = [[0.6, 0.3, 0.1], [0.5, 0.3, 0.2], [0.3, 0.3, 0.4]], [[0.2, 0.2, 0.6]] * 3
    simulated = pd.concat([categories(true, 100, 50 + k).assign(replicate=k) for k in range(200)])
    held = category_check(categories(true, 100, 1), simulated, binning="each")
    missed = category_check(categories(other, 100, 1), simulated, binning="each")
    assert held["observed"].between(held["low"], held["high"]).sum() >= 6
    assert missed["observed"].between(missed["low"], missed["high"]).sum() <= 4
    np.testing.assert_allclose(held["median"], np.ravel(true), atol=0.03)
    np.testing.assert_allclose(held.groupby("bin")["observed"].sum(), 1.0)


def test_impossible_categories_are_refused():
    table = pd.DataFrame({"time": [1.0, np.nan], "category": [1, 0]})
    with pytest.raises(SimulationError, match="missing"):
        category_check(table, table.assign(replicate=1))
    with pytest.raises(SimulationError, match="no column replicate"):
        category_check(table.iloc[:1], table.iloc[:1])
