"""Emulated trials in others' records: TrialEmulation's two example data sets, and NHEFS.

Printed numbers beyond the reference README are those of the articles of the R package TrialEmulation (Getting-Started
and new-interface, https://causal-lda.github.io/TrialEmulation).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from understudy.app.cli import app
from understudy.causal.emulation import (
    CurveSettings,
    OutcomeModel,
    PointModels,
    TrialWeights,
    WeightModel,
    emulate_trials,
    person_periods,
    point_effect,
    point_table,
    trial_sequence,
)
from understudy.causal.emulation.trial_weights import relevant, weigh

FOLDER = Path(__file__).parents[3] / "shared/reference/rwe"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="needs the folder rwe of the reference records, beside the checkout"
)
COVARIATES = ("catvarA", "catvarB", "nvarA", "nvarB", "nvarC")
NHEFS = (
    *(
        "sex",
        "race",
        "age",
        "age^2",
        "education",
        "smokeintensity",
        "smokeintensity^2",
        "smokeyrs",
        "smokeyrs^2",
    ),
    *("exercise", "active", "wt71", "wt71^2"),
)
# Getting-Started: estimates and robust errors, three digits.
PRINTED = {
    "(intercept)": (-3.21, 0.703), "assigned_treatment": (-0.273, 0.310), "trial_period": (1.73e-3, 4.07e-3),
    "trial_period^2": (1.27e-6, 9.52e-6), "followup_time": (2.85e-3, 3.40e-3), "followup_time^2": (-6.90e-6, 1.62e-5),
    "catvarA[1]": (0.298, 0.188), "catvarA[2]": (0.152, 0.284), "catvarA[7]": (0.413, 0.217),
    "catvarB[1]": (-0.405, 0.306), "catvarB[2]": (-0.431, 0.364), "catvarB[3]": (-2.44, 0.925),
    "catvarB[7]": (-0.716, 0.304), "nvarA": (-0.0855, 0.0449), "nvarB": (5.35e-3, 2.22e-3), "nvarC": (-0.0420, 6.89e-3),
}  # fmt: skip


@pytest.fixture(scope="module")
def example():
    return person_periods(
        pd.read_csv(FOLDER / "trial_emulation_example.csv.gz"),
        eligible="eligible", covariates=COVARIATES, categorical=("catvarA", "catvarB"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def lossy():
    frame = pd.read_csv(FOLDER / "trial_emulation_censored.csv")
    return person_periods(
        frame, eligible="eligible", censored="censored", covariates=["x1", "x2", "x3", "x4", "age"]
    )


def test_intention_to_treat(example):
    sequence = trial_sequence(example)
    assert sequence.expanded == 1_939_053
    assert (example.persons, int(example.eligible.sum()), int(example.outcome.sum())) == (503, 22_710, 253)
    found = emulate_trials(sequence, OutcomeModel(COVARIATES)).model
    one = found.coefficients["assigned_treatment"]
    assert round(one.value, 6) == -0.272859
    assert round(one.standard_error, 5) == 0.30969
    assert round(one.standard_error * found.small_sample_factor, 4) == 0.3100
    assert round(found.deviance, 3) == 107_649.393
    assert found.separable == ("catvarA[3]",)
    for name, (value, error) in PRINTED.items():
        mine = found.coefficients[name]
        # Half a unit of the third digit, and a little for what R had not yet iterated to.
        assert mine.value == pytest.approx(value, rel=5.5e-3), name
        assert mine.standard_error * found.small_sample_factor == pytest.approx(error, rel=5.5e-3), name


def test_per_protocol(example):
    sequence = trial_sequence(example, "per protocol")
    assert sequence.expanded == 963_883
    _, _, fits = weigh(sequence, TrialWeights(WeightModel((), ("nvarA", "nvarB"))))
    by_label = {each.label: each for each in fits}
    before = by_label["numerator: treated, previous treatment 0"]
    assert before.rows == 21_264
    np.testing.assert_allclose(list(before.coefficients.values()), [-3.82037, 0.00411, -0.00066], atol=5e-6)
    after = by_label["numerator: treated, previous treatment 1"]
    np.testing.assert_allclose(list(after.coefficients.values()), [4.02225, -0.00226, 0.00758], atol=5e-6)
    assert by_label["denominator: treated, previous treatment 0"].coefficients[
        "(intercept)"
    ] == pytest.approx(-3.84, abs=5e-3)
    assert by_label["denominator: treated, previous treatment 1"].coefficients[
        "(intercept)"
    ] == pytest.approx(4.38, abs=5e-3)


def test_sampled_controls_estimate_the_same(example):
    whole = trial_sequence(example)
    found = emulate_trials(whole.sample_controls(0.1, 7), OutcomeModel(COVARIATES))
    share = (found.sequence.rows - whole.events) / (whole.expanded - whole.events)
    assert share == pytest.approx(0.1, abs=0.001)  # four standard errors of a share of 1.9 million
    assert found.effects.values[0] == pytest.approx(
        -0.272859, abs=0.06
    )  # controls add an error of about 0.02


def test_counts_and_weights_with_loss(lossy):
    assert (lossy.persons, int(lossy.eligible.sum()), int(lossy.outcome.sum()), int(lossy.censored.sum())) == (
        89, 170, 11, 58,
    )  # fmt: skip
    sequence = trial_sequence(lossy)
    assert sequence.expanded == 1_558
    weighted, _, fits = weigh(sequence, TrialWeights(None, WeightModel(("x2", "x1"), ("x2",), "numerator")))
    printed = (
        (2.4480907, -0.4486482),
        (1.8941961, -0.5898292, 0.8552603),
        (2.81443372, -0.03713196, 0.89351418),
    )
    for fitted, wanted in zip(fits, printed, strict=True):
        np.testing.assert_allclose(list(fitted.coefficients.values()), wanted, atol=6e-8)
    assert [each.rows for each in fits] == [725, 426, 299]
    np.testing.assert_allclose(weighted.weight[[1, -2, -1]], [0.9429254, 0.8917236, 0.8999358], atol=5e-8)


def test_weights_per_protocol_with_loss(lossy):
    sequence = trial_sequence(lossy, "per protocol")
    assert (sequence.expanded, int(relevant(sequence).sum())) == (500, 321)
    weights = TrialWeights(WeightModel(("age", "x1", "x3"), ("age",)), WeightModel(("x2", "x1"), ("x2",)))
    weighted, _, _ = weigh(sequence, weights)
    np.testing.assert_allclose(weighted.weight[[1, -1]], [0.8951447, 1.0122336], atol=5e-8)


@pytest.fixture(scope="module")
def smokers():
    return point_table(
        pd.read_csv(FOLDER / "nhefs.csv"), treatment="qsmk", outcome="wt82_71", missing="complete cases",
        covariates=[name for name in NHEFS if "^" not in name],
        categorical=["sex", "race", "education", "exercise", "active"],
    )  # fmt: skip


def test_stopping_to_smoke_by_weighting(smokers):
    assert (smokers.persons, int(smokers.treatment.sum())) == (1_566, 403)
    for stabilised in (True, False):
        found = point_effect(smokers, "weighting", PointModels(NHEFS, stabilised=stabilised))
        one = found.differences["treated - untreated"]
        assert (round(one.value, 4), round(one.standard_error, 4)) == (3.4405, 0.5255)
        assert (round(one.low, 3), round(one.high, 3)) == (2.411, 4.470)
        assert found.weights.mean == pytest.approx(0.9988 if stabilised else 1.996, abs=5e-4)
    plain = point_effect(smokers, "unadjusted", PointModels())
    assert round(plain.differences.values[0], 4) == 2.5406


def test_stopping_to_smoke_by_standardisation_and_both(smokers):
    """What If, section 13.3: 5.27 less 1.76, that is 3.5 kg (95 % 2.6 to 4.5 by bootstrap)."""
    models = PointModels(NHEFS, NHEFS, ("smokeintensity",))
    found = point_effect(smokers, "standardisation", models)
    assert [round(value, 2) for value in found.means.values] == [1.76, 5.27]
    assert round(found.differences.values[0], 1) == 3.5
    low, high = found.differences.intervals[0]
    assert (low, high) == pytest.approx((2.6, 4.5), abs=0.1)  # theirs is a bootstrap
    both = point_effect(smokers, "doubly robust", models).differences.values[0]
    assert 3.4 < both < 3.55  # between the two that it joins


def test_the_command_says_the_same(tmp_path):
    (tmp_path / "itt.toml").write_text(
        """
title = "TrialEmulation's example"
method = "intention to treat"
[data]
file = "trial_emulation_example.csv.gz"
id = "id"
period = "period"
treatment = "treatment"
outcome = "outcome"
eligible = "eligible"
categorical = ["catvarA", "catvarB"]
[outcome_model]
covariates = ["catvarA", "catvarB", "nvarA", "nvarB", "nvarC"]
[curves]
horizon = 10
draws = 50
"""
    )
    done = CliRunner().invoke(
        app, ["rwe", "emulate", str(tmp_path / "itt.toml"), "--data", str(FOLDER), "--json"]
    )
    told = json.loads(done.stdout)
    table = {each["name"]: each for each in told["tables"]["coefficients"]}
    assert round(table["assigned_treatment"]["estimate"], 6) == -0.272859
    assert table["catvarA[3]"]["estimate"] is None
    assert table["catvarA[3]"]["status"] == "separable"
    assert told["tables"]["model"][0]["expanded_rows"] == 1_939_053


def test_curves_of_the_example(example):
    """No published number: that curves end where incidence by the model does, and intervals are around them."""
    found = emulate_trials(trial_sequence(example), OutcomeModel(COVARIATES), curves=CurveSettings(60, 100))
    last = found.curves.table().iloc[-1]
    assert last.untreated_low < last.untreated < last.untreated_high
    assert last.difference_low < last.difference < last.difference_high
    assert last.treated / last.untreated == pytest.approx(np.exp(-0.272859), abs=0.06)
