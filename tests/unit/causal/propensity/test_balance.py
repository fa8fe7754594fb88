"""Balance by hand: means, deviations, standardised differences, their p, and what is hidden."""

from __future__ import annotations

import numpy as np
import pytest
from propensity_case import confounded, matrix_of
from scipy.stats import norm

from understudy.causal.propensity import (
    PropensityScores,
    balance,
    match_on_score,
    stratify_on_score,
    trim_by_score,
    weight_by_score,
)
from understudy.core.errors import StudyError


@pytest.fixture
def case():
    x, score, t = confounded(600, 8, seed=1)
    x[:, 6] = np.random.default_rng(2).integers(0, 4, 600) * x[:, 6]
    return x, PropensityScores(score, t)


def test_before_adjustment_by_numpy(case):
    x, scores = case
    t = scores.treatment == 1
    found = balance(matrix_of(x), scores.treatment)
    spread = np.sqrt((x[t].var(axis=0) + x[~t].var(axis=0)) / 2)
    np.testing.assert_allclose(found.before.mean_target, x[t].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        found.before.difference, (x[t].mean(axis=0) - x[~t].mean(axis=0)) / spread, rtol=1e-10
    )
    assert found.largest == found.largest_before == np.abs(found.before.difference).max()
    assert (found.shift == 0).all()


def test_with_weights_by_numpy(case):
    x, scores = case
    adjustment = weight_by_score(scores, "ate")
    found = balance(matrix_of(x), scores.treatment, adjustment)
    means, spreads, errors = [], [], []
    for value in (1, 0):
        w = adjustment.weights * (scores.treatment == value)
        w = w / w.sum()
        mean = w @ x
        means.append(mean)
        spreads.append((w @ x**2 - mean**2) / (1 - (w**2).sum()))
        errors.append(w**2 @ (x - mean) ** 2)
    pooled = np.sqrt((spreads[0] + spreads[1]) / 2)
    np.testing.assert_allclose(found.after.difference, (means[0] - means[1]) / pooled, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(
        found.after.difference_variance, (errors[0] + errors[1]) / pooled**2, rtol=1e-10
    )
    assert found.largest < found.largest_before
    assert 0 <= found.share_balanced() <= 1


def test_the_variance_as_cohortmethod_computes_it_leaves_out_zeros(case):
    x, scores = case
    adjustment = weight_by_score(scores, "ate")
    theirs = balance(matrix_of(x), scores.treatment, adjustment, rows_with_values_only=True).after
    expected = 0
    for value, mean in ((1, theirs.mean_target), (0, theirs.mean_comparator)):
        w = adjustment.weights * (scores.treatment == value)
        w = w / w.sum()
        expected = expected + (w[:, None] ** 2 * (x - mean) ** 2 * (x != 0)).sum(axis=0)
    np.testing.assert_allclose(theirs.difference_numerator, expected, rtol=1e-10)


def test_strata_of_several_count_once_by_cohort(case):
    x, scores = case
    adjustment = stratify_on_score(scores, 4)
    found = balance(matrix_of(x), scores.treatment, adjustment).after
    per_stratum = [
        [x[(adjustment.stratum == s) & (scores.treatment == value)] for s in range(4)] for value in (1, 0)
    ]
    for mean, cells in zip((found.mean_target, found.mean_comparator), per_stratum, strict=True):
        np.testing.assert_allclose(mean, np.mean([cell.mean(axis=0) for cell in cells], axis=0), rtol=1e-12)
    sizes = [len(a) + len(b) for a, b in zip(*per_stratum, strict=True)]
    expected = sum(
        cell.var(axis=0, ddof=1) / len(cell) * (sizes[s] / 600) ** 2
        for cells in per_stratum
        for s, cell in enumerate(cells)
    )
    np.testing.assert_allclose(found.difference_numerator, expected, rtol=1e-10)


def test_variable_ratio_matches_count_one_over_their_number():
    x = np.array([[1.0], [1], [0], [0], [1], [0]])
    scores = PropensityScores([0.5, 0.5, 0.5, 0.3, 0.3, 0.9], [1, 0, 0, 1, 0, 0])
    adjustment = match_on_score(scores, 2, caliper=0.01, scale="propensity")
    found = balance(matrix_of(x), scores.treatment, adjustment).after
    assert found.mean_target.tolist() == [0.5]
    assert found.mean_comparator.tolist() == [0.75]  # of a half (one of two) and of one


def test_pairs_and_the_trimmed_count_once(case):
    x, scores = case
    for adjustment in (match_on_score(scores), trim_by_score(scores, (0.3, 0.7))):
        found = balance(matrix_of(x), scores.treatment, adjustment).after
        target = x[adjustment.kept & (scores.treatment == 1)]
        np.testing.assert_allclose(found.mean_target, target.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(found.sd_target, target.std(axis=0), rtol=1e-10)
        n1, n0 = adjustment.target, adjustment.comparator
        expected = (n1 + n0) / (n1 * n0) + found.difference**2 / (2 * (n1 + n0 - 2))
        np.testing.assert_allclose(found.difference_variance, expected, rtol=1e-12)


def test_p_values_of_a_difference_above_the_threshold(case):
    x, scores = case
    found = balance(matrix_of(x), scores.treatment)
    error = np.sqrt(found.after.difference_variance)
    size = np.abs(found.after.difference)
    expected = norm.sf((size - 0.1) / error) + norm.cdf((-size - 0.1) / error)
    np.testing.assert_allclose(found.p_values(), expected, rtol=1e-10)
    assert found.family_wise_min_p() == pytest.approx(8 * expected.min())


def test_generalizability_is_of_those_whose_effect_it_is(case):
    x, scores = case
    matrix = matrix_of(x)
    att = balance(matrix, scores.treatment, weight_by_score(scores, "att"))
    assert att.generalizability == 0.0
    assert np.abs(att.before.mean_comparator - att.after.mean_comparator).max() > 0.05
    atu = balance(matrix, scores.treatment, weight_by_score(scores, "atu"))
    assert atu.generalizability == 0.0
    trimmed = balance(matrix, scores.treatment, trim_by_score(scores, (0.4, 0.6)))
    kept = trim_by_score(scores, (0.4, 0.6)).kept
    expected = x.mean(axis=0) - x[kept].mean(axis=0)
    np.testing.assert_allclose(
        np.sign(trimmed.shift), np.sign(np.where(np.abs(expected) < 1e-12, 0, expected))
    )
    assert trimmed.generalizability > 0.05


def test_a_covariate_that_never_varies_and_one_that_divides():
    x = np.column_stack([np.ones(20), np.tile([0.0, 1.0], 10), np.zeros(20)])
    found = balance(matrix_of(x), np.tile([0, 1], 10))
    assert found.before.difference.tolist() == [0.0, np.inf, 0.0]
    assert found.largest == np.inf
    assert found.p_values().tolist() == [1.0, 0.0, 1.0]


def test_small_counts_are_hidden_with_what_would_tell_them():
    x = np.zeros((200, 2))
    x[:3, 0], x[:60, 1] = 1, 1
    t = np.tile([0, 1], 100)
    table = balance(matrix_of(x, ["rare", "common"]), t).table().set_index("covariate")
    assert table.loc["rare", "target_before"] == "<0.050"
    assert table.loc["rare", "comparator_before"] == "<0.050"
    assert table.loc["rare", "difference_before"] == "-0.1"
    assert table.loc["common", "target_before"] == "0.300"
    assert table.loc["common", "difference_before"] == "0.000"


def test_the_largest_come_first(case):
    x, scores = case
    found = balance(matrix_of(x), scores.treatment).differences()
    assert (np.diff(found["after"].abs()) <= 0).all()
    assert found.columns.tolist() == ["covariate_id", "covariate", "before", "after"]


def test_one_person_in_a_cohort_has_no_deviation_and_no_error():
    x = np.array([[1.0, 0], [0, 1], [1, 1], [0, 0]])
    found = balance(matrix_of(x), [1, 0, 0, 0])
    assert np.isfinite(found.before.difference).all()
    assert found.before.sd_target.tolist() == [0.0, 0.0]


def test_other_persons_and_no_covariates(case):
    x, scores = case
    with pytest.raises(StudyError, match="covariates of 600 persons"):
        balance(matrix_of(x), scores.treatment[:-1])
    with pytest.raises(StudyError, match="no covariate"):
        balance(matrix_of(x[:, :0]), scores.treatment)
    with pytest.raises(StudyError, match="other persons"):
        balance(matrix_of(x), 1 - scores.treatment, weight_by_score(scores))
    with pytest.raises(StudyError, match="nobody is in the target"):
        balance(matrix_of(x), np.zeros(600))
