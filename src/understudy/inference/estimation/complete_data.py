"""Complete data: the density of the data given random effects, at several values of the fixed effects at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.inference.estimation.markov_chain import full_vectors
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.mu_reference import MuReferences
from understudy.inference.likelihood import Likelihood


@dataclass(frozen=True, eq=False)
class CompleteData:
    """The complete-data likelihood of a task and which parameters are estimated by what part of it.

    Parameters
    ----------
    task : Task
    """

    task: Task

    @cached_property
    def references(self) -> MuReferences:
        """What is referenced."""
        return MuReferences(self.task.predictor)

    @cached_property
    def through_means(self) -> tuple[int, ...]:
        """Coordinates of the vector that are estimated through the means of random effects."""
        space = self.task.space
        return tuple(k for k, place in enumerate(space.fixed) if place in self.references.fixed)

    @cached_property
    def moves_predictions(self) -> np.ndarray:
        """Which coordinates of the vector change predictions for given individuals, shape (parameters,)."""
        space, model = self.task.space, self.task.predictor.model
        names = {n for item in model.individual for n in item.expression.names}
        names |= {*model.structural.parameter_names}
        found = np.zeros(len(space.names), dtype=bool)
        for k, place in enumerate(space.fixed):
            found[k] = model.fixed[place].name in names and k not in self.through_means
        return found

    @cached_property
    def seen(self) -> np.ndarray:
        """Which active random effects there are data to tell of, shape (N, active)."""
        predictor = self.task.predictor
        observed = np.bincount(predictor.patient, minlength=len(predictor.patients)) > 0
        record = predictor.schedule.record
        there = np.zeros((len(predictor.patients), predictor.effects.occasions), dtype=bool)
        there[predictor.schedule.patient, predictor.occasion[record]] = True
        columns = [
            observed & (True if occasion is None else there[:, occasion])
            for _, occasion in predictor.effects.entries
        ]
        shape = (len(predictor.patients), len(columns))
        return np.array(columns, dtype=bool).T.reshape(shape)[:, predictor.effects.active]

    def means(self, vectors: np.ndarray) -> np.ndarray:
        """Means of the active random effects at vectors of shape (points, parameters): (points, N, active)."""
        return self.references.means(self.fixed(vectors))[..., self.task.predictor.effects.active]

    def omega(self, vector: np.ndarray) -> np.ndarray:
        """Covariance of the active random effects, shape (active, active)."""
        space, active = self.task.space, np.flatnonzero(self.task.predictor.effects.active)
        return space.omega(space.values(vector))[np.ix_(active, active)]

    def fixed(self, vectors: np.ndarray) -> np.ndarray:
        """Fixed effects at vectors of shape (points, parameters): (points, fixed effects)."""
        space = self.task.space
        found = np.tile([p.value for p in space.model.fixed], (len(vectors), 1))
        for column, (place, scale) in enumerate(zip(space.fixed, space.scales, strict=True)):
            found[:, place] = [scale.natural(each) for each in vectors[:, column]]
        return found

    def terms(
        self, likelihood: Likelihood, effects: np.ndarray, plain: np.ndarray, vectors: np.ndarray,
        moved: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Minus twice the log-density of the data given the random effects, at several vectors of parameters.

        Parameters
        ----------
        likelihood : Likelihood
            At parameters near by.
        effects : float array, shape (copies, N, active) or (points, copies, N, active)
        plain : float array, shape (copies, observations)
            Predictions there at the likelihood's own parameters.
        vectors : float array, shape (points, parameters)
        moved : bool array, shape (points,), optional
            Where predictions are others; everywhere where it is left out.

        Returns
        -------
        float array, shape (points, copies, N)
        """
        copies, points = len(plain), len(vectors)
        anew = np.ones(points, dtype=bool) if moved is None else moved
        fixed = np.repeat(self.fixed(vectors), copies, axis=0)
        own = np.broadcast_to(effects, (points, *effects.shape[-3:])).reshape(-1, *effects.shape[-2:])
        wide = full_vectors(likelihood, own)
        found = np.tile(plain, (points, 1))
        again = np.repeat(anew, copies)
        if again.any():
            found[again] = self.task.predictor.natural(wide[again], fixed[again])
        moments = self.task.predictor.moments(found, wide, fixed)
        return likelihood.data_term(*moments).reshape(points, copies, -1)
