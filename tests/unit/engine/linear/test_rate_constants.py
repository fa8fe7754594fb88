"""Rate constants against NumPy's eigenvalues."""

import numpy as np
import pytest

from understudy.engine.linear.rate_constants import rate_constants


def found(matrix: np.ndarray, *blocks: tuple[int, ...]) -> np.ndarray:
    decays = np.empty(len(matrix))
    start = np.cumsum([0, *map(len, blocks)])
    states = np.array([i for block in blocks for i in block], dtype=np.int64)
    rate_constants(matrix, start, states, np.empty_like(matrix), decays)
    return np.sort(decays)


def exchanges(links: list[tuple[int, int]], size: int, rng: np.random.Generator) -> np.ndarray:
    """Compartments that lose and exchange at rates of six orders of magnitude."""
    matrix = np.zeros((size, size))
    for a, b in links:
        for row, column in ((a, b), (b, a)):
            matrix[row, column] = 10 ** rng.uniform(-3, 3)
    return matrix - np.diag(matrix.sum(axis=0) + 10 ** rng.uniform(-3, 3, size))


@pytest.mark.parametrize(
    "links", [[(0, 1)], [(0, 1), (0, 2)], [(0, 1), (1, 2), (2, 3)], [(0, 1), (0, 2), (0, 3), (3, 4)]]
)
def test_trees(links):
    size, rng = len(links) + 1, np.random.default_rng(len(links))
    for _ in range(20):
        matrix = exchanges(links, size, rng)
        wanted = np.sort(-np.linalg.eigvals(matrix).real)
        np.testing.assert_allclose(
            found(matrix, tuple(range(size))), wanted, rtol=1e-9, atol=1e-14 * wanted[-1]
        )


def test_states_outside_a_block_have_their_own():
    matrix = np.array([[-3.0, 0, 0], [1.0, -0.5, 0.25], [0, 0.25, -0.5]])
    np.testing.assert_allclose(found(matrix, (1, 2)), [0.25, 0.75, 3.0], rtol=1e-15)


def test_a_closed_system_keeps_what_it_has():
    assert abs(found(np.array([[-2.0, 1.0], [2.0, -1.0]]), (0, 1))[0]) < 1e-15


def test_what_swings_has_none():
    assert np.isnan(found(np.array([[0.0, 1.0], [-1.0, 0.0]]), (0, 1))).any()
