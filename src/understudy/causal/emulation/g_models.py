"""Models of the g-formula: how covariates evolve, how treatment is decided, and what the outcome then is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.covariate_table import CovariateTable
from understudy.causal.emulation.dense_rows import DenseRows
from understudy.causal.emulation.history import with_history
from understudy.causal.emulation.person_periods import PersonPeriods
from understudy.causal.emulation.pooled_logistic import Maximum, dependent, maximise
from understudy.causal.emulation.weight_model import chance_of
from understudy.core.errors import StudyError

Array = NDArray[np.float64]
Kind = Literal["binary", "normal"]


@dataclass(frozen=True)
class Evolution:
    """How a covariate of a period depends on what was before.

    Parameters
    ----------
    name : str
    kind : {"binary", "normal"}
        Drawn by a logistic regression, or by a linear one with normal errors and cut to the range that was seen.
    terms : tuple of str
        Of history, and of covariates that evolve earlier in the same period.
    """

    name: str
    kind: Kind
    terms: tuple[str, ...]


@dataclass(frozen=True)
class GModels:
    """All models of a g-formula.

    Parameters
    ----------
    covariates : tuple of Evolution
        In the order in which they evolve in a period.
    treatment : tuple of str
        Terms of the chance of treatment, after the covariates of the period.
    outcome : tuple of str
        Terms of the chance of the outcome in a period, or of the mean of the measure at the end; ``treatment`` is that
        of the period.
    """

    covariates: tuple[Evolution, ...]
    treatment: tuple[str, ...]
    outcome: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LogisticPart:
    """A fitted logistic regression that foretells chances in other tables."""

    terms: tuple[str, ...]
    names: tuple[str, ...]
    kept: NDArray[np.bool_]
    found: Maximum | None
    constant: float = 0.0

    def chance(self, table: CovariateTable, rows: int) -> Array:
        """The chance of each row."""
        if self.found is None:
            return np.full(rows, self.constant)
        return chance_of(self.found, table.design(self.terms, rows=rows)[0][:, self.kept], self.names)


@dataclass(frozen=True, eq=False)
class LinearPart:
    """A fitted linear regression: its mean, its spread, and the range of what was seen."""

    terms: tuple[str, ...]
    values: Array
    spread: float
    low: float
    high: float

    def mean(self, table: CovariateTable, rows: int) -> Array:
        """The mean of each row."""
        return table.design(self.terms, rows=rows)[0] @ self.values


@dataclass(frozen=True, eq=False)
class FittedG:
    """All models, fitted."""

    covariates: Mapping[str, LogisticPart | LinearPart]
    treatment: LogisticPart
    outcome: LogisticPart | LinearPart


def fitted_models(periods: PersonPeriods, models: GModels, drawn: Array, *, measure: bool = False) -> FittedG:
    """Fit all models, each person counted as often as `drawn` says.

    Raises
    ------
    StudyError
        For unknown terms, a binary covariate that is not, or too few rows.
    """
    weight = drawn[periods.person]
    later = np.flatnonzero((periods.first < np.arange(periods.rows)) & (weight > 0))
    all_rows = np.flatnonzero(weight > 0)
    covariates: dict[str, LogisticPart | LinearPart] = {}
    for each in models.covariates:
        values = _values(periods, each)
        one = linear_part if each.kind == "normal" else logistic_part
        covariates[each.name] = one(periods, values, each.terms, later, weight, f"the model of {each.name}")
    treatment = logistic_part(
        periods, periods.treatment.astype(float), models.treatment, all_rows, weight, "the model of treatment"
    )
    ends = periods.ends - 1
    if measure:
        known = ends[np.isfinite(periods.outcome[ends]) & (weight[ends] > 0)]
        outcome: LogisticPart | LinearPart = linear_part(
            periods, periods.outcome, models.outcome, known, weight, "the outcome model"
        )
    else:
        lost = periods.censored & (periods.outcome != 1)
        outcome = logistic_part(
            periods, periods.outcome, models.outcome, all_rows[~lost[all_rows]], weight, "the outcome model"
        )
    return FittedG(covariates, treatment, outcome)


def _values(periods: PersonPeriods, each: Evolution) -> Array:
    if each.name not in periods.covariates.columns:
        raise StudyError(
            f"no covariate is called {each.name!r}", place="covariates",
            repair=f"covariates: {', '.join(periods.covariates.columns)}",
        )  # fmt: skip
    values = periods.covariates.columns[each.name]
    if each.kind == "binary" and not np.isin(values, (0.0, 1.0)).all():
        raise StudyError(
            f"{each.name} has other values than two",
            place="covariates",
            repair='say kind = "normal", or code it 0 and 1',
        )
    if each.kind == "normal" and each.name in periods.covariates.levels:
        raise StudyError(
            f"{each.name} is a category", place="covariates", repair="make 0 and 1 of each level"
        )
    return values


def logistic_part(
    periods: PersonPeriods, event: Array, terms: tuple[str, ...], rows: NDArray, weight: Array, place: str
) -> LogisticPart:
    """A logistic regression of some rows."""
    matrix, names = _columns(periods, terms, rows, place)
    if len(np.unique(event[rows])) < 2:
        return LogisticPart(terms, (), np.zeros(len(names), bool), None, float(event[rows][0]))
    kept = ~dependent(matrix, weight[rows])
    left = tuple(name for name, has in zip(names, kept, strict=True) if has)
    person = np.zeros(len(rows), np.int64)
    found = maximise(DenseRows(matrix[:, kept], event[rows], left, weight[rows], person))
    return LogisticPart(terms, left, kept, found)


def linear_part(
    periods: PersonPeriods, values: Array, terms: tuple[str, ...], rows: NDArray, weight: Array, place: str
) -> LinearPart:
    """A linear regression of some rows."""
    matrix, _ = _columns(periods, terms, rows, place)
    root = np.sqrt(weight[rows])
    beta = np.linalg.lstsq(matrix * root[:, None], values[rows] * root, rcond=None)[0]
    left = values[rows] - matrix @ beta
    freedom = max(weight[rows].sum() - matrix.shape[1], 1.0)
    spread = float(np.sqrt(weight[rows] @ left**2 / freedom))
    return LinearPart(terms, beta, spread, float(values[rows].min()), float(values[rows].max()))


def _columns(periods: PersonPeriods, terms: tuple[str, ...], rows: NDArray, place: str) -> tuple:
    matrix, names = with_history(periods, terms).design(terms, rows=periods.rows)
    if len(rows) <= len(names):
        raise StudyError(
            f"{len(rows)} periods are too few for {len(names)} coefficients",
            place=place,
            repair="leave terms out",
        )
    return matrix[rows], names
