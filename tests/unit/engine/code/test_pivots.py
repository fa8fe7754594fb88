"""The order of pivots against elimination of full matrices of truth values."""

import numpy as np
import pytest

from understudy.engine.code.pivots import eliminate


def scattered(size: int, seed: int) -> np.ndarray:
    """A pattern with some three entries a row besides the diagonal."""
    return np.random.default_rng(seed).random((size, size)) < 3 / size


def filled(pattern: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """Where L and U have entries, by the places of the order."""
    found = (pattern | np.eye(len(pattern), dtype=bool))[np.ix_(order, order)]
    for k in range(len(order)):
        found[k + 1 :, k + 1 :] |= np.outer(found[k + 1 :, k], found[k, k + 1 :])
    return found


@pytest.mark.parametrize("size", [1, 2, 7, 30])
def test_factors_have_the_entries_that_elimination_leaves(size):
    pattern = scattered(size, size)
    plan = eliminate(size, *np.nonzero(pattern))
    assert sorted(plan.order) == list(range(size))
    wanted = filled(pattern, plan.order)
    for k in range(size):
        assert plan.lower[k] == tuple(np.flatnonzero(wanted[k, :k]))
        assert plan.upper[k] == tuple(np.flatnonzero(wanted[k, k + 1 :]) + k + 1)
    assert plan.entries == wanted.sum()
    assert plan.fill_in == wanted.sum() - (pattern | np.eye(size, dtype=bool)).sum()
    inner = sum(wanted[k + 1 :, k].sum() * (1 + wanted[k, k + 1 :].sum()) for k in range(size))
    assert plan.operations == size + inner + wanted.sum()


def test_every_factor_has_a_slot_of_its_own_and_is_read_in_their_order():
    plan = eliminate(30, *np.nonzero(scattered(30, 4)))
    assert sorted(plan.slots.values()) == list(range(plan.entries))
    read = [(i, k) for i in range(30) for k in plan.lower[i]]
    read += [(i, k) for i in reversed(range(30)) for k in (*plan.upper[i], i)]
    assert [plan.slots[place] for place in read] == list(range(plan.entries))


def test_what_need_not_fill_in_does_not():
    size = 40
    chain = [(k, k - 1) for k in range(1, size)] + [(k - 1, k) for k in range(1, size)]
    star = [(k, 0) for k in range(1, size)] + [(0, k) for k in range(1, size)]
    upward = [(i, j) for i in range(size) for j in range(i)]
    for pattern in (chain, star, upward):
        assert eliminate(size, *np.transpose(pattern)).fill_in == 0


def test_a_scattered_pattern_fills_less_than_in_the_order_of_its_states():
    pattern = scattered(60, 1)
    plan = eliminate(60, *np.nonzero(pattern))
    assert plan.entries < 0.7 * filled(pattern, tuple(range(60))).sum()


def test_equal_patterns_have_equal_orders_whatever_the_order_of_entries():
    rows, columns = np.nonzero(scattered(30, 2))
    mixed = np.random.default_rng(3).permutation(rows.size)
    assert eliminate(30, rows, columns).order == eliminate(30, rows[mixed], columns[mixed]).order
