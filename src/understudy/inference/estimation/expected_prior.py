"""ExpectedPrior: the part of the complete-data likelihood that random effects have, given their moments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.inference.estimation.complete_data import CompleteData
from understudy.inference.estimation.second_differences import second_differences

# Of second differences: coordinates are logarithms, fractions, or have about this part of a standard error.
_STEP = 1e-3


@dataclass(frozen=True, eq=False)
class ExpectedPrior:
    """Half of minus twice the expected log-density of the random effects, as a function of the parameters.

    Individuals stay where they are: as means move, random effects move the other way.

    Parameters
    ----------
    complete : CompleteData
    vector : float array, shape (parameters,)
        At which the effects have their moments.
    first : float array, shape (N, active)
        Their means.
    second : float array, shape (N, active, active)
        Means of their products.
    """

    complete: CompleteData
    vector: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @cached_property
    def coordinates(self) -> np.ndarray:
        """Coordinates of the vector that it depends on."""
        size = len(self.complete.task.space.fixed)
        return np.array([*self.complete.through_means, *range(size, self.vector.size)], dtype=int)

    def at(self, vectors: np.ndarray) -> np.ndarray:
        """Values at vectors of shape (points, parameters): (points,), over subjects with observations."""
        here = self.complete.seen.any(axis=1)
        means = self.complete.means(np.concatenate([self.vector[None], vectors]))[:, here]
        found = np.empty(len(vectors))
        for k, vector in enumerate(vectors):
            by = means[0] - means[k + 1]
            crossed = np.einsum("ni,nj->ij", by, self.first[here])
            total = self.second[here].sum(axis=0) + crossed + crossed.T + by.T @ by
            omega = self.complete.omega(vector)
            found[k] = np.trace(np.linalg.solve(omega, total)) + here.sum() * np.linalg.slogdet(omega)[1]
        return 0.5 * found

    @property
    def curvature(self) -> np.ndarray:
        """Second derivatives by all parameters, shape (parameters, parameters); zero by those it does not depend on."""
        found = np.zeros((self.vector.size, self.vector.size))
        where = self.coordinates
        found[np.ix_(where, where)] = second_differences(
            self.at, self.vector, where, np.full(where.size, _STEP)
        )
        return found
