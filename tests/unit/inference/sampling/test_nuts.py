"""The No-U-Turn sampler, on densities whose moments are known."""

import numpy as np
import pytest

from understudy.inference.sampling.convergence import bulk_ess, rank_rhat
from understudy.inference.sampling.nuts import sample_nuts

COVARIANCE = np.array([[4.0, 1.2, 0.0], [1.2, 1.0, -0.1], [0.0, -0.1, 0.25]])
MEAN = np.array([1.0, -2.0, 0.5])


def normal(x):
    gradient = -(x - MEAN) @ np.linalg.inv(COVARIANCE)
    return 0.5 * (gradient * (x - MEAN)).sum(axis=-1), gradient


def gumbel(x):
    """Skewed, with the mean 0.5772 and the variance pi squared over six."""
    with np.errstate(over="ignore"):
        return -(x + np.exp(-x)).sum(axis=-1), np.exp(-x) - 1


@pytest.fixture(scope="module")
def chains():
    return sample_nuts(normal, np.zeros((4, 2, 3)), draws=600, seed=3)


@pytest.mark.parametrize("target", [0, 1])
def test_a_correlated_normal_distribution(chains, target):
    drawn = chains.samples[:, :, target]
    worth = bulk_ess(drawn)
    flat = drawn.reshape(-1, 3)
    spread = np.sqrt(np.diag(COVARIANCE))
    # Four standard errors, by the effective sample size: a right sampler leaves them once in 16,000 times.
    assert (np.abs(flat.mean(axis=0) - MEAN) < 4 * spread / np.sqrt(worth)).all()
    scale = np.outer(spread, spread)
    # Correlations and variances have errors of at most sqrt(2 / ess); squares mix more slowly, so half of it is
    # assumed.
    assert (np.abs(np.cov(flat.T) - COVARIANCE) < 4 * scale * np.sqrt(2 / (0.5 * worth.min()))).all()


def test_chains_agree_and_draws_are_nearly_independent(chains):
    assert rank_rhat(chains.samples).max() < 1.01
    # With the metric learnt, a trajectory turns round after about as far as draws are independent.
    assert bulk_ess(chains.samples).min() > 0.4 * 4 * 600
    assert not chains.divergences.any()


def test_steps_are_accepted_as_often_as_asked():
    eager, careful = (
        sample_nuts(normal, np.zeros((16, 1, 3)), draws=50, warmup=100, acceptance=goal)
        for goal in (0.7, 0.95)
    )
    assert careful.acceptance.mean() > 0.9 > eager.acceptance.mean()
    assert careful.step_size.mean() < eager.step_size.mean()


def test_a_skewed_distribution():
    found = sample_nuts(gumbel, np.zeros((8, 10, 1)), draws=300, seed=5).samples
    flat = found.ravel()
    # 24,000 draws worth at least a third: the mean's error is 0.014, that of the variance (kurtosis 5.4) 0.038.
    assert flat.mean() == pytest.approx(0.5772, abs=0.06)
    assert flat.var() == pytest.approx(np.pi**2 / 6, abs=0.15)


def test_a_targets_draws_do_not_depend_on_the_others():
    both = sample_nuts(gumbel, np.zeros((2, 3, 1)), draws=20, warmup=20, keys=np.array([7, 2, 9]))
    alone = sample_nuts(gumbel, np.zeros((2, 1, 1)), draws=20, warmup=20, keys=np.array([2]))
    np.testing.assert_array_equal(alone.samples[:, :, 0], both.samples[:, :, 1])


def test_the_same_seed_gives_the_same_draws():
    first, again, other = (
        sample_nuts(gumbel, np.zeros((2, 1, 1)), draws=10, seed=s).samples for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_region_where_the_density_is_undefined_is_never_entered():
    def positive(x):
        """The exponential distribution, undefined below zero."""
        value = np.where(x > 0, -x, np.nan).sum(axis=-1)
        return value, -np.ones_like(x)

    found = sample_nuts(positive, np.ones((8, 4, 1)), draws=125)
    assert (found.samples > 0).all()
    # Steps out of the region end trajectories, so that draws depend on one another: an eighth of 4,000 is assumed.
    assert found.samples.mean() == pytest.approx(1.0, abs=4 / np.sqrt(500))


def test_a_lost_energy_is_a_divergence():
    def cliff(x):
        """Flat, with a wall of a slope that no step survives."""
        return np.where(x > 1, -1e6 * (x - 1) ** 2, 0.0).sum(axis=-1) - 0.5 * (x**2).sum(axis=-1), -x

    assert sample_nuts(cliff, np.zeros((4, 1, 1)), draws=200).divergences.sum() > 0


def test_an_invalid_subtree_gives_no_draw():
    """The trajectory's weights are those of all its points: without a limit on doublings or with one, the law is
    one."""
    short = sample_nuts(normal, np.zeros((8, 1, 3)), draws=500, doublings=2, seed=1).samples
    flat = short.reshape(-1, 3)
    # Short trajectories mix slowly: at least a twentieth of 4,000 draws.
    assert (np.abs(flat.mean(axis=0) - MEAN) < 4 * np.sqrt(np.diag(COVARIANCE) / 200)).all()
