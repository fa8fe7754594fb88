"""Degrees of freedom of contrasts in mixed models: Satterthwaite, and Kenward and Roger with their covariance.

Satterthwaite: Giesbrecht & Burns 1985, doi:10.2307/2530872; of several contrasts at once: Fai & Cornelius 1996,
doi:10.1080/00949659608811740. Kenward & Roger 1997, doi:10.2307/2533558.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.covariance_search import Maximum
from understudy.biostatistics.covariance_structure import CovarianceStructure
from understudy.biostatistics.repeated_likelihood import second_order
from understudy.biostatistics.repeated_measures import RepeatedMeasures

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SmallSample:
    """What the uncertainty of the covariance parameters does to that of the coefficients.

    Attributes
    ----------
    phi : array, shape (p, p)
        Covariance of coefficients, were the covariance parameters known.
    adjusted : array, shape (p, p)
        Kenward and Roger's covariance.
    slopes : array, shape (K, p, p)
        Derivatives of X'V⁻¹X by the covariance parameters.
    parameters : array, shape (K, K)
        Covariance of the covariance parameters.
    """

    phi: Array
    adjusted: Array
    slopes: Array
    parameters: Array


def small_sample(
    data: RepeatedMeasures, structure: CovarianceStructure, best: Maximum, information: str
) -> SmallSample:
    """Kenward and Roger's adjusted covariance, with what their degrees of freedom need.

    The covariance of the covariance parameters is twice the inverse of the Hessian of -2 log L, ``"observed"`` or
    ``"expected"``.
    """
    bend, phi = best.curvature, best.level.phi
    parameters = 2 * np.linalg.inv(bend.observed if information == "observed" else bend.expected)
    middle = second_order(data, structure, best.naturals, parameters)
    turned = bend.slopes @ phi
    middle -= np.einsum("ij,iab,jbc->ac", parameters, turned, bend.slopes, optimize=True)
    bias = phi @ middle @ phi
    return SmallSample(phi, phi + (bias + bias.T), bend.slopes, parameters)


def satterthwaite_single(parts: SmallSample, row: Array) -> float:
    """Degrees of freedom of one contrast: 2 Var² / Var(Var)."""
    variance = row @ parts.phi @ row
    reach = parts.phi @ row
    gradient = -np.einsum("a,iab,b->i", reach, parts.slopes, reach)
    return float(2 * variance**2 / (gradient @ parts.parameters @ gradient))


def satterthwaite_several(parts: SmallSample, rows: Array) -> float:
    """Degrees of freedom of an F test of independent combinations of contrasts (Fai & Cornelius)."""
    _, vectors = np.linalg.eigh(rows @ parts.phi @ rows.T)
    single = np.array([satterthwaite_single(parts, vector @ rows) for vector in vectors.T])
    if len(single) == 1:
        return float(single[0])
    if (single <= 2).all():
        return 2.0
    kept = single[single > 2]
    total = float(np.sum(kept / (kept - 2)))
    return 2 * total / (total - len(single)) if total > len(single) else 2.0


def kenward_roger(parts: SmallSample, rows: Array) -> tuple[float, float]:
    """Denominator degrees of freedom and the scale of the F statistic, for contrasts of shape (q, p)."""
    size = len(rows)
    phi = parts.phi
    theta = rows.T @ np.linalg.solve(rows @ phi @ rows.T, rows)
    turned = np.einsum("ab,ibc,cd->iad", theta @ phi, parts.slopes, phi)
    traces = np.einsum("iaa->i", turned)
    first = float(traces @ parts.parameters @ traces)
    second = float(np.sum(parts.parameters * np.einsum("iab,jba->ij", turned, turned)))
    b = (first + 6 * second) / (2 * size)
    g = ((size + 1) * first - (size + 4) * second) / ((size + 2) * second)
    below = 3 * size + 2 * (1 - g)
    c1, c2, c3 = g / below, (size - g) / below, (size + 2 - g) / below
    expectation = 1 / (1 - second / size)
    variance = 2 / size * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
    rho = variance / (2 * expectation**2)
    freedom = 4 + (size + 2) / (size * rho - 1)
    return float(freedom), float(freedom / (expectation * (freedom - 2)))
