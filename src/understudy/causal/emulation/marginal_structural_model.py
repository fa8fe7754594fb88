"""Marginal structural model: the effect of a course of treatment, courses weighed by the inverse of their chance.

Robins, Hernán & Brumback 2000, doi:10.1097/00001648-200009000-00011; Hernán, Brumback & Robins 2000,
doi:10.1097/00001648-200009000-00012.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.estimates import Estimates
from understudy.causal.emulation.dense_rows import DenseRows
from understudy.causal.emulation.history import with_history
from understudy.causal.emulation.person_bootstrap import Resampled, resampled
from understudy.causal.emulation.person_periods import PersonPeriods
from understudy.causal.emulation.pooled_logistic import dependent, fit
from understudy.causal.emulation.time_course import Course, time_course
from understudy.causal.emulation.trial_weights import TrialWeights
from understudy.causal.emulation.weight_model import FittedChance, staying_ratios, treatment_ratios
from understudy.causal.emulation.weight_summary import WeightSummary, summarised, truncated
from understudy.core.errors import StudyError

Array = NDArray[np.float64]
Exposure = Literal["current", "cumulative", "ever"]
EXPOSURES: tuple[Exposure, ...] = ("current", "cumulative", "ever")


@dataclass(frozen=True)
class StructuralModel:
    """What of a course of treatment the outcome depends on.

    Parameters
    ----------
    exposure : {"current", "cumulative", "ever"}
        Treatment in the period, the number of treated periods so far, or whether there was any.
    terms : tuple of str
        Known at the beginning, such as ``("first(age)",)``; the numerator of the weights has to have them too.
    time : {"none", "linear", "quadratic", "cubic", "spline", "categorical"}
        How the chance of an event changes with time since the person's first row.
    """

    exposure: Exposure = "current"
    terms: tuple[str, ...] = ()
    time: Course = "quadratic"


@dataclass(frozen=True, eq=False, repr=False)
class StructuralEffect:
    """What a course of treatment does. Made by `marginal_structural_model`.

    Attributes
    ----------
    measure : str
        "log odds ratio" of an event in a period, or "difference" of a measure at the end.
    coefficients : Estimates
        With errors robust over persons, weights taken as known.
    unweighted : Estimates
        Of the same model without weights, to see what confounding by covariates over time does.
    effect : str
        Name of the coefficient of treatment.
    weights : WeightSummary
    chances : tuple of FittedChance
    resamples : Resampled or None
        Of the coefficient of treatment, weights fitted anew in each.
    notes : tuple of str
    """

    measure: str
    coefficients: Estimates
    unweighted: Estimates
    effect: str
    weights: WeightSummary
    chances: tuple[FittedChance, ...]
    resamples: Resampled | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Marginal structural model, {self.measure}\n{self.coefficients}\n{self.weights}"


def marginal_structural_model(
    periods: PersonPeriods,
    weights: TrialWeights,
    model: StructuralModel,
    *,
    measure: bool = False,
    resamples: int = 0,
    seed: int = 1,
    level: float = 0.95,
) -> StructuralEffect:
    """Fit a marginal structural model by inverse probability weights.

    Parameters
    ----------
    periods : PersonPeriods
        With a measure as the outcome, read with ``measure=True``.
    weights : TrialWeights
        `switching`: the models of treatment; `censoring`: those of being lost.
    model : StructuralModel
    measure : bool
        The outcome is a measure in each person's last period (a linear model), otherwise an event (pooled logistic).
    resamples : int
        Of persons; 0 for none.
    seed : int
    level : float

    Returns
    -------
    StructuralEffect

    Raises
    ------
    StudyError
        Without a model of treatment, an outcome, or both kinds of treatment.
    """
    if weights.switching is None:
        raise StudyError(
            "a marginal structural model needs a model of treatment",
            place="switch_weights", repair="name the terms of its denominator",
        )  # fmt: skip
    _require_content(periods, measure)
    weight, summary, fits = course_weights(periods, weights)
    rows, matrix, names = _design(periods, model, measure)
    effect = names[1]
    fitted = _fitted(periods, rows, matrix, names, weight, measure, level)
    plain = _fitted(periods, rows, matrix, names, np.ones(periods.rows), measure, level)
    if effect not in fitted.names:
        raise StudyError(
            "treatment separates the outcomes, so that its effect has no estimate",
            place="the structural model", repair="take another exposure, or leave terms out",
        )  # fmt: skip
    found = StructuralEffect(
        "difference at the end" if measure else "log odds ratio of the event in a period",
        fitted, plain, effect, summary, fits, notes=(*periods.notes, *summary.doubts),
    )  # fmt: skip
    if not resamples:
        return found

    def again(drawn: Array) -> Array:
        own = course_weights(periods, weights, drawn)[0] * drawn[periods.person]
        return _fitted(periods, rows, matrix, names, own, measure, level)[effect].value

    copies = resampled(again, periods.persons, resamples, seed)
    return replace(found, resamples=copies, notes=(*found.notes, *copies.doubts))


def course_weights(
    periods: PersonPeriods, weights: TrialWeights, drawn: Array | None = None
) -> tuple[Array, WeightSummary, tuple[FittedChance, ...]]:
    """For each row the product of the ratios of the person's periods so far, this one counted."""
    ratio, fits = treatment_ratios(periods, weights.switching, drawn)
    if weights.censoring is not None:
        own, more = staying_ratios(periods, weights.censoring, drawn)
        ratio, fits = ratio * own, (*fits, *more)
    logs = np.log(ratio)
    total = np.cumsum(logs)
    whole = np.exp(total - (total[periods.first] - logs[periods.first]))
    used = whole if drawn is None else np.where(drawn[periods.person] > 0, whole, 0.0)
    cut, count = truncated(used, weights.truncate, "truncate")
    return cut, summarised(cut, count), fits


def exposure_of(periods: PersonPeriods, exposure: Exposure) -> Array:
    """Treatment as the structural model has it, row by row."""
    if exposure == "current":
        return periods.treatment.astype(float)
    if exposure not in EXPOSURES:
        raise StudyError(
            f"unknown exposure {exposure!r}",
            place="the structural model",
            repair=f"take one of {', '.join(EXPOSURES)}",
        )
    return periods.treated.astype(float) if exposure == "cumulative" else (periods.treated > 0).astype(float)


def _design(periods: PersonPeriods, model: StructuralModel, measure: bool) -> tuple:
    """The rows in use, their columns, and the columns' names: intercept, exposure, time, terms."""
    rows = periods.ends - 1 if measure else np.arange(periods.rows)
    rows = rows[~periods.censored[rows] | (periods.outcome[rows] == 1)] if not measure else rows[
        np.isfinite(periods.outcome[rows])
    ]  # fmt: skip
    own, own_names = with_history(periods, model.terms).design(
        model.terms, intercept=False, rows=periods.rows
    )
    time = periods.period - periods.period[periods.first]
    course = "none" if measure else model.time
    columns, time_names = time_course(time, course, "time")
    head = np.column_stack([np.ones(periods.rows), exposure_of(periods, model.exposure)])
    matrix = np.hstack([head, columns, own])[rows]
    return rows, matrix, ("(intercept)", f"{model.exposure} treatment", *time_names, *own_names)


def _fitted(
    periods: PersonPeriods, rows: NDArray, matrix: Array, names: tuple[str, ...], weight: Array,
    measure: bool, level: float,
) -> Estimates:  # fmt: skip
    if not measure:
        dense = DenseRows(matrix, periods.outcome[rows], names, weight[rows], periods.person[rows])
        return fit(dense, level=level).coefficients
    return _linear(matrix, periods.outcome[rows], names, weight[rows], level)


def _linear(matrix: Array, outcome: Array, names: tuple[str, ...], weight: Array, level: float) -> Estimates:
    """Weighted least squares with the sandwich; a person has one row."""
    lost = dependent(matrix, weight)
    if lost.any():
        raise StudyError(
            f"the column {names[int(np.argmax(lost))]!r} is a combination of those before it, or the same in all rows",
            place="the structural model", repair="leave the term out",
        )  # fmt: skip
    bread = np.linalg.inv((matrix * weight[:, None]).T @ matrix)
    values = bread @ (matrix.T @ (weight * outcome))
    scores = matrix * (weight * (outcome - matrix @ values))[:, None]
    errors = np.sqrt(np.diag(bread @ (scores.T @ scores) @ bread))
    return Estimates(names, values, errors, np.full(len(values), np.inf), level)


def _require_content(periods: PersonPeriods, measure: bool) -> None:
    if not measure and not (periods.outcome == 1).any():
        raise StudyError("nobody has the outcome", place="the outcome", repair="check its column")
    if len(np.unique(periods.treatment)) < 2:
        raise StudyError(
            f"all periods have the treatment {periods.treatment[0]}: the other group is empty",
            place="the treatment", repair="check its column",
        )  # fmt: skip
