"""Kenward-Roger with missing visits, against another derivation: numerical derivatives over all rows at once.

With b(θ) = G(θ) y the generalised least squares estimate, Φ(θ) = (X'V⁻¹X)⁻¹ its covariance were θ known, W the
covariance of θ's estimate, and V the covariance of all rows of all patients, Kenward and Roger's covariance is

    Φ  +  Σ W_ij ∂G/∂θ_i V ∂G'/∂θ_j  -  ½ Σ W_ij ∂²Φ/∂θ_i∂θ_j:

what estimating θ adds to the variance of b (Kackar & Harville 1984, doi:10.1080/01621459.1984.10477102), and the bias
of Φ at the estimate. Nothing of it uses the algebra of the estimator (traces, P, Q and R of Kenward & Roger 1997).
"""

from __future__ import annotations

import numpy as np
import pytest

from understudy.biostatistics.design_matrix import design_matrix
from understudy.biostatistics.mmrm import mmrm
from understudy.core.random import normals

VISITS = 3
# Who missed which visits: gaps, early leavers, a late comer.
MISSED = {2: [1], 3: [2], 5: [1, 2], 7: [0], 9: [2], 10: [0, 1], 12: [1, 2], 14: [2]}


def trial(size: int = 16):
    """Outcomes, patients, visits and the design of a small trial with missing visits."""
    z = normals(11, "missing visits", np.arange(size), 5)
    patient, visit = np.repeat(np.arange(size), VISITS), np.tile(np.arange(VISITS), size)
    arm = np.where(patient % 2, "drug", "placebo")
    y = 10 + 2 * z[patient, 3] + z[patient, visit] * (1 + visit) - 1.5 * visit * (arm == "drug")
    for who, lost in MISSED.items():
        y[(patient == who) & np.isin(visit, lost)] = np.nan
    design = design_matrix(
        {"arm": arm.tolist(), "visit": visit.tolist()}, reference={"arm": "placebo"}, categories=["visit"],
        interactions=[("arm", "visit")],
    )  # fmt: skip
    return y, patient, visit, design


def unstructured(theta: np.ndarray) -> np.ndarray:
    """Variances and covariances, the lower triangle row by row."""
    matrix = np.zeros((VISITS, VISITS), dtype=theta.dtype)
    for value, (i, j) in zip(theta, zip(*np.tril_indices(VISITS), strict=True), strict=True):
        matrix[i, j] = matrix[j, i] = value
    return matrix


def autoregressive(theta: np.ndarray) -> np.ndarray:
    """Variances, then the correlation of neighbours: not linear, so that second derivatives count."""
    sd, rho = np.sqrt(theta[:VISITS]), theta[VISITS]
    apart = np.abs(np.subtract.outer(np.arange(VISITS), np.arange(VISITS)))
    return np.outer(sd, sd) * rho**apart


def parameters_of(matrix: np.ndarray, shape) -> np.ndarray:
    if shape is unstructured:
        return matrix[np.tril_indices(VISITS)]
    return np.append(np.diag(matrix), matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1]))


class Derivation:
    """Everything at a θ by numerical derivatives over the stacked rows of all patients."""

    def __init__(self, shape, theta: np.ndarray):
        y, patient, visit, design = trial()
        seen = ~np.isnan(y)
        self.y, self.x, self.shape, self.theta = y[seen], design.matrix[seen], shape, theta
        self.same, self.visit = patient[seen][:, None] == patient[seen], visit[seen]

    def covariance(self, theta: np.ndarray) -> np.ndarray:
        return np.where(self.same, self.shape(theta)[np.ix_(self.visit, self.visit)], 0.0)

    def phi(self, theta: np.ndarray) -> np.ndarray:
        return np.linalg.inv(self.x.T @ np.linalg.solve(self.covariance(theta), self.x))

    def projector(self, theta: np.ndarray) -> np.ndarray:
        return self.phi(theta) @ np.linalg.solve(self.covariance(theta), self.x).T

    def deviance(self, theta: np.ndarray) -> np.ndarray:
        v = self.covariance(theta)
        residual = self.y - self.x @ (self.projector(theta) @ self.y)
        whole = np.log(np.linalg.det(v)) - np.log(np.linalg.det(self.phi(theta)))
        return whole + residual @ np.linalg.solve(v, residual)

    def slope(self, function, i: int, theta: np.ndarray | None = None) -> np.ndarray:
        """Exact to rounding: a complex step."""
        at = (self.theta if theta is None else theta).astype(complex)
        at[i] += 1e-25j
        return np.imag(function(at)) / 1e-25

    def bend(self, function, i: int, j: int) -> np.ndarray:
        """Central difference of exact slopes; its error is some 1e-8 of the value."""
        step = np.zeros(len(self.theta))
        step[j] = 1e-4 * max(abs(self.theta[j]), 0.1)
        above, below = (self.slope(function, i, self.theta + sign * step) for sign in (1, -1))
        return (above - below) / (2 * step[j])

    @property
    def spread(self) -> np.ndarray:
        """Covariance of θ: twice the inverse of the deviance's second derivatives."""
        k = range(len(self.theta))
        return 2 * np.linalg.inv(np.array([[self.bend(self.deviance, i, j) for j in k] for i in k]))

    def adjusted(self) -> np.ndarray:
        v, w, k = self.covariance(self.theta), self.spread, range(len(self.theta))
        slopes = [self.slope(self.projector, i) for i in k]
        added = sum(w[i, j] * slopes[i] @ v @ slopes[j].T for i in k for j in k)
        bias = sum(w[i, j] * self.bend(self.phi, i, j) for i in k for j in k) / 2
        return self.phi(self.theta) + added - bias


@pytest.mark.parametrize(
    ("name", "shape"), [("unstructured", unstructured), ("heterogeneous AR(1)", autoregressive)]
)
class TestMissingVisits:
    @pytest.fixture
    def fitted(self, name, shape):
        fit = mmrm(*trial(), structure=name)
        return fit, Derivation(shape, parameters_of(fit.visit_covariance["all"], shape))

    def test_the_estimate_is_where_the_likelihood_is_level(self, fitted):
        _, own = fitted
        assert [own.slope(own.deviance, i) for i in range(len(own.theta))] == pytest.approx(
            [0.0] * len(own.theta), abs=1e-6
        )

    def test_covariance_of_coefficients(self, fitted):
        fit, own = fitted
        # Second derivatives by differences have seven digits.
        np.testing.assert_allclose(fit.covariance, own.adjusted(), rtol=1e-5, atol=1e-8)
        # The adjustment is what is tested: it must be far larger than that tolerance.
        assert np.abs(fit.covariance - own.phi(own.theta)).max() > 0.01

    def test_degrees_of_freedom_of_single_contrasts(self, fitted):
        """2 E² / Var of the contrast's variance (Kenward & Roger 1997, section 3, with one contrast)."""
        fit, own = fitted
        w = own.spread
        for k, found in enumerate(fit.coefficients.degrees_of_freedom):
            gradient = np.array([own.slope(own.phi, i)[k, k] for i in range(len(own.theta))])
            expected = 2 * own.phi(own.theta)[k, k] ** 2 / (gradient @ w @ gradient)
            assert found == pytest.approx(expected, rel=1e-5)

    def test_scale_and_degrees_of_several_contrasts(self, fitted):
        """The two moments of F from A₁ and A₂ of Kenward & Roger (1997), with derivatives of Φ by differences."""
        fit, own = fitted
        rows = np.zeros((2, fit.design.matrix.shape[1]))
        rows[[0, 1], [-2, -1]] = 1.0
        phi, w, k = own.phi(own.theta), own.spread, range(len(own.theta))
        # L'(LΦL')⁻¹L times a derivative of Φ: the sign cancels in products of two.
        theta = rows.T @ np.linalg.inv(rows @ phi @ rows.T) @ rows
        parts = [theta @ own.slope(own.phi, i) for i in k]
        first = sum(w[i, j] * np.trace(parts[i]) * np.trace(parts[j]) for i in k for j in k)
        second = sum(w[i, j] * np.trace(parts[i] @ parts[j]) for i in k for j in k)
        freedom, scale = _moments(2, first, second)
        beta, covariance = fit.coefficients.values, own.adjusted()
        wald = (rows @ beta) @ np.linalg.solve(rows @ covariance @ rows.T, rows @ beta) / 2
        found = fit.test("interaction", rows)
        assert found.denominator == pytest.approx(freedom, rel=1e-5)
        assert found.statistic == pytest.approx(scale * wald, rel=1e-5)


def _moments(q: int, first: float, second: float) -> tuple[float, float]:
    """Degrees of freedom and scale for given A₁ and A₂ (Kenward & Roger 1997, section 3)."""
    b = (first + 6 * second) / (2 * q)
    g = ((q + 1) * first - (q + 4) * second) / ((q + 2) * second)
    d = 3 * q + 2 * (1 - g)
    mean = 1 / (1 - second / q)
    variance = (2 / q) * (1 + g / d * b) / ((1 - (q - g) / d * b) ** 2 * (1 - (q + 2 - g) / d * b))
    freedom = 4 + (q + 2) / (q * variance / (2 * mean**2) - 1)
    return freedom, freedom / (mean * (freedom - 2))
