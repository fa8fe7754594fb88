"""From a likelihood of one effect to an estimate: limits, errors, profile, and words where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from understudy.causal.effect_estimate import EffectEstimate
from understudy.causal.outcomes.one_parameter import OneParameter, Top, adaptive_profile, climb, limits
from understudy.causal.outcomes.question import Question

BOUNDS = (float(np.log(0.1)), float(np.log(10.0)))  # of the profile, as OHDSI's CohortMethod has them
TOLERANCE = 1e-3  # of log-likelihood: how far the cubic between points of the profile may be from it


def estimate(
    likelihood: OneParameter,
    measure: str,
    level: float,
    *,
    top: Top | None = None,
    robust_error: float = np.nan,
    bounds: tuple[float, float] | None = BOUNDS,
    notes: Sequence[str] = (),
) -> EffectEstimate:
    """Estimate one effect.

    Parameters
    ----------
    likelihood : OneParameter
    measure : str
    level : float
        Of the interval.
    top : Top, optional
        If it is known already.
    robust_error : float
    bounds : (float, float) or None
        Ends of the profile, log effect sizes; None for no profile.
    notes : sequence of str

    Returns
    -------
    EffectEstimate
    """
    from scipy.special import chdtrc, ndtr, ndtri

    top = climb(likelihood) if top is None else top
    z = float(ndtri(0.5 + level / 2))
    low, high = limits(likelihood, top, z * z / 2)
    error = (high - low) / (2 * z)
    ratio = max(0.0, top.height - likelihood.at(0.0)[0])
    if np.isnan(top.effect):
        error = ratio = p = np.nan
    elif np.isinf(top.effect):
        p = float(chdtrc(1, 2 * ratio))
    else:
        p = 2 * float(ndtr(-abs(top.effect) / error))
    profile = None if bounds is None else adaptive_profile(likelihood, top, bounds, TOLERANCE)
    return EffectEstimate(
        measure, float(top.effect), low, high, error, robust_error, ratio, p, profile, tuple(notes), level
    )


def explanations(asked: Question, effect: float) -> tuple[str, ...]:
    """Why an estimate is infinite or missing; nothing if it is neither.

    Parameters
    ----------
    asked : Question
    effect : float
        Log effect size.
    """
    if np.isfinite(effect):
        return ()
    if not asked.event.any():
        return ("no outcome was seen, so there is nothing to compare",)
    if np.isnan(effect):
        where = "in no stratum" if asked.stratified else "at no outcome"
        return (f"{where} could both groups be compared, so there is no estimate",)
    for side, group in ((asked.treated, "target"), (~asked.treated, "comparator")):
        if not asked.event[side].any():
            return (f"no outcome in the {group} group: the estimate is infinite, and has one limit only",)
    return ("outcomes are separated by the treatment: the estimate is infinite, and has one limit only",)
