"""Evaluation: rank-weighted effects, slopes and policies against what they are by definition."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.core.random import normals
from understudy.trials.responders.evaluation import (
    calibration,
    in_order,
    policy_gain,
    ranked,
    ranked_error,
    within_folds,
)

Z = normals(4, "evaluation", np.arange(60), 2).T


def test_autoc_and_qini_are_areas_under_the_targeting_curve():
    effects, scores = Z[:1], Z[1:]
    order = np.argsort(-effects[0])
    curve = np.array([scores[0, order[:k]].mean() - scores[0].mean() for k in range(1, 61)])
    ordered = in_order(effects, scores)
    assert ranked(ordered, "AUTOC")[0][0] == pytest.approx(curve.mean())
    assert ranked(ordered, "Qini")[0][0] == pytest.approx((curve * np.arange(1, 61) / 60).mean())


@pytest.mark.parametrize("kind", ["AUTOC", "Qini"])
def test_errors_of_rank_weighted_effects(kind):
    """Both errors estimate the spread over trials in which scores are noise."""
    drawn = normals(5, "noise", np.arange(4000), 80)
    values, errors = ranked(drawn, kind)
    # The spread of 4,000 has a relative error of 1.1 %; that of the error's mean square is smaller.
    assert np.sqrt((errors**2).mean()) == pytest.approx(values.std(), rel=0.05)
    halves = [ranked_error(row, kind, seed) for seed, row in enumerate(drawn[:60])]
    assert np.sqrt((np.array(halves) ** 2).mean()) == pytest.approx(values.std(), rel=0.15)


def test_slope_and_its_robust_error():
    effects, scores = Z[:1] - Z[0].mean(), Z[1:] - Z[1].mean()
    slope, error = calibration(effects, scores)
    x, y = effects[0], scores[0]
    assert slope[0] == pytest.approx(np.polyfit(x, y, 1)[0])
    left = y - slope[0] * x
    assert error[0] == pytest.approx(np.sqrt((x**2 * left**2).sum()) / (x**2).sum())
    flat = calibration(np.zeros((1, 60)), scores)
    assert (flat[0][0], flat[1][0]) == (0.0, np.inf)


def test_folds_are_centred_each():
    members = [np.arange(0, 60, 2), np.arange(1, 60, 2)]
    found = within_folds(Z, members)
    assert np.abs([found[:, own].mean(axis=1) for own in members]).max() < 1e-15
    assert np.diff(found[0, ::2]) == pytest.approx(np.diff(Z[0, ::2]))


def test_policy_gains_what_those_lose_whom_it_leaves_alone():
    effects, scores = np.array([[1.0, -3.0, 2.0, -4.0]]), np.array([[0.5, -2.5, 1.0, 1.0]])
    gain, error = policy_gain(effects, scores, 2.0)
    # Treating all gains the mean of 2 + scores; the policy leaves the second and the fourth alone.
    differences = np.array([0.0, 0.5, 0.0, -3.0])
    assert gain[0] == pytest.approx(differences.mean())
    assert error[0] == pytest.approx(differences.std() / 2)
    gain, _ = policy_gain(effects, scores, -2.0)
    assert gain[0] == pytest.approx(0.0)
