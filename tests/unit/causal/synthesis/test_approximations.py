"""Approximations of a likelihood: each keeps what is pooled."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.causal.synthesis import (
    CustomApproximation,
    NormalApproximation,
    SkewNormalApproximation,
    approximate,
    log_likelihood,
    pool_fixed,
)
from understudy.core.errors import DataError

X = np.linspace(np.log(0.1), np.log(10), 1000)


def _cox_like(exposed, others, ratio=1.0):
    return LikelihoodProfile(X, exposed * X - (exposed + others) * np.log1p(ratio * np.exp(X)))


FEW = _cox_like(4, 3)


# Of log-likelihood over the middle of its interval: what three or two numbers cannot say of seven events, and what
# straight lines miss.
@pytest.mark.parametrize(
    ("kind", "tolerance"),
    [("normal", 0.2), ("skew normal", 0.06), ("custom", 0.06), ("grid", 2e-4), ("adaptive grid", 2e-3)],
)
def test_the_likelihood_is_kept_where_it_matters(kind, tolerance):
    found = approximate(FEW, kind)
    near = np.linspace(-1.0, 1.5, 60)
    ours, theirs = (log_likelihood(each, near) for each in (found, FEW))
    assert ours - ours.max() == pytest.approx(theirs - theirs.max(), abs=tolerance)


@pytest.mark.parametrize("kind", ["skew normal", "custom", "grid", "adaptive grid"])
def test_pooled_approximations_are_near_pooled_profiles(kind):
    sites = [_cox_like(4, 3), _cox_like(1, 2), _cox_like(6, 2, 0.5)]
    wanted, found = pool_fixed(sites), pool_fixed([approximate(each, kind) for each in sites])
    # A twentieth of the standard error.
    assert found.log == pytest.approx(wanted.log, abs=0.05 * wanted.standard_error)
    assert found.standard_error == pytest.approx(wanted.standard_error, rel=0.03)


def test_an_approximation_of_itself_is_itself():
    for shape, kind in (
        (CustomApproximation(0.3, 0.6, 0.2), "custom"),
        (SkewNormalApproximation(0.3, 0.6, 1.0), "skew normal"),
        (NormalApproximation(0.3, 0.2), "normal"),
    ):
        found = approximate(LikelihoodProfile(X, shape.log_likelihood(X)), kind)
        ours, theirs = (each.log_likelihood(X) for each in (found, shape))
        assert ours - ours.max() == pytest.approx(theirs - theirs.max(), abs=2e-3)


def test_published_values_of_the_shapes():
    # Help pages of EvidenceSynthesis: customFunction(0:3, 0, 1, 0) and skewNormal(0:3, 0, 1, 0).
    assert CustomApproximation(0, 1, 0).log_likelihood([0, 1, 2, 3]) == pytest.approx([0.0, -0.5, -2.0, -4.5])
    wanted = [-0.9189385, -1.4189385, -2.9189385, -5.4189385]
    assert SkewNormalApproximation(0, 1, 0).log_likelihood([0, 1, 2, 3]) == pytest.approx(wanted, abs=1e-7)


def test_an_adaptive_grid_has_fewer_points_of_the_profile():
    found = approximate(FEW, "adaptive grid")
    assert found.points.size < 100
    assert set(found.points) <= set(X)


def test_a_flat_likelihood_says_nothing():
    found = approximate(LikelihoodProfile(X, np.zeros(X.size)), "custom")
    assert np.ptp(log_likelihood(found, X)) < 1e-6


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: approximate(FEW, "spline"), "no kind of approximation"),
        (lambda: approximate(_cox_like(3, 0), "normal"), "highest at an edge"),
        (lambda: NormalApproximation(0.1, 0.0), "no standard deviation"),
        (lambda: CustomApproximation(0.1, np.nan, 0.0), "no standard deviation"),
    ],
)
def test_what_cannot_be_is_refused(call, told):
    with pytest.raises(DataError, match=told):
        call()
