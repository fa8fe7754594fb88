"""Random slopes: a line for each subject about that of all, by restricted maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from understudy.core.errors import StudyError

# Beyond these a ratio of standard deviations is zero or infinite for any purpose.
_BOUNDS = (-8.0, 8.0)
_OTHER_STARTS = ((0.0, 0.0, 0.0), (-3.0, 0.0, -3.0), (2.0, 0.0, -4.0))


@dataclass(frozen=True, eq=False)
class RandomSlopes:
    """A linear mixed model with a random intercept and slope. Made by `fit_random_slopes`.

    Parameters
    ----------
    coefficients, errors : array of float, shape (columns,)
        Of the fixed effects, with standard errors.
    covariance : array of float, shape (2, 2)
        Of intercepts and slopes between subjects.
    residual : float
        Variance of measurements about a subject's line.
    subjects, rows : int
    """

    coefficients: np.ndarray
    errors: np.ndarray
    covariance: np.ndarray
    residual: float
    subjects: int
    rows: int

    def posterior(self, sums: np.ndarray, moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of each subject's effects given measurements (best linear unbiased prediction).

        Laird and Ware, Biometrics 1982, doi:10.2307/2529876.

        Parameters
        ----------
        sums : array of float, shape (subjects, 2)
            Sum over a subject's measurements of what was not explained by fixed effects, and of that times time.
        moments : array of float, shape (subjects, 2, 2)
            Sum of the products of (1, time) with itself.

        Returns
        -------
        mean : array, shape (subjects, 2)
        covariance : array, shape (subjects, 2, 2)
        """
        inner = np.eye(2) + self.covariance @ moments / self.residual
        covariance = np.linalg.solve(inner, np.broadcast_to(self.covariance, inner.shape))
        return np.einsum("ijk,ik->ij", covariance, sums) / self.residual, covariance


def fit_random_slopes(
    subject: ArrayLike, time: ArrayLike, value: ArrayLike, fixed: ArrayLike
) -> RandomSlopes:
    """Fit by restricted maximum likelihood, with residual variance and fixed effects profiled out.

    Parameters
    ----------
    subject : array of int, shape (rows,)
        From 0.
    time, value : array of float, shape (rows,)
    fixed : array of float, shape (rows, columns)
        Columns of fixed effects, a constant among them.

    Raises
    ------
    StudyError
        For cells that are no numbers, fixed effects that cannot be told apart, or too few rows.

    Examples
    --------
    >>> subject, time = np.repeat(np.arange(8), 3), np.tile([0.0, 1, 2], 8)
    >>> value = 5 + subject % 3 + (1 + 0.2 * (subject % 2)) * time + 0.1 * np.cos(np.arange(24))
    >>> found = fit_random_slopes(subject, time, value, np.column_stack([np.ones(24), time]))
    >>> found.coefficients.round(1).tolist()
    [5.9, 1.1]
    """
    subject, time, value, fixed = (np.asarray(each) for each in (subject, time, value, fixed))
    columns = _checked(subject, time, value, fixed)
    count = int(subject.max()) + 1
    both = np.column_stack([fixed, value])
    random = np.column_stack([np.ones_like(time, float), time])
    moments, mixed = np.zeros((count, 2, 2)), np.zeros((count, 2, columns + 1))
    np.add.at(moments, subject, random[:, :, None] * random[:, None, :])
    np.add.at(mixed, subject, random[:, :, None] * both[:, None, :])
    return _searched(moments, mixed, both.T @ both, len(value), count)


def _checked(subject: np.ndarray, time: np.ndarray, value: np.ndarray, fixed: np.ndarray) -> int:
    rows, columns = fixed.shape
    if not all(np.isfinite(np.asarray(each, float)).all() for each in (time, value, fixed)):
        raise StudyError("a cell is no number", place="random slopes", repair="leave such rows out")
    if rows < columns + 4 or len(np.unique(subject)) < 3:
        raise StudyError("too few rows or subjects", place="random slopes", repair="give more of them")
    if np.linalg.matrix_rank(fixed) < columns:
        raise StudyError(
            "fixed effects cannot be told apart", place="random slopes", repair="leave one of them out"
        )
    return columns


def _searched(
    moments: np.ndarray, mixed: np.ndarray, products: np.ndarray, rows: int, count: int
) -> RandomSlopes:
    from scipy.optimize import minimize

    def deviance(logs: np.ndarray) -> float:
        weighted, logdet = _weighted(_root(logs), moments, mixed, products)
        return _profiled(weighted, rows)[0] + logdet

    bounds = [_BOUNDS, (-50.0, 50.0), _BOUNDS]
    found = minimize(deviance, [0.0, 0.0, -1.0], method="L-BFGS-B", bounds=bounds)
    if not found.success:
        # A line search that ends in rounding is at the optimum or lost: other starts tell.
        others = [minimize(deviance, s, method="L-BFGS-B", bounds=bounds) for s in _OTHER_STARTS]
        found = min((found, *others), key=lambda each: each.fun)
    root = _root(found.x)
    weighted, _ = _weighted(root, moments, mixed, products)
    _, coefficients, residual = _profiled(weighted, rows)
    errors = np.sqrt(residual * np.diag(np.linalg.inv(weighted[:-1, :-1])))
    return RandomSlopes(coefficients, errors, residual * root @ root.T, float(residual), count, rows)


def _root(logs: np.ndarray) -> np.ndarray:
    """Lower root of the covariance between subjects over the residual variance."""
    return np.array([[np.exp(logs[0]), 0.0], [logs[1], np.exp(logs[2])]])


def _weighted(
    root: np.ndarray, moments: np.ndarray, mixed: np.ndarray, products: np.ndarray
) -> tuple[np.ndarray, float]:
    """Products weighted by the inverse covariance of each subject's rows (Woodbury), and its log-determinant."""
    inner = np.eye(2) + root.T @ moments @ root
    first, both, second = inner[:, 0, 0], inner[:, 0, 1], inner[:, 1, 1]
    determinant = first * second - both**2
    turned = root.T @ mixed
    one, two = turned[:, 0], turned[:, 1]
    # The inverse of two by two, written out: this is done for every subject at every step of the search.
    left = (second / determinant)[:, None] * one - (both / determinant)[:, None] * two
    right = (first / determinant)[:, None] * two - (both / determinant)[:, None] * one
    return products - one.T @ left - two.T @ right, float(np.log(determinant).sum())


def _profiled(weighted: np.ndarray, rows: int) -> tuple[float, np.ndarray, float]:
    """Deviance without its constant, coefficients and residual variance."""
    inner, cross = weighted[:-1, :-1], weighted[:-1, -1]
    coefficients = np.linalg.solve(inner, cross)
    free = rows - len(cross)
    residual = max((weighted[-1, -1] - cross @ coefficients) / free, 1e-300)
    return free * np.log(residual) + np.linalg.slogdet(inner)[1], coefficients, residual
