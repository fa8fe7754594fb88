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
from understudy.trials import responders


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
    assert found.policy["over_nobody"].iloc[1] == pytest.approx(5.0, abs=0.5)


def test_refusals(tmp_path):
    trial = made_trial(tmp_path, "continuous", criteria="")
    with pytest.raises(StudyError, match="100 copies tell little of chance"):
        responders(trial, copies=100)
    with pytest.raises(StudyError, match="an arm has fewer than 20 subjects"):
        responders(small_trial(tmp_path))


def test_trial_without_any_subgroup_large_enough_has_no_rule(tmp_path):
    trial = made_trial(tmp_path, "binary", criteria="")
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
