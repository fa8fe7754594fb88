"""Adjustment: who is compared with whom, or counts how much, so that the cohorts are alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.causal.masking import masked
from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Adjustment:
    """What is made of propensity scores. Arrays are of all n persons that had a score.

    Parameters
    ----------
    steps : tuple of str
        What was done, in words, in its order.
    estimand : str
        Whose effect is estimated: "ate" everybody's, "att" the target cohort's, "atu" the comparator cohort's, "ato"
        those' in the overlap.
    treatment : int8 array, shape (n,)
    kept : bool array, shape (n,)
        Who is still in.
    stratum : int64 array or None, shape (n,)
        Matched set or stratum, from 0; -1 for who is out. An outcome model is stratified by it, where it is given.
    weights : float array or None, shape (n,)
        Weights of an outcome model, 0 for who is out; None where everybody kept counts once.
    notes : tuple of str
        What a reader has to know.
    """

    steps: tuple[str, ...]
    estimand: str
    treatment: NDArray[np.int8]
    kept: NDArray[np.bool_]
    stratum: NDArray[np.int64] | None = None
    weights: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()

    @property
    def target(self) -> int:
        """Persons kept in the target cohort."""
        return int((self.kept & (self.treatment == 1)).sum())

    @property
    def comparator(self) -> int:
        """Persons kept in the comparator cohort."""
        return int((self.kept & (self.treatment == 0)).sum())

    @property
    def effective(self) -> tuple[float, float]:
        """Effective numbers in target and comparator: (Σw)² / Σw² (Kish 1965), the counts without weights."""
        if self.weights is None:
            return float(self.target), float(self.comparator)
        both = [self.weights[self.kept & (self.treatment == value)] for value in (1, 0)]
        return tuple(float(w.sum() ** 2 / (w**2).sum()) if w.any() else 0.0 for w in both)

    @property
    def one_to_one(self) -> bool:
        """Whether every stratum has at most one person of either cohort, as pairs have."""
        return self.stratum is not None and bool((self.sizes <= 1).all())

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Persons of each stratum, comparator and target side by side, shape (strata, 2)."""
        inside = self.stratum >= 0
        found = np.zeros((int(self.stratum.max(initial=-1)) + 1, 2), dtype=np.int64)
        np.add.at(found, (self.stratum[inside], self.treatment[inside]), 1)
        return found

    def then(self, step: str, estimand: str, **changes) -> Adjustment:
        """With one more step done.

        Raises
        ------
        StudyError
            If nobody of a cohort is left.
        """
        notes = self.notes + tuple(changes.pop("notes", ()))
        found = replace(self, steps=(*self.steps, step), estimand=estimand, notes=notes, **changes)
        for name, left in (("target", found.target), ("comparator", found.comparator)):
            if left == 0:
                raise StudyError(
                    f"nobody of the {name} cohort is left",
                    place=step,
                    repair="the cohorts hardly overlap: give wider bounds, or choose another comparator",
                )
        return found

    def table(self) -> pd.DataFrame:
        """Columns cohort, persons, effective: for readers, small counts masked."""
        import pandas as pd

        counts, effective = (self.target, self.comparator), self.effective
        return pd.DataFrame(
            {
                "cohort": ["target", "comparator"],
                "persons": [masked(count) for count in counts],
                "effective": [
                    masked(count) if masked(count).startswith("<") else f"{value:.1f}"
                    for count, value in zip(counts, effective, strict=True)
                ],
            }
        )

    def __repr__(self) -> str:
        told = f"{masked(self.target)} target and {masked(self.comparator)} comparator persons"
        return f"Adjustment({'; '.join(self.steps) or 'none'}: {told}, {self.estimand})"


def unadjusted(treatment: NDArray[np.int8]) -> Adjustment:
    """Everybody, as they are."""
    treatment = np.asarray(treatment, dtype=np.int8)
    return Adjustment((), "ate", treatment, np.ones(treatment.size, dtype=bool))


def trimmed_only(within: Adjustment | None, treatment: NDArray[np.int8], step: str) -> Adjustment:
    """What was done before a step; everybody, if nothing was.

    Raises
    ------
    StudyError
        If it was done to other persons, or they are matched, stratified or weighted already.
    """
    if within is None:
        return unadjusted(treatment)
    if not np.array_equal(within.treatment, treatment):
        raise StudyError(
            "what was done before was done to other persons", place=step, repair="give both the same scores"
        )
    if within.stratum is not None or within.weights is not None:
        raise StudyError(
            f"after this, nothing can follow: {within.steps[-1]}",
            place=step,
            repair="trim first, then do one thing more",
        )
    return within
