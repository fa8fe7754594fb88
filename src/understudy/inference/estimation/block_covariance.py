"""Block covariance: a covariance of random effects from their mean products, of some pattern and no less than some."""

from __future__ import annotations

import numpy as np


def fitting(products: np.ndarray, pattern: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The covariance of highest likelihood for some mean products, that is zero outside of a pattern."""
    if pattern.all():
        return products
    apart = pattern.astype(int) @ pattern > 0
    if (apart == pattern).all():
        return products * pattern
    from scipy.optimize import minimize

    rows, columns = np.nonzero(np.tril(pattern))

    def matrix(values: np.ndarray) -> np.ndarray:
        found = np.zeros(pattern.shape)
        found[rows, columns] = found[columns, rows] = values
        return found

    def lost(values: np.ndarray) -> float:
        sign, size = np.linalg.slogdet(matrix(values))
        definite = sign > 0 and np.linalg.eigvalsh(matrix(values)).min() > 0
        return size + np.trace(np.linalg.solve(matrix(values), products)) if definite else np.inf

    return matrix(minimize(lost, start[rows, columns], method="Nelder-Mead", options={"fatol": 1e-8}).x)


def at_least(matrix: np.ndarray, least: np.ndarray) -> np.ndarray:
    """A covariance with variances no less than some, and the same correlations."""
    variances = np.diag(matrix)
    spread = np.sqrt(np.maximum(variances, least) / np.maximum(variances, 1e-300))
    found = matrix * np.outer(spread, spread)
    # Rounding, or fewer draws than effects, may leave it singular.
    return found + np.diag(1e-9 * np.diag(found))
