"""JointParameters: what a joint model estimates, by name and as one vector without bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.biostatistics.joint.course import Course
from understudy.biostatistics.joint.joint_data import feature_names


@dataclass(frozen=True, eq=False)
class JointParameters:
    """Of a course of q functions, a hazard of several pieces, with r covariates and a features of the course.

    Parameters
    ----------
    fixed : float array, shape (2 q - 1,)
        Mean coefficients of the controls, and what treatment adds to all but the level.
    covariance : float array, shape (q, q)
        Of patients' coefficients about their mean.
    variance : float
        Of a measurement.
    log_hazard : float array, shape (pieces,)
        Where features and covariates are zero.
    covariates : float array, shape (r,)
        Log hazard ratios.
    association : float array, shape (a,)
        Log hazard ratios of a unit of each feature.
    """

    fixed: np.ndarray
    covariance: np.ndarray
    variance: float
    log_hazard: np.ndarray
    covariates: np.ndarray
    association: np.ndarray

    @property
    def vector(self) -> np.ndarray:
        """All of them: the covariance by its Cholesky factor with logarithms on the diagonal, the error by its own."""
        factor = np.linalg.cholesky(self.covariance)
        np.fill_diagonal(factor, np.log(np.diag(factor)))
        lower = factor[np.tril_indices(len(factor))]
        return np.r_[
            self.fixed, lower, 0.5 * np.log(self.variance), self.log_hazard, self.covariates, self.association
        ]

    def with_vector(self, vector: np.ndarray) -> JointParameters:
        """Those of another vector."""
        q, p = len(self.covariance), len(self.fixed)
        lengths = (p, q * (q + 1) // 2, 1, len(self.log_hazard), len(self.covariates), len(self.association))
        fixed, lower, error, hazard, other, own = np.split(vector, np.cumsum(lengths)[:-1])
        factor = np.zeros((q, q))
        factor[np.tril_indices(q)] = lower
        np.fill_diagonal(factor, np.exp(np.diag(factor)))
        return JointParameters(fixed, factor @ factor.T, float(np.exp(2 * error[0])), hazard, other, own)


def parameter_names(course: Course, pieces: int, covariates: int, association: str) -> tuple[str, ...]:
    """Names along `JointParameters.vector`."""
    q = range(course.size)
    lower = [f"cholesky {course.names[i]}, {course.names[j]}" for i in q for j in range(i + 1)]
    return (
        *course.names, *(f"treatment on {name}" for name in course.names[1:]), *lower, "log error",
        *(f"log hazard {k + 1}" for k in range(pieces)), *(f"covariate {k + 1}" for k in range(covariates)),
        *feature_names(course, association),
    )  # fmt: skip
