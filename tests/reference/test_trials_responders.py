"""Responders: three published trials in which nobody is known to respond more than others stay without a finding."""

from __future__ import annotations

import pytest
from benchmarks.responders import FOLDER, TRIALS, trial_of

from understudy.biostatistics.survival.restricted_mean import compare_restricted_means
from understudy.trials import responders

pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason="the trials' records, ../shared/reference/trials, are not here"
)


def made(name: str, folder):
    return trial_of(TRIALS[name], folder)


@pytest.mark.parametrize("method", ["R", "DR"])
@pytest.mark.parametrize("name", ["PBC, survival", "CDISC, ADAS-Cog"])
def test_null_trials_stay_null(tmp_path, name, method):
    found = responders(made(name, tmp_path), method=method)
    assert not found.found
    assert found.sentences[0] == (
        "No difference of effects between subjects was found that chance would not explain."
    )


@pytest.mark.slow
def test_heparin_in_nineteen_thousand_strokes_stays_null(tmp_path):
    found = responders(made("stroke, heparin", tmp_path))
    assert not found.found
    policy = found.policy.set_index("policy")["value"]
    # The trial's own shares, dead or dependent after six months: 62.9 % of either arm; covariates move them little.
    assert policy["treat nobody"] == pytest.approx(6062 / 9644, abs=0.002)
    assert policy["treat all"] == pytest.approx(6063 / 9641, abs=0.002)


def test_treating_all_gains_the_difference_of_restricted_means(tmp_path):
    trial = made("PBC, survival", tmp_path)
    found = responders(trial)
    gain = found.policy.iloc[1]
    horizon = float(found.measure.split(" to ")[1].split()[0])
    rows = trial.outcome.join(trial.subjects["arm"])
    told = compare_restricted_means(rows["time"], rows["event"], (rows["arm"] == "1").astype(int), horizon)
    # The same effect with covariates and without: apart by less than half of the larger error, which it lessens.
    assert gain["over_nobody"] == pytest.approx(
        told.difference.estimate, abs=told.difference.standard_error / 2
    )
    assert gain["over_nobody_high"] - gain["over_nobody_low"] < told.difference.high - told.difference.low
