"""Responders: planted subgroups are found, permuted ones are not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from small_trial import small_trial
from test_redesign import made_trial
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.core.errors import StudyError
from understudy.core.random import normals
from understudy.trials import responders
from understudy.trials.responders.contrast import contrast_of, with_one
from understudy.trials.responders.outcome import pseudo_observations


@pytest.mark.parametrize(("kind", "effect"), [("continuous", 1.5), ("survival", 1.6), ("binary", 2.5)])
def test_planted_subgroup_is_found(tmp_path, kind, effect):
    found = responders(made_trial(tmp_path, kind, effect=effect, criteria="", count=400))
    assert found.found
    assert found.p_rule <= 0.025
    assert "AGE" in found.rules["rule"].iloc[0]
    assert found.coefficients["covariate"].iloc[0] == "AGE"
    assert found.rules["inside"].iloc[0] > found.rules["outside"].iloc[0]
    assert "beyond chance" in found.sentences[0]


def test_same_effect_for_all_is_no_response(tmp_path):
    """A drug that helps everybody by as much: a constant effect is no heterogeneity, however large."""
    trial = made_trial(tmp_path, "continuous", effect=0.0, criteria="")
    drug = (trial.subjects["arm"] == "drug").reindex(trial.outcome.index).to_numpy()
    trial.outcome.loc[drug, "value"] -= 5.0
    found = responders(trial)
    assert not found.found
    assert found.sentences[0].startswith("No difference of effects")
    assert found.policy["gain"].iloc[0] == pytest.approx(5.0, abs=0.5)


def test_findings_are_as_rare_as_they_may_be():
    """400 trials without any heterogeneity: the p values of the score are those of chance."""
    n, hits = 120, 0
    for seed in range(400):
        z = normals(seed, "null", np.arange(n), 4)
        treated = np.arange(n) % 2 == 0
        contrast = contrast_of(z[:, :3], treated, z[:, 3] + 0.8 * treated + z[:, 0], seed)
        arms = contrast.arms(99, seed)
        from understudy.trials.responders.contrast import calibration_slopes

        _, t = calibration_slopes(contrast.effects(arms), contrast.signals(arms), arms)
        hits += (t >= t[0]).mean() <= 0.1
    # A tenth of 400 with a standard error of 6: three of them.
    assert 22 <= hits <= 58


def test_effects_are_those_of_a_ridge_regression_written_out():
    z = normals(5, "ridge", np.arange(80), 3)
    contrast = contrast_of(z[:, :2], z[:, 2] > 0, z[:, 0] + z[:, 1], 1)
    arms = contrast.arms(0, 1)
    x, w = with_one(contrast.matrix), contrast.treated - contrast.treated.mean()
    n, share = w.size, contrast.treated.mean()
    penalty = np.diag([0.0, 1.0, 1.0]) * n * share * (1 - share) * 0.1
    expected = np.linalg.solve(share * (1 - share) * x.T @ x + penalty, x.T @ (w * contrast.residual))
    assert contrast.coefficients(arms)[0] == pytest.approx(expected)


def test_pseudo_observations_without_censoring_are_the_times():
    time = np.array([2.0, 5.0, 7.0, 12.0])
    assert pseudo_observations(time, np.ones(4), 10.0) == pytest.approx([2.0, 5.0, 7.0, 10.0])


def test_mean_of_pseudo_observations_is_the_restricted_mean():
    time, event = np.array([1.0, 2, 3, 4, 5, 6]), np.array([1, 0, 1, 1, 0, 1])
    # By hand: steps to 5/6, 5/8, 5/12, 0 at 1, 3, 4, 6; the area to 5.
    area = 1.0 + 2 * 5 / 6 + 5 / 8 + 5 / 12
    # The mean is exact but for the correlation of leaving out and censoring, of order 1 / n.
    assert pseudo_observations(time, event, 5.0).mean() == pytest.approx(area, rel=0.05)


def test_refusals(tmp_path):
    trial = made_trial(tmp_path, "continuous", criteria="")
    with pytest.raises(StudyError, match="100 copies tell little of chance"):
        responders(trial, copies=100)
    with pytest.raises(StudyError, match="an arm has fewer than 20 subjects"):
        responders(small_trial(tmp_path))


def test_arms_are_permuted_within_strata():
    z = normals(6, "strata", np.arange(60), 2)
    strata = np.repeat([0, 1, 2], 20)
    treated = np.concatenate([np.arange(20) < 4, np.arange(20) < 10, np.arange(20) < 16])
    arms = contrast_of(z[:, :1], treated, z[:, 1], 1, strata).arms(50, 1) + treated.mean()
    assert np.allclose(
        [arms[:, strata == s].sum(axis=1) for s in range(3)], [[4.0] * 51, [10.0] * 51, [16.0] * 51]
    )
    assert (arms[1] != arms[2]).any()


def test_trial_without_any_subgroup_large_enough_has_no_rule(tmp_path):
    trial = made_trial(tmp_path, "continuous", criteria="")
    rare = np.where(np.arange(len(trial.subjects)) < 6, "x", "y")
    trial.subjects["SEX"] = rare
    trial.subjects["AGE"] = np.where(np.arange(len(trial.subjects)) < 8, 1.0, 2.0)
    found = responders(trial)
    assert found.p_rule == 1.0
    assert found.rules.empty


def test_same_seed_gives_the_same_answer(tmp_path):
    trial = made_trial(tmp_path, "continuous", criteria="")
    first, second = responders(trial), responders(trial)
    assert first.scores.equals(second.scores)
    assert first.record.hash == second.record.hash


def test_command_prints_and_writes(tmp_path):
    made_trial(tmp_path, "continuous", effect=1.5, criteria="")
    arguments = ["trial", "responders", str(tmp_path / "trial.toml")]
    told = CliRunner().invoke(app, [*arguments, "--json", "--out", str(tmp_path / "out")])
    assert json.loads(told.stdout)["found"] is True
    assert "permuted copies" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Quarters of the score" in CliRunner().invoke(app, arguments).stdout
