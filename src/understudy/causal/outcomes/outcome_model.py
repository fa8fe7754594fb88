"""outcome_model: how much the treatment changes the outcome, by Cox, Poisson or logistic regression."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from understudy.causal.effect_estimate import EffectEstimate
from understudy.causal.outcomes.collapsed import collapsed
from understudy.causal.outcomes.estimate import BOUNDS, estimate, explanations
from understudy.causal.outcomes.fitted_effect import fitted_effect
from understudy.causal.outcomes.one_parameter import Flat, OneParameter, climb
from understudy.causal.outcomes.question import MEASURES, Question, question
from understudy.causal.outcomes.two_groups import TwoGroups
from understudy.core.errors import UnderstudyError

_TIES = ("breslow", "efron", "exact")
_HEAVY = 0.25  # of those at risk who have the outcome at the same time


def outcome_model(
    time: ArrayLike | None,
    event: ArrayLike,
    treatment: ArrayLike,
    *,
    model: Literal["cox", "poisson", "logistic"] = "cox",
    strata: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    covariates: Any = None,
    clusters: ArrayLike | None = None,
    ties: Literal["breslow", "efron", "exact"] = "breslow",
    bounds: tuple[float, float] | None = BOUNDS,
    level: float = 0.95,
) -> EffectEstimate:
    """Estimate the effect of a treatment on an outcome.

    The interval is that of the profile likelihood (Venzon, Moolgavkar 1988, doi:10.2307/2347496), its width gives the
    standard error, as in OHDSI's CohortMethod; the robust error beside it holds with weights and clusters too.

    Parameters
    ----------
    time : array, shape (n,), or None
        Days at risk, to the first outcome or the end; not used by the logistic model.
    event : array, shape (n,)
        1 with an outcome, else 0; for Poisson the number of outcomes.
    treatment : array, shape (n,)
        1 target, 0 comparator.
    model : {"cox", "poisson", "logistic"}
    strata : array, shape (n,), optional
        Labels, such as matched sets: each has a baseline hazard, a rate or odds of its own, which are conditioned out.
    weights : array, shape (n,), optional
        Positive, such as inverse probabilities of treatment. The likelihood takes them for numbers of persons
        (pseudo-likelihood); only the robust error knows better.
    covariates : mapping of names to arrays, DataFrame, or array of shape (n, p), optional
        Few, without a penalty. What follows from others is left out, with a note.
    clusters : array, shape (n,), optional
        Labels within which persons depend on each other, for the robust error.
    ties : {"breslow", "efron", "exact"}
        Of Cox; OHDSI's are Breslow's.
    bounds : (float, float) or None
        Ends of the profile, log effect sizes; None for no profile.
    level : float
        Of the interval.

    Returns
    -------
    EffectEstimate
        Infinite, with one limit, where one group had no outcome; NaN, with a note, where nothing can be compared.

    Raises
    ------
    DataError
        For arrays that cannot be, and for a group without anybody.
    UnderstudyError
        For unknown settings, or ones that exclude each other.

    Examples
    --------
    >>> outcome_model([5, 6, 7, 8, 9, 10], [1, 1, 1, 1, 0, 1], [0, 0, 1, 0, 1, 1])
    hazard ratio 0.1849 (95 % interval 0.008984 to 1.499), SE of log 1.305, robust 0.9424, p 0.1960
    """
    asked = question(time, event, treatment, model, strata, weights, covariates, clusters)
    if ties not in _TIES:
        raise UnderstudyError(f"unknown ties {ties!r}", place="ties", repair=f"use {', '.join(_TIES)}")
    if ties == "exact" and asked.weighted:
        raise UnderstudyError("exact ties have no weights", place="ties", repair="use ties='breslow'")
    if asked.covariates.shape[1] or not _collapsible(asked, ties):
        design = np.column_stack([asked.treated, asked.covariates])
        return fitted_effect(asked, design, ("treatment", *asked.names), 0, ties, bounds, level)
    likelihood, parts = collapsed(asked)
    likelihood = Flat() if np.isnan(likelihood.direction) else likelihood
    top = climb(likelihood)
    robust = parts(top) if top.curvature > 0 else np.nan
    notes = (*explanations(asked, top.effect), *_heavy_ties(asked, likelihood))
    return estimate(
        likelihood, MEASURES[model], level, top=top, robust_error=robust, bounds=bounds, notes=notes
    )


def _collapsible(asked: Question, ties: str) -> bool:
    """Whether a few sums say all; not with Efron's ties, nor with clusters of conditional tables."""
    if asked.model == "cox":
        return ties == "breslow"
    return not (asked.model == "logistic" and asked.stratified and asked.cluster is not None)


def _heavy_ties(asked: Question, likelihood: OneParameter) -> tuple[str, ...]:
    """A note where many of those at risk have the outcome at the same time, for which Breslow's ties are no match."""
    if asked.model != "cox" or asked.stratified or not isinstance(likelihood, TwoGroups):
        return ()
    at_risk = likelihood.untreated + likelihood.treated
    heavy = (likelihood.events >= 2) & (likelihood.events > _HEAVY * at_risk)
    if likelihood.events[heavy].sum() <= 0.1 * likelihood.events.sum():
        return ()
    return ("many had the outcome at the same time, where Breslow's ties mislead: use model='logistic'",)
