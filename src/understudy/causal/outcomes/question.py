"""What an outcome model is asked: persons, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.survival.censored import labels, mark, numbers, same_length, stop_for
from understudy.biostatistics.survival.covariates import covariate_matrix
from understudy.core.errors import DataError, Problem, UnderstudyError

Array = NDArray[np.float64]
MODELS = ("cox", "poisson", "logistic")
MEASURES = {"cox": "hazard ratio", "poisson": "rate ratio", "logistic": "odds ratio"}
_PLACE = "the outcome model"


@dataclass(frozen=True, eq=False)
class Question:
    """Persons of a comparison.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    time : float array, shape (n,)
    event : float array, shape (n,)
        0 or 1; counts for Poisson.
    treated : bool array, shape (n,)
    stratum : int array, shape (n,)
        Numbers from zero; all zero without strata.
    stratified : bool
    weight : float array, shape (n,)
    weighted : bool
    cluster : int array, shape (n,), or None
    covariates : float array, shape (n, p)
    names : tuple of str
    """

    model: str
    time: Array
    event: Array
    treated: NDArray[np.bool_]
    stratum: NDArray[np.int64]
    stratified: bool
    weight: Array
    weighted: bool
    cluster: NDArray[np.int64] | None
    covariates: Array
    names: tuple[str, ...]


def question(
    time: ArrayLike | None,
    event: ArrayLike,
    treatment: ArrayLike,
    model: str,
    strata: ArrayLike | None,
    weights: ArrayLike | None,
    covariates: Any,
    clusters: ArrayLike | None,
) -> Question:
    """Check what was given, and put it into arrays.

    Raises
    ------
    UnderstudyError
        For an unknown model, or strata and weights that exclude each other.
    DataError
        For lengths, times, events, treatments, weights, labels or covariates that cannot be; all of them listed.
    """
    _refuse_settings(model, strata, weights)
    problems: list[Problem] = []
    events, treated = numbers(event, "event", problems), numbers(treatment, "treatment", problems)
    size = events.size
    times = np.ones(size) if time is None and model == "logistic" else _times(time, model, problems)
    weight = np.ones(size) if weights is None else numbers(weights, "weights", problems)
    for name, found in (("time", times), ("treatment", treated), ("weights", weight)):
        same_length(found, size, name, "event", problems)
    stop_for(problems, _PLACE)
    _mark(times, events, treated, weight, model, problems)
    stop_for(problems, _PLACE)
    _refuse_empty(treated)
    matrix, names = np.empty((size, 0)), ()
    if covariates is not None:
        matrix, names = covariate_matrix(_dense(covariates), size)
    return Question(
        model,
        times,
        events,
        treated > 0,
        np.zeros(size, np.int64) if strata is None else labels(strata, size, "strata")[1],
        strata is not None,
        weight,
        weights is not None,
        None if clusters is None else labels(clusters, size, "clusters")[1],
        matrix,
        names,
    )


def _refuse_settings(model: str, strata: ArrayLike | None, weights: ArrayLike | None) -> None:
    if model not in MODELS:
        raise UnderstudyError(
            f"unknown outcome model {model!r}", place=_PLACE, repair=f"use one of {', '.join(MODELS)}"
        )
    if model == "logistic" and strata is not None and weights is not None:
        raise UnderstudyError(
            "the conditional logistic likelihood counts persons, and has no weights",
            place=_PLACE,
            repair="leave strata or weights out, or use model='poisson'",
        )


def _times(time: ArrayLike | None, model: str, problems: list[Problem]) -> Array:
    if time is None:
        problems.append(Problem(f"is missing, and {model} needs it", "give days at risk", column="time"))
        return np.empty(0)
    return numbers(time, "time", problems)


def _mark(
    times: Array, events: Array, treated: Array, weight: Array, model: str, problems: list[Problem]
) -> None:
    if model == "poisson":
        mark(times <= 0, times, "time", "is not positive", "leave persons without time at risk out", problems)
        wrong = (events < 0) | (events != np.floor(events))
        mark(wrong, events, "event", "is no count", "give the number of outcomes of each person", problems)
    else:
        mark(times < 0, times, "time", "is negative", "times count from the beginning of risk", problems)
        wrong = (events != 0) & (events != 1)
        mark(
            wrong,
            events,
            "event",
            "is neither 0 nor 1",
            "write 1 for an outcome (first only), 0 for none",
            problems,
        )
    wrong = (treated != 0) & (treated != 1)
    mark(wrong, treated, "treatment", "is neither 0 nor 1", "write 1 for target, 0 for comparator", problems)
    mark(weight <= 0, weight, "weights", "is not positive", "leave persons of weight 0 out", problems)


def _refuse_empty(treated: Array) -> None:
    for value, group in ((1, "target"), (0, "comparator")):
        if not (treated == value).any():
            problem = Problem(
                f"nobody is in the {group} group",
                "look at the attrition: which rule took all?",
                column="treatment",
            )
            raise DataError([problem], place=_PLACE)


def _dense(covariates: Any) -> Any:
    """Named columns as they are; a sparse matrix is refused, as its columns are many and want a penalty."""
    if hasattr(covariates, "tocsc") or hasattr(getattr(covariates, "values", None), "tocsc"):
        raise UnderstudyError(
            "outcome models take few named covariates, without a penalty, no sparse matrix",
            place=_PLACE,
            repair="adjust for many by the propensity score (strata or weights), and give a table of few here",
        )
    return covariates
