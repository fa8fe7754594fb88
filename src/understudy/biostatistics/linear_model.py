"""Linear models: least squares, analysis of covariance, robust variances, adjusted means, tests of terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.contrasts import RegressionFit
from understudy.biostatistics.design_matrix import Design
from understudy.biostatistics.estimates import Estimates
from understudy.biostatistics.numeric_column import numeric_column
from understudy.core.errors import DataError, Problem, UnderstudyError

VARIANCES = ("classical", "HC0", "HC1", "HC2", "HC3")
_RANK = 1e-9  # a column is said to depend on others below this share of the largest diagonal of R
_EXACT = 1e-13  # residuals of an exact fit, by rounding, over the outcome
_LEVERAGE = 1 - 1e-10  # HC2 and HC3 divide by one minus the leverage


@dataclass(frozen=True, eq=False)
class LinearModel(RegressionFit):
    """A fitted linear model.

    Attributes
    ----------
    design : Design
    coefficients : Estimates
        With t intervals on the residual degrees of freedom, for robust variances too.
    covariance : array, shape (p, p)
        Of the coefficients.
    fitted, residuals, leverage : array, shape (n,)
    residual_variance : float
    residual_degrees_of_freedom, count : int
    r_squared : float
    variance : str
        Which covariance was asked for.
    """

    design: Design
    coefficients: Estimates
    covariance: NDArray[np.float64]
    fitted: NDArray[np.float64]
    residuals: NDArray[np.float64]
    leverage: NDArray[np.float64]
    residual_variance: float
    residual_degrees_of_freedom: int
    r_squared: float
    variance: str

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.fitted)

    def __repr__(self) -> str:
        return (
            f"Linear model of {self.count} rows, {self.residual_degrees_of_freedom} residual degrees of freedom, "
            f"{self.variance} variance, residual SD {self.residual_variance**0.5:.4g}\n{self.coefficients}"
        )


def linear_model(
    outcome: ArrayLike, design: Design, *, variance: str = "classical", level: float = 0.95
) -> LinearModel:
    """Fit a linear model by least squares.

    Parameters
    ----------
    outcome : array-like, shape (n,)
    design : Design
        From `design_matrix`.
    variance : {"classical", "HC0", "HC1", "HC2", "HC3"}
        Covariance of the coefficients: with one residual variance, or robust against unequal ones.
    level : float
        Of the intervals.

    Returns
    -------
    LinearModel

    Raises
    ------
    DataError
        For missing or infinite values, or fewer rows than coefficients.
    UnderstudyError
        For columns that depend on each other, an outcome that is fitted exactly, unknown variances, and HC2 or HC3
        where one row is fitted exactly.

    References
    ----------
    HC0 to HC3: White 1980, doi:10.2307/1912934; MacKinnon & White 1985, doi:10.1016/0304-4076(85)90158-7.

    Examples
    --------
    >>> from understudy.biostatistics.design_matrix import design_matrix
    >>> design = design_matrix({"arm": ["placebo"] * 3 + ["drug"] * 3}, reference={"arm": "placebo"})
    >>> fit = linear_model([1, 2, 3, 4, 5, 6], design)
    >>> round(fit.coefficients["arm[drug]"].value, 6), round(fit.coefficients["arm[drug]"].p_value, 4)
    (3.0, 0.0213)
    """
    y = numeric_column(outcome, "outcome", design.rows)
    q, r = orthogonal_factors(design.matrix, design.names)
    beta = np.linalg.solve(r, q.T @ y)
    fitted, leverage = q @ (q.T @ y), np.sum(q**2, axis=1)
    freedom = len(y) - len(beta)
    residuals = y - fitted
    if np.linalg.norm(residuals) <= _EXACT * np.linalg.norm(y):
        raise UnderstudyError(
            "the outcome is fitted exactly, so that nothing is left to estimate errors from",
            place="linear model",
            repair="check the outcome, or leave covariates out",
        )
    spread = float(residuals @ residuals) / freedom
    covariance = _covariance(variance, q, r, residuals, leverage, spread)
    errors = np.sqrt(np.diag(covariance))
    coefficients = Estimates(design.names, beta, errors, np.full(len(beta), float(freedom)), level)
    total = float(np.sum((y - y.mean() * design.intercept) ** 2))
    explained = 1 - float(residuals @ residuals) / total if total > 0 else np.nan
    return LinearModel(
        design, coefficients, covariance, fitted, residuals, leverage, spread, freedom, explained, variance
    )


def orthogonal_factors(matrix: NDArray[np.float64], names: Sequence[str]) -> tuple[NDArray, NDArray]:
    """The QR factors of a design matrix that has full rank and more rows than columns; an error otherwise."""
    rows, columns = matrix.shape
    if rows <= columns:
        problem = Problem(f"{rows} rows for {columns} coefficients", "fit fewer terms, or give more rows")
        raise DataError([problem], place="the design matrix")
    q, r = np.linalg.qr(matrix)
    size = np.linalg.norm(matrix, axis=0)
    lost = [
        name
        for name, kept, whole in zip(names, np.abs(np.diag(r)), size, strict=True)
        if kept <= _RANK * whole
    ]
    if lost:
        raise UnderstudyError(
            f"the column {lost[0]!r} is a combination of those before it",
            place="the design matrix",
            repair="leave a term out, or join levels that do not occur together",
        )
    return q, r


def _covariance(
    variance: str, q: NDArray, r: NDArray, residuals: NDArray, leverage: NDArray, spread: float
) -> NDArray[np.float64]:
    back = np.linalg.inv(r)
    if variance == "classical":
        return spread * back @ back.T
    middle = q.T @ (_weights(variance, residuals, leverage, q.shape[1])[:, None] * q)
    return back @ middle @ back.T


def _weights(variance: str, residuals: NDArray, leverage: NDArray, count: int) -> NDArray[np.float64]:
    """Squared residuals of the sandwich, as each of HC0 to HC3 has them."""
    square, rows = residuals**2, len(residuals)
    if variance in ("HC2", "HC3") and leverage.max() > _LEVERAGE:
        raise UnderstudyError(
            f"row {int(leverage.argmax())} is fitted exactly, so {variance} divides by zero",
            repair="take HC1, or leave out the coefficient that only this row determines",
        )
    if variance == "HC0":
        return square
    if variance == "HC1":
        return square * rows / (rows - count)
    if variance in ("HC2", "HC3"):
        return square / (1 - leverage) ** (1 if variance == "HC2" else 2)
    raise UnderstudyError(f"unknown variance {variance!r}", repair=f"take one of {list(VARIANCES)}")
