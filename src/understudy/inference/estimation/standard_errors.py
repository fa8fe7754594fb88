"""Standard errors: the covariance of estimates from second derivatives (R), subjects' gradients (S), or both.

R is half the matrix of second derivatives of the objective function, S the sum of the outer products of half the
subjects' gradients. Under the model both estimate the information; the sandwich R^-1 S R^-1, NONMEM's default, also
holds where the model is wrong (White 1982, Econometrica 50:1-25, doi:10.2307/1912526).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from understudy.inference.estimation.quasi_newton import Point, outer_products

KINDS = ("sandwich", "R", "S")
# Of a standard error: differences of gradients over it err by some 1e-5 of the second derivatives.
_STEP = 0.02
# Eigenvalues of R as a correlation matrix that differ from zero by less than differences of gradients can tell.
FLAT = 1e-4
# Of the outer products of scores, that a curvature is taken to have in every direction.
_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Information:
    """What is known of the curvature at an estimate, in the parameters' unbounded vector.

    Parameters
    ----------
    hessian : float array, shape (parameters, parameters)
        R.
    crossed : float array, shape (parameters, parameters)
        S; the information in priors, which no subject's gradient shows, is added.
    promise : float
        By how much the objective would still fall in a Newton step from here; infinite where the point is no minimum.
        Directions in which it hardly bends, as to a variance of zero, are left out.
    score : float array, shape (parameters,), optional
        Derivatives of the log-likelihood, with priors, where a method of EM gives them.
    """

    hessian: np.ndarray
    crossed: np.ndarray
    promise: float
    score: np.ndarray | None = None

    def covariance(self, kind: str) -> np.ndarray:
        """Of the estimates.

        Raises
        ------
        numpy.linalg.LinAlgError
            Where the matrix needed is singular.
        """
        if kind == "S":
            return np.linalg.inv(self.crossed)
        inverse = np.linalg.inv(self.hessian)
        return inverse if kind == "R" else inverse @ self.crossed @ inverse

    @property
    def steady(self) -> np.ndarray:
        """R, bent in every direction by `_SHARE` of S at least: both estimate the same, and noise upsets S less where
        R is a small difference of large numbers. Shape (parameters, parameters); not-a-number where there is none."""
        try:
            factor = np.linalg.cholesky(self.crossed)
            inner = np.linalg.solve(factor, np.linalg.solve(factor, self.hessian).T)
            values, directions = np.linalg.eigh(0.5 * (inner + inner.T))
        except np.linalg.LinAlgError:
            return np.full_like(self.hessian, np.nan)
        along = factor @ directions
        return (along * np.maximum(values, _SHARE)) @ along.T

    @property
    def gain(self) -> float:
        """By how much the objective would fall in a Newton step with the curvature `steady`; infinite where that is
        unknown."""
        curvature = self.steady
        if self.score is None or not np.isfinite(curvature).all():
            return np.inf
        return float(self.score @ np.linalg.solve(curvature, self.score))

    @property
    def eigenvalues(self) -> np.ndarray:
        """Of R as a correlation matrix, ascending: negative or tiny ones say that something is not identified.

        Not-a-number where R could not be found.
        """
        if not np.isfinite(self.hessian).all():
            return np.full(len(self.hessian), np.nan)
        return np.linalg.eigvalsh(_scaled(self.hessian))

    @property
    def weakest(self) -> np.ndarray:
        """The direction of the smallest eigenvalue, shape (parameters,)."""
        return np.linalg.eigh(_scaled(self.hessian))[1][:, 0]


def _scaled(matrix: np.ndarray) -> np.ndarray:
    sizes = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-300))
    return matrix / np.outer(sizes, sizes)


def information(evaluate: Callable[[np.ndarray, Point | None], Point], at: Point) -> Information:
    """Second derivatives by central differences of gradients, and outer products.

    Parameters
    ----------
    evaluate : function of (vector, Point or None) to Point
    at : Point
    """
    size = at.vector.size
    steps = _STEP / np.sqrt(np.diag(outer_products(at.gradients)) / 2.0)
    steps = np.minimum(steps, 0.05)
    hessian, shared = np.empty((size, size)), np.zeros((size, size))
    for k, step in enumerate(steps):
        ahead, behind = (evaluate(at.vector + sign * step * np.eye(size)[k], at) for sign in (1, -1))
        hessian[k] = (ahead.gradient - behind.gradient) / (4.0 * step)
        if ahead.shared is not None and behind.shared is not None:
            shared[k] = (ahead.shared - behind.shared) / (4.0 * step)
    hessian = 0.5 * (hessian + hessian.T)
    crossed = 0.25 * at.gradients.T @ at.gradients + 0.5 * (shared + shared.T)
    return Information(hessian, crossed, _promise(at.gradient, hessian))


def _promise(gradient: np.ndarray, hessian: np.ndarray) -> float:
    if not np.isfinite(hessian).all():
        return np.inf
    sizes = np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))
    values, vectors = np.linalg.eigh(_scaled(hessian))
    if values[0] < -FLAT:
        return np.inf
    bent = values > FLAT
    along = (vectors.T @ (gradient / sizes))[bent]
    return 0.25 * float((along**2 / values[bent]).sum())
