"""Pooling: fixed and random effects, and moments for comparison."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.causal.synthesis import (
    HalfNormalPrior,
    NormalApproximation,
    dersimonian_laird,
    pool_fixed,
    pool_random,
)
from understudy.core.errors import DataError

EFFECTS, ERRORS = np.array([0.1, 0.4, 0.7, -0.2]), np.array([0.1, 0.2, 0.3, 0.4])
SITES = [NormalApproximation(*each) for each in zip(EFFECTS, ERRORS, strict=True)]


def test_normal_likelihoods_pool_to_the_weighted_mean():
    found, weights = pool_fixed(SITES), ERRORS**-2.0
    mean, error = weights @ EFFECTS / weights.sum(), weights.sum() ** -0.5
    assert found.log == pytest.approx(mean, abs=1e-7)
    assert [found.low, found.high] == pytest.approx(
        [mean - 1.959964 * error, mean + 1.959964 * error], abs=1e-6
    )
    assert found.standard_error == pytest.approx(error, abs=1e-6)


def _two_by_two(exposed, total, others, of):
    """Profile of a conditional likelihood that pools exactly: a binomial with the exposure's log odds."""
    x = np.linspace(-4, 4, 801)
    logit = x + np.log(total / of)
    return LikelihoodProfile(x, exposed * logit - (exposed + others) * np.log1p(np.exp(logit)))


def test_sites_with_the_same_exposure_pool_to_all_their_events():
    sites = [_two_by_two(e, 100, o, 100) for e, o in ((3, 1), (0, 2), (5, 4), (1, 0))]
    found = pool_fixed(sites)
    # Of nine events among 16 the log odds is log(9 / 7); cubics through points 0.01 apart.
    assert found.log == pytest.approx(np.log(9 / 7), abs=1e-6)
    assert found.notes == ()


def test_a_site_without_events_in_an_arm_counts_too():
    both = pool_fixed([_two_by_two(3, 100, 3, 100), _two_by_two(0, 100, 4, 100)])
    assert both.log < pool_fixed([_two_by_two(3, 100, 3, 100)]).log - 0.5


def test_a_likelihood_without_a_maximum_is_told():
    found = pool_fixed([_two_by_two(3, 100, 0, 100)])
    assert found.high == np.inf
    assert [each.split(":")[0] for each in found.notes] == [
        "the likelihood has no limit above",
        "the likelihood is highest at the edge of the profiles",
    ]


def test_random_effects_are_fixed_ones_where_nothing_differs_and_the_prior_says_so():
    tight = pool_random(SITES, prior=HalfNormalPrior(mean_sd=50, sd_scale=1e-4))
    fixed = pool_fixed(SITES)
    assert [tight.log, tight.low, tight.high] == pytest.approx([fixed.log, fixed.low, fixed.high], abs=2e-3)


def test_an_interval_of_random_effects_is_wider_and_that_of_one_more_site_wider_still():
    fixed, random = pool_fixed(SITES), pool_random(SITES)
    assert random.high - random.low > fixed.high - fixed.low
    assert random.prediction[0] < random.low < random.high < random.prediction[1]
    assert random.highest_density[1] - random.highest_density[0] <= random.high - random.low


def test_the_same_numbers_each_time():
    assert pool_random(SITES).log == pool_random(SITES).log


def test_one_site_has_a_note():
    assert "one site" in pool_random(SITES[:1]).notes[0]


def test_moments_as_in_statsmodels():
    # statsmodels 0.15.0, combine_effects(EFFECTS, ERRORS**2, method_re="dl"): tau2, mean_effect_re, sd_eff_w_re.
    found = dersimonian_laird(EFFECTS, ERRORS)
    assert found.heterogeneity[0] ** 2 == pytest.approx(0.0413186813, abs=1e-9)
    assert [found.log, found.standard_error] == pytest.approx([0.2525514902, 0.1501330744], abs=1e-9)


def test_moments_leave_out_what_has_no_estimate():
    found = dersimonian_laird([*EFFECTS, np.nan, 0.1], [*ERRORS, 0.1, np.inf])
    assert found.log == dersimonian_laird(EFFECTS, ERRORS).log
    assert found.notes == ("2 without an estimate left out",)
    assert dersimonian_laird([0.2], [0.1]).heterogeneity[0] == 0
    with pytest.raises(DataError, match="no site has a finite estimate"):
        dersimonian_laird([np.nan], [0.1])
    with pytest.raises(DataError, match="1 effects and 2 standard errors"):
        dersimonian_laird([0.1], [0.1, 0.2])


@pytest.mark.parametrize("pool", [pool_fixed, pool_random])
def test_no_sites_and_no_level_are_refused(pool):
    with pytest.raises(DataError, match="pooling needs 1 or more sites"):
        pool([])
    with pytest.raises(DataError, match="not between 0 and 1"):
        pool(SITES, level=95)


def test_a_row_of_numbers_and_a_text():
    row = pool_random(SITES).table().iloc[0]
    assert row["ratio"] == pytest.approx(np.exp(row["log"]))
    assert row["tau_low"] < row["tau_median"] < row["tau_high"]
    assert repr(pool_random(SITES)).startswith("random effects, 4 sites: 1.2")
