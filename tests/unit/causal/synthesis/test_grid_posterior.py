"""Densities on a grid: what is read off them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gamma, norm

from understudy.causal.synthesis import Posterior
from understudy.causal.synthesis.posterior import weighted_quantiles


def test_a_normal_has_its_quantiles():
    x = np.linspace(-6, 10, 8001)
    found = Posterior(x, norm.pdf(x, 2, 1.5))
    assert found.interval(0.9) == pytest.approx(norm.interval(0.9, 2, 1.5), abs=1e-4)
    assert found.highest_density(0.9) == pytest.approx(norm.interval(0.9, 2, 1.5), abs=0.02)
    assert found.above(3.0) == pytest.approx(norm.sf(3, 2, 1.5), abs=1e-6)
    assert [found.mean, found.sd, found.median] == pytest.approx([2, 1.5, 2], abs=1e-4)


def test_the_interval_of_highest_density_is_the_shortest():
    x = np.linspace(0.0005, 30, 60001)
    found = Posterior(x, gamma.pdf(x, 2))
    low, high = found.highest_density()
    # Solved from equal densities: 0.0423 to 4.7653.
    assert (low, high) == pytest.approx((0.0423, 4.7653), abs=0.01)
    assert high - low < np.subtract(*found.interval()[::-1])


def test_a_difference_is_a_convolution():
    a, b = np.linspace(-5, 7, 1201), np.linspace(-8, 4, 2401)
    found = Posterior(a, norm.pdf(a, 1, 0.6)).minus(Posterior(b, norm.pdf(b, -2, 0.8)))
    assert [found.mean, found.sd] == pytest.approx([3.0, 1.0], abs=1e-3)
    assert found.interval() == pytest.approx(norm.interval(0.95, 3, 1), abs=2e-3)


def test_quantiles_of_points_that_have_weights_know_ties():
    values, weights = np.array([1.0, 1.0, 2.0, 3.0]), np.array([0.2, 0.2, 0.2, 0.4])
    assert weighted_quantiles(values, weights, [0.2, 0.5, 0.8]).tolist() == pytest.approx([1.0, 2.0, 3.0])
