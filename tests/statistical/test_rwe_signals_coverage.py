"""Simulate, then recover: intervals of pairs cover planted ratios, and limits of nothing hold their level."""

import numpy as np

from understudy.causal.signals import (
    count_pairs,
    information_component,
    reporting_odds_ratio,
    simulate_reports,
)

PAIRS = ((2, 3, 3.0),)
TRIALS = 200


def measured(reports, drug, event):
    """Odds ratio with limits and the lower limit of IC of one pair."""
    counts = count_pairs(reports)
    k = int(np.flatnonzero(counts.where(drug, event))[0])
    ratio, component = reporting_odds_ratio(counts), information_component(counts.n, counts.expected)
    return ratio.value[k], ratio.low[k], ratio.high[k], component.low[k]


def all_of(trials):
    planted, others = zip(*trials, strict=True)
    return np.array(planted), np.array(others)


def test_limits_hold_their_level():
    planted, others = all_of(
        (measured(reports, "DRUG 2", "EVENT 3"), measured(reports, "DRUG 4", "EVENT 6"))
        for reports in (
            simulate_reports(1500, seed=seed, drugs=10, events=12, planted=PAIRS) for seed in range(TRIALS)
        )
    )
    # That a report names an event at least moves the odds a little: the truth is taken from many reports.
    truth = measured(
        simulate_reports(300_000, seed=999, drugs=10, events=12, planted=PAIRS), "DRUG 2", "EVENT 3"
    )[0]
    assert 2.3 < truth < 3.3
    # 95 % of 200 trials with a standard error of 1.5 %.
    assert 0.905 <= np.mean((planted[:, 1] < truth) & (truth < planted[:, 2])) <= 0.99
    # 2.5 % of limits of an independent pair are above nothing, with a standard error of 1.1 %.
    assert np.mean(others[:, 1] > 1) <= 0.06
    assert np.mean(others[:, 3] > 0) <= 0.06
