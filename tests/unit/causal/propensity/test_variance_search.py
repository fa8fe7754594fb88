"""The search of a prior's variance: folds, the way of the search, grids."""

from __future__ import annotations

import numpy as np
import pytest
from propensity_case import confounded, mixed_columns
from pydantic import ValidationError
from scipy import sparse

from understudy.causal.propensity import Prior, VarianceSearch, choose_variance, penalised_logistic
from understudy.causal.propensity.variance_search import Tried, folds, next_variance
from understudy.core.errors import StudyError


def test_folds_divide_both_outcomes_evenly_and_by_seed():
    y = np.repeat([0, 1], [83, 24])
    found = folds(y, 10, seed=1, repetition=0)
    for value in (0, 1):
        sizes = np.bincount(found[y == value], minlength=10)
        assert sizes.max() - sizes.min() <= 1
    assert np.bincount(found).max() - np.bincount(found).min() <= 1
    assert (found == folds(y, 10, 1, 0)).all()
    assert (found != folds(y, 10, 1, 1)).any()
    assert (found != folds(y, 10, 2, 0)).any()


def test_a_fold_cannot_hold_out_the_only_outcome():
    with pytest.raises(StudyError, match="occurs only once"):
        folds([0, 0, 0, 1], 2, 1, 0)


def test_the_search_steps_by_ten_until_the_best_is_bracketed():
    assert next_variance([Tried(0.01, -10, 1)]) == (pytest.approx(0.1), False)
    assert next_variance([Tried(10.0, -10, 1)]) == (pytest.approx(1.0), False)
    falling = [Tried(0.01, -10, 1), Tried(0.1, -11, 1)]
    assert next_variance(falling) == (pytest.approx(0.001), False)
    rising = [Tried(0.01, -10, 1), Tried(0.1, -9, 1)]
    assert next_variance(rising) == (pytest.approx(1.0), False)


def test_the_published_parabola_is_found():
    # Example of Genkin, Lewis, Madigan's BBR program, in its source as Cyclops has it: the top is at 0.004805411.
    values = [
        -408.199,
        -328.581,
        -281.788,
        -229.966,
        -184.908,
        -150.792,
        -132.081,
        -127.708,
        -146.397,
        -183.208,
    ]
    variances = [2e4, 2.002884e3, 2e2, 2.002884e1, 2.0, 2.002884e-1, 2e-2, 2.002884e-3, 2e-4, 2.002884e-5]
    tried = [Tried(v, value, 0.0) for v, value in zip(variances, values, strict=True)]
    found, _ = next_variance(tried)
    assert found == pytest.approx(0.004805411, rel=1e-6)  # digits given


def test_a_parabola_that_opens_upwards_ends_at_the_best():
    tried = [
        Tried(0.01, -10.0, 1),
        Tried(0.1, -9.99, 1),
        Tried(1.0, -10.0, 1),
        Tried(1e-6, 0.0, 1),
        Tried(1e5, -5.0, 1),
    ]
    tried = [*tried, Tried(1e-7, -0.1, 1)]
    assert next_variance(tried) == (1e-6, True)


def test_the_search_finds_where_held_out_rows_are_foretold_best():
    x, _, t = confounded(600, 40, seed=1)
    found = choose_variance(sparse.csc_matrix(x), t)
    grid = choose_variance(sparse.csc_matrix(x), t, search=VarianceSearch(grid=(0.001, 10.0, 9)))
    assert grid.variance in VarianceSearch(grid=(0.001, 10.0, 9)).variances
    assert abs(np.log(found.variance / grid.variance)) < np.log(10)  # a step of the search
    again = choose_variance(sparse.csc_matrix(x), t, jobs=1)
    assert again == found
    assert found.table()["variance"].tolist()[:2] == [0.01, 0.1]


def test_held_out_likelihoods_are_those_of_fits_without_the_fold():
    x, y = mixed_columns(120, 10, seed=2)
    search = VarianceSearch(folds=3, repetitions=2, grid=(0.1, 1.0, 2))
    tried = choose_variance(x, y, search=search).tried[0]
    values = []
    for repetition in range(2):
        fold = folds(y, 3, 1, repetition)
        for k in range(3):
            out = fold == k
            fit = penalised_logistic(x.tocsr()[~out].tocsc(), y[~out], Prior(variance=0.1), tolerance=1e-12)
            p = fit.predict(x.tocsr()[out])
            values.append((y[out] * np.log(p) + (1 - y[out]) * np.log1p(-p)).sum())
    # Fits within the search end at a gap of 1e-6 of the likelihood; predictions are off by its root, 1e-3, at most.
    assert tried.log_likelihood == pytest.approx(np.mean(values), abs=2e-2)
    assert tried.spread == pytest.approx(np.std(values), abs=2e-2)


def test_noise_sends_the_variance_down_and_no_further_than_where_nothing_comes_in():
    drawn = np.random.default_rng(3)
    x = sparse.csc_matrix((drawn.random((300, 60)) < 0.2).astype(float))
    y = drawn.integers(0, 2, 300)
    found = choose_variance(x, y)
    fit = penalised_logistic(x, y, Prior(variance=found.variance))
    assert fit.selected.size <= 5
    assert len(found.tried) < 10


def test_a_separable_treatment_sends_it_up_and_that_is_told():
    y = np.tile([0, 1], 40)
    found = choose_variance(sparse.csc_matrix(y[:, None].astype(float)), y)
    assert "above 10000" in found.note


def test_impossible_searches():
    for wrong in (
        {"folds": 1},
        {"repetitions": 0},
        {"start": 0.0},
        {"grid": (1.0, 0.1, 5)},
        {"grid": (0.1, 1.0, 1)},
    ):
        with pytest.raises(ValidationError):
            VarianceSearch(**wrong)
