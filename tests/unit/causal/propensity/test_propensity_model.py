"""Propensity models and scores: what enters, what is refused, what is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from propensity_case import confounded, matrix_of
from scipy.special import expit, logit

from understudy.causal.propensity import (
    PropensityScores,
    PropensitySettings,
    VarianceSearch,
    penalised_logistic,
    propensity_score,
)
from understudy.core.errors import DataError, StudyError


def test_scores_are_near_the_truth_and_the_model_is_named():
    x, score, t = confounded(4000, 30, seed=1)
    model = propensity_score(matrix_of(x), t, PropensitySettings(variance=0.1))
    assert np.corrcoef(model.logit, logit(score))[0, 1] > 0.97
    assert set(model.coefficients["name"].head(5)) == {f"covariate {j}" for j in range(5)}
    assert model.coefficients.columns.tolist() == ["covariate_id", "name", "coefficient"]
    assert model.variance == 0.1
    assert model.search is None
    low, high = model.area.interval()
    assert low < model.area.estimate < high
    assert "area under the curve" in repr(model)


def test_covariates_are_tidied_first():
    x, _, t = confounded(2000, 6, seed=2)
    rare = np.zeros((2000, 1))
    rare[0] = 1
    everybody = np.ones((2000, 1))
    model = propensity_score(
        matrix_of(np.hstack([5 * x, rare, everybody])), t, PropensitySettings(variance=0.1)
    )
    plain = penalised_logistic(x, t, model.fit.prior)
    np.testing.assert_allclose(model.fit.coefficients, plain.coefficients, atol=1e-6)
    assert model.tidied.dropped["name"].tolist() == ["covariate 6", "covariate 7"]


def test_the_variance_is_searched_where_none_is_given():
    x, _, t = confounded(500, 20, seed=3)
    settings = PropensitySettings(search=VarianceSearch(folds=5))
    model = propensity_score(matrix_of(x), t, settings)
    assert model.variance == model.search.variance
    again = propensity_score(matrix_of(x), t, settings)
    assert (again.scores == model.scores).all()


def test_a_covariate_that_is_the_drug_is_named():
    x, _, t = confounded(400, 4, seed=4)
    with_drug = matrix_of(np.column_stack([x, t]), names=["a", "b", "c", "d", "celecoxib"])
    with pytest.raises(DataError, match=r"celecoxib \(5210\).*correlation.*1\.00.*exclude its concept"):
        propensity_score(with_drug, t, PropensitySettings(variance=0.1))
    settings = PropensitySettings(variance=0.1, excluded_covariates=(5210,))
    assert propensity_score(with_drug, t, settings).tidied.values.shape[1] == 4
    wide = PropensitySettings(variance=0.1, highest_correlation=1.0)
    assert propensity_score(with_drug, t, wide).area.estimate > 0.99


def test_only_the_covariates_asked_for_enter():
    x, _, t = confounded(400, 4, seed=5)
    model = propensity_score(
        matrix_of(x), t, PropensitySettings(variance=0.1, included_covariates=(1210, 3210))
    )
    assert model.tidied.covariates["covariate_id"].tolist() == [1210, 3210]
    with pytest.raises(StudyError, match="no covariate 7"):
        propensity_score(matrix_of(x), t, PropensitySettings(variance=0.1, excluded_covariates=(7,)))


def test_a_variance_too_small_is_told():
    x, _, t = confounded(400, 4, seed=6)
    model = propensity_score(matrix_of(x), t, PropensitySettings(variance=1e-7))
    assert model.all_equal
    assert model.equipoise() == 1.0
    assert "nothing is adjusted" in model.notes[0]
    assert f"{t.mean():.3f}" in model.notes[0]


def test_one_covariate_and_more_covariates_than_persons():
    x, _, t = confounded(60, 200, seed=7)
    assert (
        propensity_score(matrix_of(x[:, :1]), t, PropensitySettings(variance=1.0)).fit.coefficients.size == 1
    )
    settings = PropensitySettings(variance=0.5, least_fraction=0)
    assert propensity_score(matrix_of(x), t, settings).fit.coefficients.size > 150


def test_a_sample_is_fitted_and_all_get_scores():
    x, score, t = confounded(6000, 10, seed=8)
    model = propensity_score(matrix_of(x), t, PropensitySettings(variance=1.0, most_persons=1000))
    assert "sample of 2000 of 6000" in model.notes[0]
    assert model.scores.size == 6000
    # The intercept goes back from one half to the share of the whole: the mean score is that share, by chance to 2 %.
    assert model.scores.mean() == pytest.approx(t.mean(), abs=0.02)
    assert np.abs(model.scores - score).mean() < 0.05


@pytest.mark.parametrize(
    ("treatment", "words"),
    [
        (np.zeros(40), "nobody is in the target cohort"),
        (np.ones(40), "nobody is in the comparator cohort"),
        (np.r_[1, np.zeros(39)], "<5 persons are in the target cohort"),
        (np.arange(40), "1 .target. or 0 .comparator."),
        (np.r_[np.zeros(10), np.ones(10)], "covariates of 40 persons, treatments of 20"),
    ],
)
def test_treatments_that_allow_no_model(treatment, words):
    x, _, _ = confounded(40, 4, seed=9)
    with pytest.raises(StudyError, match=words):
        propensity_score(matrix_of(x), treatment, PropensitySettings(variance=0.1))


def test_no_covariate_left():
    with pytest.raises(StudyError, match="no covariate is left"):
        propensity_score(matrix_of(np.ones((40, 2))), np.tile([0, 1], 20), PropensitySettings(variance=0.1))


def test_preference_scores_are_one_half_at_the_prevalence():
    scores = PropensityScores([0.75, 0.9, 0.75, 0.2], [1, 1, 1, 0])
    assert scores.prevalence == 0.75
    np.testing.assert_allclose(scores.preference[[0, 2]], 0.5)
    np.testing.assert_allclose(scores.preference, expit(logit(scores.scores) - logit(0.75)))
    assert scores.equipoise() == 0.5
    assert scores.equipoise((0.01, 0.99)) == 1.0


def test_scores_of_zero_and_one_stay_finite():
    scores = PropensityScores([0.0, 1.0, 0.5, 1e-300], [0, 1, 1, 0])
    assert np.isfinite(scores.logit).all()
    assert np.isfinite(scores.preference).all()
    assert scores.scores.min() == 1e-10


def test_small_counts_are_not_in_shares_or_words():
    scores = PropensityScores(np.r_[np.full(20, 0.5), 0.9, 0.1], np.r_[np.tile([0, 1], 10), 1, 0])
    shares = scores.shares(10)
    assert len(shares) == 2
    assert isinstance(shares, pd.DataFrame)
    assert "<5 target" in repr(PropensityScores([0.5, 0.4, 0.5, 0.2, 0.2], [1, 0, 1, 0, 0]))


@pytest.mark.parametrize(
    ("scores", "words"), [([0.5, 1.2], "not from 0 to 1"), ([np.nan, 0.5], "not from 0"), ([0.5], "1 scores")]
)
def test_scores_that_are_none(scores, words):
    with pytest.raises(StudyError, match=words):
        PropensityScores(scores, [0, 1])
