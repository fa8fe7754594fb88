"""The error model, and intervals that are calibrated by it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from understudy.causal.calibration import Controls, ErrorModel, NullDistribution, calibrate, fit_error_model
from understudy.core.errors import DataError

TRUTH = np.repeat(np.log([1.0, 1.5, 2.0, 4.0]), 400)


def _simulated(model, seed=3):
    rng = np.random.default_rng(seed)
    error = rng.uniform(0.05, 0.2, TRUTH.size)
    return rng.normal(model.mean(TRUTH), np.hypot(model.sd(TRUTH), error)), error


@pytest.mark.parametrize(
    "model", [ErrorModel(0.1, 0.9, 0.15, 0.1), ErrorModel(-0.1, 1.1, np.log(0.2), -0.3, "legacy")]
)
def test_a_simulated_model_is_recovered(model):
    found = fit_error_model(*_simulated(model), TRUTH, form=model.form)
    # Three standard errors of 1,600 controls.
    assert found.mean_intercept == pytest.approx(model.mean_intercept, abs=0.04)
    assert found.mean_slope == pytest.approx(model.mean_slope, abs=0.06)
    assert found.sd(TRUTH[[0, -1]]) == pytest.approx(model.sd(TRUTH[[0, -1]]), rel=0.12)


def test_nothing_near_the_fit_is_likelier():
    y, error = _simulated(ErrorModel(0.1, 0.9, 0.15, 0.1))
    found = fit_error_model(y, error, TRUTH)

    def likelihood(a, b, c, d):
        model = ErrorModel(a, b, c, d)
        return norm.logpdf(y, model.mean(TRUTH), np.hypot(model.sd(TRUTH), error)).sum()

    best = np.array([found.mean_intercept, found.mean_slope, found.sd_intercept, found.sd_slope])
    for k in range(4):
        for step in (-1e-3, 1e-3):
            assert likelihood(*(best + step * np.eye(4)[k])) < likelihood(*best)


def test_one_true_effect_is_not_enough():
    with pytest.raises(DataError, match="controls of one true effect"):
        fit_error_model([0.1, 0.2], [0.1, 0.1], [0, 0])
    with pytest.raises(DataError, match="no form"):
        fit_error_model([0.1, 0.2], [0.1, 0.1], [0, 1], form="square")


def test_the_interval_of_the_published_vignette():
    # EmpiricalCalibration 3.1.1, vignette on confidence intervals: its model and its result; its search of roots stops
    # at 1.2e-4.
    model = ErrorModel(-0.066550795, 0.933292141, 0.187468405, 0.002979502)
    found = calibrate(-0.3575234, 0.06668903, model)
    values = [found.log_rr[0], found.low[0], found.high[0], found.standard_error[0]]
    assert values == pytest.approx([-0.3117702, -0.733957, 0.1067054, 0.2144587], abs=5e-5)


@pytest.mark.parametrize("model", [ErrorModel(0.1, 0.8, 0.2, 0.1), ErrorModel(0.1, 0.8, -1.5, 0.2, "legacy")])
def test_limits_are_where_the_estimate_is_at_the_edge(model):
    found = calibrate([0.4, 1.2], [0.1, 0.3], model, 0.9)
    for k, (estimate, error) in enumerate([(0.4, 0.1), (1.2, 0.3)]):
        for limit, z in ((found.low[k], 1.6448536), (found.log_rr[k], 0.0), (found.high[k], -1.6448536)):
            reached = (estimate - model.mean(limit)) / np.hypot(model.sd(limit), error)
            assert reached == pytest.approx(z, abs=1e-6)


def test_of_a_null_alone_the_error_is_taken_off_and_its_spread_put_on():
    found = calibrate(0.7, 0.3, NullDistribution(0.2, 0.4, 20))
    assert [found.low[0], found.log_rr[0], found.high[0]] == pytest.approx(
        [0.5 - 1.959964 * 0.5, 0.5, 0.5 + 1.959964 * 0.5], abs=1e-6
    )


def test_without_systematic_error_nothing_changes():
    found = calibrate([0.7, np.nan, 0.1], [0.3, 0.1, np.inf], ErrorModel(0, 1, 0, 0))
    assert [found.low[0], found.high[0]] == pytest.approx(
        [0.7 - 1.959964 * 0.3, 0.7 + 1.959964 * 0.3], abs=1e-6
    )
    assert np.isnan(found.log_rr[1:]).all()


def test_a_limit_is_infinite_where_the_error_grows_faster_than_the_effect():
    found = calibrate(0.5, 0.1, ErrorModel(0.0, 0.2, 0.1, 0.5))
    assert found.high[0] == np.inf
    assert found.low[0] == -np.inf


def test_a_level_that_is_none_is_refused():
    with pytest.raises(DataError, match="not between 0 and 1"):
        calibrate(0.1, 0.1, ErrorModel(0, 1, 0, 0), 95)


def test_controls_tell_what_was_left_out():
    table = Controls.of(list("abcd"), [0.1, 0.2, 0.8, np.nan], [0.1] * 4, [0, 0, 0.7, 0.7])
    assert "1 row left out" in fit_error_model(table).notes[0]
