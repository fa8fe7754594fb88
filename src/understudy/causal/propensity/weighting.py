"""Weighting: persons count by how improbable their treatment was."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from understudy.causal.masking import masked
from understudy.causal.propensity.adjustment import Adjustment, trimmed_only
from understudy.causal.propensity.propensity_scores import PropensityScores, estimand
from understudy.core.errors import StudyError

_EXTREME = 1e-6  # scores nearer to 0 or 1 are told of
_LARGE = 20.0  # weights that are told of, as multiples of their mean


def weight_by_score(
    scores: PropensityScores,
    effect: str = "ate",
    within: Adjustment | None = None,
    *,
    largest: float | None = None,
    quantile: float | None = None,
) -> Adjustment:
    """Inverse probability of treatment weights, stabilised as CohortMethod does, or overlap weights.

    With score e and prevalence π: ``ate`` is π/e in the target and (1 - π)/(1 - e) in the comparator cohort (Robins,
    Hernán, Brumback 2000, doi:10.1097/00001648-200009000-00011); ``att`` is π and (1 - π) e/(1 - e); ``atu`` is
    π (1 - e)/e and 1 - π; ``ato`` is 1 - e and e (Li, Morgan, Zaslavsky 2018, doi:10.1080/01621459.2016.1260466).

    Parameters
    ----------
    scores : PropensityScores
    effect : {"ate", "att", "atu", "ato"}
    within : Adjustment, optional
        What was done before, such as trimming; the prevalence is of those kept.
    largest : float, optional
        Weights above it are set to it.
    quantile : float, optional
        Weights above this quantile of the weights are set to it, say 0.99.

    Raises
    ------
    StudyError
        For an unknown effect or impossible limits, or after matching or stratification.

    Examples
    --------
    >>> scores = PropensityScores([0.2, 0.5, 0.5, 0.8], [0, 0, 1, 1])
    >>> weight_by_score(scores, "att").weights.round(3)
    array([0.125, 0.5  , 0.5  , 0.5  ])
    """
    effect = estimand(effect)
    within = trimmed_only(within, scores.treatment, "weighting")
    weights = np.where(within.kept, _weights(scores, effect, within.kept), 0.0)
    cut, limit = _truncated(weights, within.kept, largest, quantile)
    notes = _notes(scores, cut, within.kept)
    if limit is not None:
        above = int((weights > limit).sum())
        notes.append(f"weights of {masked(above)} persons above {limit:.4g} were set to it")
    return within.then(f"weighted for the {effect}", effect, weights=cut, notes=notes)


def _weights(scores: PropensityScores, effect: str, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    e, target, share = scores.scores, scores.treatment == 1, float(scores.treatment[kept].mean())
    pair = {
        "ate": (share / e, (1 - share) / (1 - e)),
        "att": (np.full(e.size, share), (1 - share) * e / (1 - e)),
        "atu": (share * (1 - e) / e, np.full(e.size, 1 - share)),
        "ato": (1 - e, e),
    }[effect]
    return np.where(target, *pair)


def _truncated(
    weights: NDArray[np.float64], kept: NDArray[np.bool_], largest: float | None, quantile: float | None
) -> tuple[NDArray[np.float64], float | None]:
    limits = []
    if largest is not None:
        if not largest > 0:
            raise StudyError(
                f"a largest weight of {largest:g}", place="weighting", repair="give one above zero"
            )
        limits.append(float(largest))
    if quantile is not None:
        if not 0 < quantile <= 1:
            raise StudyError(
                f"a quantile of {quantile:g}", place="weighting", repair="give one from 0 to 1, say 0.99"
            )
        limits.append(float(np.quantile(weights[kept], quantile)))
    if not limits:
        return weights, None
    return np.minimum(weights, min(limits)), min(limits)


def _notes(scores: PropensityScores, weights: NDArray, kept: NDArray[np.bool_]) -> list[str]:
    notes = []
    extreme = int((kept & (np.minimum(scores.scores, 1 - scores.scores) < _EXTREME)).sum())
    if extreme:
        notes.append(
            f"scores of {masked(extreme)} persons are all but 0 or 1: their treatment was never in doubt"
        )
    inside = weights[kept]
    if inside.max() > _LARGE * inside.mean():
        notes.append(
            f"the largest weight is {inside.max() / inside.mean():.3g} times the mean: few persons decide the result; "
            "trim, truncate, or weight for the overlap (ato)"
        )
    return notes
