"""EBGM: slopes, densities and quantiles against SciPy; recovery of a known prior; what is told at its limits."""

import numpy as np
import pytest
from scipy.stats import gamma, nbinom

from understudy.causal.signals import fit_prior, shrunken_rates
from understudy.causal.signals.count_points import CountPoints, points_of, squashed
from understudy.causal.signals.mixture_likelihood import negative_log_likelihood
from understudy.causal.signals.pair_counts import Margins, PairCounts
from understudy.causal.signals.shrinkage_prior import ShrinkagePrior
from understudy.core.errors import SimulationError

TRUE = (2.0, 0.5, 3.0, 3.5, 0.1)
PLACE = np.array([0.7, -0.6, 1.1, 1.2, -2.0])


def pairs(count=20000, seed=1, prior=TRUE, zeros=False):
    """Counts of pairs whose rates come from a prior, without those of zero unless they are wanted."""
    rng = np.random.Generator(np.random.Philox(seed))
    expected = np.exp(rng.normal(-0.5, 1.2, count))
    first = rng.random(count) < prior[4]
    rate = np.where(first, rng.gamma(prior[0], 1 / prior[1], count), rng.gamma(prior[2], 1 / prior[3], count))
    n = rng.poisson(rate * expected)
    kept = np.ones(count, bool) if zeros else n > 0
    return counts_of(n[kept], expected[kept])


def counts_of(n, expected):
    """Pairs with these counts, each of a drug of its own and one event."""
    k = np.arange(len(n))
    margins = Margins(expected[:, None], np.ones((1, 1)), np.ones(1))
    drugs = tuple(map(str, k))
    return PairCounts(drugs, ("event",), k, 0 * k, n, n, n, 10**9, expected, margins)


def points(truncation, n=(1, 1, 2, 3, 7, 1), expected=(0.01, 0.4, 0.9, 2.0, 0.3, 5.0)):
    n = np.array(n)
    return CountPoints(n, np.array(expected), np.array([3.0, 1, 2, 1, 1, 1])[: len(n)], truncation)


def by_scipy(place, data):
    alpha1, beta1, alpha2, beta2 = np.exp(place[:4])
    p = 1 / (1 + np.exp(-place[4]))

    def density(k, alpha, beta):
        return nbinom.pmf(k, alpha, beta / (beta + data.expected))

    f1, f2 = density(data.n, alpha1, beta1), density(data.n, alpha2, beta2)
    none1, none2 = density(0, alpha1, beta1), density(0, alpha2, beta2)
    each = {
        "components": p * f1 / (1 - none1) + (1 - p) * f2 / (1 - none2),
        "mixture": (p * f1 + (1 - p) * f2) / (1 - p * none1 - (1 - p) * none2),
        "none": p * f1 + (1 - p) * f2,
    }[data.truncation]
    return -(data.weight * np.log(each)).sum()


@pytest.mark.parametrize("truncation", ["components", "mixture", "none"])
def test_the_likelihood_is_scipys_and_its_slopes_are_its_differences(truncation):
    data = points(truncation)
    value, slopes = negative_log_likelihood(PLACE, data)
    assert value == pytest.approx(by_scipy(PLACE, data), rel=1e-9)
    step = 1e-5
    differences = [
        (by_scipy(PLACE + step * e, data) - by_scipy(PLACE - step * e, data)) / (2 * step) for e in np.eye(5)
    ]
    # Central differences of a double are good to about 1e-8 here.
    assert slopes == pytest.approx(differences, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("truncation", ["mixture", "none"])
def test_a_known_prior_is_found_again(truncation):
    found = fit_prior(pairs(zeros=truncation == "none"), truncation=truncation)
    truth = np.log([*TRUE[:4], TRUE[4] / (1 - TRUE[4])])
    ours = np.log([*found.parameters[:4], found.p / (1 - found.p)])
    # Within three and a half of its own standard errors in each of five parameters.
    assert (np.abs(ours - truth) < 3.5 * found.log_errors).all()
    assert found.notes == ()


def test_the_summit_is_flat_and_the_same_from_all_points_or_squashed_ones():
    counts = pairs(40000, prior=(2.0, 0.5, 3.0, 3.5, 0.3))
    data = points_of(counts, "components")
    assert len(squashed(data).n) < len(data.n)
    assert squashed(data).weight.sum() == data.weight.sum()
    found = fit_prior(counts)
    place = np.log([*found.parameters[:4], found.p / (1 - found.p)])
    # Newton's steps end where slopes are rounding: of a likelihood of some 1e4.
    assert np.abs(negative_log_likelihood(place, data)[1]).max() < 1e-4


def test_pairs_never_reported_are_counted_in_bins():
    from understudy.causal.signals import count_pairs, simulate_reports

    counts = count_pairs(simulate_reports(300, seed=3))
    data = points_of(counts, "none")
    assert data.weight.sum() == pytest.approx(len(counts.drugs) * len(counts.events))
    # Sums of expected counts over all pairs are those of the margins.
    whole = (counts.margins.drugs / counts.margins.totals) @ counts.margins.events.T
    assert data.weight @ data.expected == pytest.approx(whole.sum(), rel=1e-9)


def test_posterior_means_and_quantiles_are_those_of_the_mixture():
    prior = ShrinkagePrior(*TRUE, np.zeros(5), 0.0, 1)
    n, expected = np.array([1, 4, 40, 0]), np.array([0.02, 1.0, 9.0, 3.0])
    found = shrunken_rates(n, expected, prior)
    for k in range(4):

        def cdf(x, k=k):
            parts = [gamma.cdf(x, a + n[k], scale=1 / (b + expected[k])) for a, b in (TRUE[:2], TRUE[2:4])]
            return found.first[k] * parts[0] + (1 - found.first[k]) * parts[1]

        assert cdf(found.low[k]) == pytest.approx(0.05, abs=1e-10)
        assert cdf(found.high[k]) == pytest.approx(0.95, abs=1e-10)
    weights = [
        p * nbinom.pmf(n, a, b / (b + expected))
        for p, a, b in ((TRUE[4], *TRUE[:2]), (1 - TRUE[4], *TRUE[2:4]))
    ]
    assert found.first == pytest.approx(weights[0] / (weights[0] + weights[1]), rel=1e-10)


def test_the_geometric_mean_is_that_of_draws():
    prior = ShrinkagePrior(*TRUE, np.zeros(5), 0.0, 1)
    found = shrunken_rates([4], [1.0], prior)
    rng = np.random.Generator(np.random.Philox(2))
    first = rng.random(400_000) < found.first[0]
    draws = np.where(first, rng.gamma(6.0, 1 / 1.5, 400_000), rng.gamma(7.0, 1 / 4.5, 400_000))
    # Monte Carlo error of the mean logarithm is below 0.001.
    assert found.ebgm[0] == pytest.approx(np.exp(np.log(draws).mean()), rel=0.004)


def test_one_gamma_distribution_is_told():
    # All rates from one distribution: the share or a component is not determined.
    found = fit_prior(pairs(3000, prior=(4.0, 4.0, 4.0, 4.0, 0.5)))
    assert "one gamma distribution" in found.notes[0]
    assert np.isfinite(shrunken_rates([1, 5], [0.5, 1.0], found).low).all()


def test_too_few_pairs_and_an_unknown_truncation_are_errors():
    with pytest.raises(SimulationError, match="19 pairs are too few"):
        fit_prior(counts_of(np.ones(19, int), np.full(19, 0.5)))
    with pytest.raises(SimulationError, match="there is no truncation 'zero'"):
        fit_prior(pairs(100), truncation="zero")
