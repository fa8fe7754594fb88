"""Trimming: leave out persons whose treatment was hardly in doubt."""

from __future__ import annotations

import numpy as np

from understudy.causal.propensity.adjustment import Adjustment, trimmed_only
from understudy.causal.propensity.propensity_scores import EQUIPOISE, PropensityScores, preference_bounds
from understudy.core.errors import StudyError


def trim_by_fraction(
    scores: PropensityScores, fraction: float = 0.05, within: Adjustment | None = None
) -> Adjustment:
    """Leave out the target persons with the lowest scores and the comparator persons with the highest.

    As CohortMethod's `trimByPs`: by the quantile of each cohort's scores (linear between two, R's type 7); who lies on
    it stays.

    Parameters
    ----------
    scores : PropensityScores
    fraction : float
        Of each cohort that is left out.
    within : Adjustment, optional
        What was done before.

    Raises
    ------
    StudyError
        If the fraction is not from 0 to below 1, or nobody of a cohort is left.

    Examples
    --------
    >>> scores = PropensityScores([0.1, 0.2, 0.9, 0.3, 0.7, 0.8], [0, 0, 0, 1, 1, 1])
    >>> trim_by_fraction(scores, 0.4).kept
    array([ True,  True, False, False,  True,  True])
    """
    if not 0 <= fraction < 1:
        raise StudyError(
            f"a fraction of {fraction:g}", place="trimming", repair="give a number from 0 to below 1"
        )
    within = trimmed_only(within, scores.treatment, "trimming")
    target, comparator = within.kept & (scores.treatment == 1), within.kept & (scores.treatment == 0)
    low = np.quantile(scores.scores[target], fraction)
    high = np.quantile(scores.scores[comparator], 1 - fraction)
    kept = (target & (scores.scores >= low)) | (comparator & (scores.scores <= high))
    return within.then(f"trimmed by {fraction:.3g} of each cohort", within.estimand, kept=kept)


def trim_to_equipoise(
    scores: PropensityScores, bounds: tuple[float, float] = EQUIPOISE, within: Adjustment | None = None
) -> Adjustment:
    """Keep persons whose preference score lies within the bounds (Walker et al. 2013, doi:10.2147/CER.S40357).

    Parameters
    ----------
    scores : PropensityScores
    bounds : pair of float
        Both included.
    within : Adjustment, optional
        What was done before.

    Raises
    ------
    StudyError
        For bounds that do not rise within 0 to 1, or if nobody of a cohort is left.
    """
    low, high = preference_bounds(bounds)
    within = trimmed_only(within, scores.treatment, "trimming")
    kept = within.kept & (scores.preference >= low) & (scores.preference <= high)
    return within.then(f"trimmed to preference scores from {low:g} to {high:g}", within.estimand, kept=kept)


def trim_by_score(
    scores: PropensityScores, bounds: tuple[float, float] = (0.1, 0.9), within: Adjustment | None = None
) -> Adjustment:
    """Keep persons whose propensity score lies within the bounds, both included (Crump et al. 2009).

    doi:10.1093/biomet/asn055, whose rule of thumb is 0.1 to 0.9.

    Raises
    ------
    StudyError
        For bounds that do not rise within 0 to 1, or if nobody of a cohort is left.
    """
    low, high = preference_bounds(bounds)
    within = trimmed_only(within, scores.treatment, "trimming")
    kept = within.kept & (scores.scores >= low) & (scores.scores <= high)
    return within.then(f"trimmed to propensity scores from {low:g} to {high:g}", within.estimand, kept=kept)
