"""Matching: to each person of the target cohort, those of the comparator cohort with the nearest scores."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.propensity.adjustment import Adjustment, trimmed_only
from understudy.causal.propensity.propensity_scores import BOUND, PropensityScores
from understudy.causal.propensity.stratification import joined
from understudy.core.errors import StudyError

CaliperScale = Literal["standardized logit", "standardized", "propensity"]


def match_on_score(
    scores: PropensityScores,
    max_ratio: int = 1,
    caliper: float = 0.2,
    scale: CaliperScale = "standardized logit",
    within: Adjustment | None = None,
    *,
    also: ArrayLike | None = None,
    reverse: bool = False,
) -> Adjustment:
    """Match comparator to target persons, greedily, without replacement, as CohortMethod's `matchOnPs`.

    Round by round every target person may get one more comparator person, up to `max_ratio` (Rassen et al. 2012,
    doi:10.1002/pds.3263). In a round the nearest pair of all that are free is taken first, then the next. **Ties:** of
    pairs equally near, the one whose target person comes first in the study population, then the one whose comparator
    person does; CohortMethod leaves ties to the order of its heap. A pair must be nearer than the caliper; 0.2 standard
    deviations of the logit is Austin's advice (2011, doi:10.1002/pst.150).

    Parameters
    ----------
    scores : PropensityScores
    max_ratio : int
        Comparator persons for a target person, at most; 0 for no limit.
    caliper : float
        0 for none.
    scale : {"standardized logit", "standardized", "propensity"}
        Distances are of logits, or of scores; the caliper counts in standard deviations of all kept, or, with
        ``"propensity"``, is a difference of scores. Scores that are all but 0 or 1 do not count in the deviation of
        logits.
    within : Adjustment, optional
        What was done before, such as trimming.
    also : array, shape (n,) or (n, k), optional
        Both of a pair have these same values.
    reverse : bool
        Match target to comparator persons, where the target cohort is the larger one.

    Raises
    ------
    StudyError
        For impossible limits, after matching, stratification or weighting, or if nobody is matched.

    Examples
    --------
    >>> scores = PropensityScores([0.30, 0.32, 0.50, 0.33, 0.52], [0, 0, 0, 1, 1])
    >>> match_on_score(scores, caliper=0).stratum
    array([-1,  0,  1,  0,  1])
    """
    _check(max_ratio, caliper, scale)
    within = trimmed_only(within, scores.treatment, "matching")
    turned = reverse and within.target > within.comparator
    treatment = 1 - scores.treatment if turned else scores.treatment
    values = scores.logit if scale == "standardized logit" else scores.scores
    width = _width(scores, values, within.kept, caliper, scale)
    cells = joined(np.zeros(scores.count, dtype=np.int64), also, within.kept)
    owner = _owners(values, treatment, cells, max_ratio or scores.count, width)
    stratum = np.full(scores.count, -1, dtype=np.int64)
    if (owner >= 0).any():
        stratum[owner >= 0] = np.unique(owner[owner >= 0], return_inverse=True)[1]
    said = "1" if max_ratio == 1 else (f"up to {max_ratio}" if max_ratio else "as many as there are")
    notes = ["all scores are equal: persons were matched in their order"] if scores.all_equal else []
    return within.then(
        f"matched {said} to 1 on the score",
        "atu" if turned else "att",
        kept=stratum >= 0,
        stratum=stratum,
        notes=notes,
    )


def _check(max_ratio: int, caliper: float, scale: str) -> None:
    if scale not in get_args(CaliperScale):
        raise StudyError(
            f"there is no scale {scale!r}",
            place="caliper",
            repair=f"write {', '.join(get_args(CaliperScale))}",
        )
    if not (isinstance(max_ratio, int) and max_ratio >= 0):
        raise StudyError(
            f"a ratio of {max_ratio}", place="matching", repair="give a whole number, 0 for no limit"
        )
    if not caliper >= 0:
        raise StudyError(
            f"a caliper of {caliper:g}", place="matching", repair="give one above 0, or 0 for none"
        )


def _width(scores: PropensityScores, values: NDArray, kept: NDArray, caliper: float, scale: str) -> float:
    """The caliper as a difference of `values`."""
    if caliper == 0 or scores.all_equal:
        return np.inf
    if scale == "propensity":
        return float(caliper)
    inside = kept & (np.abs(scores.scores - 0.5) < 0.5 - 2 * BOUND)
    counted = inside if scale == "standardized logit" else kept
    spread = values[counted].std(ddof=1) if counted.sum() > 1 else 0.0
    return float(caliper * spread) if spread > 0 else np.inf


def _owners(
    values: NDArray, treatment: NDArray, cells: NDArray[np.int64], ratio: int, width: float
) -> NDArray[np.int64]:
    """Row of the target person that each person is matched to, or is; -1 for who is not matched."""
    from understudy.causal.propensity.match_kernel import matched

    owner = np.full(values.size, -1, dtype=np.int64)
    for cell in range(cells.max() + 1):
        rows = np.flatnonzero(cells == cell)
        rows = rows[np.lexsort((rows, values[rows]))]
        target, comparator = rows[treatment[rows] == 1], rows[treatment[rows] == 0]
        found = matched(values[target], target, values[comparator], comparator, min(ratio, rows.size), width)
        taken = target[found[found >= 0]]
        owner[comparator[found >= 0]] = taken
        owner[taken] = taken
    return owner
