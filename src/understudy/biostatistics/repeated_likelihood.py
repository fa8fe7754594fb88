"""The likelihood of repeated measurements, its slope and curvature in the covariance parameters.

With V the covariance of all measurements, P = V⁻¹ - V⁻¹X Φ X'V⁻¹ and Φ = (X'V⁻¹X)⁻¹ the restricted likelihood is
-2 log L = log|V| + log|X'V⁻¹X| + y'Py + (n - p) log 2π; its derivatives are those of Lindstrom & Bates 1988
(doi:10.1080/01621459.1988.10478693) and Kenward & Roger 1997 (doi:10.2307/2533558).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.covariance_structure import CovarianceStructure
from understudy.biostatistics.repeated_measures import Pattern, RepeatedMeasures

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
    slopes : array, shape (K, p, p)
        Derivatives of X'V⁻¹X, which Kenward and Roger call P.
    """

    gradient: Array
    observed: Array
    expected: Array
    slopes: Array


def curvature(
    data: RepeatedMeasures, structure: CovarianceStructure, naturals: Sequence[Array], restricted: bool
) -> Curvature:
    """All derivatives at natural parameters, one vector a group."""
    sigmas = [structure.matrix(natural) for natural in naturals]
    level = likelihood_level(data, sigmas, restricted)
    first = [structure.first(natural) for natural in naturals]
    count, width = structure.count, len(level.beta)
    whole = count * len(naturals)
    slopes, crossed = np.zeros((whole, width, width)), np.zeros((whole, width))
    # Sums over patterns of tr(V⁻¹Vi V⁻¹Vj), r'V⁻¹Vi V⁻¹Vj V⁻¹r and tr(Φ X'V⁻¹Vi V⁻¹Vj V⁻¹X).
    traces, squares, reach = (np.zeros((whole, whole)) for _ in range(3))
    direction = np.concatenate([-level.beta, [1.0]])
    for pattern, own, inner, inverse in _patterns(data, sigmas, first, count):
        once = inner @ inverse
        pairs = _pairs(inner, once)
        covariates = pattern.moments[:, :, :-1, :-1]
        residual = pattern.moments @ direction
        slopes[own] -= np.tensordot(once, covariates, 2)
        crossed[own] += np.tensordot(once, residual[:, :, :-1], 2)
        traces[own, own] += pattern.patients * np.einsum("iab,jba->ij", inner, inner)
        squares[own, own] += np.tensordot(pairs, residual @ direction, 2)
        reach[own, own] += np.tensordot(pairs, np.tensordot(covariates, level.phi, 2), 2)
    expected = traces
    if restricted:
        whitened = level.phi @ slopes
        expected = traces - 2 * reach + np.einsum("iab,jba->ij", whitened, whitened)
    observed = -expected + 2 * (squares - crossed @ level.phi @ crossed.T)
    for group, natural in enumerate(naturals if not structure.linear else ()):
        own = slice(group * count, (group + 1) * count)
        observed[own, own] += np.tensordot(structure.second(natural), level.pulls[group], 2)
    gradient = [np.tensordot(slope, pull, 2) for slope, pull in zip(first, level.pulls, strict=True)]
    return Curvature(np.concatenate(gradient), observed, expected, slopes)


def second_order(
    data: RepeatedMeasures, structure: CovarianceStructure, naturals: Sequence[Array], parameters: Array
) -> Array:
    """Sum over pairs of covariance parameters of their covariance times Q - R/4 of Kenward and Roger, shape (p, p).

    Q is X'V⁻¹Vi V⁻¹Vj V⁻¹X and R is X'V⁻¹Vij V⁻¹X, with Vi and Vij derivatives of V.
    """
    sigmas = [structure.matrix(natural) for natural in naturals]
    first = [structure.first(natural) for natural in naturals]
    total = np.zeros((len(data.offset),) * 2)
    for pattern, own, inner, inverse in _patterns(data, sigmas, first, structure.count):
        weights = parameters[own, own]
        middle = np.tensordot(weights, _pairs(inner, inner @ inverse), 2)
        if not structure.linear:
            at = np.ix_(pattern.visits, pattern.visits)
            bend = np.tensordot(weights, structure.second(naturals[pattern.group]), 2)[at]
            middle = middle - inverse @ bend @ inverse / 4
        total += np.tensordot(middle, pattern.moments[:, :, :-1, :-1], 2)
    return (total + total.T) / 2


def _patterns(
    data: RepeatedMeasures, sigmas: Sequence[Array], first: Sequence[Array], count: int
) -> Iterator[tuple[Pattern, slice, Array, Array]]:
    """Each pattern with the places of its group's parameters, V⁻¹Vi and V⁻¹."""
    for pattern in data.patterns:
        at = np.ix_(pattern.visits, pattern.visits)
        inverse = np.linalg.inv(sigmas[pattern.group][at])
        own = slice(pattern.group * count, (pattern.group + 1) * count)
        yield pattern, own, inverse @ first[pattern.group][:, *at], inverse


def _pairs(inner: Array, once: Array) -> Array:
    """V⁻¹Vi V⁻¹Vj V⁻¹ for all i and j, shape (K, K, k, k)."""
    return inner[:, None] @ once[None, :]
