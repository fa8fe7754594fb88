"""Two stages: courses first, whatever became of the patients, then a hazard that follows the expected courses.

Simple, and biased: what death says of a course is lost, and an expected course is taken for the true one. Where the
joint likelihood begins its search, and what it is shown beside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.biostatistics.joint.joint_data import JointData
from understudy.biostatistics.joint.joint_parameters import JointParameters
from understudy.biostatistics.joint.mixed_course import fit_mixed_course
from understudy.core.errors import DataError, Problem


@dataclass(frozen=True, eq=False)
class TwoStages:
    """Estimates of both stages.

    Parameters
    ----------
    parameters : JointParameters
    coefficients : float array, shape (patients, q)
        Expected, of each patient.
    standard_errors : float array, shape (a,)
        Of the association, with courses taken for known.
    """

    parameters: JointParameters
    coefficients: np.ndarray
    standard_errors: np.ndarray


def two_stages(data: JointData) -> TwoStages:
    """Fit one after the other.

    Raises
    ------
    DataError
        Where either search does not end.
    """
    courses = fit_mixed_course(data)
    own = courses.coefficients - (data.design @ courses.fixed if data.deviations else 0.0)
    pieces, risks = len(data.cuts), data.covariates.shape[1]
    columns = np.concatenate(
        [
            np.broadcast_to(np.eye(pieces)[data.piece], (len(own), len(data.piece), pieces)),
            np.broadcast_to(data.covariates[:, None, :], (len(own), len(data.piece), risks)),
            np.einsum("ngaq,nq->nga", data.features, own),
        ],
        axis=2,
    )
    at_end = np.column_stack(
        [np.eye(pieces)[data.ends], data.covariates, np.einsum("naq,nq->na", data.features_at_end, own)]
    )
    beta, covariance = _hazard(columns, data.weights, at_end, data.event, pieces)
    found = JointParameters(
        courses.fixed, courses.covariance, courses.variance, beta[:pieces], beta[pieces : pieces + risks],
        beta[pieces + risks :],
    )  # fmt: skip
    return TwoStages(found, courses.coefficients, np.sqrt(np.diag(covariance)[pieces + risks :]))


def _hazard(columns, weights, at_end, event, pieces: int) -> tuple[np.ndarray, np.ndarray]:
    """Maximum of the likelihood of survival by Newton's method, and the inverse of its information."""
    beta = np.zeros(columns.shape[2])
    beta[:pieces] = np.log(event.sum() / weights.sum())
    for _ in range(100):
        risk = weights * np.exp(np.clip(columns @ beta, -50, 50))
        information = np.einsum("ng,ngi,ngj->ij", risk, columns, columns)
        slope = event @ at_end - np.einsum("ng,ngi->i", risk, columns)
        step = np.linalg.solve(information, slope)
        beta = beta + step / max(1.0, np.abs(step).max() / 2.0)
        if np.abs(step).max() < 1e-9:
            return beta, np.linalg.inv(information)
    raise DataError([Problem("the hazard has no maximum", "ask for fewer pieces")], place="follow-up")
