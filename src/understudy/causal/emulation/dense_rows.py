"""Dense rows: a logistic regression's rows as a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.pooled_logistic import dependent, moves, whitened

Array = NDArray[np.float64]
_MOST_WRONG = 2_000


@dataclass(frozen=True, eq=False)
class DenseRows:
    """Rows as a matrix.

    Parameters
    ----------
    matrix : array, shape (n, p)
    outcome : array of 0 and 1, shape (n,)
    names : tuple of str
    weight : array, shape (n,)
    person : int array, shape (n,)
        Numbers of persons, from 0.
    """

    matrix: Array
    outcome: Array
    names: tuple[str, ...]
    weight: Array
    person: NDArray[np.int64]

    @cached_property
    def _white(self) -> tuple[Array, Array]:
        return whitened(self.matrix, self.weight, self.names)

    @property
    def back(self) -> Array:
        """From coordinates to coefficients, shape (p, p)."""
        return self._white[1]

    @property
    def count(self) -> int:
        """Rows with a weight."""
        return int((self.weight > 0).sum())

    def evaluate(self, at: Array) -> tuple[float, Array, Array]:
        """Log-likelihood, score and information."""
        q = self._white[0]
        predictor = q @ at
        chance = expit(predictor)
        value = self.weight @ (self.outcome * predictor - np.logaddexp(0.0, predictor))
        information = (q * (self.weight * chance * (1 - chance))[:, None]).T @ q
        return float(value), q.T @ (self.weight * (self.outcome - chance)), information

    def farthest(self, at: Array) -> float:
        """Largest linear predictor, without its sign."""
        return float(np.abs(self._white[0] @ at)[self.weight > 0].max(initial=0.0))

    def sample(self, count: int) -> tuple[Array, Array]:
        """About so many rows, evenly spread, of each outcome half; with the extremes of each column."""
        used = np.flatnonzero(self.weight > 0)
        if len(used) <= count:
            return self.matrix[used], self.outcome[used]
        chosen = [used[self.matrix[used].argmin(axis=0)], used[self.matrix[used].argmax(axis=0)]]
        for value in (0.0, 1.0):
            own = used[self.outcome[used] == value]
            chosen.append(own[np.linspace(0, len(own) - 1, min(count // 2, len(own))).astype(int)])
        at = np.unique(np.concatenate(chosen))
        return self.matrix[at], self.outcome[at]

    def on_wrong_side(self, direction: Array) -> tuple[Array, Array]:
        """Rows that a direction moves the wrong way, the worst first."""
        side = np.where(self.outcome > 0, 1.0, -1.0) * (self.matrix @ direction)
        wrong = np.flatnonzero((side < 0) & moves(side) & (self.weight > 0))
        worst = wrong[np.argsort(side[wrong], kind="stable")[:_MOST_WRONG]]
        return self.matrix[worst], self.outcome[worst]

    def unmoved(self, direction: Array, dropped: tuple[str, ...]) -> tuple[DenseRows, tuple[str, ...]]:
        """The rows that a direction does not move, without columns that then depend on others."""
        weight = np.where(moves(self.matrix @ direction), 0.0, self.weight)
        order = np.argsort([name in dropped for name in self.names], kind="stable")
        lost = np.zeros(len(self.names), dtype=bool)
        lost[order] = dependent(self.matrix[:, order], weight)
        names = tuple(name for name, gone in zip(self.names, lost, strict=True) if not gone)
        gone = tuple(name for name, gone in zip(self.names, lost, strict=True) if gone)
        return DenseRows(self.matrix[:, ~lost], self.outcome, names, weight, self.person), gone

    def scores(self, at: Array) -> Array:
        """Score of each person, shape (persons, p)."""
        q = self._white[0]
        rows = q * (self.weight * (self.outcome - expit(q @ at)))[:, None]
        found = np.zeros((int(self.person.max()) + 1, q.shape[1]))
        np.add.at(found, self.person, rows)
        return found


def expit(predictor: Array) -> Array:
    """Inverse of the logit."""
    from scipy.special import expit as inverse

    return inverse(predictor)
