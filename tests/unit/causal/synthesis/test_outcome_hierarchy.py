"""Outcomes by sources: the density's gradient, and effects that were planted."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.causal.synthesis import NormalApproximation, pool_outcomes
from understudy.causal.synthesis.outcome_density import OutcomeDensity
from understudy.core.errors import DataError

SOURCES = ("a", "b", "c")
RNG = np.random.default_rng(2)
BY_SOURCE = {"a": 0.0, "b": 0.3, "c": -0.3}
CELLS = {
    (f"control {k}", s): NormalApproximation(0.2 + BY_SOURCE[s] + float(RNG.normal(0, 0.1)), 0.1)
    for k in range(8)
    for s in SOURCES
}
CELLS |= {("bleeding", s): NormalApproximation(0.9 + BY_SOURCE[s], 0.1) for s in SOURCES if s != "c"}


def test_the_gradient_is_that_of_differences():
    outcomes = tuple(dict.fromkeys(key[0] for key in CELLS))
    density = OutcomeDensity.of(CELLS, outcomes, SOURCES, ("bleeding",), (2.0, 0.5, 2.0))
    x = np.random.default_rng(1).normal(size=(3, 1, density.dimensions))
    _, gradient = density(x)
    for k in range(density.dimensions):
        step = np.zeros(density.dimensions)
        step[k] = 1e-6
        difference = (density(x + step)[0] - density(x - step)[0]) / 2e-6
        # Of log-densities of about a hundred.
        assert gradient[..., k] == pytest.approx(difference, rel=1e-4, abs=1e-4)


@pytest.mark.slow
def test_a_planted_effect_is_found_and_the_sources_too():
    found = pool_outcomes(CELLS, of_interest=["bleeding"], seed=3)
    table = found.table().set_index("parameter")
    row = table.loc["effect bleeding"]
    assert row["low"] < 0.7 < row["high"]
    assert row["mean"] == pytest.approx(0.7, abs=0.15)
    assert table.loc["source c", "mean"] < table.loc["source a", "mean"] < table.loc["source b", "mean"]
    assert (table["rhat"] < 1.03).all()
    assert (table["monte_carlo_error"] < 0.03).all()


@pytest.mark.parametrize(
    ("cells", "asked", "told"),
    [
        ({}, (), "no profiles"),
        (CELLS, ("stroke",), "outcome of interest without a profile"),
        ({("x", "a"): NormalApproximation(0, 1)}, ("x",), "no negative control beside"),
    ],
)
def test_what_cannot_be_is_refused(cells, asked, told):
    with pytest.raises(DataError, match=told):
        pool_outcomes(cells, of_interest=asked)
