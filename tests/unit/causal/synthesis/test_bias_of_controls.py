"""Bias of negative controls, and effects it is taken off."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.causal.synthesis import (
    NormalApproximation,
    SiteProfile,
    correct_bias,
    correct_each_look,
    fit_bias,
    pool,
)
from understudy.core.errors import DataError

RNG = np.random.default_rng(4)
CONTROLS = [NormalApproximation(float(each), 0.1) for each in RNG.normal(0.4, 0.3, 60)]
EFFECT = NormalApproximation(1.0, 0.15)


def test_the_bias_is_learnt():
    bias = fit_bias(CONTROLS)
    # Two standard errors of sixty controls.
    assert bias.mean == pytest.approx(0.4, abs=0.08)
    assert bias.sd == pytest.approx(0.3, abs=0.06)
    assert bias.predictive.sd == pytest.approx(np.hypot(bias.sd, 0.04), rel=0.05)
    assert bias.notes == ()


def test_the_corrected_effect_has_both_spreads():
    bias = fit_bias(CONTROLS)
    found = correct_bias(EFFECT, bias, prior_sd=100)
    assert found.raw.mean == pytest.approx(1.0, abs=1e-3)
    assert found.corrected.mean == pytest.approx(1.0 - bias.predictive.mean, abs=2e-3)
    assert found.corrected.sd == pytest.approx(np.hypot(0.15, bias.predictive.sd), rel=2e-3)
    assert (
        found.table().loc["corrected", "probability_above_null"]
        < found.table().loc["raw", "probability_above_null"]
    )


def test_a_prior_of_the_effect_draws_it_to_zero():
    bias = fit_bias(CONTROLS)
    # Of a normal: 1 / (1 + 0.15² / 0.5²).
    assert correct_bias(EFFECT, bias, prior_sd=0.5).raw.mean == pytest.approx(1 / (1 + 0.09), abs=1e-3)


def test_few_controls_have_a_note_and_none_are_an_error():
    assert "only 2 negative controls" in fit_bias(CONTROLS[:2]).notes[0]
    with pytest.raises(DataError, match="there is no negative control"):
        fit_bias([])


def test_each_look_has_its_own_controls():
    found = correct_each_look({1: EFFECT, 2: EFFECT}, {1: CONTROLS[:10], 2: CONTROLS})
    assert found[1].bias.controls == 10
    assert found[1].corrected.sd != found[2].corrected.sd
    with pytest.raises(DataError, match="look without negative controls"):
        correct_each_look({1: EFFECT, 2: EFFECT}, {1: CONTROLS})


X = np.linspace(-3, 3, 121)


def _site(name, effect, analysis="main", measure="hazard ratio"):
    return SiteProfile(name, analysis, measure, LikelihoodProfile(X, -20 * (X - effect) ** 2))


def test_sites_are_pooled_and_their_controls_added_up_by_outcome():
    sites = [_site("a", 0.8), _site("b", 1.0)]
    controls = [_site(s, 0.1 * k, f"control {k}") for k in range(6) for s in ("a", "b")]
    found = pool(sites, controls)
    assert found.fixed.log == pytest.approx(0.9, abs=1e-4)
    assert found.corrected.bias.controls == 6
    assert found.corrected.corrected.mean == pytest.approx(0.9 - 0.25, abs=0.02)
    assert found.by_site()["site"].tolist() == ["a", "b"]
    assert "bias from 6 negative controls" in repr(found)


@pytest.mark.parametrize(
    ("sites", "controls", "told"),
    [
        ([], [], "pooling needs"),
        ([_site("a", 0.1), _site("a", 0.2)], [], "a site is there twice"),
        ([_site("a", 0.1), _site("b", 0.2, "other")], [], "sites differ in analysis"),
        ([_site("a", 0.1), _site("b", 0.2, measure="odds ratio")], [], "sites differ in measure"),
        ([_site("a", 0.1)], [_site("a", 0.1, "c", "odds ratio")], "controls of another measure"),
    ],
)
def test_sites_that_do_not_go_together_are_refused(sites, controls, told):
    with pytest.raises(DataError, match=told):
        pool(sites, controls)
