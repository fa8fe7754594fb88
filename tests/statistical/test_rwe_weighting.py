"""Adjustments by the propensity score take away a confounding that is known, and give the effect they name."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit

from understudy.causal.propensity import (
    Prior,
    PropensityScores,
    match_on_score,
    penalised_logistic,
    stratify_on_score,
    weight_by_score,
)

REPLICATES, PERSONS = 40, 3000


def simulated(seed):
    """Covariates of which some decide on treatment and outcome, and an effect that grows with one of them."""
    drawn = np.random.default_rng(seed)
    x = (drawn.random((PERSONS, 60)) < 0.25).astype(float)
    score = expit(x[:, :6] @ np.array([1.0, 0.8, -0.8, 0.6, -0.6, 0.5]) - 0.6)
    t = (drawn.random(PERSONS) < score).astype(int)
    effect = 1.0 + x[:, 0]
    y = x[:, :6] @ np.array([1.0, 1.0, -1.0, 1.0, -1.0, 1.0]) + effect * t + drawn.normal(size=PERSONS)
    return x, score, t, y, effect


def difference(y, t, adjustment):
    """Mean outcome of the target less that of the comparator cohort, as the adjustment counts persons."""
    if adjustment.stratum is not None:
        strata = range(adjustment.stratum.max() + 1)
        inside = [adjustment.stratum == s for s in strata]
        parts = [(m.sum(), y[m & (t == 1)].mean() - y[m & (t == 0)].mean()) for m in inside]
        return np.average([part[1] for part in parts], weights=[part[0] for part in parts])
    w = adjustment.weights
    return np.average(y, weights=w * t) - np.average(y, weights=w * (1 - t))


def target_of(effect, score, t, estimand):
    """The effect that an estimand names, in these persons."""
    weight = {"ate": np.ones(t.size), "att": t, "atu": 1 - t, "ato": score * (1 - score)}[estimand]
    return np.average(effect, weights=weight)


@pytest.fixture(scope="module")
def errors():
    found = {name: [] for name in ("crude", "ate", "att", "atu", "ato", "match", "strata")}
    for seed in range(REPLICATES):
        x, score, t, y, effect = simulated(seed)
        fit = penalised_logistic(sparse.csc_matrix(x), t, Prior(variance=1.0))
        scores = PropensityScores(fit.probabilities, t)
        found["crude"].append(y[t == 1].mean() - y[t == 0].mean() - effect.mean())
        for name in ("ate", "att", "atu", "ato"):
            estimate = difference(y, t, weight_by_score(scores, name))
            found[name].append(estimate - target_of(effect, score, t, name))
        matched = match_on_score(scores)
        kept = matched.kept & (t == 1)
        found["match"].append(difference(y, t, matched) - effect[kept].mean())
        found["strata"].append(difference(y, t, stratify_on_score(scores, 10)) - effect.mean())
    return {name: np.array(values) for name, values in found.items()}


def test_without_adjustment_the_effect_is_wrong(errors):
    assert errors["crude"].mean() > 0.5


@pytest.mark.parametrize(
    ("name", "bias"), [("ate", 0.03), ("att", 0.03), ("atu", 0.03), ("ato", 0.03), ("match", 0.03)]
)
def test_weights_and_pairs_give_the_effect_they_name(errors, name, bias):
    # The prior draws coefficients to zero, which leaves some 0.03 of 0.7; Monte Carlo errors are some 0.008.
    noise = errors[name].std(ddof=1) / np.sqrt(REPLICATES)
    assert abs(errors[name].mean()) < bias + 3 * noise
    assert noise < 0.02


def test_ten_strata_take_away_nine_tenths(errors):
    # Cochran 1968: what varies within strata stays.
    assert abs(errors["strata"].mean()) < 0.1 * errors["crude"].mean() + 0.03
