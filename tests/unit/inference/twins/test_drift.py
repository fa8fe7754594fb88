"""Drift, against the Kalman filter, which is exact for a level that walks at random."""

import numpy as np
import pandas as pd
import pytest
from normal_model import OMEGA, SIGMA2, THETA, measured, normal_population

from understudy.core.errors import ModelError
from understudy.data.records import Records
from understudy.inference.forecast import forecast
from understudy.inference.individualise import individualise
from understudy.inference.twins.drift import Drift

VALUES = [5.5, 6.1, 4.9, 7.0, 7.4, 7.1]


def kalman(values: list[float], variance: float) -> tuple[float, float]:
    """Mean and variance of the last level, one step between measurements."""
    mean, spread = 0.0, OMEGA
    for k, value in enumerate(values):
        spread += variance if k else 0.0
        gain = spread / (spread + SIGMA2)
        mean, spread = mean + gain * (value - THETA - mean), (1 - gain) * spread
    return mean, spread


def last_state(twins) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the sum of the random effect and its steps."""
    return twins.modes.sum(axis=1), twins.covariances.sum(axis=(1, 2))


@pytest.mark.parametrize("variance", [0.01, 0.3, 10.0])
def test_the_last_level_is_that_of_the_kalman_filter(variance):
    twins = individualise(
        normal_population(), measured({"a": VALUES}), drift=Drift({"eta": variance}, every=1.0)
    )
    assert len(twins.effects.names) == len(VALUES)
    mean, spread = last_state(twins)
    wanted = kalman(VALUES, variance)
    # Exact but for the differences by which the curvature is found.
    assert mean[0] == pytest.approx(wanted[0], rel=1e-6)
    assert spread[0] == pytest.approx(wanted[1], rel=1e-5)


def test_without_variance_there_is_no_drift():
    plain = individualise(normal_population(), measured({"a": VALUES}))
    still = individualise(normal_population(), measured({"a": VALUES}), drift=Drift({"eta": 0.0}, every=1.0))
    assert last_state(still)[0][0] == pytest.approx(plain.modes[0, 0], rel=1e-8)
    assert last_state(still)[1][0] == pytest.approx(plain.covariances[0, 0, 0], rel=1e-6)


def test_with_much_of_it_only_the_last_level_counts():
    twins = individualise(normal_population(), measured({"a": VALUES}), drift=Drift({"eta": 1e6}, every=1.0))
    assert last_state(twins)[0][0] == pytest.approx(VALUES[-1] - THETA, abs=1e-4)
    assert last_state(twins)[1][0] == pytest.approx(SIGMA2, rel=1e-4)


def test_forecasts_begin_where_the_walk_has_come_to():
    twins = individualise(normal_population(), measured({"a": VALUES}), drift=Drift({"eta": 0.3}, every=1.0))
    mean, spread = kalman(VALUES, 0.3)
    for since in (None, "last"):
        drawn = forecast(twins, None, [1.0], since=since, draws=20_000)["y"].values.ravel()
        assert drawn.mean() == pytest.approx(THETA + mean, abs=4 * np.sqrt(spread / 20_000))
        assert drawn.var() == pytest.approx(spread, rel=0.05)
    assert twins.table.loc["a", "base"] == pytest.approx(THETA + mean, rel=1e-6)


def test_each_patient_has_walked_as_far_as_he_was_followed():
    records = measured({"a": VALUES, "b": VALUES[:2]})
    twins = individualise(normal_population(), records, drift=Drift({"eta": 0.3}, every=1.0))
    assert twins.table.loc["b", "base"] == pytest.approx(THETA + kalman(VALUES[:2], 0.3)[0], rel=1e-6)
    drawn = forecast(twins, None, [1.0], draws=20_000)["y"].values[1].ravel()
    assert drawn.var() == pytest.approx(kalman(VALUES[:2], 0.3)[1], rel=0.05)


def test_periods_may_be_occasions():
    rows = pd.DataFrame({"ID": "a", "TIME": [1.0, 2.0, 3.0], "DV": VALUES[:3], "OCC": ["x", "x", "y"]})
    twins = individualise(normal_population(), Records.from_frame(rows), drift=Drift({"eta": 0.3}))
    assert twins.effects.names == ("eta", "eta_drift1")


def test_shrinkage_tells_of_the_populations_effects_only():
    records = measured({"a": VALUES, "b": VALUES[::-1]})
    twins = individualise(normal_population(), records, drift=Drift({"eta": 0.3}, every=1.0))
    assert set(twins.shrinkage) == {"eta"}


@pytest.mark.parametrize(
    ("drift", "words"),
    [
        ({"variances": {"eta_V": 0.1}, "every": 1.0}, "'eta_V' cannot drift"),
        ({"variances": {"eta": -0.1}, "every": 1.0}, "variance -0.1"),
        ({"variances": {"eta": 0.1}, "every": 0.0}, "lasts 0"),
        ({"variances": {"eta": 0.1}, "every": 0.01}, "let a period be longer"),
    ],
)
def test_impossible_drift(drift, words):
    with pytest.raises(ModelError, match=words):
        individualise(normal_population(), measured({"a": VALUES}), drift=Drift(**drift))
