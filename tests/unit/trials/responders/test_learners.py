"""Learners: the fast sums against regressions written out; forests against steps that are there."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.core.random import normals
from understudy.trials.responders.arms import arms_of
from understudy.trials.responders.forest import Forest
from understudy.trials.responders.ridge import Ridge

N = 90


def made(learner, count: int = N, ratio: float = 0.4):
    z = normals(3, "learners", np.arange(count), 5)
    arms = arms_of(np.arange(count) < ratio * count, np.arange(count) % 2)
    rows = arms.rows(0, 4, 1)
    matrix = (z[:, :3] - z[:, :3].mean(0)) / z[:, :3].std(0)
    return learner(matrix, arms.share, np.arange(count) % 5, 1), rows - arms.share, z[:, 3]


def ridge(x, y, weights, penalty):
    """Weighted ridge with a free intercept, by augmented least squares."""
    x = np.column_stack([np.ones(len(x)), x])
    extra = np.sqrt(penalty * weights.sum()) * np.eye(x.shape[1])[1:]
    root = np.sqrt(weights)
    return np.linalg.lstsq(
        np.vstack([x * root[:, None], extra]), np.concatenate([y * root, np.zeros(len(extra))]), rcond=None
    )[0]


def predict(beta, x):
    return beta[0] + x @ beta[1:]


def test_r_learner_is_a_weighted_ridge_of_residuals_over_arms():
    learner, arms, y = made(Ridge)
    found = learner.r_learner(y[None], arms, 0)
    for row in range(len(arms)):
        for fold, own in enumerate(learner.members):
            other = learner.folds != fold
            beta = ridge(learner.matrix[other], (y / arms[row])[other], arms[row][other] ** 2, 0.1)
            assert found.effects[row, own] == pytest.approx(predict(beta, learner.matrix[own]))


def test_dr_learner_foretells_without_a_subjects_fold_and_scores_without_the_scored():
    learner, arms, y = made(Ridge)
    found = learner.dr_learner(y[None] + 0.1 * arms, arms, 0)
    x, e = learner.matrix, learner.share
    for row in (0, 3):
        out = y + 0.1 * arms[row]
        w = arms[row] > 0
        for fold, own in enumerate(learner.members):
            score = np.full(N, np.nan)
            for inner in set(range(5)) - {fold}:
                rest, here = ~np.isin(learner.folds, [fold, inner]), learner.folds == inner
                m1, m0 = (
                    predict(ridge(x[rest & g], out[rest & g], np.ones((rest & g).sum()), 0.1), x)
                    for g in (w, ~w)
                )
                aipw = m1 - m0 + w / e * (out - m1) - (~w) / (1 - e) * (out - m0)
                score[here] = aipw[here]
            other = learner.folds != fold
            beta = ridge(x[other], score[other], np.ones(other.sum()), 0.1)
            assert found.effects[row, own] == pytest.approx(predict(beta, x[own]))
            outcome = ridge(x[other & w], out[other & w], np.ones((other & w).sum()), 0.1)
            assert found.drug[row, own] == pytest.approx(predict(outcome, x[own]))


def test_outcomes_are_foretold_from_other_folds():
    learner, _, y = made(Ridge)
    changed = y.copy()
    changed[learner.folds == 2] += 100.0
    assert learner.foretold(changed)[learner.folds == 2] == pytest.approx(
        learner.foretold(y)[learner.folds == 2]
    )
    assert learner.foretold(changed)[0] != pytest.approx(learner.foretold(y)[0])


@pytest.mark.parametrize("method", ["r_learner", "dr_learner"])
@pytest.mark.parametrize("learner", [Ridge, Forest])
def test_an_effect_does_not_depend_on_its_own_fold_nor_on_other_rows(learner, method):
    made_learner, arms, y = made(learner)
    whole = getattr(made_learner, method)(y[None], arms, 0)
    alone = getattr(made_learner, method)(y[None], arms[2:3], 2)
    assert alone.effects[0] == pytest.approx(whole.effects[2])
    own = made_learner.folds == 1
    changed = np.where(own, y + 50, y)
    again = getattr(made_learner, method)(changed[None], arms, 0)
    assert again.effects[:, own] == pytest.approx(whole.effects[:, own])


@pytest.mark.parametrize("method", ["r_learner", "dr_learner"])
def test_forests_see_a_step(method):
    learner, arms, noise = made(Forest, 400, 0.5)
    step = np.where(learner.matrix[:, 1] > 0.5, 2.0, 0.0)
    found = getattr(learner, method)((noise + arms[0] * step)[None], arms[:1], 0).effects[0]
    assert np.corrcoef(found, step)[0, 1] > 0.6


def test_scores_are_unbiased_over_arms():
    """Over the arms that chance may choose, the mean score is the effect, whatever was foretold."""
    learner, _, noise = made(Ridge)
    rows = arms_of(np.arange(N) < 36, np.arange(N) % 2).rows(1, 20_001, 5)
    arms, effect = rows - learner.share, 1.0 + learner.matrix[:, 0]
    wrong = np.full(arms.shape, 0.7)
    scores = learner.scores(noise + arms * effect, arms, wrong, -wrong)
    bias = np.abs(scores.mean(axis=0) - effect) / (scores.std(axis=0) / 20_000**0.5)
    # The largest of 90 absolute normal deviates; four is passed once in 200 seeds.
    assert bias.max() < 4
