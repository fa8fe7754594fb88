"""The likelihood of repeated measurements, its slope and curvature in the covariance parameters.

With V the covariance of all measurements, P = V⁻¹ - V⁻¹X Φ X'V⁻¹ and Φ = (X'V⁻¹X)⁻¹ the restricted likelihood is
-2 log L = log|V| + log|X'V⁻¹X| + y'Py + (n - p) log 2π; its derivatives are those of Lindstrom & Bates 1988
(doi:10.1080/01621459.1988.10478693) and Kenward & Roger 1997 (doi:10.2307/2533558).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.covariance_structure import CovarianceStructure
from understudy.biostatistics.repeated_measures import RepeatedMeasures

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """The likelihood at one covariance.

    Attributes
    ----------
    deviance : float
        Minus twice the log-likelihood.
    beta : array, shape (p,)
        Generalised least squares, in orthonormal covariates.
    phi : array, shape (p, p)
        Its covariance.
    pulls : tuple of array, shape (visits, visits), one a group
        Derivative of the deviance by the covariance matrix.
    """

    deviance: float
    beta: Array
    phi: Array
    pulls: tuple[Array, ...]


def likelihood_level(data: RepeatedMeasures, sigmas: Sequence[Array], restricted: bool) -> Level:
    """The likelihood for one covariance matrix a group; infinite where one is not positive definite."""
    width = len(data.offset)
    total, logs, inverses = np.zeros((width + 1, width + 1)), 0.0, []
    for pattern in data.patterns:
        sigma = sigmas[pattern.group][np.ix_(pattern.visits, pattern.visits)]
        try:
            factor = np.linalg.cholesky(sigma)
        except np.linalg.LinAlgError:
            return Level(np.inf, np.zeros(width), np.eye(width), ())
        back = np.linalg.inv(factor)
        inverse = back.T @ back
        inverses.append(inverse)
        logs += 2 * pattern.patients * np.log(np.diag(factor)).sum()
        total += np.tensordot(inverse, pattern.moments, 2)
    phi = np.linalg.inv(total[:-1, :-1])
    beta = phi @ total[:-1, -1]
    quadratic = total[-1, -1] - beta @ total[:-1, -1]
    freedom = data.observations - (width if restricted else 0)
    deviance = logs + quadratic + freedom * np.log(2 * np.pi)
    if restricted:
        deviance -= np.linalg.slogdet(phi)[1]
        deviance += 2 * np.log(np.abs(np.diag(data.triangle))).sum()
    return Level(float(deviance), beta, phi, _pulls(data, sigmas, inverses, beta, phi, restricted))


def _pulls(
    data: RepeatedMeasures,
    sigmas: Sequence[Array],
    inverses: Sequence[Array],
    beta: Array,
    phi: Array,
    restricted: bool,
) -> tuple[Array, ...]:
    pulls = [np.zeros_like(sigma) for sigma in sigmas]
    weights = _residual_weights(beta, phi if restricted else None)
    for pattern, inverse in zip(data.patterns, inverses, strict=True):
        spread = np.tensordot(pattern.moments, weights, 2)
        at = np.ix_(pattern.visits, pattern.visits)
        pulls[pattern.group][at] += pattern.patients * inverse - inverse @ spread @ inverse
    return tuple(pulls)


def _residual_weights(beta: Array, phi: Array | None) -> Array:
    """Weights that turn moments into sums of products of residuals, with their uncertainty where `phi` is given."""
    direction = np.concatenate([-beta, [1.0]])
    weights = np.outer(direction, direction)
    if phi is not None:
        weights[:-1, :-1] += phi
    return weights


@dataclass(frozen=True)
class Curvature:
    """Derivatives in the natural covariance parameters, numbered through all groups.

    Attributes
    ----------
    gradient : array, shape (K,)
    observed, expected : array, shape (K, K)
        Hessian of the deviance, and its expectation.
    p : array, shape (K, p, p)
        Derivatives of X'V⁻¹X.
    q : array, shape (K, K, p, p)
        X'V⁻¹ Vi V⁻¹ Vj V⁻¹X.
    r : array, shape (K, K, p, p)
        X'V⁻¹ Vij V⁻¹X.
    """

    gradient: Array
    observed: Array
    expected: Array
    p: Array
    q: Array
    r: Array


def curvature(
    data: RepeatedMeasures, structure: CovarianceStructure, naturals: Sequence[Array], restricted: bool
) -> Curvature:
    """All derivatives at natural parameters, one vector a group."""
    sigmas = [structure.matrix(natural) for natural in naturals]
    level = likelihood_level(data, sigmas, restricted)
    slopes = [structure.first(natural) for natural in naturals]
    bends = [structure.second(natural) for natural in naturals]
    count, width = structure.count, len(level.beta)
    whole = count * len(naturals)
    p, q = np.zeros((whole, width, width)), np.zeros((whole, whole, width, width))
    r, crossed = np.zeros_like(q), np.zeros((whole, width))
    trace, bend_pull, square = (np.zeros((whole, whole)) for _ in range(3))
    direction = np.concatenate([-level.beta, [1.0]])
    for pattern in data.patterns:
        at = np.ix_(pattern.visits, pattern.visits)
        inverse = np.linalg.inv(sigmas[pattern.group][at])
        first = slopes[pattern.group][:, *at]
        second = bends[pattern.group][:, :, *at]
        inner = inverse @ first  # V⁻¹ Vi
        once = inner @ inverse
        twice = np.einsum("iab,jbc->ijac", inner, once)
        own = slice(pattern.group * count, (pattern.group + 1) * count)
        covariates = pattern.moments[:, :, :-1, :-1]
        residual = pattern.moments @ direction
        spread = residual @ direction
        p[own] -= np.tensordot(once, covariates, 2)
        q[own, own] += np.tensordot(twice, covariates, 2)
        if not structure.linear:
            r[own, own] += np.tensordot(inverse @ second @ inverse, covariates, 2)
        crossed[own] += np.tensordot(once, residual[:, :, :-1], 2)
        trace[own, own] += pattern.patients * np.einsum("iab,jba->ij", inner, inner)
        square[own, own] += np.tensordot(twice, spread, 2)
    for group in range(len(naturals)):
        own = slice(group * count, (group + 1) * count)
        bend_pull[own, own] = np.tensordot(bends[group], level.pulls[group], 2)
    gradient = np.concatenate(
        [np.tensordot(slope, pull, 2) for slope, pull in zip(slopes, level.pulls, strict=True)]
    )
    phi = level.phi
    whitened = np.einsum("ab,ibc->iac", phi, p)
    pairs = np.einsum("iab,jba->ij", whitened, whitened)
    crossing = 2 * np.einsum("ab,ijba->ij", phi, q)
    expected = trace - (crossing - pairs if restricted else 0)
    observed = -expected + 2 * (square - crossed @ phi @ crossed.T) + bend_pull
    return Curvature(gradient, observed, expected, p, (q + q.swapaxes(0, 1)) / 2, r)
