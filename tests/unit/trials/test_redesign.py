"""Redesign: eligibility, effects in resamples, Shapley values."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.core.errors import StudyError
from understudy.core.random import normals, uniforms
from understudy.trials import load_trial, redesign
from understudy.trials.analyses.analysis import analyse
from understudy.trials.redesign.shapley import shapley_values
from understudy.trials.resampled_effect import bootstrap_counts, resampled_effect

ENDPOINTS = {
    "continuous": 'kind = "continuous"\nvalue = "SCORE"\nbaseline = "BEFORE"',
    "binary": 'kind = "binary"\nevent = { SCORE = { above = 0 } }',
    "survival": 'kind = "survival"\ntime = "DAYS"\nevent = { CNSR = 0 }',
}
CRITERIA = (
    '[[criteria]]\nname = "young"\nrule = { AGE = { below = 60 } }\n'
    '[[criteria]]\nname = "women"\nrule = { SEX = "f" }\n'
)


def made_trial(folder, kind: str, effect: float = 1.0, criteria: str = CRITERIA, count: int = 200):
    """A trial whose drug helps those below 60 only."""
    u, z = uniforms(1, "design", np.arange(count), 4), normals(1, "noise", np.arange(count), 3)
    drug, young = np.arange(count) % 2, u[:, 0] < 0.5
    score = z[:, 0] + z[:, 1] - effect * drug * young
    days = np.round(100 * np.exp(effect * drug * young) * -np.log(u[:, 2])) + 1
    frame = pd.DataFrame(
        {"USUBJID": np.arange(count), "ARM": np.where(drug, "drug", "placebo"), "AGE": np.where(young, 45, 70),
         "SEX": np.where(u[:, 1] < 0.5, "f", "m"), "BEFORE": z[:, 1], "SCORE": score,
         "DAYS": np.minimum(days, 150), "CNSR": (days > 150).astype(int), "HARM": np.where(u[:, 3] < 0.2, "Y", "N")}
    )  # fmt: skip
    frame.to_csv(folder / "adsl.csv", index=False)
    text = (
        'title = "made"\n[subjects]\nfile = "adsl.csv"\nid = "USUBJID"\narm = "ARM"\n[arms]\ncontrol = "placebo"\n'
        f'treated = ["drug"]\n[endpoint]\n{ENDPOINTS[kind]}\n[baseline]\ncovariates = ["AGE", "SEX"]\n{criteria}'
        '[safety]\nevent = { HARM = "Y" }\n'
    )
    (folder / "trial.toml").write_text(text, encoding="utf-8")
    return load_trial(folder / "trial.toml")


@pytest.mark.parametrize("kind", ENDPOINTS)
def test_effect_of_all_subjects_is_that_of_the_analysis(tmp_path, kind):
    trial = made_trial(tmp_path, kind)
    effect, expected = resampled_effect(trial), analyse(trial).effects[0]
    value, _ = effect.values(np.ones((1, effect.subjects.size), dtype=int))
    # The compiled search stops where the log hazard ratio changes by less than 1e-9.
    assert effect.natural(value[0]) == pytest.approx(expected.value, rel=1e-7)


@pytest.mark.parametrize("kind", ENDPOINTS)
def test_selection_and_repetition_are_those_of_a_trial_of_these_subjects(tmp_path, kind):
    trial = made_trial(tmp_path, kind)
    effect = resampled_effect(trial)
    chosen = (trial.subjects.loc[effect.subjects, "SEX"] == "f").to_numpy()
    value, error = effect.values(np.stack([chosen.astype(int), 2 * chosen, np.ones(chosen.size, dtype=int)]))
    alone = resampled_effect(trial.of_subjects(effect.subjects[chosen])).values(
        np.ones((1, chosen.sum()), dtype=int)
    )
    assert value[0] == pytest.approx(alone[0][0], rel=1e-7)
    assert error[0] == pytest.approx(alone[1][0], rel=1e-6)
    if kind != "survival":
        # Everybody twice: the same effect, its variance halved. (Doubled times are ties, which Efron's method sees.)
        assert value[1] == pytest.approx(value[0])
        assert error[1] == pytest.approx(error[0] / np.sqrt(2))


def test_bootstrap_keeps_the_size_of_arms():
    groups = np.array([0, 0, 0, 1, 1])
    counts = bootstrap_counts(5, 300, 1, groups)
    assert (counts[:, :3].sum(axis=1) == 3).all()
    assert (counts[:, 3:].sum(axis=1) == 2).all()
    # 300 resamples: the mean count of a subject is 1 with a standard error below 0.05.
    assert counts.mean(axis=0) == pytest.approx(np.ones(5), abs=0.2)


def test_shapley_values_share_out_the_whole():
    members = np.array(list(product([False, True], repeat=4)))
    values = normals(3, "values", [0], 16)[0]
    found = shapley_values(values, members)
    whole = values[members.all(axis=1)][0] - values[~members.any(axis=1)][0]
    assert found.sum() == pytest.approx(whole)


def test_shapley_value_of_an_additive_game_is_its_own():
    members = np.array(list(product([False, True], repeat=3)))
    worth = np.array([1.0, -2.0, 5.0])
    assert shapley_values(members @ worth, members) == pytest.approx(worth)


def test_the_criterion_that_matters_is_found(tmp_path):
    found = redesign(made_trial(tmp_path, "continuous", effect=1.5), resamples=200)
    rows = found.contributions.set_index("criterion")
    assert rows.loc["young", "effect"] < -0.4
    assert rows.loc["young", "p_adjusted"] < 0.01
    assert rows.loc["women", "p_adjusted"] > 0.05
    assert found.combinations["criteria"].tolist() == ["none", "young", "women", "young and women"]
    assert found.combinations["subjects"].iloc[0] == 200
    assert found.combinations["subjects_needed"].iloc[1] < found.combinations["subjects_needed"].iloc[0]
    assert found.combinations["safety"].between(0.05, 0.4).all()
    assert not found.tested
    assert found.notes[0].startswith("UNTESTED")


def test_second_trial_stands_beside_the_first(tmp_path):
    trial = made_trial(tmp_path, "continuous")
    found = redesign(trial, second=trial, resamples=60)
    assert found.tested
    assert found.combinations["second_effect"].tolist() == found.combinations["effect"].tolist()


def test_best_of_many_looks_better_than_it_is(tmp_path):
    found = redesign(made_trial(tmp_path, "continuous", effect=0.0), resamples=200)
    assert found.optimism > 0


@pytest.mark.parametrize(
    ("criteria", "words"),
    [
        ("", "the protocol has no criteria"),
        ('[[criteria]]\nname = "old"\nrule = { AGE = { above = 100 } }\n', "leaves an arm without subjects"),
        (
            "".join(f'[[criteria]]\nname = "c{k}"\nrule = {{ SEX = "f" }}\n' for k in range(13)),
            "8,192 combinations",
        ),
    ],
)
def test_criteria_that_cannot_be_are_refused(tmp_path, criteria, words):
    with pytest.raises(StudyError, match=words):
        redesign(made_trial(tmp_path, "continuous", criteria=criteria))


def test_command_prints_and_writes(tmp_path):
    made_trial(tmp_path, "survival")
    arguments = ["trial", "redesign", str(tmp_path / "trial.toml"), "--resamples", "50"]
    told = CliRunner().invoke(app, [*arguments, "--json", "--out", str(tmp_path / "out")])
    assert told.exit_code == 0
    data = json.loads(told.stdout)
    assert [row["criterion"] for row in data["contributions"]] == ["young", "women"]
    assert "Shapley" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "UNTESTED" in CliRunner().invoke(app, arguments).stdout
