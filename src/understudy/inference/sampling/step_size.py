"""Step size: learnt in the warm-up by dual averaging, so that steps are accepted as often as is wanted.

Hoffman and Gelman 2014 (arXiv:1111.4246), section 3.2, with their constants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SHRINKAGE, _OFFSET, _FORGETTING = 0.05, 10.0, 0.75


@dataclass(eq=False)
class StepSize:
    """Step sizes of many chains; arrays of shape (chains, targets).

    Parameters
    ----------
    size : float array
        Held at present.
    goal : float
        Acceptance probability.
    centre : float array
        Logarithm of the size towards which early ones are drawn: ten times the first.
    averaged, error : float arrays
        Mean logarithm of the size, mean lack of acceptance.
    count : float array
        Trajectories learnt from.
    """

    size: np.ndarray
    goal: float
    centre: np.ndarray
    averaged: np.ndarray
    error: np.ndarray
    count: np.ndarray

    @classmethod
    def begin(cls, start: np.ndarray, goal: float, first: np.ndarray | None = None) -> StepSize:
        """For densities of standard deviation one in so many dimensions: the error grows with their fourth root."""
        shape = start.shape[:2]
        first = np.full(shape, max(start.shape[2], 1) ** -0.25) if first is None else first.copy()
        return cls(first, goal, np.log(10 * first), np.log(first), np.zeros(shape), np.zeros(shape))

    def learn(self, which: np.ndarray, acceptance: np.ndarray, last: np.ndarray) -> None:
        """Learn from trajectories that have ended; after the `last` one of a warm-up the mean size is held."""
        self.count += which
        share = 1.0 / (self.count + _OFFSET)
        error = (1 - share) * self.error + share * (self.goal - acceptance)
        self.error = np.where(which, error, self.error)
        with np.errstate(divide="ignore", invalid="ignore"):
            size = self.centre - np.sqrt(self.count) / _SHRINKAGE * self.error
            weight = self.count**-_FORGETTING
            averaged = weight * size + (1 - weight) * self.averaged
        self.averaged = np.where(which, averaged, self.averaged)
        chosen = np.where(last, self.averaged, size)
        self.size = np.where(which, np.exp(np.clip(chosen, -20.0, 5.0)), self.size)
