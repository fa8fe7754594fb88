"""Responders: planted subgroups are found, permuted ones are not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_trial import small_trial
from test_redesign import made_trial
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.core.errors import StudyError
from understudy.dossier.trial_parts import chapter_of
from understudy.trials import responders
from understudy.trials.responders.outcome import outcome_of
from understudy.trials.responders.responders import prepared


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
    with pytest.raises(StudyError, match="there is no learner 'net'"):
        responders(trial, learner="net")
    with pytest.raises(StudyError, match="there is no method 'T'"):
        responders(trial, method="T")
    with pytest.raises(StudyError, match="there is no treated arm 'x'"):
        responders(trial, arm="x")
    with pytest.raises(StudyError, match="a level of 5 is no probability"):
        responders(trial, level=5)
    with pytest.raises(StudyError, match="an arm has fewer than 20 subjects"):
        responders(small_trial(tmp_path))


def test_a_horizon_that_nobody_reaches_is_refused(tmp_path):
    trial = made_trial(tmp_path, "survival", criteria="")
    section = trial.protocol.analysis.model_copy(update={"horizon": 900.0})
    far = replace(trial, protocol=trial.protocol.model_copy(update={"analysis": section}))
    with pytest.raises(StudyError, match="nobody of an arm was watched up to 900"):
        responders(far)


def test_the_usual_horizon_is_the_last_time_at_which_a_tenth_was_watched_in_whichever_arm(tmp_path):
    trial = made_trial(tmp_path, "survival", effect=0.0, criteria="")
    times = np.arange(1.0, len(trial.outcome) + 1)
    trial.outcome["time"] = times
    horizon = outcome_of(trial, "drug").horizon
    assert (times >= horizon).mean() >= 0.1 >= (times > horizon).mean()
    arms = trial.subjects["arm"].to_numpy()
    turned = replace(
        trial, subjects=trial.subjects.assign(arm=pd.Categorical(np.roll(arms, 1), ["placebo", "drug"]))
    )
    assert outcome_of(turned, "drug").horizon == horizon


def test_the_usual_horizon_is_no_later_than_the_end_of_an_arm(tmp_path):
    trial = made_trial(tmp_path, "survival", effect=0.0, criteria="")
    drug = (trial.subjects["arm"] == "drug").reindex(trial.outcome.index).to_numpy()
    times = np.arange(1.0, len(trial.outcome) + 1)
    # Of the treated nobody is watched for longer than 40, of the others half are.
    trial.outcome["time"] = np.where(drug, np.minimum(times, 40.0), times)
    assert outcome_of(trial, "drug").horizon == 40.0


def test_forest_finds_a_subgroup_that_is_no_half_plane(tmp_path):
    """Those between 40 and 60 gain, all others lose: no straight line says so."""
    trial = made_trial(tmp_path, "continuous", effect=0.0, criteria="")
    place = np.linspace(-1, 1, len(trial.subjects))
    trial.subjects["AGE"] = 50 + 30 * place
    drug = (trial.subjects["arm"] == "drug").reindex(trial.outcome.index).to_numpy()
    trial.outcome.loc[drug, "value"] -= np.where(np.abs(place[drug]) < 0.4, 2.0, -2.0)
    search = {name: prepared(trial, "drug", name, "R")[0] for name in ("ridge", "forest")}
    found = {name: each.statistics(39, 0.0).slope for name, each in search.items()}
    assert (
        (found["forest"] >= found["forest"][0]).mean() <= 0.05 < (found["ridge"] >= found["ridge"][0]).mean()
    )


def test_policy_of_a_drug_that_helps_half_and_harms_half(tmp_path):
    """Those below 60 gain one and a half, others lose as much: the score's policy gains half of it over either."""
    trial = made_trial(tmp_path, "continuous", effect=3.0, criteria="", count=400)
    drug = (trial.subjects["arm"] == "drug").reindex(trial.outcome.index).to_numpy()
    trial.outcome.loc[drug, "value"] += 1.5
    policy = responders(trial).policy.set_index("policy")
    best = policy.loc["treat whom the score favours"]
    # Errors of the gains are about 0.06; less is gained than 0.75 where the score errs.
    assert best["over_nobody"] == pytest.approx(0.75, abs=0.2)
    assert best["over_all"] == pytest.approx(0.75, abs=0.2)
    assert best["p"] < 0.01
    assert best["value"] == pytest.approx(policy.loc["treat nobody", "value"] - best["over_nobody"])
    values = trial.outcome["value"].to_numpy()
    # Means of arms, but for what covariates say of 200 subjects of either, of an error of 0.07 each.
    assert policy.loc["treat nobody", "value"] == pytest.approx(values[~drug].mean(), abs=0.2)
    assert policy.loc["treat all", "value"] == pytest.approx(values[drug].mean(), abs=0.2)


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


def test_strata_of_one_arm_are_left_out_and_told(tmp_path):
    trial = made_trial(tmp_path, "continuous", criteria="")
    drug = (trial.subjects["arm"] == "drug").to_numpy()
    trial.subjects["SITE"] = np.where(
        drug & (np.cumsum(drug) <= 7), "c", np.where(np.arange(len(drug)) % 3, "a", "b")
    )
    section = trial.protocol.analysis.model_copy(update={"strata": ("SITE",)})
    found = responders(replace(trial, protocol=trial.protocol.model_copy(update={"analysis": section})))
    assert len(found.scores) == len(drug) - 7
    assert "7 subjects in strata of one arm only are left out" in found.notes


def test_report_of_no_finding_says_that_rules_are_none(tmp_path):
    told = chapter_of(responders(made_trial(tmp_path, "survival", effect=0.0, criteria="")))
    assert told.summary[0].startswith("No difference of effects")
    assert "None of these is a finding" in told.html()
    assert told.record.numbers[0].name == "search as a whole: p"


def test_command_prints_and_writes(tmp_path):
    made_trial(tmp_path, "continuous", effect=1.5, criteria="")
    arguments = ["trial", "responders", str(tmp_path / "trial.toml"), "--method", "DR"]
    told = CliRunner().invoke(app, [*arguments, "--json", "--out", str(tmp_path / "out")])
    assert json.loads(told.stdout)["found"] is True
    assert "permuted copies" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Quarters of the score" in CliRunner().invoke(app, arguments).stdout
