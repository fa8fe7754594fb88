"""The null distribution: by maximum likelihood, by quadrature and by chains, from estimates and from profiles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from understudy.causal.calibration import Controls, NullDistribution, fit_null
from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.core.errors import DataError

RNG = np.random.default_rng(20)
ERRORS = RNG.uniform(0.05, 0.4, 25)
EFFECTS = RNG.normal(0.3, np.hypot(0.25, ERRORS))


def _log_likelihood(mean, sd):
    return norm.logpdf(EFFECTS, mean, np.hypot(sd, ERRORS)).sum()


def test_nothing_near_the_estimate_is_likelier():
    found = fit_null(EFFECTS, ERRORS)
    best = _log_likelihood(found.mean, found.sd)
    for mean, sd in ((1e-4, 0), (-1e-4, 0), (0, 1e-4), (0, -1e-4)):
        assert _log_likelihood(found.mean + mean, found.sd + sd) < best


def test_the_spread_is_zero_where_chance_explains_it():
    found = fit_null([0.0, 0.1, 0.2, 0.1, 0.1], [0.3] * 5)
    assert found.sd == 0
    assert found.mean == pytest.approx(0.1)
    assert found.calibrated_p(0.1, 0.3).p == pytest.approx(1.0)


def test_profiles_that_are_normal_give_the_fit_of_estimates():
    x = np.linspace(-4, 4, 4001)
    profiles = [LikelihoodProfile(x, norm.logpdf(x, *each)) for each in zip(EFFECTS, ERRORS, strict=True)]
    ours, theirs = fit_null(profiles=profiles), fit_null(EFFECTS, ERRORS)
    # Straight lines between points 0.002 apart.
    assert [ours.mean, ours.sd] == pytest.approx([theirs.mean, theirs.sd], abs=2e-4)


def test_p_is_that_of_the_normal_with_both_variances():
    null = NullDistribution(0.2, 0.3, 10)
    z = (0.7 - 0.2) / np.hypot(0.3, 0.4)
    assert null.calibrated_p(0.7, 0.4).p == pytest.approx(2 * norm.sf(z))
    assert null.calibrated_p(0.7, 0.4, "upper").p == pytest.approx(norm.sf(z))
    assert null.calibrated_p(0.7, 0.4, "lower").p == pytest.approx(norm.cdf(z))
    assert np.isnan(null.calibrated_p([np.nan, 0.1], [0.1, np.nan]).p).all()


@pytest.mark.parametrize(("mean", "sd"), [(0.8, 0.3), (-0.1, 0.5), (0.0, 0.2), (0.4, 0.0)])
def test_expected_error_is_the_mean_of_the_absolute_value(mean, sd):
    wanted = abs(mean) if not sd else quad(lambda x: abs(x) * norm.pdf(x, mean, sd), -9, 9, points=[0])[0]
    assert NullDistribution(mean, sd, 9).expected_absolute_error == pytest.approx(wanted, abs=1e-7)


@pytest.fixture(scope="module")
def exact():
    """Quantiles of mean and precision by brute force, on a grid far finer than that of the package."""
    means, log_sd = np.linspace(-0.3, 0.9, 1201), np.linspace(-6, 1, 1401)
    variance = np.exp(2 * log_sd)[:, None] + ERRORS**2
    log = np.array(
        [(-0.5 * np.log(variance) - 0.5 * (EFFECTS - m) ** 2 / variance).sum(axis=1) for m in means]
    )
    precision = np.exp(-2 * log_sd)
    log += 1e-4 * np.log(precision) - precision / 1e4
    weights = np.exp(log - log.max())

    def quantiles(values, share):
        below = (np.cumsum(share) - share / 2) / share.sum()
        return np.interp([0.025, 0.5, 0.975], below, values)

    return quantiles(means, weights.sum(axis=1)), quantiles(precision[::-1], weights.sum(axis=0)[::-1])


# Quadrature: what interpolation between its points leaves. Chains: 50,000 draws that hang together.
@pytest.mark.parametrize(("method", "tolerance"), [("quadrature", (0.001, 0.01)), ("mcmc", (0.006, 0.06))])
def test_both_bayesian_methods_have_the_posterior(method, tolerance, exact):
    found = fit_null(EFFECTS, ERRORS, method=method)
    mean, precision = exact
    assert [found.mean_interval[0], found.mean, found.mean_interval[1]] == pytest.approx(
        mean, abs=tolerance[0]
    )
    values = [found.precision_interval[0], found.precision, found.precision_interval[1]]
    assert values == pytest.approx(precision, rel=tolerance[1])


def test_chains_are_the_same_with_the_same_seed_and_others_with_another():
    first, again, other = (fit_null(EFFECTS, ERRORS, method="mcmc", seed=seed).mean for seed in (1, 1, 2))
    assert first == again != other


def test_a_bayesian_p_has_an_interval_that_holds_it():
    found = fit_null(EFFECTS, ERRORS, method="quadrature").calibrated_p([0.9, 0.3], [0.1, 0.1])
    assert (found.low < found.p).all()
    assert (found.p < found.high).all()


def test_few_controls_give_a_note_and_none_an_error():
    assert "only 3 negative controls" in fit_null([0.1, 0.2, 0.3], [0.1] * 3).notes[0]
    with pytest.raises(DataError, match="there is no negative control"):
        fit_null([], [])


def test_controls_that_all_failed_are_an_error_with_the_reasons():
    with pytest.raises(
        DataError, match=r"none of the 3 controls .*2 with an infinite standard error, 1 without"
    ):
        fit_null([0.1, 0.2, np.nan], [np.inf, np.inf, 0.1])


def test_of_controls_the_negative_ones_are_taken():
    table = Controls.of(list("abcd"), [0.1, 0.2, 0.9, 3.0], [0.1] * 4, [0, 0, np.log(2), np.nan])
    assert fit_null(table).controls == 2


@pytest.mark.parametrize("arguments", [{}, {"log_rr": [0.1], "profiles": [1]}])
def test_estimates_or_profiles_are_needed(arguments):
    with pytest.raises(DataError, match="estimates or profiles"):
        fit_null(**arguments)


def test_an_unknown_method_or_side_is_refused():
    with pytest.raises(DataError, match="no method"):
        fit_null([0.1], [0.1], method="guess")
    with pytest.raises(DataError, match="no side"):
        NullDistribution(0, 1, 5).calibrated_p(0.1, 0.1, "left")
