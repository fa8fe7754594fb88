"""Population density: the joint posterior density of a population's parameters and all individuals' random effects.

A point is the vector of parameters, then each patient's random effects, not centred: as z with ``eta = L z``, L the
Cholesky factor of omega (Betancourt and Girolami 2015, arXiv:1312.0906).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.omega_factor import OmegaFactor
from understudy.inference.estimation.population_prior import PopulationPrior
from understudy.inference.likelihood import Likelihood


@dataclass(frozen=True, eq=False)
class PopulationDensity:
    """The density and its exact gradient, for all chains at once.

    Parameters
    ----------
    task : Task
    prior : PopulationPrior
    """

    task: Task
    prior: PopulationPrior

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-densities up to a constant, shape (copies,), and gradients, at points of shape (copies, dimensions).

        Minus infinity where predictions are undefined, or no engine can have an answer.
        """
        try:
            with np.errstate(all="ignore"):
                return self._at(points)
        except (SimulationError, np.linalg.LinAlgError):
            if len(points) == 1:
                return np.full(1, -np.inf), np.zeros_like(points)
            # One chain has come to parameters that cannot be simulated, or to an omega that is none any more.
            apart = [self(point[None]) for point in points]
            return tuple(np.concatenate(parts) for parts in zip(*apart, strict=True))

    @property
    def parameters(self) -> int:
        """How many coordinates are of the population."""
        return len(self.task.space.names)

    @property
    def individuals(self) -> tuple[int, int]:
        """Patients and random effects of each."""
        return len(self.task.predictor.patients), self.factor.active.size

    @property
    def dimensions(self) -> int:
        """Of a point."""
        count, size = self.individuals
        return self.parameters + count * size

    @cached_property
    def factor(self) -> OmegaFactor:
        """Of the covariance of random effects."""
        return OmegaFactor(self.task.space)

    def split(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vectors of parameters, shape (..., parameters), and z, shape (..., N, active)."""
        vectors, rest = points[..., : self.parameters], points[..., self.parameters :]
        return vectors, rest.reshape(*points.shape[:-1], *self.individuals)

    def effects(self, points: np.ndarray) -> np.ndarray:
        """Random effects of every patient, shape (..., N, n), zero where they do not vary."""
        vectors, z = self.split(points)
        full = np.zeros((*z.shape[:-1], self.task.space.effects.active.size))
        full[..., self.factor.active] = z @ np.swapaxes(self.factor.of(vectors), -1, -2)
        return full

    def fixed(self, vectors: np.ndarray) -> np.ndarray:
        """Fixed effects, shape (copies, fixed effects)."""
        space = self.task.space
        found = np.tile([p.value for p in space.model.fixed], (len(vectors), 1))
        for column, (place, scale) in enumerate(zip(space.fixed, space.scales, strict=True)):
            found[:, place] = scale.natural(vectors[:, column])
        return found

    @cached_property
    def _likelihood(self) -> Likelihood:
        return Likelihood(self.task.predictor)

    def _at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vectors, z = self.split(points)
        at = self.task.predictor.slopes(self.effects(points), self.fixed(vectors), with_fixed=True)
        data = -0.5 * self._likelihood.data_term(at.prediction, at.variance).sum(axis=1)
        before, by_prior = self.prior(vectors)
        by_fixed, by_eta = self._by_data(-self._likelihood.scores(at))
        value = data - 0.5 * (z**2).sum(axis=(1, 2)) + before
        by_factor = np.einsum("cni,cnj->cij", by_eta, z)
        by_vector = by_prior + self.factor.gradient(vectors, by_factor)
        for column, scale in enumerate(self.task.space.scales):
            by_vector[:, column] += by_fixed[:, column] * scale.slope(vectors[:, column])
        by_z = by_eta @ self.factor.of(vectors) - z
        gradient = np.concatenate([by_vector, by_z.reshape(len(points), -1)], axis=1)
        return np.where(np.isfinite(value), value, -np.inf), gradient

    def _by_data(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of the data's log-density by fixed effects and by eta, from each observation's."""
        size = self.factor.active.size
        by_eta = self._likelihood.sum_by_patient(np.moveaxis(scores[..., :size], -1, 0))
        return scores[..., size:].sum(axis=1), np.moveaxis(by_eta, 0, -1)
