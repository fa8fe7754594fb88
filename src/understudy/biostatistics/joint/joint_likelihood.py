"""Joint likelihood: of each patient's measurements and follow-up, by adaptive Gauss-Hermite quadrature.

A patient's coefficients are normal about the mean of his arm; given them, measurements scatter normally about his
course, and the hazard follows it. Coefficients are integrated out about the mode of each patient's own posterior, with
as many points in each direction as asked for.

Wulfsohn MS, Tsiatis AA. A joint model for survival and longitudinal data measured with error. Biometrics
1997;53:330-339. doi:10.2307/2533118
Rizopoulos D. Fast fitting of joint models for longitudinal and event time data using a pseudo-adaptive Gaussian
quadrature rule. Comput Stat Data Anal 2012;56:491-501. doi:10.1016/j.csda.2011.09.007
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from understudy.biostatistics.joint.joint_data import JointData
from understudy.biostatistics.joint.joint_parameters import JointParameters

_NEWTON, _NEAR, _LONGEST = 60, 1e-8, 2.0


@dataclass(frozen=True, eq=False)
class JointLikelihood:
    """Logarithm and its slopes, patient by patient.

    Parameters
    ----------
    values : float array, shape (n,)
    scores : float array, shape (n, parameters)
        By Fisher's identity: exact but for the error of the quadrature.
    modes : float array, shape (n, q)
        Where each patient's posterior is highest.
    """

    values: np.ndarray
    scores: np.ndarray
    modes: np.ndarray


def joint_likelihood(data: JointData, at: JointParameters, nodes: int, start: np.ndarray) -> JointLikelihood:
    """The likelihood at parameters, its modes sought from `start`."""
    terms = _Terms.of(data, at)
    with np.errstate(over="ignore", invalid="ignore"):
        modes, curvature = terms.modes(start)
        points, log_weights = _rule(nodes, modes.shape[1])
        factor = np.linalg.cholesky(curvature)
        # c = mode + sqrt(2) L^-T x, where L L' is the curvature.
        moved = np.linalg.solve(
            np.swapaxes(factor, 1, 2), np.broadcast_to(points.T, (len(modes), *points.T.shape))
        )
        drawn = modes[:, None, :] + np.sqrt(2) * np.swapaxes(moved, 1, 2)
        hazard, height = terms.height(drawn)
        height = height + log_weights + (points**2).sum(axis=1)
        top = height.max(axis=1)
        share = np.exp(height - top[:, None])
        total = share.sum(axis=1)
        jacobian = 0.5 * modes.shape[1] * np.log(2) - np.log(np.einsum("nii->ni", factor)).sum(axis=1)
        values = top + np.log(total) + jacobian
        scores = terms.scores(drawn, hazard, share / total[:, None])
    return JointLikelihood(values, scores, modes)


def _rule(nodes: int, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Points, shape (nodes ** dimensions, dimensions), and logarithms of weights."""
    at, weight = np.polynomial.hermite.hermgauss(nodes)
    points = np.array(list(product(at, repeat=dimensions)))
    weights = np.log(np.array(list(product(weight, repeat=dimensions)))).sum(axis=1)
    return points, weights


@dataclass(frozen=True, eq=False)
class _Terms:
    """What the likelihood of all patients has in common at some parameters."""

    data: JointData
    at: JointParameters
    mean: np.ndarray
    precision: np.ndarray
    base: np.ndarray
    base_at_end: np.ndarray
    pull: np.ndarray
    pull_at_end: np.ndarray

    @classmethod
    def of(cls, data: JointData, at: JointParameters) -> _Terms:
        mean = data.design @ at.fixed
        other = data.covariates @ at.covariates - (mean @ at.association if data.deviations else 0.0)
        base = at.log_hazard[data.piece] + other[:, None]
        return cls(
            data, at, mean, np.linalg.inv(at.covariance), base, at.log_hazard[data.ends] + other,
            np.einsum("a,ngaq->ngq", at.association, data.features),
            np.einsum("a,naq->nq", at.association, data.features_at_end),
        )  # fmt: skip

    def hazard(self, drawn: np.ndarray) -> np.ndarray:
        """Hazard times weight at all points of time, shape (n, G, m), for coefficients of shape (n, m, q)."""
        return self.data.weights[:, :, None] * np.exp(
            self.base[:, :, None] + self.pull @ np.swapaxes(drawn, 1, 2)
        )

    def height(self, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The hazard, and the logarithm of the likelihood of everything, shape (n, m)."""
        data, variance = self.data, self.at.variance
        hazard = self.hazard(drawn)
        squares = data.yy[:, None] - 2 * np.einsum("nmq,nq->nm", drawn, data.fy)
        squares = squares + np.einsum("nmq,nmq->nm", drawn @ data.ff, drawn)
        off = drawn - self.mean[:, None, :]
        prior = np.einsum("nmq,nmq->nm", off @ self.precision, off)
        dead = self.base_at_end[:, None] + np.einsum("nmq,nq->nm", drawn, self.pull_at_end)
        q = off.shape[2]
        fixed = (
            data.visits * np.log(2 * np.pi * variance)
            + q * np.log(2 * np.pi)
            - np.linalg.slogdet(self.precision)[1]
        )
        told = -0.5 * (fixed[:, None] + squares / variance + prior) + data.event[:, None] * dead
        return hazard, told - hazard.sum(axis=1)

    def modes(self, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Highest points by Newton's method, and the curvature there; the function is concave."""
        data, here = self.data, start.copy()
        still = data.ff / self.at.variance + self.precision
        towards = (
            data.fy / self.at.variance + self.mean @ self.precision + data.event[:, None] * self.pull_at_end
        )
        for _ in range(_NEWTON):
            hazard = self.hazard(here[:, None, :])[:, :, 0]
            slope = (
                towards - np.einsum("nij,nj->ni", still, here) - np.einsum("ng,ngq->nq", hazard, self.pull)
            )
            curvature = still + np.swapaxes(self.pull * hazard[:, :, None], 1, 2) @ self.pull
            step = np.linalg.solve(curvature, slope[:, :, None])[:, :, 0]
            # A hazard is no straight line: no step may change its logarithm by much.
            reach = np.abs(np.einsum("ngq,nq->ng", self.pull, step)).max(axis=1)
            here = here + step * np.minimum(1.0, _LONGEST / np.maximum(reach, 1e-12))[:, None]
            if (np.einsum("nq,nq->n", step, slope) < _NEAR).all():
                break
        return here, curvature

    def scores(self, drawn: np.ndarray, hazard: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Slopes of the logarithm, shape (n, parameters)."""
        data, at = self.data, self.at
        expected = np.einsum("nm,nmq->nq", share, drawn)
        weighed = hazard * share[:, None, :]
        risk = weighed.sum(axis=2)
        risk_by = weighed @ drawn
        left = data.event - risk.sum(axis=1)
        off = drawn - self.mean[:, None, :]
        spread = np.einsum("nm,nmi,nmj->nij", share, off, off)
        second = (
            spread + _outer(self.mean, expected) + _outer(expected, self.mean) - _outer(self.mean, self.mean)
        )
        moved = (expected - self.mean) @ self.precision - (
            left[:, None] * at.association if data.deviations else 0.0
        )
        squares = data.yy - 2 * (expected * data.fy).sum(axis=1) + np.einsum("nij,nij->n", data.ff, second)
        features = data.event[:, None] * np.einsum("naq,nq->na", data.features_at_end, expected)
        features = features - np.einsum("ngaq,ngq->na", data.features, risk_by)
        if data.deviations:
            features = features - left[:, None] * self.mean
        return np.column_stack([
            np.einsum("nqp,nq->np", data.design, moved), self._spread_scores(spread),
            squares / at.variance - data.visits, self._piece_scores(risk), left[:, None] * data.covariates, features,
        ])  # fmt: skip

    def _piece_scores(self, risk: np.ndarray) -> np.ndarray:
        pieces = len(self.at.log_hazard)
        died = self.data.event[:, None] * (self.data.ends[:, None] == np.arange(pieces))
        return died - risk.reshape(len(risk), pieces, -1).sum(axis=2)

    def _spread_scores(self, spread: np.ndarray) -> np.ndarray:
        factor = np.linalg.cholesky(self.at.covariance)
        inner = self.precision @ spread @ self.precision - self.precision
        slopes = inner @ factor
        k = np.arange(len(factor))
        slopes[:, k, k] *= np.diag(factor)
        i, j = np.tril_indices(len(factor))
        return slopes[:, i, j]


def _outer(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return left[:, :, None] * right[:, None, :]
