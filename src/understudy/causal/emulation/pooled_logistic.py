"""Pooled logistic regression: maximum likelihood over rows given whole or as trials, separation told, errors by person.

Pooled over persons and periods it approximates a proportional hazards model with a time-varying covariate where events
are rare in each period: D'Agostino et al. 1990, doi:10.1002/sim.4780091214.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.estimates import Estimates
from understudy.biostatistics.separation import Separation, separation
from understudy.core.errors import StudyError

Array = NDArray[np.float64]
_FIRST_STEPS, _STEPS = 12, 100
_END = 1e-13  # of the Newton decrement, twice what the log-likelihood may still gain: estimates within 3e-7 errors
_PROVEN = 8.0  # predictors up to which a search that ended proves that there is no separation: biostatistics.logistic
_SIDE = 1e-7  # of a direction between -1 and 1: what is nearer to zero is rounding
_ROUNDS = 50
_RANK = 1e-9  # a column depends on others whose own part is below this share of its length


class LikelihoodRows(Protocol):
    """Rows of a logistic regression, in coordinates in which they are about orthonormal.

    `names` are the columns'; `back` (p, p) turns the coordinates into coefficients of the columns.
    """

    names: tuple[str, ...]
    back: Array

    def evaluate(self, at: Array) -> tuple[float, Array, Array]:
        """Log-likelihood, score and information."""

    def farthest(self, at: Array) -> float:
        """Largest linear predictor, without its sign."""

    def sample(self, count: int) -> tuple[Array, Array]:
        """About so many rows of the columns, and their outcomes; all of them, if there are no more."""

    def on_wrong_side(self, direction: Array) -> tuple[Array, Array]:
        """Rows with the outcome that a direction lowers, or without that it raises; the worst of them."""

    def unmoved(self, direction: Array, dropped: tuple[str, ...]) -> tuple[Self, tuple[str, ...]]:
        """The rows that a direction does not move, without columns that are then zero or depend on others; those."""

    def scores(self, at: Array) -> Array:
        """Score of each person, shape (persons, p)."""

    @property
    def count(self) -> int:
        """Number of rows."""


@dataclass(frozen=True, eq=False, repr=False)
class PooledLogistic:
    """A fitted pooled logistic regression. Made by `fit`.

    Attributes
    ----------
    names : tuple of str
        Of all columns.
    values : array, shape (p,)
        Log odds ratios; NaN where there is none, as the column is separable.
    covariance : array, shape (p, p)
        By the sandwich over persons; NaN for separable columns.
    separable : tuple of str
        Columns whose coefficients run to infinity.
    log_likelihood : float
    persons, count : int
    level : float
    directions : tuple of mapping of str to float
        Ways in which separable coefficients run: rows that one moves down have no outcome, up always.
    """

    names: tuple[str, ...]
    values: Array
    covariance: Array
    separable: tuple[str, ...]
    log_likelihood: float
    persons: int
    count: int
    level: float = 0.95
    directions: tuple[dict[str, float], ...] = ()

    @property
    def deviance(self) -> float:
        """Minus twice the log-likelihood."""
        return -2 * self.log_likelihood

    @property
    def small_sample_factor(self) -> float:
        """What the sandwich's standard errors are multiplied by in small samples: √(G/(G-1) · (n-1)/(n-p)).

        G persons, n rows, p coefficients: the factor of Stata and of R's sandwich package.
        """
        known = len(self.names)
        return float(np.sqrt(self.persons / (self.persons - 1) * (self.count - 1) / (self.count - known)))

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Which columns have an estimate."""
        return np.isfinite(self.values)

    @property
    def coefficients(self) -> Estimates:
        """Log odds ratios with Wald intervals by the sandwich, without the separable columns."""
        names = tuple(name for name, has in zip(self.names, self.known, strict=True) if has)
        errors = np.sqrt(np.diag(self.covariance)[self.known])
        return Estimates(names, self.values[self.known], errors, np.full(len(names), np.inf), self.level)

    def __repr__(self) -> str:
        told = f"\nseparable, without an estimate: {', '.join(self.separable)}" if self.separable else ""
        return f"Pooled logistic model of {self.count} rows, deviance {self.deviance:.3f}\n{self.coefficients}{told}"


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where a likelihood is highest: `at` in the coordinates of `rows`, which are those that separation leaves."""

    rows: LikelihoodRows
    at: Array
    value: float
    information: Array
    separable: tuple[str, ...]
    directions: tuple[dict[str, float], ...] = ()

    @property
    def coefficients(self) -> dict[str, float]:
        """By the columns' names."""
        return dict(zip(self.rows.names, self.rows.back @ self.at, strict=True))


def maximise(rows: LikelihoodRows, start: Array | None = None, *, sure: bool = False) -> Maximum:
    """The maximum of a likelihood; separable columns are taken out with the rows that they predict exactly.

    What is left has the maximum that the likelihood tends to as those coefficients run to infinity.

    Parameters
    ----------
    rows : LikelihoodRows
    start : array, optional
        Coordinates to begin with.
    sure : bool
        That there is no separation: it is looked for only where the search does not end.
    """
    at, ended = _search(rows, np.zeros(len(rows.names)) if start is None else start, _FIRST_STEPS)
    if not (ended and (sure or rows.farthest(at) <= _PROVEN)):
        found = find_separation(rows)
        if found:
            left, lost = rows.unmoved(found.direction, found.columns)
            if not left.count:
                raise StudyError(
                    f"complete separation: {', '.join(found.columns)} foretell every outcome",
                    place="pooled logistic regression", repair="leave these terms out",
                )  # fmt: skip
            inner = maximise(left)
            separable = tuple(dict.fromkeys((*found.columns, *lost, *inner.separable)))
            way = {name: float(move) for name, move in zip(rows.names, found.direction, strict=True) if move}
            return replace(inner, separable=separable, directions=(way, *inner.directions))
    if not ended:
        at, ended = _search(rows, at, _STEPS)
        if not ended:
            raise StudyError(
                f"the search did not end in {_STEPS} steps", place="pooled logistic regression",
                repair="leave terms out",
            )  # fmt: skip
    value, _, information = rows.evaluate(at)
    return Maximum(rows, at, value, information, ())


def fit(rows: LikelihoodRows, *, level: float = 0.95, found: Maximum | None = None) -> PooledLogistic:
    """Fit by maximum likelihood, with the covariance of White 1982 (doi:10.2307/1912526) over persons.

    Parameters
    ----------
    rows : LikelihoodRows
    level : float
        Of intervals.
    found : Maximum, optional
        Where the likelihood is highest, if that is known.

    Returns
    -------
    PooledLogistic

    Raises
    ------
    StudyError
        If columns depend on each other, or separate every row.
    """
    found = found or maximise(rows)
    scores = found.rows.scores(found.at)
    half = np.linalg.solve(found.information, scores.T)
    inner = found.rows.back @ (half @ half.T) @ found.rows.back.T
    values = np.full(len(rows.names), np.nan)
    covariance = np.full((len(values), len(values)), np.nan)
    where = [rows.names.index(name) for name in found.rows.names]
    values[where], covariance[np.ix_(where, where)] = found.rows.back @ found.at, inner
    lost = [rows.names.index(name) for name in found.separable]
    values[lost], covariance[lost], covariance[:, lost] = np.nan, np.nan, np.nan
    persons = int((np.abs(scores).sum(axis=1) > 0).sum())
    return PooledLogistic(
        rows.names, values, covariance, found.separable, found.value, persons, rows.count, level,
        found.directions,
    )  # fmt: skip


def without_errors(names: tuple[str, ...], found: Maximum, base: Maximum) -> PooledLogistic:
    """A fit without standard errors, of rows that the separation of `base` left."""
    values = np.array([found.coefficients.get(name, np.nan) for name in names])
    separable = tuple(dict.fromkeys((*base.separable, *found.separable)))
    values[[name in separable for name in names]] = np.nan
    directions = (*base.directions, *found.directions)
    unknown = np.full((len(names), len(names)), np.nan)
    return PooledLogistic(names, values, unknown, separable, found.value, 0, 0, directions=directions)


def find_separation(rows: LikelihoodRows) -> Separation:
    """Whether some direction separates the outcomes: a linear programme on some rows, joined by those it gets wrong.

    A direction that separates all rows separates any of them, so where some rows are not separated none are.
    """
    matrix, outcome = rows.sample(4_000)
    for _ in range(_ROUNDS):
        found = separation(outcome, matrix, rows.names)
        if not found:
            return found
        wrong, theirs = rows.on_wrong_side(found.direction)
        if not len(wrong):
            return found
        matrix, outcome = np.vstack([matrix, wrong]), np.concatenate([outcome, theirs])
    raise StudyError(
        "whether outcomes are separated cannot be decided",
        place="pooled logistic regression",
        repair="leave terms out",
    )


def whitened(matrix: Array, weight: Array, names: tuple[str, ...]) -> tuple[Array, Array]:
    """Columns made orthonormal under weights, and the matrix that turns their coefficients back.

    Raises
    ------
    StudyError
        Naming a column that depends on those before it.
    """
    lost, scale, r = _triangle(matrix, weight)
    if lost.any():
        raise StudyError(
            f"the column {names[int(np.argmax(lost))]!r} is a combination of those before it, or the same in all rows",
            place="the model", repair='leave the term out, or join levels; of a course of time say "none"',
        )  # fmt: skip
    back = np.linalg.solve(r, np.eye(len(r))) if len(r) else r
    return (matrix / scale) @ back, back / scale[:, None]


def dependent(matrix: Array, weight: Array) -> NDArray[np.bool_]:
    """Columns that are combinations of those before them, where the weight is not zero."""
    return _triangle(matrix, weight)[0]


def _triangle(matrix: Array, weight: Array) -> tuple[NDArray[np.bool_], Array, Array]:
    """Dependent columns; the scale of the others, and the triangular factor of the weighted rows so scaled."""
    inside = matrix[weight > 0] * np.sqrt(weight[weight > 0])[:, None]
    scale = np.abs(inside).max(axis=0, initial=0.0)
    lost = scale == 0
    while True:
        kept = np.flatnonzero(~lost)
        if len(inside) < len(kept):
            lost[kept[len(inside) :]] = True
            continue
        r = np.linalg.qr(inside[:, kept] / scale[kept], mode="r")
        bad = np.abs(np.diag(r)) <= _RANK * np.linalg.norm(r, axis=0)
        if not bad.any():
            return lost, scale[kept], r
        lost[kept[int(np.argmax(bad))]] = True


def _search(rows: LikelihoodRows, at: Array, steps: int) -> tuple[Array, bool]:
    """Newton's steps, halved where the likelihood falls; whether the end was reached."""
    value, score, information = rows.evaluate(at)
    for _ in range(steps):
        try:
            move = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            return at, False
        if score @ move < _END:
            return at, True
        for halving in range(30):
            tried = at + move / 2**halving
            reached = rows.evaluate(tried)
            if reached[0] >= value - 1e-12 * abs(value):
                break
        at, (value, score, information) = tried, reached
    return at, False


def moves(side: Array) -> NDArray[np.bool_]:
    """Which rows a direction moves."""
    return np.abs(side) > _SIDE
