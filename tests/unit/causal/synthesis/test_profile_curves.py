"""Log-likelihoods between the points of a profile, and likelihoods of mean and spread made of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.causal.synthesis import HalfNormalPrior, NormalApproximation, log_likelihood
from understudy.causal.synthesis.hierarchy import integrate
from understudy.causal.synthesis.marginal import NormalMarginal, ProfileMarginal
from understudy.causal.synthesis.normal_sums import log_normal_sums

X = np.linspace(-2, 3, 26)


def _tilted(x):
    """A log-likelihood as of a Cox model with few events."""
    return 3 * x - 5 * np.log(10 + 8 * np.exp(x))


PROFILE = LikelihoodProfile(X, _tilted(X))


def test_points_keep_their_values():
    for kind in ("linear", "cubic"):
        assert log_likelihood(PROFILE, X, kind) == pytest.approx(PROFILE.values)


def test_a_cubic_is_nearer_than_a_line():
    between = (X[1:] + X[:-1]) / 2
    errors = [
        np.abs(log_likelihood(PROFILE, between, kind) - _tilted(between)).max()
        for kind in ("linear", "cubic")
    ]
    # Of second and fourth order in a step of 0.2, curvature about 1; at the ends the cubic's slopes are of lower order.
    assert errors[0] < 0.01
    assert errors[1] < errors[0] / 5


def test_beyond_the_points_it_falls_straight_and_never_rises():
    rising = LikelihoodProfile(X, X.copy())
    for kind in ("linear", "cubic"):
        assert log_likelihood(rising, [-3.0, 5.0], kind) == pytest.approx([-3.0, 3.0])
    step = np.diff(PROFILE.values)[-1] / 0.2
    assert log_likelihood(PROFILE, [4.0])[0] == pytest.approx(PROFILE.values[-1] + step)


@pytest.mark.parametrize(("mean", "sd"), [(0.3, 0.5), (-2.0, 0.05), (1.0, 2.0), (0.2, 1e-4)])
def test_the_integral_over_a_profile_is_that_of_quad(mean, sd):
    ours = float(ProfileMarginal.of([PROFILE]).log(mean, sd))
    ends = (mean - 9 * sd, mean + 9 * sd)

    def integrand(x):
        return np.exp(float(log_likelihood(PROFILE, x)) + 12) * norm.pdf(x, mean, sd)

    inside = [each for each in X if ends[0] < each < ends[1]]
    theirs = np.log(quad(integrand, *ends, points=inside or None, limit=400)[0]) - 12
    # Corners of the straight lines, where a smooth rule errs a little.
    assert ours == pytest.approx(theirs, abs=2e-4)


def test_profiles_that_are_normal_have_the_closed_form():
    estimates, errors = np.array([0.1, 0.5, -0.2]), np.array([0.1, 0.02, 0.5])
    sites = [NormalApproximation(*each) for each in zip(estimates, errors, strict=True)]
    means, sds = np.meshgrid([0.0, 0.2, 0.6], [1e-3, 0.05, 0.3, 2.0])
    ours = ProfileMarginal.of(sites).log(means, sds)
    assert ours == pytest.approx(NormalMarginal(estimates, errors).log(means, sds), abs=1e-6)


def test_sums_by_factors_are_sums_by_exponentials():
    points, weights = 0.3 + 0.1 * np.arange(50), np.random.default_rng(1).random(50)
    means, sds = np.array([-30.0, 0.0, 2.5, 7.0, 40.0]), np.array([1.0, 0.1, 0.3, 5.0, 2.0])
    ours = log_normal_sums(0.3, 0.1, weights, means, sds)
    z = (points - means[:, None]) / sds[:, None]
    top = (-0.5 * z * z).max(axis=1)
    sums = (weights * np.exp(-0.5 * z * z - top[:, None])).sum(axis=1)
    theirs = np.log(sums) + top - np.log(sds) - 0.5 * np.log(2 * np.pi)
    assert ours == pytest.approx(theirs, abs=1e-10)


def test_the_posterior_is_that_of_brute_force():
    estimates, errors = np.array([0.2, 0.8, 0.1, 0.6]), np.array([0.2, 0.3, 0.15, 0.25])
    found = integrate(NormalMarginal(estimates, errors), HalfNormalPrior())
    means, sds = np.linspace(-4, 5, 1801), np.linspace(0.0005, 3.0, 3000)
    log = norm.logpdf(means, 0, 2)[:, None] - 0.5 * (sds / 0.5) ** 2
    for estimate, error in zip(estimates, errors, strict=True):
        log = log + norm.logpdf(estimate, means[:, None], np.hypot(sds, error))
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    mean, sd = found.mean_density(), found.sd_density()
    # The grid of brute force has steps of 0.005 and 0.001, and begins at 0.0005 where the sd does at 0.
    assert mean.mean == pytest.approx(weights.sum(axis=1) @ means, abs=3e-5)
    assert sd.mean == pytest.approx(weights.sum(axis=0) @ sds, abs=1e-3)
    below = np.cumsum(weights.sum(axis=1)) - weights.sum(axis=1) / 2
    assert mean.interval() == pytest.approx(np.interp([0.025, 0.975], below, means), abs=1e-3)
    predictive = found.predictive()
    variance = (weights * ((means[:, None] - mean.mean) ** 2 + sds**2)).sum()
    assert predictive.sd == pytest.approx(np.sqrt(variance), rel=1e-3)


@pytest.mark.parametrize("scale", [1e-3, 1.0])
def test_narrow_and_wide_likelihoods_are_integrated_alike(scale):
    sites = [NormalApproximation(0.3 + scale * x, scale) for x in (-1.0, 0.0, 1.0)]
    found = integrate(ProfileMarginal.of(sites), HalfNormalPrior(sd_scale=scale))
    assert found.mean_density().mean == pytest.approx(0.3, abs=0.1 * scale)
    assert 0.2 * scale < found.sd_density().median < scale


def test_known_slopes_are_used_by_default():
    x = np.linspace(-2, 3, 11)
    slopes = 3 - 40 * np.exp(x) / (10 + 8 * np.exp(x))
    few = LikelihoodProfile(x, _tilted(x), slopes)
    between = np.linspace(-2, 3, 201)
    assert log_likelihood(few, between) == pytest.approx(log_likelihood(few, between, "cubic"))
    # Of fourth order in steps of a half.
    assert np.abs(log_likelihood(few, between) - _tilted(between)).max() < 2e-3
