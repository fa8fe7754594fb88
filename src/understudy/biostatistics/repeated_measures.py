"""Repeated measurements as the likelihood needs them: patients joined by which visits they have."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import DataError, Problem

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pattern:
    """Patients of one covariance group who were measured at the same visits.

    Attributes
    ----------
    group : int
        Which covariance matrix is theirs.
    visits : array of int, shape (k,)
    patients : int
    moments : array, shape (k, k, p + 1, p + 1)
        Sums over patients of products of (covariates, outcome) at two visits: all the likelihood needs.
    """

    group: int
    visits: NDArray[np.int64]
    patients: int
    moments: Array


@dataclass(frozen=True)
class RepeatedMeasures:
    """Patterns, with what leads back from their scale to the one of the design.

    Attributes
    ----------
    patterns : tuple of Pattern
    triangle : array, shape (p, p)
        R of the design's QR factors: covariates of the patterns are orthonormal columns.
    offset : array, shape (p,)
        Least-squares coefficients, which were taken off the outcome.
    blocks : array, shape (patients, visits, p + 1)
        Covariates and outcomes of each patient, zero where nothing was measured.
    seen : array of bool, shape (patients, visits)
    groups : array of int, shape (patients,)
    """

    patterns: tuple[Pattern, ...]
    triangle: Array
    offset: Array
    blocks: Array
    seen: NDArray[np.bool_]
    groups: NDArray[np.int64]

    @property
    def observations(self) -> int:
        """Number of measurements."""
        return sum(pattern.patients * len(pattern.visits) for pattern in self.patterns)

    @property
    def residuals(self) -> Array:
        """Of least squares, shape (patients, visits), NaN where nothing was measured; for starting values."""
        return np.where(self.seen, self.blocks[:, :, -1], np.nan)

    def without(self, patient: int) -> RepeatedMeasures:
        """The likelihood's sums without one patient; what leads back to the design's scale stays as it is."""
        at = np.flatnonzero(self.seen[patient])
        block = self.blocks[patient, at]
        kept = []
        for pattern in self.patterns:
            if pattern.group == self.groups[patient] and np.array_equal(pattern.visits, at):
                if pattern.patients == 1:
                    continue
                moments = pattern.moments - np.einsum("kp,lq->klpq", block, block)
                pattern = replace(pattern, patients=pattern.patients - 1, moments=moments)
            kept.append(pattern)
        return replace(self, patterns=tuple(kept))


def repeated_measures(
    outcome: Array,
    covariates: tuple[Array, Array],
    patients: NDArray[np.int64],
    visits: NDArray[np.int64],
    groups: NDArray[np.int64],
) -> RepeatedMeasures:
    """Join measurements into patterns.

    Parameters
    ----------
    outcome : array, shape (n,)
    covariates : (q, r)
        QR factors of the design of these measurements.
    patients, visits : array of int, shape (n,)
        Numbered from zero.
    groups : array of int, shape (patients,)

    Raises
    ------
    DataError
        For a patient with two measurements at one visit, or a visit that the covariates fit exactly.
    """
    q, r = covariates
    count, width, last = len(groups), q.shape[1], int(visits.max()) + 1
    _refuse_repeats(patients, visits, last)
    rest = outcome - q @ (q.T @ outcome)
    _refuse_exact(rest, outcome, visits)
    wide = np.zeros((count, last, width + 1))
    wide[patients, visits] = np.column_stack([q, rest])
    seen = np.zeros((count, last), dtype=bool)
    seen[patients, visits] = True
    keys = np.column_stack([groups, seen])
    patterns = []
    for key in np.unique(keys, axis=0):
        rows = np.flatnonzero((keys == key).all(axis=1))
        at = np.flatnonzero(key[1:])
        if len(at):
            block = wide[np.ix_(rows, at)]
            moments = np.einsum("nkp,nlq->klpq", block, block, optimize=True)
            patterns.append(Pattern(int(key[0]), at, len(rows), moments))
    return RepeatedMeasures(tuple(patterns), r, np.linalg.solve(r, q.T @ outcome), wide, seen, groups)


def _refuse_exact(rest: Array, outcome: Array, visits: NDArray[np.int64]) -> None:
    # Rounding leaves residuals of about 1e-15 of the outcome where a fit is exact.
    size = 1e-12 * np.linalg.norm(outcome)
    exact = [visit for visit in np.unique(visits) if np.linalg.norm(rest[visits == visit]) <= size]
    if exact:
        problem = Problem(
            "no residual variance", "leave this visit or covariates out", column=f"visit {exact[0] + 1}"
        )
        raise DataError([problem], place="repeated measurements")


def _refuse_repeats(patients: NDArray[np.int64], visits: NDArray[np.int64], last: int) -> None:
    _, first, count = np.unique(patients * last + visits, return_index=True, return_counts=True)
    if (count > 1).any():
        row = int(first[count > 1][0])
        problem = Problem("a patient has two measurements at one visit", "keep one of them", row, "visit")
        raise DataError([problem], place="repeated measurements")
