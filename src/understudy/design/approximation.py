"""Approximation: the information of single patients, for a model that is linear in its random effects near some points.

First order, FO: the points are random effects of zero (Mentré F, Mallet A, Baccar D. Optimal design in random-effects
regression models. Biometrika 1997;84:429-442, doi:10.1093/biomet/84.2.429). Conditional, FOCE: points are drawn from
the population, the model is linear in random and fixed effects there, and the information is the mean over the points
(Retout S, Mentré F. Further developments of the Fisher information matrix in nonlinear mixed effects models with
evaluation in population pharmacokinetics. J Biopharm Stat 2003;13:209-227, doi:10.1081/BIP-120019267).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.random import normals
from understudy.design.protocol import Protocol, protocol_records
from understudy.inference.effects import Effects
from understudy.inference.estimation.parameter_space import ParameterSpace, values_of
from understudy.inference.likelihood import SECOND_STEP
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel

METHODS, MATRICES = ("fo", "foce"), ("block", "full")
# Numbers in the largest array of derivatives of covariances that is made at once: 64 MB.
_CHUNK = 8_000_000


@dataclass(frozen=True, eq=False)
class Moments:
    """Expectation and covariance of samples of one patient, linear in its random effects about each of some points.

    Parameters
    ----------
    usable : bool array, shape (samples,)
        Where all of it is finite and measurements scatter.
    d_mean : float array, shape (points, samples, fixed)
        Derivative of the expectation by the fixed effects that are estimated.
    loading : float array, shape (points, samples, active)
        Derivative by the random effects.
    d_loading : float array, shape (points, samples, active, fixed)
    variance : float array, shape (points, samples)
        Residual.
    d_variance : float array, shape (points, samples, fixed)
    """

    usable: np.ndarray
    d_mean: np.ndarray
    loading: np.ndarray
    d_loading: np.ndarray
    variance: np.ndarray
    d_variance: np.ndarray


@dataclass(frozen=True, eq=False)
class Approximation:
    """How the information of a patient is computed.

    Parameters
    ----------
    model : PopulationModel
    method : {"fo", "foce"}
    matrix : {"block", "full"}
        Whether the covariance's dependence on the fixed effects of the mean counts.
    draws, seed : int
        Points of FOCE.
    occasions, jobs : int
    """

    model: PopulationModel
    method: str = "fo"
    matrix: str = "block"
    draws: int = 50
    seed: int = 0
    occasions: int = 1
    jobs: int = 1

    def __post_init__(self) -> None:
        for name, known in (("method", METHODS), ("matrix", MATRICES)):
            if getattr(self, name) not in known:
                raise SimulationError(
                    f"unknown {name} {getattr(self, name)!r}", place="expected information",
                    repair=f"use {' or '.join(known)}",
                )  # fmt: skip
        if self.draws < 1:
            raise SimulationError(f"{self.draws} draws are none", place="draws", repair="give 1 or more")

    @cached_property
    def space(self) -> ParameterSpace:
        """What is estimated."""
        space = ParameterSpace(self.model, Effects(self.model, self.occasions))
        if not space.names:
            raise SimulationError(
                "every parameter is held", place=self.model.name,
                repair="leave out fixed=True where a parameter is to be estimated",
            )  # fmt: skip
        return space

    @cached_property
    def values(self) -> np.ndarray:
        """Of the parameters, shape (parameters,)."""
        return self.space.named(values_of(self.model))

    def moments(self, protocols: Sequence[Protocol]) -> list[Moments]:
        """Of the samples of each protocol, in its order."""
        records, place = protocol_records(self.model, protocols)
        predictor = Predictor(self.model, records, jobs=self.jobs)
        points = self._points(predictor)
        parts = self._derivatives(predictor, points)
        usable = _usable(parts)
        order = np.lexsort((place, predictor.patient))
        ends = np.cumsum(np.bincount(predictor.patient, minlength=len(protocols)))[:-1]
        return [Moments(usable[rows], *(part[:, rows] for part in parts)) for rows in np.split(order, ends)]

    def information(self, moments: Moments, samples: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Of patients with some of the samples.

        Parameters
        ----------
        moments : Moments
        samples : int array, shape (..., n)
            Which samples each patient gives.
        mean : bool array, shape (fixed,)
            Fixed effects that the expectation depends on; the others belong to the covariance.

        Returns
        -------
        float array, shape (..., parameters, parameters)
        """
        flat = samples.reshape(-1, samples.shape[-1])
        size, n = len(self.space.names), samples.shape[-1]
        step = max(_CHUNK // (size * n * n), 1)
        parts = [self._mean_over_points(moments, flat[k : k + step], mean) for k in range(0, len(flat), step)]
        return np.concatenate(parts).reshape(*samples.shape[:-1], size, size)

    def _mean_over_points(self, moments: Moments, samples: np.ndarray, mean: np.ndarray) -> np.ndarray:
        points = len(moments.variance)
        return sum(self._at_point(moments, k, samples, mean) for k in range(points)) / points

    def _at_point(self, moments: Moments, point: int, samples: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """The information of a normal distribution whose mean and covariance depend on the parameters."""
        loading, scatter = moments.loading[point][samples], moments.variance[point][samples]
        unit = np.eye(samples.shape[-1])
        covariance = loading @ self._omega @ np.swapaxes(loading, -1, -2) + scatter[..., None] * unit
        turned = np.einsum("cnaf,cma->cfnm", moments.d_loading[point][samples], loading @ self._omega)
        by_fixed = turned + np.swapaxes(turned, -1, -2)
        by_fixed = by_fixed + np.moveaxis(moments.d_variance[point][samples], -1, 1)[..., None] * unit
        by_omega = loading[:, None] @ self._omega_slopes @ np.swapaxes(loading, -1, -2)[:, None]
        d_mean = moments.d_mean[point][samples]
        if self.matrix == "block":
            by_fixed, d_mean = np.where(mean[:, None, None], 0.0, by_fixed), np.where(mean, d_mean, 0.0)
        return _normal_information(covariance, d_mean, np.concatenate([by_fixed, by_omega], axis=1))

    @cached_property
    def _active(self) -> np.ndarray:
        return np.flatnonzero(self.space.effects.active)

    @cached_property
    def _omega(self) -> np.ndarray:
        return self.space.effects.omega[np.ix_(self._active, self._active)]

    @cached_property
    def _omega_slopes(self) -> np.ndarray:
        return self.space.omega_slopes[:, self._active[:, None], self._active]

    def _points(self, predictor: Predictor) -> np.ndarray:
        """Random effects about which the model is linear, shape (points, N, n); the same for every patient."""
        count, size = len(predictor.patients), len(predictor.effects.names)
        found = np.zeros((1 if self.method == "fo" else self.draws, count, size))
        if self.method == "foce" and self._active.size:
            z = normals(self.seed, "design", np.arange(self.draws), self._active.size)
            found[..., self._active] = (z @ np.linalg.cholesky(self._omega).T)[:, None]
        return found

    def _derivatives(self, predictor: Predictor, points: np.ndarray) -> tuple[np.ndarray, ...]:
        """What `Moments` holds but `usable`, for all samples."""
        size = self._active.size
        at = predictor.slopes(points, with_fixed=True)
        loading, d_mean = at.d_prediction[..., :size], at.d_prediction[..., size:]
        if self.method == "fo":
            d_loading = self._second(predictor, points)
        else:
            # The model is linear about a patient's own parameters, which stay where the population's move.
            d_loading = np.zeros((*loading.shape, d_mean.shape[-1]))
        return d_mean, loading, d_loading, at.variance, at.d_variance[..., size:]

    def _second(self, predictor: Predictor, points: np.ndarray) -> np.ndarray:
        """Derivatives of predictions by a random and a fixed effect: differences of first ones."""
        size = self._active.size
        shifts = np.zeros((2 * size, 1, points.shape[-1]))
        for k, index in enumerate(self._active):
            shifts[2 * k, 0, index], shifts[2 * k + 1, 0, index] = SECOND_STEP, -SECOND_STEP
        if not size:
            return np.zeros((1, predictor.output.size, 0, len(predictor.estimated)))
        by_fixed = predictor.slopes(points + shifts, with_fixed=True).d_prediction[..., size:]
        return np.moveaxis((by_fixed[0::2] - by_fixed[1::2]) / (2 * SECOND_STEP), 0, 1)[None]


def _normal_information(covariance: np.ndarray, d_mean: np.ndarray, d_covariance: np.ndarray) -> np.ndarray:
    """Information of normal distributions; shapes (c, n, n), (c, n, fixed), (c, parameters, n, n)."""
    inverse = np.linalg.inv(covariance)
    weighed = inverse[:, None] @ d_covariance
    shape = weighed.shape[:2]
    flat = weighed.reshape(*shape, -1)
    turned = np.swapaxes(weighed, -1, -2).reshape(*shape, -1)
    found = 0.5 * flat @ np.swapaxes(turned, -1, -2)
    fixed = d_mean.shape[-1]
    found[:, :fixed, :fixed] += np.swapaxes(d_mean, -1, -2) @ inverse @ d_mean
    return 0.5 * (found + np.swapaxes(found, -1, -2))


def _usable(parts: tuple[np.ndarray, ...]) -> np.ndarray:
    """Which samples have finite moments and scatter."""
    finite = [np.isfinite(np.moveaxis(part, 1, 0).reshape(part.shape[1], -1)).all(axis=1) for part in parts]
    return np.logical_and.reduce(finite) & (parts[3] > 0).all(axis=0)
