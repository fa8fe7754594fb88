"""Chance: p values from copies that are as likely as they say."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.core.random import normals
from understudy.trials.responders.chance import (
    adjusted_p,
    false_discovery_rates,
    share_as_good,
)


def test_p_values_of_noise_are_uniform():
    """A thousand trials of 99 copies whose two statistics are noise, on two scales, and correlated."""
    z = normals(1, "chance", np.arange(1000), 200).reshape(1000, 100, 2)
    z[..., 1] = np.exp(3 * z[..., 1] + z[..., 0])
    best = np.array([adjusted_p(each)[each[0].argmax()] for each in z])
    single = np.array([share_as_good(each[:, 0]) for each in z])
    for p in (best, single):
        # Four standard errors of shares of a thousand.
        assert (p <= 0.05).mean() == pytest.approx(0.05, abs=4 * 0.0069)
        assert (p <= 0.5).mean() == pytest.approx(0.5, abs=4 * 0.0158)


def test_never_zero():
    z = np.r_[100.0, np.zeros(499)]
    assert [share_as_good(z), adjusted_p(z[:, None])[0]] == pytest.approx([1 / 500] * 2)


def test_adjusted_p_is_the_share_of_rows_whose_largest_is_as_large():
    z = normals(2, "many", np.arange(50), 7)
    assert adjusted_p(z) == pytest.approx([(z.max(axis=1) >= each).mean() for each in z[0]])


def test_false_discovery_rate_is_expected_over_seen():
    z = normals(3, "many", np.arange(40), 9)
    z[0, :3] += 4.0
    found = false_discovery_rates(z)
    raw = [min((z >= each).sum() / 40 / (z[0] >= each).sum(), 1.0) for each in z[0]]
    expected = [min(r for r, other in zip(raw, z[0], strict=True) if other <= each) for each in z[0]]
    assert found == pytest.approx(expected)
    assert (found[:3] < 0.1).all()
