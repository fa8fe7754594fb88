from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from understudy.biostatistics.multiplicity_graph import (
    fallback,
    fixed_sequence,
    hochberg,
    holm,
    hommel,
    multiplicity_graph,
)
from understudy.core.errors import UnderstudyError

TWO_DOSES = [[0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]]


def test_published_example_of_two_doses_and_two_endpoints():
    """Figure 1 of Bretz et al. 2011 (doi:10.1002/bimj.201000239), with the p-values of the R package graphicalMCP."""
    graph = multiplicity_graph(["H1", "H2", "H3", "H4"], [0.5, 0.5, 0, 0], TWO_DOSES)
    found = graph.test([0.018, 0.010, 0.105, 0.006], alpha=0.025)
    np.testing.assert_allclose(found.adjusted, [0.020, 0.020, 0.105, 0.020], rtol=1e-12)
    assert found.rejected.tolist() == [True, True, False, True]
    assert found["H3"] == 0.105


def test_shares_and_edges_after_a_rejection():
    """By hand: H1 hands its half to H3, which then tests at half and hands on to H2."""
    graph = multiplicity_graph(["H1", "H2", "H3", "H4"], [0.5, 0.5, 0, 0], TWO_DOSES).without(0)
    np.testing.assert_allclose(graph.weights, [0, 0.5, 0.5, 0])
    np.testing.assert_allclose(graph.transitions[3], [0, 0, 1, 0])  # what led to H1 leads on to H3
    assert graph.transitions[0].sum() == 0


def closed_test(graph, p):
    """Every intersection by weighted Bonferroni; a hypothesis is as bad as its worst intersection."""
    count, worst = len(p), np.zeros(len(p))
    for size in range(1, count + 1):
        for kept in combinations(range(count), size):
            left = graph
            for other in set(range(count)) - set(kept):
                left = left.without(other)
            shares = [p[at] / left.weights[at] if left.weights[at] > 0 else np.inf for at in kept]
            worst[list(kept)] = np.maximum(worst[list(kept)], min(1.0, *shares, 1.0))
    return worst


@pytest.mark.parametrize("complete", [True, False])
def test_adjusted_p_values_are_those_of_the_closed_test(complete):
    draw = np.random.default_rng(11)
    for _ in range(60):
        edges = [np.insert(draw.dirichlet(np.ones(3)), at, 0) for at in range(4)]
        share = 1.0 if complete else 0.8
        graph = multiplicity_graph("abcd", draw.dirichlet(np.ones(4)), share * np.array(edges))
        p = draw.random(4) ** 3
        np.testing.assert_allclose(graph.test(p).adjusted, closed_test(graph, p), rtol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_hochberg_and_hommel_are_those_of_statsmodels_and_holm_its_formula(count):
    adjust = pytest.importorskip("statsmodels.stats.multitest").multipletests
    draw, names = np.random.default_rng(count), list("abcdef")[:count]
    for _ in range(40):
        p = draw.random(count) ** 2
        p[0] = p[-1] if draw.random() < 0.2 else p[0]  # ties
        order = np.argsort(p, kind="stable")
        steps = np.maximum.accumulate(np.minimum(1, p[order] * np.arange(count, 0, -1)))
        np.testing.assert_allclose(holm(names).test(p).adjusted[order], steps, rtol=1e-12)
        np.testing.assert_allclose(
            hochberg(names, p).adjusted, adjust(p, method="simes-hochberg")[1], rtol=1e-12
        )
        np.testing.assert_allclose(hommel(names, p).adjusted, adjust(p, method="hommel")[1], rtol=1e-12)


def test_fixed_sequence_stops_at_the_first_failure():
    found = fixed_sequence(["a", "b", "c"]).test([0.01, 0.2, 0.001])
    np.testing.assert_allclose(found.adjusted, [0.01, 0.2, 0.2])
    assert found.rejected.tolist() == [True, False, False]


def test_fallback_keeps_its_own_share():
    """Wiens 2003: the second still has its share when the first fails, and both when it does not."""
    graph = fallback(["a", "b"], [0.8, 0.2])
    np.testing.assert_allclose(graph.test([0.5, 0.009]).adjusted, [0.625, 0.045])
    np.testing.assert_allclose(graph.test([0.03, 0.04]).adjusted, [0.0375, 0.04])


def test_rejections_are_those_of_adjusted_p_values_at_any_level():
    """Rejecting step by step at a level gives the hypotheses whose adjusted p-values do not pass it."""
    draw = np.random.default_rng(1)
    graph = multiplicity_graph("abcd", [0.5, 0.5, 0, 0], TWO_DOSES)
    for alpha in (0.025, 0.1, 0.3):
        p = draw.random(4) ** 3
        left, now, rejected = {0, 1, 2, 3}, graph, set()
        while any(p[at] <= now.weights[at] * alpha for at in left):
            one = next(at for at in left if p[at] <= now.weights[at] * alpha)
            left.discard(one)
            rejected.add(one)
            now = now.without(one)
        assert set(np.flatnonzero(graph.test(p, alpha=alpha).rejected)) == rejected


@pytest.mark.parametrize(
    ("weights", "transitions", "said"),
    [
        ([0.7, 0.7], [[0, 1], [1, 0]], "pass 1 together"),
        ([0.5, 0.5], [[0, 1.2], [1, 0]], "transitions of 'a'"),
        ([0.5, 0.5], [[0.5, 0.5], [1, 0]], "to itself"),
        ([0.5, np.nan], [[0, 1], [1, 0]], "weights"),
        ([0.5], [[0, 1], [1, 0]], "weights of shape (1,)"),
    ],
)
def test_impossible_graphs_are_refused(weights, transitions, said):
    with pytest.raises(UnderstudyError) as refused:
        multiplicity_graph("ab", weights, transitions)
    assert said in str(refused.value)


def test_impossible_p_values_are_refused():
    with pytest.raises(UnderstudyError, match="between 0 and 1"):
        holm(["a", "b"]).test([0.5, 1.5])
    with pytest.raises(UnderstudyError, match="no hypothesis is called 'z'"):
        holm(["a", "b"]).test([0.5, 0.5])["z"]
