"""Stratification: persons of like propensity scores together."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.propensity.adjustment import Adjustment, trimmed_only
from understudy.causal.propensity.propensity_scores import PropensityScores
from understudy.core.errors import StudyError

Base = Literal["all", "target", "comparator"]
_ESTIMANDS = {"all": "ate", "target": "att", "comparator": "atu"}


def stratify_on_score(
    scores: PropensityScores,
    strata: int = 5,
    base: Base = "all",
    within: Adjustment | None = None,
    also: ArrayLike | None = None,
) -> Adjustment:
    """Divide persons at quantiles of the propensity score, as CohortMethod's `stratifyByPs`.

    Quantiles are linear between two scores (R's type 7); a person on a boundary is below it. Boundaries that coincide
    count once, and a note says how many strata are left.

    Parameters
    ----------
    scores : PropensityScores
    strata : int
        How many, two or more.
    base : {"all", "target", "comparator"}
        In whom the strata are of one size.
    within : Adjustment, optional
        What was done before.
    also : array, shape (n,) or (n, k), optional
        Strata are divided further by these values.

    Raises
    ------
    StudyError
        For fewer than two strata, an unknown base, or after matching, stratification or weighting.

    Examples
    --------
    >>> scores = PropensityScores([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0, 1, 0, 1, 0, 1])
    >>> stratify_on_score(scores, 3).stratum
    array([0, 0, 1, 1, 2, 2])
    """
    if base not in get_args(Base):
        raise StudyError(
            f"there is no base {base!r}", place="stratification", repair="write all, target or comparator"
        )
    if not (isinstance(strata, int) and strata >= 2):
        raise StudyError(f"{strata} strata", place="stratification", repair="give two or more")
    within = trimmed_only(within, scores.treatment, "stratification")
    of_base = within.kept.copy()
    if base != "all":
        of_base &= scores.treatment == (base == "target")
    edges = np.unique(np.quantile(scores.scores[of_base], np.arange(1, strata) / strata))
    place = np.searchsorted(edges, scores.scores, side="left")
    found = joined(place, also, within.kept)
    notes = _notes(found, scores.treatment, strata, also is None)
    return within.then(
        f"stratified into {found.max() + 1} strata of the score", _ESTIMANDS[base], stratum=found, notes=notes
    )


def joined(place: NDArray[np.int64], also: ArrayLike | None, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """A number from 0 for each combination of values that occurs among those kept; -1 for the others."""
    found = np.full(place.size, -1, dtype=np.int64)
    parts = [place[:, None]] if also is None else [place[:, None], coded(also, place.size)]
    found[kept] = np.unique(np.column_stack(parts)[kept], axis=0, return_inverse=True)[1].ravel()
    return found


def coded(also: ArrayLike, count: int) -> NDArray[np.int64]:
    """Columns of values as whole numbers in the values' order, shape (n, k)."""
    also = np.asarray(also)
    if also.ndim not in (1, 2) or also.shape[0] != count:
        raise StudyError(
            "one row a person is expected", place="also", repair="give values in the persons' order"
        )
    columns = also.reshape(count, -1).T
    return np.column_stack([np.unique(column, return_inverse=True)[1] for column in columns])


def _notes(found: NDArray, treatment: NDArray, strata: int, only_scores: bool) -> list[str]:
    notes, made = [], int(found.max()) + 1
    if only_scores and made < strata:
        notes.append(
            f"{strata} strata were asked for, but scores are so often alike that {made} could be made"
        )
    sides = [np.bincount(found[(found >= 0) & (treatment == value)], minlength=made) > 0 for value in (0, 1)]
    if lone := int((~(sides[0] & sides[1])).sum()):
        notes.append(f"{lone} of {made} strata hold persons of one cohort only")
    return notes
