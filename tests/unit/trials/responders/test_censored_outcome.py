"""Censored outcome: numbers that stand for times, right in the mean."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics.survival.restricted_mean import restricted_mean
from understudy.core.random import uniforms
from understudy.trials.responders.censored_outcome import censored_outcome
from understudy.trials.responders.forest import Forest
from understudy.trials.responders.ridge import Ridge

HORIZON = 2.0


def made(count: int = 300, censoring: float = 0.4, seed: int = 1, effect: float = 0.0, depends: float = 0.0):
    """Exponential times whose rate rises with x, rounded so that there are ties; arms alternate."""
    u = uniforms(seed, "times", np.arange(count), 3)
    x, arm = 2 * u[:, 0] - 1, np.arange(count) % 2 == 0
    time = -np.log(u[:, 1]) * np.exp(-x - effect * arm)
    lost = -np.log(u[:, 2]) / np.maximum(censoring * np.exp(depends * x), 1e-12)
    event = (time <= lost).astype(int)
    seen = np.round(np.minimum(time, lost), 2) + 0.01
    return np.minimum(seen, HORIZON), np.where(seen <= HORIZON, event, 0), x[:, None], arm, time


def ready(time, event, x, learner=Ridge):
    folds = np.arange(time.size) % 5
    made = learner((x - x.mean(0)) / x.std(0), np.full(time.size, 0.5), folds, 1)
    return censored_outcome(time, event, HORIZON, folds, made.hazards(time, event))


@pytest.mark.parametrize("learner", [Ridge, Forest])
def test_without_censoring_the_numbers_are_the_times(learner):
    time, event, x, arm, _ = made(censoring=0.0)
    found = ready(time, event, x, learner).values(arm[None])
    assert found[0] == pytest.approx(time, abs=1e-12)


def test_mean_of_an_arm_is_the_area_under_its_kaplan_meier_curve_if_nothing_else_is_foretold():
    """Whatever is foretold of all alike cancels: what is left is inverse weighting, which is Kaplan and Meier's."""
    time, event, _, arm, _ = made()
    folds = np.arange(time.size) % 5
    times = censored_outcome(
        time, event, HORIZON, folds, lambda others, own, at: np.zeros((own.size, at.size))
    )
    found = times.values(arm[None])[0]
    for own in (arm, ~arm):
        assert found[own].mean() == pytest.approx(
            restricted_mean(time[own], event[own], HORIZON).estimate, abs=1e-10
        )


def test_mean_is_right_also_where_covariates_decide_who_is_censored():
    """Double robustness: weights of the arm alone are wrong here, the Cox model of times is right."""
    time, event, x, arm, true = made(6000, censoring=0.6, depends=1.5)
    truth = np.minimum(true, HORIZON).mean()
    plain = restricted_mean(time, event, HORIZON).estimate
    found = ready(time, event, x).values(arm[None])[0].mean()
    # The standard error of the mean is 0.01; times are rounded up by 0.01.
    assert abs(plain - truth) > 0.05
    assert found == pytest.approx(truth, abs=0.03)


@pytest.mark.parametrize("learner", [Ridge, Forest])
def test_covariates_foretell_times(learner):
    time, event, x, _, true = made(1000)
    expected = ready(time, event, x, learner).expected
    # With the true mean time at x; the forest is made of steps.
    area = (1 - np.exp(-HORIZON * np.exp(x[:, 0]))) / np.exp(x[:, 0])
    assert np.corrcoef(expected, area)[0, 1] > 0.95
    assert expected.mean() == pytest.approx(np.minimum(true, HORIZON).mean(), abs=0.06)


def test_each_copy_has_weights_of_its_own_arms():
    time, event, x, arm, _ = made(120)
    ready_times = ready(time, event, x)
    rows = np.vstack([arm, np.roll(arm, 1), uniforms(3, "arms", np.arange(120), 1)[:, 0] < 0.5])
    together = ready_times.values(rows)
    assert together == pytest.approx(np.vstack([ready_times.values(row[None]) for row in rows]))
    assert np.abs(together[0] - together[2]).max() > 0.01


def test_an_arm_that_nobody_of_reaches_the_horizon_has_finite_numbers():
    time, event, x, _, _ = made(100)
    assert np.isfinite(ready(time, event, x).values((time < 0.5)[None])).all()
