"""Mixture objective: a conditional objective function of subjects who belong to one of several subpopulations.

A subject's likelihood is the sum over subpopulations of its probability times the likelihood there, each approximated
as without a mixture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from understudy.inference.estimation.quasi_newton import Point

if TYPE_CHECKING:
    from understudy.inference.estimation.conditional_search import ConditionalObjective
    from understudy.inference.estimation.method import Task

# Of differences of an equation without a solver in it.
_STEP = 1e-6


@dataclass(frozen=True, eq=False)
class MixtureObjective:
    """The objective of all subpopulations together.

    Parameters
    ----------
    task : Task
        With the predictors of its subpopulations.
    parts : tuple of ConditionalObjective
        One for each.
    """

    task: Task
    parts: tuple[ConditionalObjective, ...]

    def point(self, vector: np.ndarray, near: Point | None) -> Point:
        """The objective at a vector; infinite where it is undefined."""
        before = [None] * len(self.parts) if near is None or near.state is None else near.state
        found = [part.point(vector, each) for part, each in zip(self.parts, before, strict=True)]
        shares, slopes = self._shares(vector)
        if not all(np.isfinite(each.value) for each in found) or not np.isfinite(shares).all():
            return Point(vector, np.inf, np.full_like(found[0].gradients, np.nan))
        weights, values = self._weights(found, shares)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_share = np.where(shares[:, None] > 0, slopes / shares[:, None], 0.0)
        gradients = sum(
            weights[k][:, None] * (each.gradients - 2.0 * by_share[k]) for k, each in enumerate(found)
        )
        space = self.task.space
        total = float(values.sum()) + space.penalty(vector)
        return Point(vector, total, gradients, tuple(found), space.penalty_gradient(vector))

    def at(self, vector: np.ndarray, modes: np.ndarray) -> Point:
        """The objective at a vector; the modes of every subpopulation are sought."""
        return self.point(vector, None)

    def effects(self, point: Point) -> np.ndarray:
        """Modes of each subject in its most probable subpopulation, shape (N, n)."""
        best = self.probabilities(point).argmax(axis=1)
        modes = np.stack([each.state[0] for each in point.state])
        return modes[best, np.arange(len(best))]

    def probabilities(self, point: Point) -> np.ndarray:
        """Of each subject to belong to each subpopulation, given the data, shape (N, subpopulations)."""
        return self._weights(point.state, self._shares(point.vector)[0])[0].T

    @staticmethod
    def _weights(found, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of subpopulations, shape (subpopulations, N), and each subject's part of the objective."""
        from scipy.special import logsumexp

        with np.errstate(divide="ignore"):
            logs = np.log(shares)[:, None] - 0.5 * np.stack([each.state[1].values for each in found])
        whole = logsumexp(logs, axis=0)
        return np.exp(logs - whole), -2.0 * whole

    def _shares(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of the subpopulations, and their derivatives by the vector."""
        space, fixed = self.task.space, self.task.space.values(vector).fixed
        by_fixed = []
        for k in space.fixed:
            step = np.zeros_like(fixed)
            step[k] = _STEP * max(abs(fixed[k]), _STEP)
            by_fixed.append((self._evaluated(fixed + step) - self._evaluated(fixed - step)) / (2 * step[k]))
        size = int(self.task.predictor.effects.active.sum())
        none = np.zeros((self._mixture.size, size, size))
        moved = np.array(by_fixed).T.reshape(self._mixture.size, len(space.fixed))
        return self._mixture.shares(self._named(fixed)), space.gradient(vector, moved, none)

    @cached_property
    def _mixture(self):
        return self.task.space.model.mixture

    def _named(self, fixed: np.ndarray) -> dict[str, float]:
        return {p.name: float(v) for p, v in zip(self.task.space.model.fixed, fixed, strict=True)}

    def _evaluated(self, fixed: np.ndarray) -> np.ndarray:
        named = self._named(fixed)
        return np.array([float(each.evaluate(named)) for each in self._mixture.probabilities])


def parts_of(task: Task) -> list[Task]:
    """The same task in each subpopulation."""
    return [replace(task, predictor=each, classes=()) for each in task.classes]
