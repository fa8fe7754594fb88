"""New trials simulated with patients as in an old one."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from small_trial import PROTOCOL, small_trial
from test_redesign import made_trial
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.core.errors import StudyError
from understudy.core.random import normals, uniforms
from understudy.trials import load_trial, simulate_new_trial
from understudy.trials.new_trial import SEEN, control_hazard

DESIGN = "[design]\npatients = 100\nenrolment = 10\n"


def test_hazard_in_pieces_has_the_events_and_times_of_the_data():
    time, event = np.arange(1.0, 101.0), np.tile([1, 1, 0, 1], 25)
    hazard = control_hazard(time, event)
    edges = [0.0, *hazard.breaks, 100.0]
    expected = 0.0
    for rate, begin, end in zip(hazard.rates, edges[:-1], edges[1:], strict=True):
        expected += rate * np.clip(time - begin, 0.0, end - begin).sum()
    assert len(hazard.rates) == 4
    assert expected == pytest.approx(event.sum())


def test_power_of_means_is_that_of_the_formula(tmp_path):
    """A t test's power for the effect and spread that were seen, within four Monte Carlo errors."""
    trial = made_trial(tmp_path, "continuous", effect=0.7, criteria=DESIGN)
    found = simulate_new_trial(trial, trials=2000)
    power, error = found.characteristics.rejection(SEEN)
    effect = abs(found.effects[SEEN])
    spread = _spread_of(trial)
    expected = _power(effect, spread, 100)
    assert power == pytest.approx(expected, abs=4 * error + 0.01)


def _spread_of(trial):
    from understudy.trials.new_trial import _spread
    from understudy.trials.resampled_effect import resampled_effect

    effect = resampled_effect(trial)
    return _spread(effect, trial.table)


def _power(effect, spread, patients):
    from scipy.stats import norm

    return norm.sf(1.959964 - effect / (spread * np.sqrt(4 / patients)))


@pytest.mark.parametrize("kind", ["continuous", "binary", "survival"])
def test_no_effect_is_significant_as_often_as_it_may_be(tmp_path, kind):
    more = "events = 50\n" if kind == "survival" else ""
    found = simulate_new_trial(made_trial(tmp_path, kind, criteria=DESIGN + more), trials=2000)
    share, error = found.characteristics.rejection("null")
    # Four Monte Carlo errors, and half a percentage point for the normal approximation of 100 patients.
    assert share == pytest.approx(0.025, abs=4 * error + 0.005)
    assert found.characteristics.rejection(SEEN)[0] > share


def test_assurance_is_less_sure_than_power(tmp_path):
    trial = made_trial(tmp_path, "continuous", effect=1.2, criteria=DESIGN)
    found = simulate_new_trial(trial, trials=400)
    assert found.assurance < found.characteristics.rejection(SEEN)[0]


def test_protocol_without_a_design_is_refused(tmp_path):
    with pytest.raises(StudyError, match="the protocol has no design"):
        simulate_new_trial(small_trial(tmp_path))


def test_survival_trial_without_an_end_is_refused(tmp_path):
    with pytest.raises(StudyError, match="nothing says when the new trial is analysed"):
        simulate_new_trial(small_trial(tmp_path, protocol=PROTOCOL + DESIGN))


def test_command_prints_scenarios(tmp_path):
    made_trial(tmp_path, "binary", criteria=DESIGN + 'effects = { "a tenth" = -0.1 }\n')
    arguments = ["trial", "simulate", str(tmp_path / "trial.toml"), "--trials", "100"]
    data = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert list(data["effects"]) == [SEEN, "a tenth"]
    assert "Assurance" in CliRunner().invoke(app, arguments).stdout


def three_arms(folder, kind: str, design: str):
    """A trial with two doses; the higher does more."""
    z, u = normals(1, "three arms", np.arange(300), 1)[:, 0], uniforms(1, "three arms", np.arange(300), 2)
    place = np.arange(300) % 3
    days = np.round(100 * np.exp(0.4 * place) * -np.log(u[:, 0])) + 1
    frame = pd.DataFrame(
        {"USUBJID": np.arange(300), "ARM": np.array(["placebo", "low", "high"])[place], "SCORE": z + 0.4 * place,
         "DAYS": np.minimum(days, 300), "CNSR": (days > 300).astype(int), "WELL": (z + 0.5 * place > 0.5).astype(int),
         "MARK": (u[:, 1] < 0.5).astype(int)}
    )  # fmt: skip
    frame.to_csv(folder / "adsl.csv", index=False)
    endpoints = {
        "survival": 'kind = "survival"\ntime = "DAYS"\nevent = { CNSR = 0 }',
        "continuous": 'kind = "continuous"\nvalue = "SCORE"\nbetter = "higher"',
        "binary": 'kind = "binary"\nevent = { WELL = 1 }\nbetter = "higher"',
    }
    (folder / "trial.toml").write_text(
        'title = "three"\n[subjects]\nfile = "adsl.csv"\nid = "USUBJID"\narm = "ARM"\n[arms]\ncontrol = "placebo"\n'
        f'treated = ["low", "high"]\ndoses = {{ placebo = 0, low = 1, high = 2 }}\n[endpoint]\n{endpoints[kind]}\n'
        f"[design]\npatients = 240\nenrolment = 5\n{design}",
        encoding="utf-8",
    )
    return load_trial(folder / "trial.toml")


@pytest.mark.parametrize(
    ("kind", "design"),
    [
        ("survival", "looks = 2\n[design.multi_arm]\ncontrol_events = 50\nkeep = 1\n"),
        ("binary", "[design.adaptive]\nbatch = 40\n"),
        ("continuous", "[design.platform]\nper_arm = 60\nentry = { high = 40 }\n"),
        ("continuous", '[design.dose_ranging]\neffect = 0.5\nshapes = [{ model = "linear" }]\n'),
    ],
)
def test_designs_of_several_arms_have_each_arms_own_effect(tmp_path, kind, design):
    trial = three_arms(tmp_path, kind, design)
    found = simulate_new_trial(trial, trials=200)
    assert set(found.effects[SEEN]) == {"low", "high"}
    assert found.characteristics.arms == ("control", "low", "high")
    runs = found.characteristics.runs[SEEN]
    if "high better" in runs.hypotheses:
        rates = [found.characteristics.rejection(SEEN, f"{arm} better")[0] for arm in ("low", "high")]
        assert rates[1] > rates[0]
    assert 0 < found.assurance <= 1
    assert found.characteristics.rejection("null")[0] < 0.15


def test_re_estimation_and_enrichment_of_a_protocol(tmp_path):
    design = "follow_up = 100\nevents = 120\n[design.re_estimation]\n"
    found = simulate_new_trial(three_arms(tmp_path, "survival", design), arm="high", trials=200)
    assert "grown" in found.characteristics.runs[SEEN].measures
    design = "[design.enrichment]\nfirst = 120\npositive = { MARK = 1 }\n"
    found = simulate_new_trial(three_arms(tmp_path, "continuous", design), arm="high", trials=200)
    assert set(found.effects[SEEN]) == {"negative", "positive"}
    assert "enriched" in found.characteristics.runs[SEEN].measures
    assert "positive" in repr(found)


def test_effects_by_arm(tmp_path):
    design = "effects = { flat = { low = 0.0, high = 0.5 } }\n[design.adaptive]\nbatch = 40\n"
    found = simulate_new_trial(three_arms(tmp_path, "binary", design), trials=200)
    assert found.effects["flat"] == {"low": 0.0, "high": 0.5}
    wrong = three_arms(tmp_path, "binary", design.replace(", high = 0.5", ""))
    with pytest.raises(StudyError, match="effects of low"):
        simulate_new_trial(wrong, trials=10)


@pytest.mark.parametrize(
    ("design", "words"),
    [
        ('[design.escalation]\nrule = "boin"\n', "no patients of an earlier trial"),
        ("[design.enrichment]\nfirst = 120\n", "who is positive"),
        ("[design.enrichment]\nfirst = 120\npositive = { MARK = 7 }\n", "0 of 300 subjects"),
    ],
)
def test_designs_that_a_protocol_cannot_have(tmp_path, design, words):
    with pytest.raises(StudyError, match=words):
        simulate_new_trial(three_arms(tmp_path, "continuous", design), trials=10)
