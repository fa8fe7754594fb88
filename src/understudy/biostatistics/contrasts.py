"""Contrasts of coefficients: linear combinations, least-squares means, tests of terms. What all fits share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.design_matrix import Design
from understudy.biostatistics.estimates import Estimates, FTest
from understudy.core.errors import UnderstudyError


class Fitted(Protocol):
    """A fit that can judge contrasts of its coefficients."""

    @property
    def design(self) -> Design: ...

    def contrasts(self, weights: Mapping[str, ArrayLike]) -> Estimates: ...

    def test(self, name: str, rows: ArrayLike) -> FTest: ...


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


def linear_combinations(
    coefficients: Estimates,
    covariance: NDArray[np.float64],
    weights: Mapping[str, ArrayLike | Mapping[str, float]],
) -> Estimates:
    """Contrasts with the errors and the degrees of freedom of the coefficients, which are all the same."""
    rows = weight_rows(coefficients.names, weights)
    errors = np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows))
    freedom = np.full(len(rows), coefficients.degrees_of_freedom[0])
    return Estimates(tuple(weights), rows @ coefficients.values, errors, freedom, coefficients.level)


def mean_rows(
    design: Design, by: Sequence[str], at: Mapping[str, object], weights: str
) -> dict[str, NDArray[np.float64]]:
    """Rows of least-squares means, named by their levels such as ``"drug, week 6"``."""
    cells = product(*(design.levels(name) for name in by))
    return {
        ", ".join(cell): design.mean_row({**at, **dict(zip(by, cell, strict=True))}, weights=weights)
        for cell in cells
    }


def least_squares_means(
    fit: Fitted, by: Sequence[str], at: Mapping[str, object], weights: str = "equal"
) -> Estimates:
    """Adjusted means for each combination of levels of `by`, other variables held at `at` or averaged over."""
    return fit.contrasts(mean_rows(fit.design, by, at, weights))


def differences(
    fit: Fitted,
    of: str,
    against: object,
    by: Sequence[str],
    at: Mapping[str, object],
    weights: str = "equal",
) -> Estimates:
    """Differences of adjusted means of each level of `of` from the level `against`, within levels of `by`."""
    levels = fit.design.levels(of)
    base = levels[0] if against is None else fit.design.with_values({of: [against]}).columns[of][0]
    rows = {}
    for cell in product(*(fit.design.levels(name) for name in by)):
        held = {**at, **dict(zip(by, cell, strict=True))}
        low = fit.design.mean_row({**held, of: base}, weights=weights)
        for level in levels:
            if level != base:
                name = ", ".join([f"{level} - {base}", *cell])
                rows[name] = fit.design.mean_row({**held, of: level}, weights=weights) - low
    return fit.contrasts(rows)


def type_three(fit: Fitted) -> tuple[FTest, ...]:
    """Tests of type III of each term: all others are kept, categories are in deviation coding.

    The hypothesis of a term is that its columns in deviation coding are zero; their coefficients are a linear
    map of the fitted ones (Searle 1987, Linear Models for Unbalanced Data, chapter 9).
    """
    fitted, deviation = fit.design.matrix, fit.design.recoded(sums=True).matrix
    # Both span the same space: deviation @ theta = fitted @ beta, so theta = back @ beta.
    back = np.linalg.lstsq(deviation, fitted, rcond=None)[0]
    return tuple(fit.test(term, back[columns]) for term, columns in fit.design.term_columns.items())
