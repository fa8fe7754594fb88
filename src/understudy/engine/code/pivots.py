"""Pivots: the order in which a sparse matrix is eliminated, and where its factors have entries.

The order is fixed when code is made. It keeps to the diagonal and takes the pivot that can fill in least (Markowitz HM
1957, Manage Sci 3:255-269, doi:10.1287/mnsc.3.3.255; Davis TA 2006, Direct Methods for Sparse Linear Systems, SIAM,
chapter 7, doi:10.1137/1.9780898718881).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Elimination:
    """How a sparse matrix is eliminated.

    Parameters
    ----------
    rows, columns : int array, shape (entries,)
        Where the matrix has entries besides its diagonal, which is always there.
    order : tuple of int
        Rows in the order in which they are pivots.
    lower, upper : tuple of tuples of int
        For each place in that order, the places before it and after it where L and U have entries.

    Examples
    --------
    An arrow: with its first row as first pivot all places would be filled.

    >>> found = eliminate(4, [0, 0, 0, 1, 2, 3], [1, 2, 3, 0, 0, 0])
    >>> found.order, found.fill_in
    ((1, 2, 0, 3), 0)
    """

    rows: np.ndarray
    columns: np.ndarray
    order: tuple[int, ...]
    lower: tuple[tuple[int, ...], ...]
    upper: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> int:
        """Rows of the matrix."""
        return len(self.order)

    @cached_property
    def slots(self) -> dict[tuple[int, int], int]:
        """Where the factor of a row and column lies: all of L by rows, then U by rows from the last to the first, each
        row with its diagonal at the end. A substitution reads them one after the other."""
        lower = [(i, k) for i, before in enumerate(self.lower) for k in before]
        upper = [(k, j) for k in reversed(range(self.size)) for j in (*self.upper[k], k)]
        return {place: slot for slot, place in enumerate(lower + upper)}

    @property
    def entries(self) -> int:
        """Entries of L and U, the diagonal counted once."""
        return len(self.slots)

    @cached_property
    def given(self) -> tuple[dict[int, int], ...]:
        """For each place of a row, the entries of the matrix by the places of their columns."""
        place = {state: k for k, state in enumerate(self.order)}
        found: tuple[dict[int, int], ...] = tuple({} for _ in self.order)
        for entry, (row, column) in enumerate(zip(self.rows.tolist(), self.columns.tolist(), strict=True)):
            found[place[row]][place[column]] = entry
        return found

    @cached_property
    def fill_in(self) -> int:
        """Entries of L and U that the matrix does not have."""
        return self.entries - sum(len({k, *row}) for k, row in enumerate(self.given))

    @cached_property
    def operations(self) -> int:
        """Divisions and multiplications of a factorisation and a substitution."""
        inner = sum(1 + len(self.upper[k]) for before in self.lower for k in before)
        return self.size + inner + self.entries

    @property
    def room(self) -> int:
        """Numbers a patient needs for the factors and the working space behind them."""
        return self.entries + self.size


def eliminate(size: int, rows: Iterable[int], columns: Iterable[int]) -> Elimination:
    """Choose the order of the pivots.

    Parameters
    ----------
    size : int
        Rows of the matrix.
    rows, columns : iterable of int
        Its entries; those of the diagonal may be left out.
    """
    rows, columns = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    right, below = [set() for _ in range(size)], [set() for _ in range(size)]
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if row != column:
            right[row].add(column)
            below[column].add(row)
    order, left = [], set(range(size))
    while left:
        pivot = min(left, key=lambda k: (len(right[k]) * len(below[k]), k))
        left.remove(pivot)
        order.append(pivot)
        _fill(pivot, right, below)
    return _in_order(rows, columns, order, right, below)


def _fill(pivot: int, right: list[set[int]], below: list[set[int]]) -> None:
    """Take the pivot's row out of the rows below it. Its own two sets are a row of U and a column of L from now on."""
    for row in below[pivot]:
        right[row].discard(pivot)
        right[row] |= right[pivot] - {row}
    for column in right[pivot]:
        below[column].discard(pivot)
        below[column] |= below[pivot] - {column}


def _in_order(
    rows: np.ndarray, columns: np.ndarray, order: list[int], right: list[set[int]], below: list[set[int]]
) -> Elimination:
    place = {state: k for k, state in enumerate(order)}
    upper = tuple(tuple(sorted(place[column] for column in right[state])) for state in order)
    lower: list[list[int]] = [[] for _ in order]
    for k, state in enumerate(order):
        for row in below[state]:
            lower[place[row]].append(k)
    return Elimination(rows, columns, tuple(order), tuple(map(tuple, lower)), upper)
