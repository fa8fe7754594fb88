"""Contrasts of coefficients: linear combinations, least-squares means, tests of terms. What all fits share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.design_matrix import Design
from understudy.biostatistics.estimates import Estimates, FTest, f_test
from understudy.core.errors import UnderstudyError

if TYPE_CHECKING:
    import pandas as pd

Weights = Mapping[str, "ArrayLike | Mapping[str, float]"]


class RegressionFit:
    """What can be asked of any fit with a design, coefficients and their covariance."""

    design: Design
    coefficients: Estimates
    covariance: NDArray[np.float64]

    def contrasts(self, weights: Weights) -> Estimates:
        """Linear combinations of coefficients.

        Parameters
        ----------
        weights : mapping of name to contrast
            Each a vector, or a mapping of coefficient to weight.
        """
        rows, found = weight_rows(self.coefficients.names, weights), self.coefficients
        errors = np.sqrt(np.einsum("ij,jk,ik->i", rows, self.covariance, rows))
        freedom = np.full(len(rows), found.degrees_of_freedom[0])
        return Estimates(tuple(weights), rows @ found.values, errors, freedom, found.level)

    def test(self, name: str, rows: ArrayLike) -> FTest:
        """F test that all contrasts, shape (q, p), are zero; chi-square over q where intervals are normal."""
        freedom = float(self.coefficients.degrees_of_freedom[0])
        return wald_test(name, rows, self.coefficients.values, self.covariance, freedom)

    def least_squares_means(
        self, by: Sequence[str], *, at: Mapping[str, object] | None = None, weights: str = "equal"
    ) -> Estimates:
        """Adjusted means for each combination of levels of `by`, on the scale of the coefficients.

        Parameters
        ----------
        by : sequence of str
            Categories, such as ``["arm", "visit"]``.
        at : mapping, optional
            Where other variables are held; by default numbers at their means, categories averaged over.
        weights : {"equal", "observed"}
            How other categories are averaged over, see `Design.mean_row`.
        """
        return self.contrasts(mean_rows(self.design, by, at or {}, weights))

    def differences(
        self,
        of: str,
        against: object = None,
        *,
        by: Sequence[str] = (),
        at: Mapping[str, object] | None = None,
        weights: str = "equal",
    ) -> Estimates:
        """Differences of adjusted means of each level of `of` from one level, within levels of `by`.

        Parameters
        ----------
        of : str
            A category, such as the arm.
        against : level, optional
            By default the reference level.
        by, at, weights
            As for `least_squares_means`.
        """
        levels = self.design.levels(of)
        base = levels[0] if against is None else self.design.with_values({of: [against]}).columns[of][0]
        rows = {}
        for cell in product(*(self.design.levels(name) for name in by)):
            held = {**(at or {}), **dict(zip(by, cell, strict=True))}
            low = self.design.mean_row({**held, of: base}, weights=weights)
            for level in levels:
                if level != base:
                    name = ", ".join([f"{level} - {base}", *cell])
                    rows[name] = self.design.mean_row({**held, of: level}, weights=weights) - low
        return self.contrasts(rows)

    def type_three(self) -> tuple[FTest, ...]:
        """Tests of type III of each term: all others are kept, categories are in deviation coding.

        The hypothesis of a term is that its columns in deviation coding are zero; their coefficients are a linear map
        of the fitted ones (Searle 1987, Linear Models for Unbalanced Data, chapter 9).
        """
        fitted, deviation = self.design.matrix, self.design.recoded(sums=True).matrix
        # Both span the same space: deviation @ theta = fitted @ beta, so theta = back @ beta.
        back = np.linalg.lstsq(deviation, fitted, rcond=None)[0]
        return tuple(self.test(term, back[at]) for term, at in self.design.term_columns.items())

    def table(self) -> pd.DataFrame:
        """Coefficients, one a row."""
        return self.coefficients.table()


def weight_rows(names: Sequence[str], weights: Mapping[str, ArrayLike | Mapping[str, float]]) -> NDArray:
    """Contrasts as a matrix, shape (contrasts, coefficients).

    Each is a vector of weights, or a mapping of coefficient to weight.

    Raises
    ------
    UnderstudyError
        For unknown coefficients, or vectors of the wrong length.

    Examples
    --------
    >>> weight_rows(("low", "high"), {"high - low": {"high": 1, "low": -1}})
    array([[-1.,  1.]])
    """
    rows = []
    for name, weight in weights.items():
        if isinstance(weight, Mapping):
            unknown = [key for key in weight if key not in names]
            if unknown:
                raise UnderstudyError(
                    f"no coefficient is called {unknown[0]!r}",
                    place=f"contrast {name!r}",
                    repair=f"take some of {list(names)}",
                )
            rows.append([float(weight.get(key, 0.0)) for key in names])
        else:
            row = np.asarray(weight, dtype=float)
            if row.shape != (len(names),):
                raise UnderstudyError(
                    f"a contrast has shape {row.shape} for {len(names)} coefficients",
                    place=f"contrast {name!r}",
                    repair="give one weight a coefficient, or a mapping of names to weights",
                )
            rows.append(row)
    return np.array(rows, dtype=float).reshape(len(rows), len(names))


def mean_rows(
    design: Design, by: Sequence[str], at: Mapping[str, object], weights: str
) -> dict[str, NDArray[np.float64]]:
    """Rows of least-squares means, named by their levels such as ``"drug, week 6"``."""
    cells = product(*(design.levels(name) for name in by))
    return {
        ", ".join(cell): design.mean_row({**at, **dict(zip(by, cell, strict=True))}, weights=weights)
        for cell in cells
    }


def wald_test(
    name: str, rows: ArrayLike, beta: NDArray, covariance: NDArray, denominator: float, scale: float = 1.0
) -> FTest:
    """F = scale · (Lβ)' (L C L')⁻¹ Lβ / q for contrasts L of rank q."""
    contrast = np.atleast_2d(np.asarray(rows, dtype=float))
    value = contrast @ beta
    inner = contrast @ covariance @ contrast.T
    statistic = scale * float(value @ np.linalg.solve(inner, value)) / len(value)
    return f_test(name, statistic, len(value), float(denominator))
