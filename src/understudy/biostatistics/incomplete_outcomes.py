"""Outcomes of patients over visits, some missing: what imputation begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.design_matrix import Design
from understudy.core.errors import DataError, Problem, UnderstudyError

Array = NDArray[np.float64]
STRATEGIES = (
    "missing at random",
    "jump to reference",
    "copy reference",
    "copy increments in reference",
)


@dataclass(frozen=True, eq=False)
class IncompleteOutcomes:
    """Outcomes with their design, arms and the visits from which a strategy holds.

    Attributes
    ----------
    values : array, shape (n, visits)
        NaN where missing.
    design : Design, n rows
        With an intercept, the arm and covariates; each visit has coefficients of its own.
    arm : str
        Name of the arm in the design.
    reference : str
    strategies : tuple of str, one a patient
    deviation : array of int, shape (n,)
        First visit that the strategy holds for, counted from zero; the number of visits if none is.
    """

    values: Array
    design: Design
    arm: str
    reference: str
    strategies: tuple[str, ...]
    deviation: NDArray[np.int64]

    @property
    def visits(self) -> int:
        """Number of visits."""
        return self.values.shape[1]

    @property
    def arms(self) -> tuple[str, ...]:
        """Each patient's arm."""
        return self.design.columns[self.arm]

    @property
    def covariates(self) -> Array:
        """Rows of the imputation model, shape (n, p)."""
        return self.design.matrix

    @property
    def reference_covariates(self) -> Array:
        """The same rows, were everyone in the reference arm."""
        return self.design.set_to(**{self.arm: self.reference}).matrix

    @property
    def model_values(self) -> Array:
        """What the imputation model is fitted to: without values after a deviation that is not at random."""
        after = np.arange(self.visits) >= self.deviation[:, None]
        apart = np.array([strategy != STRATEGIES[0] for strategy in self.strategies])
        return np.where(after & apart[:, None], np.nan, self.values)

    def without(self, patient: int) -> IncompleteOutcomes:
        """All patients but one."""
        kept = np.arange(len(self.values)) != patient
        return IncompleteOutcomes(
            self.values[kept],
            self.design.select(kept),
            self.arm,
            self.reference,
            tuple(strategy for strategy, keep in zip(self.strategies, kept, strict=True) if keep),
            self.deviation[kept],
        )


def incomplete_outcomes(
    outcome: ArrayLike,
    design: Design,
    *,
    arm: str,
    strategy: str | Mapping[str, str] = STRATEGIES[0],
    reference: object = None,
    deviation: ArrayLike | None = None,
) -> IncompleteOutcomes:
    """Check outcomes of patients over visits, and what is assumed of missing ones.

    Parameters
    ----------
    outcome : array-like, shape (n, visits)
        NaN where missing.
    design : Design, n rows
    arm : str
        Name of the arm in the design.
    strategy : str or mapping of arm to str
        "missing at random", "jump to reference", "copy reference" or "copy increments in reference"; in the reference
        arm itself they are all the same.
    reference : level, optional
        Arm that others turn to; by default the design's reference level.
    deviation : array-like of int, shape (n,), optional
        First visit affected, counted from zero, or the number of visits where none is. By default the first of the
        missing visits that no measurement follows; missing visits before are at random.

    Returns
    -------
    IncompleteOutcomes

    Raises
    ------
    DataError
        For infinite values, a visit without measurements, or deviations outside the visits.
    UnderstudyError
        For unknown strategies or arms, or a design without intercept.
    """
    values = np.array(outcome, dtype=float)
    if values.ndim != 2 or values.shape[0] != design.rows or values.shape[1] < 2:
        raise UnderstudyError(
            f"outcomes have shape {values.shape} for {design.rows} patients",
            repair="give one row a patient and one column a visit, two visits or more",
        )
    _refuse_values(values)
    levels = design.levels(arm)
    if not design.intercept:
        raise UnderstudyError("the imputation model needs an intercept", repair="make the design with one")
    base = levels[0] if reference is None else design.with_values({arm: [reference]}).columns[arm][0]
    chosen = {level: strategy for level in levels} if isinstance(strategy, str) else dict(strategy)
    for name, one in chosen.items():
        if one not in STRATEGIES or name not in levels:
            raise UnderstudyError(
                f"strategy {one!r} for arm {name!r}",
                repair=f"take arms of {list(levels)} and one of {list(STRATEGIES)}",
            )
    strategies = tuple(chosen.get(name, STRATEGIES[0]) for name in design.columns[arm])
    return IncompleteOutcomes(values, design, arm, base, strategies, _deviation(values, deviation))


def _refuse_values(values: Array) -> None:
    problems = [
        Problem(
            "infinite outcome", "give a number, or NaN", int(row), str(column + 1), str(values[row, column])
        )
        for row, column in np.argwhere(np.isinf(values))
    ]
    problems += [
        Problem("nobody was measured", "leave this visit out", column=str(column + 1))
        for column in np.flatnonzero(np.isnan(values).all(axis=0))
    ]
    if problems:
        raise DataError(problems, place="outcomes")


def _deviation(values: Array, given: ArrayLike | None) -> NDArray[np.int64]:
    visits = values.shape[1]
    if given is None:
        seen = ~np.isnan(values)
        return np.where(seen.any(axis=1), visits - np.argmax(seen[:, ::-1], axis=1), 0)
    deviation = np.asarray(given)
    if deviation.shape != (len(values),) or (deviation != np.round(deviation)).any():
        raise UnderstudyError(
            "deviations must be one whole number a patient", repair="count visits from zero"
        )
    wrong = np.flatnonzero((deviation < 0) | (deviation > visits))
    if len(wrong):
        problems = [
            Problem("no such visit", f"count from 0 to {visits}", int(row), "deviation", str(deviation[row]))
            for row in wrong
        ]
        raise DataError(problems, place="deviations")
    return deviation.astype(np.int64)
