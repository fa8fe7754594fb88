"""Bins along an axis."""

from itertools import combinations

import numpy as np
import pytest

from understudy.core.errors import SimulationError
from understudy.inference.diagnostics.bins import bin_edges, bin_numbers


def groups(x, *how):
    return bin_numbers(x, bin_edges(x, *how))


@pytest.mark.parametrize("binning", ["count", "width", "natural", "each"])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
def test_bins_hold_every_measurement_and_equal_times_together(count, binning):
    x = np.random.default_rng(1).choice([0.0, 1.0, 2.0, 5.0, 9.0, 9.5], 200)
    edges = bin_edges(x, count, binning)
    assert edges[0] <= x.min()
    assert edges[-1] >= x.max()
    numbers = bin_numbers(x, edges)
    assert numbers.min() >= 0
    assert numbers.max() <= len(edges) - 2
    assert all(len(set(numbers[x == value])) == 1 for value in x)
    if binning in ("count", "natural"):
        assert (
            len(set(numbers)) == min(count, 6) if binning == "natural" else len(set(numbers)) <= min(count, 6)
        )
    if binning == "each":
        assert len(set(numbers)) == 6


def test_bins_are_about_equally_large_or_wide():
    assert np.bincount(groups(np.arange(100.0), 4)).tolist() == [25, 25, 25, 25]
    np.testing.assert_allclose(np.diff(bin_edges(np.array([0.0, 1.0, 10.0]), 5, "width")), 2.0)


def test_natural_breaks_are_the_best_of_all():
    x = np.sort(np.random.default_rng(7).gamma(1.0, 10.0, 14))

    def loss(numbers):
        return sum(((x[numbers == k] - x[numbers == k].mean()) ** 2).sum() for k in set(numbers))

    possible = [
        loss(np.searchsorted(breaks, np.arange(14), side="right")) for breaks in combinations(range(1, 14), 3)
    ]
    assert loss(groups(x, 4, "natural")) == pytest.approx(min(possible))


def test_natural_breaks_of_many_values_find_the_gaps():
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.normal(centre, 1.0, 2000) for centre in (0.0, 30.0, 50.0)])
    edges = bin_edges(x, 3, "natural")
    assert 5 < edges[1] < 25
    assert 35 < edges[2] < 45


def test_one_value_makes_one_bin():
    for binning in ("count", "width", "natural", "each"):
        assert groups(np.full(5, 3.0), 4, binning).tolist() == [0] * 5


def test_given_edges_are_kept_and_must_hold_everything():
    x = np.array([0.0, 5.0, 10.0])
    np.testing.assert_array_equal(bin_edges(x, [0, 5, 10]), [0, 5, 10])
    assert groups(x, [0, 5, 10]).tolist() == [0, 1, 1]
    with pytest.raises(SimulationError, match="2 of 3 measurements lie outside"):
        bin_edges(x, [1, 9])
    with pytest.raises(SimulationError, match="do not increase"):
        bin_edges(x, [0, 0, 10])
