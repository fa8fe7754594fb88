"""Matching against a search of all pairs, step by step; ties, calipers, ratios, further columns."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.causal.propensity import PropensityScores, match_on_score, trim_to_equipoise
from understudy.core.errors import StudyError


def brute_force(values, treatment, ratio, caliper, cells=None):
    """Row of the target of each person by looking at all pairs each time; -1 for none."""
    n, owner = len(values), np.full(len(values), -1)
    cells = np.zeros(n) if cells is None else cells
    got = {int(i): 0 for i in np.flatnonzero(treatment == 1)}
    for round_ in range(ratio):
        while True:
            pairs = [
                (abs(values[i] - values[j]), i, j)
                for i in got
                if got[i] == round_
                for j in np.flatnonzero((treatment == 0) & (owner < 0) & (cells == cells[i]))
                if abs(values[i] - values[j]) < caliper
            ]
            if not pairs:
                break
            _, i, j = min(pairs)
            owner[i] = owner[j] = i
            got[i] += 1
    return owner


def owners(adjustment):
    """Row of the target of each person, -1 for none."""
    found = np.full(adjustment.kept.size, -1)
    for i in np.flatnonzero(adjustment.kept & (adjustment.treatment == 1)):
        found[adjustment.stratum == adjustment.stratum[i]] = i
    return found


def case(seed, n=40, levels=None):
    drawn = np.random.default_rng(seed)
    scores = (
        drawn.uniform(0.05, 0.95, n) if levels is None else drawn.choice(np.linspace(0.2, 0.8, levels), n)
    )
    treatment = (drawn.random(n) < 0.4).astype(int)
    return PropensityScores(scores, treatment)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("levels", [None, 3, 7])  # with few levels most pairs are ties
@pytest.mark.parametrize("ratio", [1, 2, 100])
def test_every_pair_is_the_nearest_that_is_free(seed, levels, ratio):
    scores = case(seed, levels=levels)
    found = match_on_score(scores, ratio, caliper=0.3)
    caliper = 0.3 * scores.logit.std(ddof=1)
    expected = brute_force(scores.logit, scores.treatment, min(ratio, 40), caliper)
    assert owners(found).tolist() == expected.tolist()


@pytest.mark.parametrize("scale", ["propensity", "standardized"])
def test_other_scales(scale):
    scores = case(7)
    found = match_on_score(scores, 2, caliper=0.1, scale=scale)
    caliper = 0.1 * (scores.scores.std(ddof=1) if scale == "standardized" else 1)
    assert owners(found).tolist() == brute_force(scores.scores, scores.treatment, 2, caliper).tolist()


def test_persons_are_matched_within_further_columns():
    scores = case(8, n=60, levels=9)
    also = np.random.default_rng(9).choice(["men", "women"], 60)
    found = match_on_score(scores, 2, also=also, caliper=0.5)
    caliper = 0.5 * scores.logit.std(ddof=1)
    assert owners(found).tolist() == brute_force(scores.logit, scores.treatment, 2, caliper, also).tolist()
    two = np.column_stack([also, np.arange(60) % 2])
    sets = match_on_score(scores, 2, also=two, caliper=0).stratum
    for each in range(sets.max() + 1):
        assert len(np.unique(two[sets == each], axis=0)) == 1


def test_equal_scores_go_by_the_order_of_persons():
    scores = PropensityScores(np.full(7, 0.4), [0, 1, 1, 0, 0, 1, 0])
    found = match_on_score(scores)
    assert owners(found).tolist() == [1, 1, 2, 2, 5, 5, -1]
    assert "in their order" in found.notes[0]


def test_a_distance_of_the_caliper_is_too_far():
    scores = PropensityScores([0.5, 0.25, 0.25], [1, 0, 0])
    with pytest.raises(StudyError, match="nobody of the target cohort is left"):
        match_on_score(scores, caliper=0.25, scale="propensity")
    assert match_on_score(scores, caliper=0.2500001, scale="propensity").target == 1


def test_a_ratio_has_at_most_so_many_and_none_is_without_limit():
    scores = case(10, n=80)
    sizes = match_on_score(scores, 3, caliper=0).sizes
    assert sizes[:, 0].max() <= 3
    assert (sizes[:, 1] == 1).all()
    everyone = match_on_score(scores, 0, caliper=0)
    assert everyone.comparator == (scores.treatment == 0).sum()


def test_target_to_comparator_where_the_target_is_larger():
    scores = PropensityScores([0.2, 0.5, 0.21, 0.22, 0.52], [0, 0, 1, 1, 1])
    found = match_on_score(scores, 5, caliper=0, reverse=True)
    assert found.estimand == "atu"
    assert found.stratum.tolist() == [0, 1, 0, 0, 1]
    assert match_on_score(scores, 5, caliper=0).estimand == "att"


def test_extreme_scores_neither_stop_it_nor_widen_the_caliper():
    middle = np.random.default_rng(11).uniform(0.3, 0.7, 60)
    scores = PropensityScores(np.r_[middle, 0.0, 1.0, 0.0, 1.0], np.r_[np.tile([0, 1], 30), 0, 1, 1, 0])
    found = match_on_score(scores)
    caliper = 0.2 * scores.logit[:60].std(ddof=1)
    assert owners(found).tolist() == brute_force(scores.logit, scores.treatment, 1, caliper).tolist()


def test_those_trimmed_are_not_matched():
    scores = case(12, n=100)
    trimmed = trim_to_equipoise(scores)
    found = match_on_score(scores, within=trimmed)
    assert not (found.kept & ~trimmed.kept).any()
    assert len(found.steps) == 2


def test_thousands_of_ties_take_no_time():
    scores = case(13, n=20_000, levels=5)
    found = match_on_score(scores, 100)
    assert found.comparator == (scores.treatment == 0).sum()


@pytest.mark.parametrize(
    "wrong",
    [{"max_ratio": -1}, {"max_ratio": 1.5}, {"caliper": -0.1}, {"caliper": np.nan}, {"scale": "logit"}],
)
def test_impossible_settings(wrong):
    with pytest.raises(StudyError, match=r"ratio|caliper|scale"):
        match_on_score(case(14), **wrong)


def test_a_cohort_of_one():
    scores = PropensityScores([0.5, 0.4, 0.3, 0.45], [1, 0, 0, 0])
    assert match_on_score(scores, caliper=0).stratum.tolist() == [0, -1, -1, 0]
