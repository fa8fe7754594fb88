"""Elimination against the matrices it is given, where it must exchange rows, and lane by lane."""

import numpy as np

from understudy.engine.kernel.elimination import factorise, substitute
from understudy.engine.kernel.lanes import WIDTH


def solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    factors, found = matrix.copy(), right.copy()
    pivot = np.zeros((len(matrix), WIDTH + 1), dtype=np.int64)
    filled = (matrix != 0).any(axis=2)
    factorise(factors, filled, pivot)
    substitute(factors, filled, pivot, found)
    return found


def sparse(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrices with pivots that are zero in four lanes and tiny in the others, and right-hand sides."""
    rng = np.random.default_rng(4)
    matrix = rng.standard_normal((size, size, WIDTH)) * (rng.random((size, size, 1)) < 0.4)
    matrix[np.arange(size), np.arange(size)] = np.where(np.arange(WIDTH) < 4, 0.0, 1e-9)
    matrix[np.arange(size), (np.arange(size) + 1) % size] = 1 + np.arange(WIDTH) / 10
    return matrix, rng.standard_normal((size, WIDTH))


def test_every_lane_is_solved_where_pivots_must_be_sought():
    for size in (1, 2, 12, 40):
        matrix, right = sparse(size) if size > 1 else (np.full((1, 1, WIDTH), 3.0), np.ones((1, WIDTH)))
        back = np.einsum("ijl,jl->il", matrix, solved(matrix, right))
        # Elimination with pivoting is backward stable: the residual is rounding, whatever the condition.
        np.testing.assert_allclose(back, right, rtol=0, atol=1e-9)


def test_a_lane_does_not_depend_on_its_neighbours():
    matrix, right = sparse(12)
    together = solved(matrix, right)
    for lane in range(WIDTH):
        alone = solved(
            np.repeat(matrix[:, :, lane : lane + 1], WIDTH, axis=2),
            np.repeat(right[:, lane : lane + 1], WIDTH, 1),
        )
        np.testing.assert_array_equal(alone[:, lane], together[:, lane])


def test_a_lane_without_a_solution_leaves_the_others_alone():
    matrix, right = sparse(12)
    wanted = solved(matrix, right)
    matrix[:, :, 2] = 0.0
    found = solved(matrix, right)
    assert not np.isfinite(found[:, 2]).any()
    np.testing.assert_array_equal(np.delete(found, 2, axis=1), np.delete(wanted, 2, axis=1))
