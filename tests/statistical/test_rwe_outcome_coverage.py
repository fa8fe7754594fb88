"""Outcome models and case series: simulated effects are covered as often as intervals say; errors are of their size."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.causal.outcomes import outcome_model
from understudy.causal.sccs import RiskWindow, SccsSettings, sccs, simulated_cases

TRIALS = 400
# 95 % of 400 covers 380 with a standard error of 4.4: three of them either way, and a little for few events.
LOWEST, HIGHEST = 0.915, 0.985
TRUE = np.log(1.8)


def persons(seed: int, size: int = 300):
    drawn = np.random.default_rng(seed)
    stratum = drawn.integers(0, 5, size)
    treated = drawn.random(size) < 0.2 + 0.1 * stratum
    hazard = 0.01 * np.exp(0.4 * stratum + TRUE * treated)
    days = np.ceil(drawn.exponential(1 / hazard))
    return np.minimum(days, 60), days <= 60, treated, stratum, drawn


@pytest.mark.parametrize("model", ["cox", "poisson"])
def test_stratified_models_cover(model: str) -> None:
    found = []
    for seed in range(TRIALS):
        time, event, treated, stratum, _ = persons(seed)
        one = outcome_model(time, event, treated, model=model, strata=stratum, bounds=None)
        found.append((one.log, one.low <= TRUE <= one.high, one.standard_error, one.robust_error))
    log, covered, naive, robust = np.array(found).T
    # Whole days shrink a ratio of rates a little: 60 of them, hazards up to 0.09, less than 0.03 of a log.
    assert log.mean() == pytest.approx(TRUE, abs=0.045)
    assert LOWEST <= covered.mean() <= HIGHEST
    for error in (naive, robust):
        assert error.mean() == pytest.approx(log.std(), rel=0.12)  # a standard deviation of 400 is to 4 %


def test_conditional_logistic_covers_in_matched_pairs() -> None:
    covered = []
    for seed in range(TRIALS):
        drawn = np.random.default_rng(seed)
        own = np.repeat(drawn.normal(-1, 1.5, 120), 2)
        treated, pair = np.tile([0, 1], 120), np.repeat(np.arange(120), 2)
        event = drawn.random(240) < 1 / (1 + np.exp(-own - TRUE * treated))
        one = outcome_model(None, event, treated, model="logistic", strata=pair, bounds=None)
        covered.append(one.low <= TRUE <= one.high)
    assert LOWEST <= np.mean(covered) <= HIGHEST


def test_with_weights_only_the_robust_error_is_right() -> None:
    """Inverse probabilities of treatment: the pseudo-likelihood takes sums of weights for persons."""
    log, naive, robust = [], [], []
    for seed in range(TRIALS):
        time, event, treated, stratum, _ = persons(seed)
        chance = 0.2 + 0.1 * stratum
        weight = np.where(treated, 1 / chance, 1 / (1 - chance))
        one = outcome_model(time, event, treated, weights=weight, bounds=None)
        log.append(one.log)
        naive.append(one.standard_error)
        robust.append(one.robust_error)
    assert np.mean(robust) == pytest.approx(np.std(log), rel=0.12)
    assert np.mean(naive) < 0.8 * np.std(log)


@pytest.mark.slow  # half a minute
def test_case_series_cover() -> None:
    settings = SccsSettings((RiskWindow("on drug", "drug"),), age_knots=0, season_knots=0, naive_period=0)
    covered, pre, log = [], [], []
    for seed in range(200):
        data = simulated_cases(250, rate_ratio=1.8, seed=seed)
        found = sccs(data.observation, {"drug": data.exposures}, data.outcomes, settings, bounds=None)
        one, before = found["on drug"], found.pre_exposure["drug"]
        covered.append(one.low <= TRUE <= one.high)
        pre.append(before.low <= 0 <= before.high)
        log.append(one.log)
    # 200 trials: three standard errors are 4.6 hundredths.
    assert 0.90 <= np.mean(covered) <= 0.99
    assert 0.90 <= np.mean(pre) <= 0.99
    assert np.median(log) == pytest.approx(TRUE, abs=0.06)


def test_age_confounds_a_case_series_without_its_spline() -> None:
    """Exposures late in observation, a rate that rises with age: the spline takes the bias away."""
    with_spline, without = [], []
    for seed in range(8):
        data = simulated_cases(600, rate_ratio=1.0, age_slope=0.3, seed=seed)
        late = data.exposures.copy()
        ends = data.observation.end
        late["start"], late["end"] = ends - np.timedelta64(89, "D"), ends - np.timedelta64(30, "D")
        for knots, into in ((5, with_spline), (0, without)):
            settings = SccsSettings(
                (RiskWindow("on drug", "drug"),), 0, 0, age_knots=knots, season_knots=0, naive_period=0
            )
            found = sccs(data.observation, {"drug": late}, data.outcomes, settings, bounds=None)
            into.append(found["on drug"].log)
    error = np.std(with_spline) / np.sqrt(len(with_spline))
    assert abs(np.mean(with_spline)) < 3.5 * error
    assert np.mean(without) > 0.4
