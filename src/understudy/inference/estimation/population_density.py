"""Population density: the joint posterior density of a population's parameters and all individuals' random effects.

A point is the vector of parameters, then each patient's random effects: either themselves (centred), or not centred as
z with ``eta = L z``, L the Cholesky factor of omega; block by block of random effects. Where data say much of each
individual, eta hardly depends on omega, and where they say little z hardly does (Betancourt and Girolami 2015,
arXiv:1312.0906).
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

_Part = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class PopulationDensity:
    """The density and its exact gradient, for all chains at once.

    Parameters
    ----------
    task : Task
    prior : PopulationPrior
    centred : tuple of bool
        Which of the random effects that vary are themselves; all of a block, or none. Empty: none at all.
    """

    task: Task
    prior: PopulationPrior
    centred: tuple[bool, ...] = ()

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

    @cached_property
    def is_centred(self) -> np.ndarray:
        """Which of the random effects that vary are themselves, shape (active,)."""
        return np.array(self.centred or (False,) * self.factor.active.size, dtype=bool)

    def parts(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The factor's blocks of what is centred and of what is not, shape (..., active, active) each, ones elsewhere:
        L is their product."""
        factor, unit = self.factor.of(vectors), np.eye(self.factor.active.size)
        rows = self.is_centred[:, None]
        return np.where(rows, factor, unit), np.where(rows, unit, factor)

    def split(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vectors of parameters, shape (..., parameters), and z or eta, shape (..., N, active)."""
        vectors, rest = points[..., : self.parameters], points[..., self.parameters :]
        return vectors, rest.reshape(*points.shape[:-1], *self.individuals)

    def effects(self, points: np.ndarray) -> np.ndarray:
        """Random effects of every patient, shape (..., N, n), zero where they do not vary."""
        vectors, own = self.split(points)
        full = np.zeros((*own.shape[:-1], self.task.space.effects.active.size))
        full[..., self.factor.active] = own @ np.swapaxes(self.parts(vectors)[1], -1, -2)
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
        vectors, own = self.split(points)
        at = self.task.predictor.slopes(self.effects(points), self.fixed(vectors), with_fixed=True)
        data = -0.5 * self._likelihood.data_term(at.prediction, at.variance).sum(axis=1)
        before, by_prior = self.prior(vectors)
        by_fixed, by_eta = self._by_data(-self._likelihood.scores(at))
        among, by_factor, by_own = self._among(vectors, own, by_eta)
        value, by_vector = data + among + before, by_prior + self.factor.gradient(vectors, by_factor)
        for column, scale in enumerate(self.task.space.scales):
            by_vector[:, column] += by_fixed[:, column] * scale.slope(vectors[:, column])
        gradient = np.concatenate([by_vector, by_own.reshape(len(points), -1)], axis=1)
        return np.where(np.isfinite(value), value, -np.inf), gradient

    def _by_data(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of the data's log-density by fixed effects and by eta, from each observation's."""
        size = self.factor.active.size
        by_eta = self._likelihood.sum_by_patient(np.moveaxis(scores[..., :size], -1, 0))
        return scores[..., size:].sum(axis=1), np.moveaxis(by_eta, 0, -1)

    def _among(self, vectors: np.ndarray, own: np.ndarray, by_eta: np.ndarray) -> _Part:
        """The individuals' log-density, and derivatives by the factor and by each individual's own z or eta."""
        centred, scaled = self.parts(vectors)
        z = np.swapaxes(np.linalg.solve(centred, np.swapaxes(own, 1, 2)), 1, 2)
        pull = np.swapaxes(np.linalg.solve(np.swapaxes(centred, 1, 2), np.swapaxes(z, 1, 2)), 1, 2)
        # The diagonal is one where nothing is centred.
        diagonal = np.diagonal(centred, axis1=1, axis2=2)
        value = -0.5 * (z**2).sum(axis=(1, 2)) - own.shape[1] * np.log(diagonal).sum(axis=1)
        shrinking = own.shape[1] / diagonal[:, :, None] * np.eye(centred.shape[1])
        by_factor = np.where(
            self.is_centred[:, None],
            np.einsum("cni,cnj->cij", pull, z) - shrinking,
            np.einsum("cni,cnj->cij", by_eta, own),
        )
        return value, by_factor, by_eta @ scaled - pull
