"""Rules: readable conditions, their statistics, and what is left of them in other folds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind_from_stats

from understudy.core.random import normals, uniforms
from understudy.trials.responders.features import Features
from understudy.trials.responders.rules import rules_of


def made(count: int = 200) -> Features:
    u = uniforms(1, "rules", np.arange(count), 3)
    frame = pd.DataFrame({"age": np.round(30 + 50 * u[:, 0]), "sex": np.where(u[:, 1] < 0.5, "f", "m")})
    frame["stage"] = np.where(u[:, 2] < 0.05, np.nan, np.ceil(4 * u[:, 2]))
    return Features(frame, ("sex",), (), np.empty((count, 0)))


def test_rules_hold_for_enough_and_are_told_in_words():
    rules = rules_of(made())
    share = rules.members.mean(axis=1)
    assert ((share >= 0.15) & (share <= 0.85)).all()
    assert len({member.tobytes() for member in rules.members}) == len(rules.conditions)
    words = [str(each) for each in rules.conditions]
    assert "sex = f" in words
    assert any(" and " in each and "age" in each and "stage" in each for each in words)


def test_z_is_welchs_with_maximum_likelihood_variances():
    rules, scores = rules_of(made()), normals(2, "scores", np.arange(3), 200)
    found = rules.z(scores)
    for k in (0, len(rules.conditions) - 1):
        own = rules.members[k]
        for row in range(3):
            inside, outside = scores[row, own], scores[row, ~own]
            expected = ttest_ind_from_stats(
                inside.mean(), inside.std(), inside.size, outside.mean(), outside.std(), outside.size,
                equal_var=False,
            ).statistic  # fmt: skip
            # Products in single precision.
            assert found[row, k] == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_held_out_members_are_those_of_the_rule_that_is_best_elsewhere():
    features = made()
    rules, folds = rules_of(features), np.arange(200) % 5
    young = (features.frame["age"] < 50).to_numpy()
    scores = normals(3, "scores", np.arange(1), 200)[0] + 3.0 * young
    member = rules.held_out(scores, folds)
    assert np.mean(member == young) > 0.85
    changed = np.where(folds == 0, -scores, scores)
    assert np.array_equal(rules.held_out(changed, folds)[folds == 0], member[folds == 0])
