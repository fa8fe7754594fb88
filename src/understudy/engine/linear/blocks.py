"""Blocks: how the states of a linear system depend on one another, and whether a closed form knows such a system.

States that exchange with one another are a block; between blocks everything runs one way. Where the exchanges within
each block form a tree (a central compartment and its peripherals, a row of compartments), the block is similar to a
symmetric matrix and has real rate constants only. All else is a matter of what flows into what: depots, transit
compartments, metabolites, effect compartments, collectors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from understudy.engine.linear.linear import LinearSystem, linear_system
from understudy.model.model import Model

# Divided differences over more rate constants than these lose digits; the matrix exponential does not.
MOST_STATES = 12
# A system, its sensitivities and those of these: as bits, the places of all states are one whole number.
MOST_LEVELS = 2
# Values of parameters at which copies of a system are compared: equal there to rounding, they are equal everywhere.
_TRIALS, _EQUAL = 3, 1e-12

Place = tuple[int, int]


@dataclass(frozen=True)
class Blocks:
    """A linear system that the closed form knows, and how many sensitivities it carries along.

    A system of ``size`` states may be followed by ``directions`` copies of itself that are driven by it,
    ``S_j' = A S_j + A_j y + b_j``: its sensitivities. These may drive further copies, its second sensitivities:
    ``H' = A H + A_j S_i + A_i S_j + A_ij y + b_ij``. Copy j of state i is state ``(j + 1) * size + i``.

    Parameters
    ----------
    size, directions : int
    entries : tuple of (row, column)
        Places of A, `size` x `size`, that are not identically zero.
    couplings : tuple of (row, column)
        Places of all A_j and A_ij, counted as states.
    levels : tuple of int, length 1 + directions
        0 for the system itself, 1 for a copy that no other copy drives, 2 for one that such copies drive.
    exchanges : tuple of tuple of int
        States of each block that has more than one.
    upstream : tuple of int
        For each of the first `size` states, those whose amounts come to it, itself among them, as bits.
    """

    size: int
    directions: int
    entries: tuple[Place, ...]
    couplings: tuple[Place, ...]
    levels: tuple[int, ...]
    exchanges: tuple[tuple[int, ...], ...]
    upstream: tuple[int, ...]

    @property
    def places(self) -> np.ndarray:
        """The place of every state among those of one copy for each level: level * size + number in the copy."""
        return (np.array(self.levels)[:, None] * self.size + np.arange(self.size)).ravel()

    @property
    def reach(self) -> np.ndarray:
        """For each place, those from which anything comes to it, itself among them, as bits."""
        place, levels = self.places, range(max(self.levels) + 1)
        links = {(place[row], place[column]) for row, column in self.couplings}
        links |= {
            (k * self.size + row, k * self.size + column) for k in levels for row, column in self.entries
        }
        return np.array([_bits(row) for row in _reached(links, len(levels) * self.size)], dtype=np.int64)


@lru_cache(maxsize=256)
def blocks_of(model: Model) -> Blocks | None:
    """The blocks of a model, or None where its rates are not linear or no closed form is known.

    Examples
    --------
    >>> rates = {"D": "-k * D", "C": "k * D - q * C + r * P", "P": "q * C - r * P"}
    >>> blocks = blocks_of(Model("m", "h", dict.fromkeys("kqr", 1.0), dict.fromkeys("DCP", "mg"), rates))
    >>> blocks.exchanges, blocks.upstream
    (((1, 2),), (1, 7, 7))
    """
    system = linear_system(model)
    if system is None or not model.states:
        return None
    states = len(model.states)
    for size in range(1, min(states, MOST_STATES) + 1):
        levels = _levels(system, size) if states % size == 0 else None
        if levels is not None:
            return _blocks(system, size, levels)
    return None


def _levels(system: LinearSystem, size: int) -> tuple[int, ...] | None:
    """The level of each copy where all states are `size` states and copies of them, else None."""
    copies = len(system.model.states) // size
    levels = [min(copy, 1) for copy in range(copies)]
    own: list[set[Place]] = [set() for _ in range(copies)]
    for row, column in sorted(system.entries):
        copy, driver = row // size, column // size
        if copy < driver:
            return None
        if copy == driver:
            own[copy].add((row % size, column % size))
        else:
            levels[copy] = max(levels[copy], levels[driver] + 1)
    if max(levels) > MOST_LEVELS or any(places != own[0] for places in own):
        return None
    matrix, _ = system.values(_trial_parameters(len(system.model.parameters)))
    block = lambda j: matrix[:, j * size : (j + 1) * size, j * size : (j + 1) * size]  # noqa: E731
    same = all(np.allclose(block(j), block(0), _EQUAL, 0.0) for j in range(1, copies))
    return tuple(levels) if same else None


def _trial_parameters(count: int) -> np.ndarray:
    """Parameter rows between 0.5 and 2 that lie nowhere special: multiples of the golden ratio, modulo 1."""
    order = np.arange(1, _TRIALS * count + 1).reshape(_TRIALS, count)
    return 0.5 + 1.5 * (order * (0.5 + 0.5 * 5**0.5) % 1.0)


def _blocks(system: LinearSystem, size: int, levels: tuple[int, ...]) -> Blocks | None:
    entries = tuple(sorted(place for place in system.entries if place[0] < size))
    reached = _reached(entries, size)
    mutual = reached & reached.T
    exchanges = tuple({tuple(np.flatnonzero(row).tolist()): None for row in mutual if row.sum() > 1})
    if not all(_is_tree(block, entries) for block in exchanges) or _turns(system, size):
        return None
    couplings = tuple(sorted((row, column) for row, column in system.entries if row // size > column // size))
    return Blocks(size, len(levels) - 1, entries, couplings, levels, exchanges, tuple(map(_bits, reached)))


def _bits(row: np.ndarray) -> int:
    return sum(1 << int(k) for k in np.flatnonzero(row))


def _reached(entries: Iterable[Place], size: int) -> np.ndarray:
    """Whether what is in state j comes to state i, shape (size, size)."""
    reached = np.eye(size, dtype=bool)
    for row, column in entries:
        reached[row, column] = True
    for through in range(size):
        reached |= reached[:, through, None] & reached[None, through]
    return reached


def _is_tree(block: tuple[int, ...], entries: tuple[Place, ...]) -> bool:
    links = {(row, column) for row, column in entries if row != column and row in block and column in block}
    return len(links) == 2 * (len(block) - 1) and all((column, row) in links for row, column in links)


def _turns(system: LinearSystem, size: int) -> bool:
    """Whether two states act on one another with opposite signs: they would swing, not exchange."""
    typical = np.array([[parameter.value for parameter in system.model.parameters]], dtype=float)
    matrix = system.values(typical)[0][0, :size, :size]
    with np.errstate(invalid="ignore", over="ignore"):
        return bool((np.tril(matrix * matrix.T, -1) < 0).any())
