"""Long chains, on a density of many dimensions whose moments are known."""

import numpy as np
import pytest

from understudy.inference.sampling.convergence import bulk_ess, rank_rhat
from understudy.inference.sampling.energy import ebfmi
from understudy.inference.sampling.long_chains import LongChains, Stand, stages

# Two leading coordinates that are nearly one, and thirty others of scales from 0.2 to 5.
LEADING = np.array([[1.0, 0.95], [0.95, 1.0]])
SCALES = np.geomspace(0.2, 5.0, 30)


def normal(x):
    lead, rest = x[:, :2], x[:, 2:]
    slopes = np.concatenate([-lead @ np.linalg.inv(LEADING), -rest / SCALES**2], axis=1)
    return 0.5 * (slopes * x).sum(axis=1), slopes


@pytest.fixture(scope="module")
def stands():
    start = Stand.begin(np.random.default_rng(1).normal(size=(4, 32)), 2)
    return list(LongChains(normal, 200, 300, seed=4).run(start))


def test_the_moments_are_right_and_the_metric_is_learnt(stands):
    last = stands[-1]
    assert rank_rhat(last.samples).max() < 1.03
    worth = bulk_ess(last.samples).min()
    flat = last.samples.reshape(-1, 32)
    # Four and a half standard errors of 32 means and variances, half as many effective draws of squares.
    assert np.abs(flat.mean(axis=0) / np.r_[1, 1, SCALES]).max() < 4.5 / np.sqrt(worth)
    assert np.abs(flat.var(axis=0) / np.r_[1, 1, SCALES] ** 2 - 1).max() < 4.5 * np.sqrt(2 / (0.5 * worth))
    assert np.corrcoef(flat[:, 0], flat[:, 1])[0, 1] == pytest.approx(0.95, abs=0.03)
    # The last window has 200 draws, and the metric begun with weighs five: errors of a twentieth, four of them.
    learnt = np.sqrt(200 / 205 * SCALES**2 + 5 / 205)
    np.testing.assert_allclose(last.spread / learnt, 1.0, atol=0.25)
    assert not last.divergences.any()
    # All trajectories have steps enough, and momenta reach the energies: near one for 32 dimensions.
    assert last.leapfrogs.sum() >= 1200
    assert (ebfmi(last.energy) > 0.6).all()


def test_they_can_be_taken_up_again(stands):
    middle = Stand.of_arrays({k: np.array(v.tolist()) for k, v in stands[4].arrays().items()})
    again = list(LongChains(normal, 200, 300, seed=4).run(middle))[-1]
    np.testing.assert_array_equal(again.samples, stands[-1].samples)


def test_a_limit_on_doublings_is_counted():
    start = Stand.begin(np.zeros((2, 32)), 2)
    last = list(LongChains(normal, 40, 50, doublings=1).run(start))[-1]
    assert last.saturated.sum() > 50


@pytest.mark.parametrize("warmup", [20, 60, 149, 150, 151, 500, 1000])
def test_stages_are_the_whole_warmup(warmup):
    assert sum(stages(warmup)) == warmup
    assert all(count > 0 for count in stages(warmup))
