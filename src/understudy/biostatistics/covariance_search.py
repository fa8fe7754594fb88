"""The search for the covariance of repeated measurements that makes the likelihood largest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.covariance_structure import CovarianceStructure
from understudy.biostatistics.repeated_likelihood import (
    Curvature,
    Level,
    curvature,
    likelihood_level,
)
from understudy.biostatistics.repeated_measures import RepeatedMeasures
from understudy.core.errors import UnderstudyError

Array = NDArray[np.float64]
_DECREMENT = (
    1e-8  # expected fall of the deviance at which one more Newton step, which squares the error, is the last
)
_NEWTON_STEPS = 60
_HALVINGS = 30
_FLOOR = 0.05  # smallest eigenvalue of a starting correlation matrix


@dataclass(frozen=True)
class Maximum:
    """Where the likelihood is largest: natural parameters a group, the level and all derivatives there."""

    naturals: tuple[Array, ...]
    level: Level
    curvature: Curvature
    steps: int


def maximise(
    data: RepeatedMeasures,
    structure: CovarianceStructure,
    restricted: bool,
    start: tuple[Array, ...] | None = None,
) -> Maximum:
    """Find the maximum by Newton steps with the exact Hessian (or scoring steps, where that is not positive definite).

    Where they lead nowhere, quasi-Newton steps in free parameters, which cannot leave the positive definite matrices,
    go before them.

    Parameters
    ----------
    data : RepeatedMeasures
    structure : CovarianceStructure
    restricted : bool
        Restricted maximum likelihood, or maximum likelihood.
    start : tuple of array, shape (visits, visits), optional
        Covariance matrices to begin with; by default from the residuals of least squares.

    Raises
    ------
    UnderstudyError
        If there is no maximum inside the space of positive definite matrices.
    """
    begin = start or starting_matrices(data, structure.visits)
    free = np.concatenate([structure.free(matrix) for matrix in begin])
    try:
        return _newton(data, structure, restricted, _naturals(structure, free))
    except UnderstudyError:
        near = _quasi_newton(data, structure, restricted, free)
        return _newton(data, structure, restricted, _naturals(structure, near))


def starting_matrices(data: RepeatedMeasures, visits: int) -> tuple[Array, ...]:
    """Covariances of least-squares residuals, each pair of visits from patients who have both, made positive."""
    count = int(data.groups.max()) + 1
    return tuple(_positive(data.residuals[data.groups == group], visits) for group in range(count))


def _positive(residuals: Array, visits: int) -> Array:
    seen = ~np.isnan(residuals)
    filled = np.where(seen, residuals, 0.0)
    pairs = seen.T.astype(float) @ seen
    covariance = filled.T @ filled / np.maximum(pairs, 1)
    scale = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    repaired = (vectors * np.maximum(values, _FLOOR)) @ vectors.T
    size = scale / np.sqrt(np.diag(repaired))
    return repaired * np.outer(size, size)


def _naturals(structure: CovarianceStructure, free: Array) -> tuple[Array, ...]:
    return tuple(structure.natural(part) for part in free.reshape(-1, structure.count))


def _quasi_newton(
    data: RepeatedMeasures, structure: CovarianceStructure, restricted: bool, free: Array
) -> Array:
    from scipy.optimize import minimize

    def objective(point: Array) -> tuple[float, Array]:
        naturals = _naturals(structure, point)
        level = likelihood_level(data, [structure.matrix(natural) for natural in naturals], restricted)
        if not np.isfinite(level.deviance):
            return np.inf, np.zeros_like(point)
        parts = point.reshape(-1, structure.count)
        slope = [
            np.tensordot(structure.first(natural), pull, 2) @ structure.jacobian(part)
            for natural, pull, part in zip(naturals, level.pulls, parts, strict=True)
        ]
        return level.deviance, np.concatenate(slope)

    with np.errstate(over="ignore", invalid="ignore"):
        return minimize(objective, free, jac=True, method="BFGS", options={"maxiter": 500, "gtol": 1e-3}).x


def _newton(
    data: RepeatedMeasures, structure: CovarianceStructure, restricted: bool, naturals: tuple[Array, ...]
) -> Maximum:
    point = np.concatenate(naturals)
    for step in range(_NEWTON_STEPS):
        parts = tuple(point.reshape(-1, structure.count))
        level = likelihood_level(data, [structure.matrix(part) for part in parts], restricted)
        bend = curvature(data, structure, parts, restricted)
        move, exact = _direction(bend)
        fall = -float(bend.gradient @ move)
        if fall < _DECREMENT and exact:
            return _settled(data, structure, restricted, point + move, step)
        if fall < _DECREMENT:
            raise _no_maximum("the likelihood is flat, or rises, where its slope is zero")
        point = _shorten(data, structure, restricted, point, move, level.deviance)
    raise _no_maximum(f"{_NEWTON_STEPS} Newton steps did not reach the maximum")


def _settled(
    data: RepeatedMeasures, structure: CovarianceStructure, restricted: bool, point: Array, steps: int
) -> Maximum:
    parts = tuple(point.reshape(-1, structure.count))
    level = likelihood_level(data, [structure.matrix(part) for part in parts], restricted)
    return Maximum(parts, level, curvature(data, structure, parts, restricted), steps)


def _direction(bend: Curvature) -> tuple[Array, bool]:
    """The Newton step, or the scoring step where the observed Hessian is not positive definite."""
    for hessian, exact in ((bend.observed, True), (bend.expected, False)):
        try:
            np.linalg.cholesky(hessian)
            return -np.linalg.solve(hessian, bend.gradient), exact
        except np.linalg.LinAlgError:
            continue
    raise _no_maximum("the data do not determine all covariance parameters")


def _shorten(
    data: RepeatedMeasures,
    structure: CovarianceStructure,
    restricted: bool,
    point: Array,
    move: Array,
    deviance: float,
) -> Array:
    for halving in range(_HALVINGS):
        tried = point + move / 2**halving
        parts = tried.reshape(-1, structure.count)
        with np.errstate(invalid="ignore"):
            matrices = [structure.matrix(part) for part in parts]
        if all(np.isfinite(matrix).all() for matrix in matrices):
            level = likelihood_level(data, matrices, restricted)
            # Rounding of the deviance is of the order of 1e-13 of its size.
            if level.deviance <= deviance + 1e-12 * max(1.0, abs(deviance)):
                return tried
    raise _no_maximum("no step along the Newton direction raises the likelihood")


def _no_maximum(cause: str) -> UnderstudyError:
    return UnderstudyError(
        f"the covariance cannot be estimated: {cause}",
        place="repeated measurements",
        repair="take a simpler structure (such as 'heterogeneous Toeplitz' or 'AR(1)'), or join rare visits",
    )
