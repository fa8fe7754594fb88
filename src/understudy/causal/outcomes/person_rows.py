"""Rows of persons as a likelihood with covariates wants them: sorted, standardised; by Cox, Poisson or logistic."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.survival.censored import Censored
from understudy.biostatistics.survival.cox_data import sorted_patients
from understudy.biostatistics.survival.cox_residuals import score_parts
from understudy.biostatistics.survival.exact_ties import exact_likelihood
from understudy.causal.outcomes.conditional_poisson import CountRows, count_rows
from understudy.causal.outcomes.question import Question
from understudy.causal.outcomes.regression import Likelihood
from understudy.core.errors import SimulationError, UnderstudyError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PersonRows:
    """A likelihood of several coefficients.

    Parameters
    ----------
    likelihood : callable
        From (beta, x, offset) to value, score and information.
    x : float array, shape (n, p)
        Standardised; for the unconditional logistic model the last column is the intercept.
    offset : float array, shape (n,)
    scale : float array, shape (p,)
    parts : callable or None
        From beta to weighted parts of the score in the order of what was given, shape (n, p).
    """

    likelihood: Likelihood
    x: Array
    offset: Array
    scale: Array
    parts: object


def person_rows(asked: Question, matrix: Array, ties: str) -> PersonRows:
    """Sort persons for a design whose columns are `matrix`.

    Parameters
    ----------
    asked : Question
    matrix : float array, shape (n, p)
    ties : str
        For Cox.
    """
    if asked.model == "cox":
        return _cox(asked, matrix, ties)
    if asked.model == "poisson":
        return _poisson(asked, matrix)
    return _conditional(asked, matrix) if asked.stratified else _logistic(asked, matrix)


def _cox(asked: Question, matrix: Array, ties: str) -> PersonRows:
    size = asked.time.size
    watched = Censored(asked.time, asked.event.astype(np.int64), np.full(size, -np.inf), asked.weight)
    data = sorted_patients(watched, matrix, asked.stratum if asked.stratified else None, None, ties)

    def parts(beta: Array) -> Array:
        return _back(data.weight[:, None] * score_parts(data, beta), data.order, size)

    return PersonRows(data.likelihood, data.x, data.offset, data.scale, None if ties == "exact" else parts)


def _poisson(asked: Question, matrix: Array) -> PersonRows:
    rows: CountRows = count_rows(matrix, asked.event, asked.time, asked.stratum, asked.weight)

    def parts(beta: Array) -> Array:
        return _back(rows.score_parts(beta), rows.order, asked.time.size)

    return PersonRows(rows.likelihood, rows.x, rows.offset, rows.scale, parts)


def _logistic(asked: Question, matrix: Array) -> PersonRows:
    scale = np.where(matrix.std(axis=0) > 0, matrix.std(axis=0), 1.0)
    x = np.column_stack([(matrix - matrix.mean(axis=0)) / scale, np.ones(len(matrix))])
    y, weight = asked.event, asked.weight

    def likelihood(beta: Array, columns: Array, offset: Array) -> tuple[float, Array, Array]:
        eta = columns @ beta + offset
        risk = 1 / (1 + np.exp(-np.clip(eta, -700, 700)))
        value = float(weight @ (y * eta - np.logaddexp(0.0, eta)))
        spread = weight * risk * (1 - risk)
        return value, columns.T @ (weight * (y - risk)), (columns * spread[:, None]).T @ columns

    def parts(beta: Array) -> Array:
        return (weight * (y - 1 / (1 + np.exp(-np.clip(x @ beta, -700, 700)))))[:, None] * x

    return PersonRows(likelihood, x, np.zeros(len(y)), np.r_[scale, 1.0], parts)


def _conditional(asked: Question, matrix: Array) -> PersonRows:
    order = np.argsort(asked.stratum, kind="stable")
    scale = np.where(matrix.std(axis=0) > 0, matrix.std(axis=0), 1.0)
    x = np.ascontiguousarray(((matrix - matrix.mean(axis=0)) / scale)[order])
    event, member = asked.event[order] > 0, asked.stratum[order]
    bounds = np.searchsorted(member, np.arange(member[-1] + 2))
    level, never = np.zeros(event.size), np.full(event.size, -np.inf)

    def likelihood(beta: Array, columns: Array, offset: Array) -> tuple[float, Array, Array]:
        columns = np.ascontiguousarray(columns)
        try:
            return exact_likelihood(columns, columns @ beta + offset, level, event, never, bounds)
        except SimulationError as error:
            raise UnderstudyError(
                "too many outcomes in a stratum for the conditional logistic likelihood with covariates",
                place=f"{bounds.size - 1} strata",
                repair="give the strata as covariates, or use model='poisson'",
            ) from error

    def parts(beta: Array) -> Array:
        eta = x @ beta
        each = np.zeros_like(x)
        for first, end in pairwise(bounds):
            if event[first:end].any():
                rows = slice(first, end)
                inside = np.array([0, end - first])
                each[first] = exact_likelihood(
                    x[rows], eta[rows], level[rows], event[rows], never[rows], inside
                )[1]
        return _back(each, order, event.size)

    return PersonRows(likelihood, x, np.zeros(event.size), scale, parts)


def _back(parts: Array, order: NDArray[np.int64], size: int) -> Array:
    """Parts in the order of what was given; zero for rows that were left out."""
    found = np.zeros((size, parts.shape[1]))
    found[order] = parts
    return found
