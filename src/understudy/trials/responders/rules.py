"""Rules: subgroups that a reader understands, of one or two conditions on covariates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.trials.condition import Clause, Condition

if TYPE_CHECKING:
    from understudy.trials.trial import Trial

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

    def statistics(self, signals: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Difference of the mean effect in and out of each subgroup, and its z statistic, shape (copies, rules)."""
        inside, n = self.members.astype(float), signals.shape[1]
        count = inside.sum(axis=1)
        squares = signals**2
        sum_in, square_in = signals @ inside.T, squares @ inside.T
        mean_in = sum_in / count
        mean_out = (signals.sum(axis=1)[:, None] - sum_in) / (n - count)
        var_in = square_in / count - mean_in**2
        var_out = (squares.sum(axis=1)[:, None] - square_in) / (n - count) - mean_out**2
        difference = mean_in - mean_out
        return difference, difference / np.sqrt(var_in / count + var_out / (n - count))


def rules_of(trial: Trial, subjects: np.ndarray) -> Rules:
    """Every single condition, and every pair of them, with enough subjects in and out of it; no two alike."""
    rows = trial.subjects.loc[subjects]
    single = [Condition((clause,)) for name in trial.covariates for clause in _clauses(trial, rows, name)]
    single = single[:_MOST_SINGLE]
    pairs = [
        Condition((*first.clauses, *second.clauses))
        for first, second in combinations(single, 2)
        if first.clauses[0].column != second.clauses[0].column
    ]
    kept: dict[bytes, tuple[Condition, np.ndarray]] = {}
    for each in (*single, *pairs):
        inside = each.holds(rows)
        if _LEAST <= inside.mean() <= 1 - _LEAST:
            kept.setdefault(inside.tobytes(), (each, inside))
    conditions = tuple(each for each, _ in kept.values())
    return Rules(conditions, np.array([inside for _, inside in kept.values()]).reshape(len(kept), len(rows)))


def _clauses(trial: Trial, rows, name: str) -> list[Clause]:
    if name in trial.categorical or rows[name].nunique() <= 3:
        values = sorted(rows[name].dropna().unique().tolist(), key=str)
        return [Clause(name, "in", (value,)) for value in values]
    cuts = np.nanquantile(rows[name].to_numpy(dtype=float), _CUTS, method="higher")
    # Three digits, so that a reader can remember them.
    return [
        Clause(name, key, (cut,))
        for cut in sorted({float(f"{c:.3g}") for c in cuts})
        for key in ("below", "at_least")
    ]
