"""Likelihood: the joint density of one subject's data and random effects, its slope and curvature, for all subjects.

On NONMEM's scale, minus two log-likelihoods without the terms in 2 pi. The conditional and the Laplacian objective
functions are those of Wang 2007, Derivation of various NONMEM estimation methods, J Pharmacokinet Pharmacodyn
34:575-593, doi:10.1007/s10928-007-9060-6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.predictor import Predictor
from understudy.inference.slopes import Slopes

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Of differences of first derivatives: exact ones err by 1e-7 then, those with a solver's error of 1e-8 by 1e-5.
SECOND_STEP = 1e-3
# How the residual variance and the predictions depend on the random effects.
INTERACTION, CONDITIONAL, FIRST_ORDER = "interaction", "conditional", "first order"


class Likelihood:
    """Minus twice the joint log-density of each subject, as a function of the random effects.

    Parameters
    ----------
    predictor : Predictor
    fixed : float array, shape (fixed effects,), optional
        In place of the model's own.
    omega : float array, shape (n, n), optional
        Covariance of the random effects in place of the model's own.
    linearisation : {"interaction", "conditional", "first order"}
        "conditional": residual variances are those at random effects of zero. "first order": predictions too are those
        of the tangent there.
    """

    def __init__(
        self,
        predictor: Predictor,
        fixed: np.ndarray | None = None,
        omega: np.ndarray | None = None,
        linearisation: str = INTERACTION,
    ):
        self.predictor, self.fixed, self.linearisation = predictor, fixed, linearisation
        if predictor.correlated is not None and linearisation != INTERACTION:
            raise SimulationError(
                "residual errors that are correlated need the interaction of random effects and residual error",
                place=predictor.model.name,
                repair="use FOCEI()",
            )
        self.active = np.flatnonzero(predictor.effects.active)
        full = predictor.effects.omega if omega is None else omega
        self._whole, self.omega = full, full[np.ix_(self.active, self.active)]
        if self.active.size and np.linalg.cond(self.omega) > 1e12:
            raise SimulationError(
                "omega is singular",
                place=predictor.model.name,
                repair="drop random effects that others determine",
            )
        self.precision = np.linalg.inv(self.omega) if self.active.size else np.zeros((0, 0))
        self.count = len(predictor.patients)
        self.censored = predictor.censoring.censored
        # Observations whose density is not normal, and not nearly so.
        self.unusual = self.censored.copy()
        for density in predictor.densities:
            self.unusual[density.here] = True

    def at(self, fixed: np.ndarray) -> Likelihood:
        """The same at other fixed effects."""
        return Likelihood(self.predictor, fixed, self._whole, self.linearisation)

    @property
    def zero(self) -> np.ndarray:
        """Random effects of zero, shape (1, N, n)."""
        return np.zeros((1, self.count, self.predictor.effects.active.size))

    @cached_property
    def _typical(self) -> Slopes:
        """Slopes at random effects of zero, by the fixed effects too."""
        return self.predictor.slopes(self.zero, self.fixed, with_fixed=True)

    def sum_by_patient(self, values: np.ndarray) -> np.ndarray:
        """Sums over each patient's observations, shape (..., observations) to (..., N)."""
        flat = values.reshape(math.prod(values.shape[:-1]), values.shape[-1])
        return (self._owners @ flat.T).T.reshape(*values.shape[:-1], self.count)

    @cached_property
    def _owners(self) -> csr_array:
        """One where an observation is a patient's, shape (N, observations)."""
        from scipy.sparse import csr_array

        patient = self.predictor.patient
        return csr_array(
            (np.ones(patient.size), (patient, np.arange(patient.size))), (self.count, patient.size)
        )

    def value(self, vectors: np.ndarray) -> np.ndarray:
        """Minus twice the joint log-density, shape (copies, N); infinite where a prediction is undefined."""
        prediction, variance = self.predict(vectors)
        return self.data_term(prediction, variance) + self.prior_term(vectors)

    def predict(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and residual variances, shape (copies, observations), under the linearisation."""
        if self.linearisation == FIRST_ORDER:
            at = self.slopes(vectors)
            return at.prediction, at.variance
        prediction, variance = self.predictor.predict(vectors, self.fixed)
        if self.linearisation == CONDITIONAL:
            variance = np.broadcast_to(self._typical.variance, variance.shape)
        return prediction, variance

    def data_term(self, prediction: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """Minus twice the log-density of the data given the random effects, shape (copies, N)."""
        with np.errstate(all="ignore"):
            terms = (self.predictor.measured - prediction) ** 2 / variance + np.log(variance)
            if self.predictor.censoring.affected.size:
                terms = self.predictor.censoring.term(prediction, variance, terms)
            for density in self.predictor.densities:
                terms[:, density.here] = 2.0 * prediction[:, density.here]
        return self.sum_by_patient(np.where(np.isfinite(terms), terms, np.inf))

    def prior_term(self, vectors: np.ndarray) -> np.ndarray:
        """The random effects' quadratic form, shape (copies, N)."""
        active = vectors[..., self.active]
        return np.einsum("kni,ij,knj->kn", active, self.precision, active)

    def slopes(self, vectors: np.ndarray, with_fixed: bool = False) -> Slopes:
        """Predictions and variances with their derivatives by the active random effects, then by the fixed effects
        that are estimated."""
        if self.linearisation == FIRST_ORDER:
            return self._with_typical_variance(*self._tangent(vectors, with_fixed))
        at = self.predictor.slopes(vectors, self.fixed, with_fixed)
        if self.linearisation == INTERACTION:
            return at
        return self._with_typical_variance(at.prediction, at.d_prediction)

    def _with_typical_variance(self, prediction: np.ndarray, slopes: np.ndarray) -> Slopes:
        """Residual variances at random effects of zero: they move with the fixed effects only."""
        moving = self._typical.d_variance[..., : slopes.shape[-1]].copy()
        moving[..., : self.active.size] = 0.0
        return Slopes(
            prediction,
            np.broadcast_to(self._typical.variance, prediction.shape),
            slopes,
            np.broadcast_to(moving, slopes.shape),
        )

    def _tangent(self, vectors: np.ndarray, with_fixed: bool) -> tuple[np.ndarray, np.ndarray]:
        """Predictions linear in the random effects, and their derivatives."""
        size, typical = self.active.size, self._typical
        own = vectors[:, self.predictor.patient][..., self.active]
        prediction = typical.prediction + np.einsum("coa,oa->co", own, typical.d_prediction[0, :, :size])
        slopes = np.broadcast_to(typical.d_prediction, (len(vectors), *typical.d_prediction.shape[1:])).copy()
        if not with_fixed:
            return prediction, slopes[..., :size]
        slopes[..., size:] += np.einsum("coa,oax->cox", own, self._typical_second[..., size:])
        return prediction, slopes

    @cached_property
    def _typical_second(self) -> np.ndarray:
        """Second derivatives of predictions at random effects of zero, shape (observations, active, effects)."""
        return self._differences(self.zero, self.fixed_slopes)[0]

    def fixed_slopes(self, vectors: np.ndarray) -> Slopes:
        """Slopes of the predictor itself, by the fixed effects too."""
        return self.predictor.slopes(vectors, self.fixed, with_fixed=True)

    def second_slopes(self, modes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Second derivatives of predictions and variances by a random effect and any effect.

        Differences of first ones: their error is some 1e-7 of the derivatives.

        Parameters
        ----------
        modes : float array, shape (N, n)

        Returns
        -------
        float arrays, shape (observations, active, effects)
        """
        return self._differences(modes[None], lambda moved: self.slopes(moved, with_fixed=True))

    def _differences(self, vectors: np.ndarray, slopes: Callable[[np.ndarray], Slopes]):
        size = self.active.size
        if not size:
            none = np.zeros((self.predictor.output.size, 0, len(self.predictor.estimated)))
            return none, none
        shifts = np.zeros((2 * size, 1, vectors.shape[-1]))
        for k, index in enumerate(self.active):
            shifts[2 * k, 0, index], shifts[2 * k + 1, 0, index] = SECOND_STEP, -SECOND_STEP
        at = slopes(vectors + shifts)
        return tuple(
            np.moveaxis((values[0::2] - values[1::2]) / (2 * SECOND_STEP), 0, 1)
            for values in (at.d_prediction, at.d_variance)
        )

    def gradient(self, vectors: np.ndarray, at: Slopes) -> np.ndarray:
        """Derivative of half of `value` by the active random effects, shape (copies, N, active)."""
        terms = self.scores(at)[..., : self.active.size]
        summed = np.moveaxis(self.sum_by_patient(np.moveaxis(terms, -1, 0)), 0, -1)
        return summed + vectors[..., self.active] @ self.precision

    def scores(self, at: Slopes) -> np.ndarray:
        """Each observation's derivative of half of its term by the effects, shape (copies, observations, effects)."""
        by_prediction, by_variance = self.scores_by_moments(at)
        return by_prediction[..., None] * at.d_prediction + by_variance[..., None] * at.d_variance

    def scores_by_moments(self, at: Slopes) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of half of each observation's term."""
        residual = self.predictor.measured - at.prediction
        with np.errstate(invalid="ignore"):
            by_prediction = -residual / at.variance
            by_variance = 0.5 * (1 / at.variance - (residual / at.variance) ** 2)
        found = by_prediction, by_variance
        if self.predictor.censoring.affected.size:
            found = self.predictor.censoring.slopes(at.prediction, at.variance, found)
        return self._of_densities(found, (1.0, 0.0))

    def _of_densities(self, found: tuple[np.ndarray, ...], own: tuple[float, ...]) -> tuple[np.ndarray, ...]:
        """The same with what holds where the prediction is minus a log-density: half of the term is just that."""
        for density in self.predictor.densities:
            for values, value in zip(found, own, strict=True):
                values[:, density.here] = value
        return found

    def second_by_moments(self, at: Slopes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Second derivatives of half of each observation's term, shape (copies, observations).

        By the prediction twice, by prediction and variance, and by the variance twice.
        """
        crossed = (self.predictor.measured - at.prediction) / at.variance**2
        found = 1.0 / at.variance, crossed, crossed**2 * at.variance - 0.5 / at.variance**2
        if self.predictor.censoring.affected.size:
            found = self.predictor.censoring.second_slopes(at.prediction, at.variance, found)
        return self._of_densities(found, (0.0, 0.0, 0.0))

    def expected_curvature(self, at: Slopes) -> np.ndarray:
        """Expected second derivative of half of `value` (FOCEI's H), shape (copies, N, active, active).

        Of censored observations and outcomes that are no levels, which have none that is easily had, the square of the
        slope: enough to find a mode by, and the same on average.
        """
        moving = (at.d_prediction if at.d_expected is None else at.d_expected)[..., : self.active.size]
        outer = moving[..., :, None] * moving[..., None, :] / at.variance[..., None, None]
        spread = at.d_variance[..., : self.active.size] / at.variance[..., None]
        outer = outer + 0.5 * spread[..., :, None] * spread[..., None, :]
        if at.d_gain is not None:
            turning = at.d_gain[..., : self.active.size]
            outer = outer + turning[..., :, None] * turning[..., None, :]
        if self.unusual.any():
            scores = self.scores(at)[..., : self.active.size]
            squares = scores[..., :, None] * scores[..., None, :]
            outer = np.where(self.unusual[:, None, None], squares, outer)
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
