"""New trials simulated with patients as in an old one."""

from __future__ import annotations

import json

import numpy as np
import pytest
from small_trial import PROTOCOL, small_trial
from test_redesign import made_trial
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.core.errors import StudyError
from understudy.trials import simulate_new_trial
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
