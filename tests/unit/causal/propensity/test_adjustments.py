"""Trimming, stratification and weighting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.causal.propensity import (
    PropensityScores,
    match_on_score,
    stratify_on_score,
    trim_by_fraction,
    trim_by_score,
    trim_to_equipoise,
    weight_by_score,
)
from understudy.core.errors import StudyError


@pytest.fixture
def scores():
    drawn = np.random.default_rng(1)
    found = drawn.uniform(0.02, 0.98, 400)
    return PropensityScores(found, (drawn.random(400) < found).astype(int))


def test_weights_by_their_formulae(scores):
    e, t, share = scores.scores, scores.treatment == 1, scores.treatment.mean()
    expected = {
        "ate": np.where(t, share / e, (1 - share) / (1 - e)),
        "att": np.where(t, share, (1 - share) * e / (1 - e)),
        "atu": np.where(t, share * (1 - e) / e, 1 - share),
        "ato": np.where(t, 1 - e, e),
    }
    for effect, weights in expected.items():
        found = weight_by_score(scores, effect)
        np.testing.assert_allclose(found.weights, weights, rtol=1e-14)
        assert found.estimand == effect
        assert found.kept.all()


def test_weights_of_cohortmethods_own_tests():
    # Its test "IPTW ATT": scores 0.1 to 0.5, treatments 1 0 1 0 1.
    scores = PropensityScores([0.1, 0.2, 0.3, 0.4, 0.5], [1, 0, 1, 0, 1])
    np.testing.assert_allclose(
        weight_by_score(scores, "att").weights, [0.6, 0.4 * 0.25, 0.6, 0.4 * 2 / 3, 0.6], rtol=1e-12
    )


def test_large_weights_are_cut_and_told(scores):
    whole = weight_by_score(scores, "ate").weights
    cut = weight_by_score(scores, "ate", largest=2.0)
    np.testing.assert_array_equal(cut.weights, np.minimum(whole, 2.0))
    assert "above 2 were set to it" in cut.notes[-1]
    by_share = weight_by_score(scores, "ate", quantile=0.9)
    assert by_share.weights.max() == pytest.approx(np.quantile(whole, 0.9))
    both = weight_by_score(scores, "ate", largest=2.0, quantile=0.9)
    assert both.weights.max() == min(2.0, np.quantile(whole, 0.9))


def test_extreme_scores_have_finite_weights_and_a_warning():
    scores = PropensityScores(np.r_[np.full(50, 0.5), 1.0, 0.0], np.r_[np.tile([0, 1], 25), 0, 1])
    for effect in ("ate", "att", "atu", "ato"):
        found = weight_by_score(scores, effect)
        assert np.isfinite(found.weights).all()
        assert "all but 0 or 1" in found.notes[0]
    assert "few persons decide" in weight_by_score(scores, "att").notes[1]
    assert weight_by_score(scores, "ato").effective[0] > 20
    assert weight_by_score(scores, "ate").effective[0] < 2


def test_the_share_is_of_those_kept_after_trimming(scores):
    trimmed = trim_by_score(scores, (0.2, 0.8))
    found = weight_by_score(scores, "att", trimmed)
    share = scores.treatment[trimmed.kept].mean()
    np.testing.assert_allclose(found.weights[trimmed.kept & (scores.treatment == 1)], share)
    assert (found.weights[~trimmed.kept] == 0).all()


@pytest.mark.parametrize(
    "wrong", [{"effect": "itt"}, {"largest": 0.0}, {"largest": -1.0}, {"quantile": 0.0}, {"quantile": 1.5}]
)
def test_impossible_weights(scores, wrong):
    with pytest.raises(StudyError):
        weight_by_score(scores, **wrong)


@pytest.mark.parametrize("last", [match_on_score, stratify_on_score, weight_by_score])
@pytest.mark.parametrize(
    "more",
    [match_on_score, stratify_on_score, weight_by_score, trim_by_fraction, trim_by_score, trim_to_equipoise],
)
def test_nothing_follows_matching_strata_or_weights(scores, last, more):
    with pytest.raises(StudyError, match="nothing can follow"):
        more(scores, within=last(scores))


def test_what_came_before_was_done_to_the_same_persons(scores):
    others = PropensityScores(scores.scores, 1 - scores.treatment)
    with pytest.raises(StudyError, match="other persons"):
        weight_by_score(scores, within=trim_by_score(others))


def test_trimming_takes_the_least_likely_of_each_cohort(scores):
    found = trim_by_fraction(scores, 0.1)
    e, t = scores.scores, scores.treatment == 1
    assert (
        found.kept.tolist() == np.where(t, e >= np.quantile(e[t], 0.1), e <= np.quantile(e[~t], 0.9)).tolist()
    )
    assert found.estimand == "ate"
    assert trim_by_fraction(scores, 0.0).kept.all()


def test_trimming_by_bounds(scores):
    assert trim_by_score(scores).kept.tolist() == ((scores.scores >= 0.1) & (scores.scores <= 0.9)).tolist()
    p = scores.preference
    assert trim_to_equipoise(scores, (0.25, 0.75)).kept.tolist() == ((p >= 0.25) & (p <= 0.75)).tolist()


def test_bounds_that_leave_nobody_are_an_error():
    scores = PropensityScores([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    with pytest.raises(StudyError, match="nobody of the target cohort is left"):
        trim_by_score(scores, (0.05, 0.3))
    for wrong in ((0.5, 0.5), (0.7, 0.3), (-0.1, 0.5), (0.5, np.nan)):
        with pytest.raises(StudyError, match="two rising numbers"):
            trim_to_equipoise(scores, wrong)
    for wrong in (-0.1, 1.0, np.nan):
        with pytest.raises(StudyError, match="a fraction"):
            trim_by_fraction(scores, wrong)


@pytest.mark.parametrize(("base", "estimand"), [("all", "ate"), ("target", "att"), ("comparator", "atu")])
def test_strata_are_of_one_size_in_their_base(scores, base, estimand):
    found = stratify_on_score(scores, 5, base)
    chosen = scores.treatment == (base == "target") if base != "all" else np.ones(400, bool)
    sizes = np.bincount(found.stratum[chosen])
    assert sizes.size == 5
    assert sizes.max() - sizes.min() <= 1
    assert found.estimand == estimand
    order = np.argsort(scores.scores)
    assert (np.diff(found.stratum[order]) >= 0).all()


def test_strata_that_coincide_are_told():
    scores = PropensityScores(np.repeat([0.3, 0.6], [30, 10]), np.tile([0, 1], 20))
    found = stratify_on_score(scores, 5)
    assert found.stratum.max() + 1 < 5
    assert "could be made" in found.notes[0]
    alike = stratify_on_score(PropensityScores(np.full(40, 0.3), np.tile([0, 1], 20)), 5)
    assert (alike.stratum == 0).all()


def test_strata_of_one_cohort_are_told():
    scores = PropensityScores([0.1, 0.12, 0.2, 0.8, 0.82, 0.9], [0, 0, 0, 1, 0, 1])
    assert "persons of one cohort only" in stratify_on_score(scores, 2).notes[0]


def test_strata_are_divided_by_further_columns(scores):
    also = np.arange(400) % 3
    found = stratify_on_score(scores, 4, also=also)
    assert found.stratum.max() + 1 == 12
    assert all(len(set(also[found.stratum == k])) == 1 for k in range(12))


def test_what_was_trimmed_has_no_stratum(scores):
    found = stratify_on_score(scores, 5, within=trim_by_score(scores))
    assert (found.stratum[~found.kept] == -1).all()
    assert np.ptp(np.bincount(found.stratum[found.kept])) <= 1


@pytest.mark.parametrize(
    "wrong", [{"strata": 1}, {"strata": 2.5}, {"base": "everybody"}, {"also": np.zeros(3)}]
)
def test_impossible_strata(scores, wrong):
    with pytest.raises(StudyError):
        stratify_on_score(scores, **wrong)


def test_an_adjustment_is_told_without_small_counts():
    scores = PropensityScores(np.linspace(0.2, 0.8, 20), np.r_[np.zeros(17), np.ones(3)])
    found = match_on_score(scores, caliper=0)
    assert "<5 target and <5 comparator" in repr(found)
    assert found.table()["persons"].tolist() == ["<5", "<5"]
    assert found.table()["effective"].tolist() == ["<5", "<5"]
    weighted = weight_by_score(PropensityScores(np.full(20, 0.5), np.tile([0, 1], 10)))
    assert weighted.table()["effective"].tolist() == ["10.0", "10.0"]
