"""fitted_effect: one coefficient of a model with covariates, with its profile likelihood."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from understudy.causal.effect_estimate import EffectEstimate
from understudy.causal.outcomes.estimate import estimate, explanations
from understudy.causal.outcomes.one_parameter import Flat, Top, climb
from understudy.causal.outcomes.person_rows import PersonRows, person_rows
from understudy.causal.outcomes.question import MEASURES, Question
from understudy.causal.outcomes.regression import Regression, regression, telling_columns
from understudy.causal.outcomes.sandwich import sandwich

Array = NDArray[np.float64]


def fitted_effect(
    asked: Question,
    design: Array,
    names: tuple[str, ...],
    place: int,
    ties: str,
    bounds: tuple[float, float] | None,
    level: float,
    measure: str = "",
) -> EffectEstimate:
    """Estimate one coefficient.

    Parameters
    ----------
    asked : Question
        Its covariates are not looked at: they are in the design.
    design : float array, shape (n, p)
    names : tuple of str
        Of its columns.
    place : int
        Whose effect is asked for.
    ties : str
    bounds : (float, float) or None
    level : float
    measure : str
        That of the model by default.

    Returns
    -------
    EffectEstimate
    """
    measure = measure or MEASURES[asked.model]
    kept = _telling(asked, design, place, ties)
    notes = tuple(
        f"{name} is left out: it says nothing that the others, or strata, do not say"
        for name, said in zip(names, kept, strict=True)
        if not said
    )
    if not kept[place]:
        notes = explanations(asked, np.nan) if not asked.event.any() else notes
        return estimate(Flat(), measure, level, bounds=bounds, notes=notes)
    rows = person_rows(asked, design[:, kept], ties)
    model = regression(rows.likelihood, rows.x, rows.offset, rows.scale, int(kept[:place].sum()))
    told = [name for name, said in zip(names, kept, strict=True) if said]
    runaways = [told[k] for k in model.runaways if k < len(told)]
    if runaways:
        notes += (f"{', '.join(runaways)}: no finite coefficient, since outcomes are separated by it",)
    top = _top(model)
    return estimate(
        model,
        measure,
        level,
        top=top,
        robust_error=_robust(asked, rows, model, top),
        bounds=bounds,
        notes=(*notes, *explanations(asked, top.effect)),
    )


def _telling(asked: Question, design: Array, place: int, ties: str) -> NDArray[np.bool_]:
    """Columns of the design that say something of their own; none without an outcome."""
    size = design.shape[1]
    if not asked.event.any():
        return np.zeros(size, dtype=bool)
    rows = person_rows(asked, design, ties)
    information = rows.likelihood(np.zeros(rows.x.shape[1]), rows.x, rows.offset)[2]
    return telling_columns(information, place)[:size]


def _top(model: Regression) -> Top:
    """The maximum, from the search for all coefficients where it ended there."""
    if model.direction or not model.found.converged:
        return climb(model)
    effect = model.found.beta[model.place] / model.scale[model.place]
    return Top(float(effect), model.found.log_likelihood, model.at(effect)[2])


def _robust(asked: Question, rows: PersonRows, model: Regression, top: Top) -> float:
    if rows.parts is None or top.curvature == 0:
        return np.nan
    covariance = sandwich(rows.parts(model.found.beta), model.found.information, asked.cluster)
    return float(np.sqrt(covariance[model.place, model.place]) / model.scale[model.place])
