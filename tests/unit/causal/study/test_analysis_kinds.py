"""Every kind of analysis that a study file can ask for, on records whose answer is known."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from understudy.causal import SimulatedStudy, load_study, run_study
from understudy.causal.outcomes import outcome_model

RATIO = 2.0
KINDS = {
    "variable ratio": 'adjustment = "match"\nratio = 100\n',
    "caliper of the score": 'adjustment = "match"\ncaliper = 0.02\ncaliper_scale = "propensity"\n',
    "ten strata": 'adjustment = "stratify"\nstrata = 10\n',
    "everybody": 'adjustment = "weight"\nestimand = "ate"\n',
    "overlap": 'adjustment = "weight"\nestimand = "ato"\n',
    "cut weights": 'adjustment = "weight"\nestimand = "ate"\nlargest_weight = 1.5\n',
    "trimmed": 'adjustment = "stratify"\ntrim_equipoise = [0.35, 0.65]\n',
    "trimmed by share": 'adjustment = "match"\ntrim_fraction = 0.05\n',
    "rates": 'adjustment = "stratify"\nmodel = "poisson"\n',
    "odds": 'adjustment = "weight"\nmodel = "logistic"\n',
    "pairs, unconditional": 'adjustment = "match"\nconditional = false\n',
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds")
    SimulatedStudy(2500, RATIO).write(folder)
    text = (folder / "study.toml").read_text(encoding="utf-8")
    text = re.sub(r"\[\[analyses\]\].*", "", text, flags=re.S)
    for name, keys in KINDS.items():
        text += f'[[analyses]]\nname = "{name}"\n{keys}\n'
    waived = '{ "systematic error" = "only kinds of analyses are tried here" }'
    (folder / "study.toml").write_text(f"{text}[diagnostics]\nwaive = {waived}\n", encoding="utf-8")
    return run_study(load_study(folder / "study.toml"))


@pytest.mark.parametrize("name", KINDS)
def test_it_finds_the_effect(found, name):
    estimate = found.answer(name).finding._content.estimate
    # Five standard errors: odds ratios and marginal effects differ a little from what was simulated.
    assert abs(estimate.log - math.log(RATIO)) < 5 * estimate.standard_error
    assert estimate.low > 0
    assert estimate.profile is not None


def test_measures_are_named_for_what_they_are(found):
    measures = {name: found.answer(name).measure for name in ("rates", "odds", "overlap")}
    assert measures["odds"] == "odds ratio"
    assert "rate ratio" in measures["rates"]
    assert measures["overlap"] == "hazard ratio"


def test_rates_count_every_outcome_and_all_days(found):
    people = found.material.outcomes["outcome"]
    answer = found.answer("rates")
    own = outcome_model(
        people.rows["days_at_risk"], people.rows["events"], people.treatment, model="poisson",
        strata=answer.adjustment.stratum,
    )  # fmt: skip
    assert answer.finding._content.estimate.log == own.log


def test_trimming_keeps_equipoise_alone(found):
    adjustment = found.answer("trimmed").adjustment
    scores = found.material.scores(found.material.outcomes["outcome"]).preference
    assert scores[adjustment.kept].min() >= 0.35
    assert scores[adjustment.kept].max() <= 0.65
    assert 0 < adjustment.kept.sum() < scores.size


def test_weights_are_cut(found):
    weights = found.answer("cut weights").adjustment.weights
    assert weights.max() == 1.5
    assert np.any(found.answer("everybody").adjustment.weights > 1.5)


def test_variable_ratio_uses_more_than_pairs(found):
    more, pairs = found.answer("variable ratio"), found.answer("pairs, unconditional")
    assert sum(more.persons) > sum(pairs.persons)
    assert pairs.persons[0] == pairs.persons[1]


def test_an_unconditional_model_of_pairs_has_no_strata(found):
    people, adjustment = found.material.outcomes["outcome"], found.answer("pairs, unconditional").adjustment
    kept = adjustment.kept
    own = outcome_model(people.time[kept], people.event[kept].astype(int), people.treatment[kept])
    assert found.answer("pairs, unconditional").finding._content.estimate.log == own.log
