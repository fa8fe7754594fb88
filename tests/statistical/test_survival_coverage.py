"""Simulate, then recover: intervals of survival estimates cover, and tests keep their level.

Bands are the nominal share ± 3.3 standard errors of a share of that many trials, plus one point for what the
methods' own approximations cost in samples of this size.
"""

from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics import (
    ContinuousEndpoint,
    SurvivalEndpoint,
    compare_restricted_means,
    counting_process,
    cumulative_incidence,
    fine_gray,
    gray_test,
    kaplan_meier,
    lin_wei_yang_ying,
    log_rank_many,
    max_combo,
    mean_cumulative_function,
    win_statistics,
)
from understudy.core.random import uniforms


def drawn(purpose: str, trials: int, patients: int, columns: int) -> np.ndarray:
    """Uniform numbers, shape (trials, patients, columns)."""
    found = uniforms(20, purpose, range(trials * patients), columns)
    return found.reshape(trials, patients, columns)


def near(share: float, nominal: float, trials: int) -> bool:
    return abs(share - nominal) < 3.3 * np.sqrt(nominal * (1 - nominal) / trials) + 0.01


def test_hazard_ratios_and_log_rank_tests_of_4000_trials():
    trials, size, ratio = 4000, 200, 0.7
    u = drawn("hazard ratios", trials, size, 2)
    arm = np.arange(size) % 2
    for truth in (ratio, 1.0):
        time, watched = -np.log(u[..., 0]) / np.where(arm, truth, 1), 2 * u[..., 1]
        found = log_rank_many(np.minimum(time, watched), time <= watched, arm)
        inside = np.abs(found.log_hazard_ratio - np.log(truth)) < 1.959964 * found.standard_error
        assert near(inside.mean(), 0.95, trials)
        assert found.log_hazard_ratio.mean() == pytest.approx(np.log(truth), abs=0.02)
    assert near((found.p < 0.05).mean(), 0.05, trials)


def test_curves_medians_and_restricted_means():
    trials, size = 400, 100
    u = drawn("curves", trials, size, 2)
    time, watched = -10 * np.log(u[..., 0]), 30 * u[..., 1]
    arm = np.arange(size) % 2
    inside = np.zeros(3)
    for t, e in zip(np.minimum(time, watched), time <= watched, strict=True):
        curve = kaplan_meier(t, e)
        row, median = curve.at(8).iloc[0], curve.median
        means = compare_restricted_means(t, e, arm, horizon=15)
        inside += [
            row.low <= np.exp(-0.8) <= row.high,
            median.low <= 10 * np.log(2) <= median.high,
            means.difference.low <= 0 <= means.difference.high,
        ]
    for share in inside / trials:
        assert near(share, 0.95, trials)


def test_competing_risks():
    trials, size = 300, 120
    u = drawn("competing risks", trials, size, 3)
    x = np.arange(size) % 2
    # Subdistribution of cause 1: 1 - (1 - 0.4 (1 - exp(-t)))^exp(bx), of cause 2 exponential (Fine, Gray 1999).
    beta, p = 0.6, 0.4
    plateau = 1 - (1 - p) ** np.exp(beta * x)
    own = u[..., 0] < plateau
    inner = 1 - (1 - np.minimum(u[..., 0], plateau)) ** np.exp(-beta * x)
    first = -np.log1p(-np.minimum(inner / p, 1 - 1e-12))
    time = np.where(own, first, -np.log(u[..., 1]))
    watched = 3 * u[..., 2]
    cause = np.where(time > watched, 0, np.where(own, 1, 2))
    seen = np.minimum(time, watched)
    inside, rejected, truth = np.zeros(2), 0, p * (1 - np.exp(-1))
    for t, c in zip(seen, cause, strict=True):
        row = fine_gray(t, c, x).table().iloc[0]
        curve = cumulative_incidence(t[x == 0], c[x == 0]).at(1, cause=1).iloc[0]
        inside += [np.log(row.low) <= beta <= np.log(row.high), curve.low <= truth <= curve.high]
        rejected += gray_test(t, c, np.arange(size) // 2 % 2).p < 0.05
    for share in inside / trials:
        assert near(share, 0.95, trials)
    assert near(rejected / trials, 0.05, trials)


def test_recurrent_events_of_patients_who_differ():
    """Frailty makes a patient's events depend: robust errors cover, naive ones would not."""
    trials, size = 200, 120
    u, naive, inside = drawn("recurrent events", trials, size, 14), 0, np.zeros(2)
    arm = np.arange(size) % 2
    for numbers in u:
        frailty = -np.log(numbers[:, 0])
        gaps = -np.log(numbers[:, 2:]) / (frailty * np.where(arm, 0.7, 1) * 0.8)[:, None]
        times, ends = np.cumsum(gaps, axis=1), 1 + 2 * numbers[:, 1]
        process = counting_process(ends, [t[t < end] for t, end in zip(times, ends, strict=True)])
        fit = lin_wei_yang_ying(process, arm)
        row = fit.table().iloc[0]
        inside[0] += np.log(row.low) <= np.log(0.7) <= np.log(row.high)
        naive += abs(fit.coefficients[0] - np.log(0.7)) < 1.96 * np.sqrt(fit.naive_covariance[0, 0])
        control = arm == 0
        process = counting_process(
            ends[control], [t[t < e] for t, e in zip(times[control], ends[control], strict=True)]
        )
        mean = mean_cumulative_function(process)
        place = np.searchsorted(mean.times, 1.0, side="right") - 1
        inside[1] += mean.low[place] <= 0.8 <= mean.high[place]
    for share in inside / trials:
        assert near(share, 0.95, trials)
    assert naive / trials < 0.9


def test_win_ratios_and_net_benefits_under_no_difference():
    trials, size = 400, 100
    u, arm = drawn("wins", trials, size, 3), np.arange(size) % 2
    rejected = np.zeros(3)
    for numbers in u:
        time, watched = -np.log(numbers[:, 0]), numbers[:, 1]
        death = SurvivalEndpoint(np.minimum(time, watched), time <= watched)
        found = win_statistics([death, ContinuousEndpoint(numbers[:, 2], margin=0.1)], arm)
        rejected += [found.win_ratio.p < 0.05, found.net_benefit.p < 0.05, found.win_odds.p < 0.05]
    for share in rejected / trials:
        assert near(share, 0.05, trials)


def test_max_combo_keeps_its_level_and_finds_a_late_effect():
    trials, size = 200, 150
    u, arm = drawn("late effects", trials, size, 2), np.arange(size) % 2
    rejected = {True: [0, 0], False: [0, 0]}
    for late in (False, True):
        left = -np.log(u[..., 0])
        # A hazard of 1, from 0.5 on 0.4 in arm 1.
        time = np.where(late & (arm == 1) & (left > 0.5), 0.5 + (left - 0.5) / 0.4, left)
        end = 1 + 2 * u[..., 1]
        seen, event = np.minimum(time, end), time <= end
        single = log_rank_many(seen, event, arm).p[:, 0] < 0.05
        several = [
            max_combo(t, e, arm, weights=[(0, 0), (0, 1)]).p < 0.05 for t, e in zip(seen, event, strict=True)
        ]
        rejected[late] = [single.mean(), np.mean(several)]
    assert near(rejected[False][1], 0.05, trials)
    assert rejected[True][1] > rejected[True][0]
