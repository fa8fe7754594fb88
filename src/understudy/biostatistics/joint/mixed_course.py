"""Mixed course: a linear mixed model of courses of two arms that begin alike, by maximum likelihood.

Laird NM, Ware JH. Random-effects models for longitudinal data. Biometrics 1982;38:963-974. doi:10.2307/2529876
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.biostatistics.joint.joint_data import JointData
from understudy.core.errors import DataError, Problem

_STEPS, _ENOUGH = 5000, 1e-6


@dataclass(frozen=True, eq=False)
class MixedCourse:
    """Courses of patients, whatever became of them.

    Parameters
    ----------
    fixed : float array, shape (2 q - 1,)
        Mean coefficients of the controls, and what treatment adds to all but the level.
    covariance : float array, shape (q, q)
        Of patients' coefficients.
    variance : float
        Of a measurement.
    coefficients : float array, shape (patients, q)
        Expected, of each patient.
    """

    fixed: np.ndarray
    covariance: np.ndarray
    variance: float
    coefficients: np.ndarray


def fit_mixed_course(data: JointData) -> MixedCourse:
    """Maximum likelihood by EM.

    Raises
    ------
    DataError
        Where the search does not end.
    """
    count, q = data.ff.shape[:2]
    fixed = _least_squares(data)
    sums = data.yy.sum() - _explained(data, fixed)
    variance = sums / data.visits.sum() / 2
    covariance = np.eye(q) * variance
    for _ in range(_STEPS):
        mean = data.design @ fixed
        precision = np.linalg.inv(covariance)
        spread = np.linalg.inv(data.ff / variance + precision)
        own = np.einsum("nij,nj->ni", spread, data.fy / variance + mean @ precision)
        new = _weighted_mean(data, own, precision)
        rest = own - data.design @ new
        after = (rest.T @ rest + spread.sum(axis=0)) / count
        squares = np.einsum("nij,ni,nj->n", data.ff, own, own) + np.einsum("nij,nji->n", data.ff, spread)
        noise = float((data.yy - 2 * (own * data.fy).sum(axis=1) + squares).sum() / data.visits.sum())
        moved = max(np.abs(new - fixed).max(), np.abs(after - covariance).max(), abs(noise - variance))
        scale = max(np.abs(new).max(), 1.0)
        fixed, covariance, variance = new, after, noise
        if moved < _ENOUGH * scale:
            return MixedCourse(fixed, covariance, variance, own)
    raise DataError(
        [Problem("the mixed model of courses was not found", "give more visits")], place="measurements"
    )


def _least_squares(data: JointData) -> np.ndarray:
    left = np.einsum("nqi,nqr,nrj->ij", data.design, data.ff, data.design)
    return np.linalg.lstsq(left, np.einsum("nqi,nq->i", data.design, data.fy), rcond=None)[0]


def _explained(data: JointData, fixed: np.ndarray) -> float:
    mean = data.design @ fixed
    return float(2 * (mean * data.fy).sum() - np.einsum("nij,ni,nj->", data.ff, mean, mean))


def _weighted_mean(data: JointData, own: np.ndarray, precision: np.ndarray) -> np.ndarray:
    left = np.einsum("nqi,qr,nrj->ij", data.design, precision, data.design)
    return np.linalg.solve(left, np.einsum("nqi,qr,nr->i", data.design, precision, own))
