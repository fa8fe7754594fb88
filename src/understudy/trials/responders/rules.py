"""Rules: subgroups that a reader understands, of one or two conditions on covariates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from understudy.trials.condition import Clause, Condition
from understudy.trials.responders.features import Features

# Where numbers are cut, and the smallest share of subjects in a subgroup and out of it.
_CUTS, _LEAST = (0.2, 0.35, 0.5, 0.65, 0.8), 0.15
_MOST_SINGLE = 60


@dataclass(frozen=True, eq=False)
class Rules:
    """Subgroups that are compared with all others.

    Parameters
    ----------
    conditions : tuple of Condition
    members : bool array, shape (rules, n)
    """

    conditions: tuple[Condition, ...]
    members: np.ndarray

    def z(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of the difference of mean effects in and out of each subgroup, shape (rows, rules).

        Matrix products in single precision: z is good to four digits, in the trial as in its copies.
        """
        inside, n = self.members.astype(np.float32), scores.shape[1]
        total = scores.sum(axis=1)[:, None], (scores**2).sum(axis=1)[:, None]
        count = self.members.sum(axis=1)
        sums = (scores.astype(np.float32) @ inside.T).astype(float)
        squares = ((scores**2).astype(np.float32) @ inside.T).astype(float)
        return z_of(count, sums, squares, n - count, total[0] - sums, total[1] - squares)

    def held_out(self, scores: NDArray[np.float64], folds: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Who is in the rule that was best in all other folds, shape (n,)."""
        found = np.zeros(scores.size, dtype=bool)
        for fold in np.unique(folds):
            own = folds == fold
            best = int(Rules(self.conditions, self.members[:, ~own]).z(scores[None, ~own])[0].argmax())
            found[own] = self.members[best, own]
        return found


def z_of(count, sums, squares, other_count, other_sums, other_squares) -> NDArray[np.float64]:
    """Difference of two means over its standard error, from counts, sums and sums of squares; zero without errors."""
    mean, other = sums / count, other_sums / other_count
    variance = (squares / count - mean**2) / count
    variance = variance + (other_squares / other_count - other**2) / other_count
    error = np.sqrt(np.maximum(variance, 0.0))
    return np.divide(mean - other, error, out=np.zeros(np.shape(mean)), where=error > 0)


def rules_of(features: Features) -> Rules:
    """Every single condition, and every pair of them, with enough subjects in and out of it; no two alike."""
    frame = features.frame
    held = [(each, each.holds(frame)) for name in frame for each in _clauses(features, name)][:_MOST_SINGLE]
    kept: dict[bytes, tuple[Condition, np.ndarray]] = {}
    for clauses, inside in (*(((each,), met) for each, met in held), *_pairs(held)):
        if _LEAST <= inside.mean() <= 1 - _LEAST:
            kept.setdefault(inside.tobytes(), (Condition(clauses), inside))
    conditions = tuple(each for each, _ in kept.values())
    return Rules(conditions, np.array([inside for _, inside in kept.values()]).reshape(len(kept), len(frame)))


def _pairs(held: list[tuple[Clause, np.ndarray]]) -> Iterator[tuple[tuple[Clause, Clause], np.ndarray]]:
    for (first, met), (second, also) in combinations(held, 2):
        if first.column != second.column:
            yield (first, second), met & also


def _clauses(features: Features, name: str) -> list[Clause]:
    cells = features.frame[name]
    if name in features.categorical or cells.nunique() <= 3:
        return [Clause(name, "in", (value,)) for value in sorted(cells.dropna().unique().tolist(), key=str)]
    cuts = np.nanquantile(cells.to_numpy(dtype=float), _CUTS, method="higher")
    # Three digits, so that a reader can remember them.
    return [
        Clause(name, key, (cut,))
        for cut in sorted({float(f"{c:.3g}") for c in cuts})
        for key in ("below", "at_least")
    ]
