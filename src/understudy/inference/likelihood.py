"""Likelihood: the joint density of one subject's data and random effects, its slope and curvature, for all subjects.

On NONMEM's scale, minus two log-likelihoods without the terms in 2 pi. The conditional and the Laplacian objective
functions are those of Wang 2007, Derivation of various NONMEM estimation methods, J Pharmacokinet Pharmacodyn
34:575-593, doi:10.1007/s10928-007-9060-6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.predictor import Predictor

# Central differences in a random effect: their error is of second order, 1e-8, against rounding of 1e-12.
STEP = 1e-4


@dataclass(frozen=True, eq=False)
class Slopes:
    """Predictions with their derivatives by the active random effects.

    Parameters
    ----------
    prediction, variance : float arrays, shape (copies, observations)
    d_prediction, d_variance : float arrays, shape (copies, observations, active)
    """

    prediction: np.ndarray
    variance: np.ndarray
    d_prediction: np.ndarray
    d_variance: np.ndarray


class Likelihood:
    """Minus twice the joint log-density of each subject, as a function of the random effects.

    Parameters
    ----------
    predictor : Predictor
    """

    def __init__(self, predictor: Predictor):
        self.predictor = predictor
        self.active = np.flatnonzero(predictor.effects.active)
        self.omega = predictor.effects.omega[np.ix_(self.active, self.active)]
        if self.active.size and np.linalg.cond(self.omega) > 1e12:
            raise SimulationError(
                "omega is singular",
                place=predictor.model.name,
                repair="drop random effects that others determine",
            )
        self.precision = np.linalg.inv(self.omega) if self.active.size else np.zeros((0, 0))
        self.count = len(predictor.patients)
        self.censored = predictor.censoring.censored

    def sum_by_patient(self, values: np.ndarray) -> np.ndarray:
        """Sums over each patient's observations, shape (..., observations) to (..., N)."""
        flat = values.reshape(math.prod(values.shape[:-1]), values.shape[-1])
        patient = self.predictor.patient
        sums = [np.bincount(patient, weights=row, minlength=self.count) for row in flat]
        return np.array(sums).reshape(*values.shape[:-1], self.count)

    def value(self, vectors: np.ndarray) -> np.ndarray:
        """Minus twice the joint log-density, shape (copies, N); infinite where a prediction is undefined."""
        prediction, variance = self.predictor.predict(vectors)
        return self.data_term(prediction, variance) + self.prior_term(vectors)

    def data_term(self, prediction: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """Minus twice the log-density of the data given the random effects, shape (copies, N)."""
        with np.errstate(all="ignore"):
            terms = (self.predictor.measured - prediction) ** 2 / variance + np.log(variance)
            if self.censored.any():
                terms = np.where(self.censored, self.predictor.censoring.term(prediction, variance), terms)
        return self.sum_by_patient(np.where(np.isfinite(terms), terms, np.inf))

    def prior_term(self, vectors: np.ndarray) -> np.ndarray:
        """The random effects' quadratic form, shape (copies, N)."""
        active = vectors[..., self.active]
        return np.einsum("kni,ij,knj->kn", active, self.precision, active)

    def slopes(self, vectors: np.ndarray) -> Slopes:
        """Predictions and variances with their derivatives, by central differences."""
        copies, size = len(vectors), self.active.size
        shifts = np.zeros((2 * size + 1, 1, 1, vectors.shape[-1]))
        for k, index in enumerate(self.active):
            shifts[2 * k + 1, 0, 0, index], shifts[2 * k + 2, 0, 0, index] = STEP, -STEP
        moved = (vectors[None] + shifts).reshape(len(shifts) * copies, *vectors.shape[1:])
        prediction, variance = (v.reshape(2 * size + 1, copies, -1) for v in self.predictor.predict(moved))

        def derivative(values: np.ndarray) -> np.ndarray:
            return np.moveaxis((values[1::2] - values[2::2]) / (2 * STEP), 0, -1)

        return Slopes(prediction[0], variance[0], derivative(prediction), derivative(variance))

    def gradient(self, vectors: np.ndarray, at: Slopes) -> np.ndarray:
        """Derivative of half of `value`, shape (copies, N, active)."""
        terms = self._scores(at)
        summed = np.moveaxis(self.sum_by_patient(np.moveaxis(terms, -1, 0)), 0, -1)
        return summed + vectors[..., self.active] @ self.precision

    def _scores(self, at: Slopes) -> np.ndarray:
        """Each observation's part of `gradient`, shape (copies, observations, active)."""
        residual = self.predictor.measured - at.prediction
        with np.errstate(invalid="ignore"):
            by_prediction = -residual / at.variance
            by_variance = 0.5 * (1 / at.variance - (residual / at.variance) ** 2)
        if self.censored.any():
            beyond = self.predictor.censoring.slopes(at.prediction, at.variance)
            by_prediction = np.where(self.censored, beyond[0], by_prediction)
            by_variance = np.where(self.censored, beyond[1], by_variance)
        return by_prediction[..., None] * at.d_prediction + by_variance[..., None] * at.d_variance

    def expected_curvature(self, at: Slopes) -> np.ndarray:
        """Expected second derivative of half of `value` (FOCEI's H), shape (copies, N, active, active).

        Of censored observations, which have none that is easily had, the square of the slope: enough to find a mode by.
        """
        outer = at.d_prediction[..., :, None] * at.d_prediction[..., None, :] / at.variance[..., None, None]
        spread = at.d_variance / at.variance[..., None]
        outer = outer + 0.5 * spread[..., :, None] * spread[..., None, :]
        if self.censored.any():
            scores = self._scores(at)
            squares = scores[..., :, None] * scores[..., None, :]
            outer = np.where(self.censored[:, None, None], squares, outer)
        return self.precision + np.moveaxis(self.sum_by_patient(np.moveaxis(outer, 1, -1)), -1, 1)

    def observed_curvature(self, vectors: np.ndarray) -> np.ndarray:
        """Second derivative of half of `value` for one copy, shape (N, active, active): differences of the gradient."""
        size = self.active.size
        shifts = np.zeros((2 * size, 1, vectors.shape[-1]))
        for k, index in enumerate(self.active):
            shifts[2 * k, 0, index], shifts[2 * k + 1, 0, index] = 1e-3, -1e-3
        moved = vectors[None] + shifts
        slopes = self.gradient(moved, self.slopes(moved))
        second = np.moveaxis((slopes[0::2] - slopes[1::2]) / 2e-3, 0, -1)
        return 0.5 * (second + np.swapaxes(second, -1, -2))
