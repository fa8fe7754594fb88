"""Maximisation: the parameters from draws of the random effects, the M-step of SAEM and of other EM methods.

Delyon B, Lavielle M, Moulines E. Convergence of a stochastic approximation version of the EM algorithm. Ann Stat
1999;27:94-128, doi:10.1214/aos/1018031103. Kuhn E, Lavielle M. Maximum likelihood estimation in nonlinear mixed effects
models. Comput Stat Data Anal 2005;49:1020-1038, doi:10.1016/j.csda.2004.07.001.

- Fixed effects in the means of random effects: by weighted least squares on the averaged random effects, in one step
  where the means are linear in the vector of parameters.
- Variances and covariances of random effects: their averaged squares and products.
- Scales of residual errors: averaged squared residuals.
- What priors add is part of each: least squares have one more term, an inverse Wishart prior adds to mean products in
  closed form, a scale with a prior is sought along its own coordinate. The result is the mode of the posterior of the
  parameters (Dempster, Laird and Rubin 1977, section 1, doi:10.1111/j.2517-6161.1977.tb01600.x).
- All others: a Newton step on the complete-data likelihood of what was just visited, with curvature averaged over
  iterations, shortened as the averages' own steps are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from understudy.inference.estimation.block_covariance import at_least, fitting
from understudy.inference.estimation.complete_data import CompleteData
from understudy.inference.estimation.expected_prior import ExpectedPrior
from understudy.inference.estimation.markov_chain import full_vectors
from understudy.inference.estimation.parameter_space import Values
from understudy.inference.estimation.residual_scale import ResidualScale
from understudy.inference.likelihood import Likelihood

# Of the differences that Newton's steps are made of: coordinates are logarithms or fractions of the first value.
_DIFFERENCE, _LONGEST, _FORGETS = 5e-3, 0.3, 0.3
# How far a scale that has a prior may go in one iteration, along its coordinate.
_FARTHEST = 3.0
# A variance falls no further than to this share of where it began.
_LEAST = 1e-6


class Draws(Protocol):
    """Draws of the random effects given the data: chains, or an importance sample."""

    @property
    def effects(self) -> np.ndarray:
        """Shape (copies, N, active)."""

    @property
    def plain(self) -> np.ndarray:
        """Predictions there, on the measurements' own scale, shape (copies, observations)."""

    @property
    def weights(self) -> np.ndarray:
        """Shape (copies, N); each subject's sum to one."""

    def shifted(self, by: np.ndarray) -> Draws:
        """With effects moved by shape (N, active), as the means that they deviate from move the other way."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """Averages over iterations.

    Parameters
    ----------
    first : float array, shape (N, active)
        Of the random effects.
    second : float array, shape (N, active, active)
        Of their products.
    squares : float array, shape (scales,)
        Of squared residuals, in units of what each scale multiplies.
    curvature : float array, shape (others, others)
        Of the data's term by the parameters that take Newton's steps.
    """

    first: np.ndarray
    second: np.ndarray
    squares: np.ndarray
    curvature: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """As arrays by name, for a checkpoint."""
        return {f"statistics.{each.name}": getattr(self, each.name) for each in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Statistics:
        """What `arrays` gave."""
        return cls(**{each.name: arrays[f"statistics.{each.name}"] for each in fields(cls)})

    def shifted(self, by: np.ndarray) -> Statistics:
        """As random effects move by shape (N, active)."""
        crossed = by[:, :, None] * self.first[:, None]
        second = self.second + crossed + np.swapaxes(crossed, 1, 2) + by[:, :, None] * by[:, None]
        return replace(self, first=self.first + by, second=second)


@dataclass(frozen=True, eq=False)
class Maximisation:
    """The M-step of one task.

    Parameters
    ----------
    complete : CompleteData
    scales : tuple of ResidualScale
    """

    complete: CompleteData
    scales: tuple[ResidualScale, ...]

    @cached_property
    def others(self) -> np.ndarray:
        """Coordinates of the vector that take Newton's steps."""
        places = {each.place for each in self.scales}
        space = self.complete.task.space
        return np.array(
            [
                k
                for k, place in enumerate(space.fixed)
                if k not in self.complete.through_means and place not in places
            ],
            dtype=int,
        )

    def precision(self, vector: np.ndarray, statistics: Statistics) -> np.ndarray:
        """Diagonal of the complete data's information, shape (parameters,): how well individuals, if they were known,
        would tell each parameter."""
        prior = ExpectedPrior(self.complete, vector, statistics.first, statistics.second)
        found = np.diag(prior.curvature).copy()
        found[self.others] = np.diag(statistics.curvature)
        for scale in self.scales:
            k = self.complete.task.space.fixed.index(scale.place)
            value, slope = self._slope(vector, k)
            found[k] = 0.5 * scale.here.sum() * (scale.power * slope / value) ** 2
        return found + 0.5 * np.diag(self.complete.task.space.penalty_curvature(vector))

    def _slope(self, vector: np.ndarray, coordinate: int) -> tuple[float, float]:
        """A fixed effect, and its derivative by its coordinate."""
        scale = self.complete.task.space.scales[coordinate]
        return scale.natural(vector[coordinate]), scale.slope(vector[coordinate])

    def nothing(self) -> Statistics:
        """Statistics before the first iteration."""
        count, size = self.complete.seen.shape
        others = self.others.size
        zeros = np.zeros((count, size)), np.zeros((count, size, size)), np.zeros(len(self.scales))
        return Statistics(*zeros, np.zeros((others, others)))

    def step(
        self, vector: np.ndarray, chains: Draws, statistics: Statistics, rate: float, annealing: float
    ) -> tuple[np.ndarray, Draws, Statistics]:
        """One M-step.

        Parameters
        ----------
        vector : float array, shape (parameters,)
        chains : Draws
            Of the random effects given the data.
        statistics : Statistics
        rate : float
            Weight of what was just visited.
        annealing : float
            The share of themselves that variances may fall to; zero where they may fall to anything.

        Returns
        -------
        vector, chains, statistics
            Random effects are those relative to the new means: the individuals' parameters stay as they are.
        """
        likelihood = self.complete.task.likelihood(vector)
        statistics = self._averaged(likelihood, chains, statistics, rate)
        found = self._regressed(vector, likelihood, statistics)
        by = self.complete.means(np.stack([vector, found]))
        by = by[0] - by[1]
        chains, statistics = chains.shifted(by), statistics.shifted(by)
        found = self._with_moments(found, statistics, annealing)
        return self._moved(found, likelihood, chains, statistics, rate, annealing)

    def _averaged(
        self, likelihood: Likelihood, chains: Draws, statistics: Statistics, rate: float
    ) -> Statistics:
        effects, weights = chains.effects, chains.weights
        first = np.einsum("cn,cni->ni", weights, effects)
        second = np.einsum("cn,cni,cnj->nij", weights, effects, effects)
        now = first, second, self._squares(likelihood, chains)
        before = statistics.first, statistics.second, statistics.squares
        return Statistics(
            *(b + rate * (n - b) for b, n in zip(before, now, strict=True)), statistics.curvature
        )

    def _squares(self, likelihood: Likelihood, chains: Draws) -> np.ndarray:
        """Mean squared residual of each scale's measurements, over what the scale multiplies."""
        if not self.scales:
            return np.zeros(0)
        predictor, vectors = likelihood.predictor, full_vectors(likelihood, chains.effects)
        prediction, variance = predictor.moments(chains.plain, vectors, likelihood.fixed)
        weights = chains.weights[:, predictor.patient]
        squares = (_weighed(weights, (predictor.measured - prediction) ** 2 / variance)).sum(axis=0)
        return np.array([squares[s.here].mean() * likelihood.fixed[s.place] ** s.power for s in self.scales])

    def _regressed(self, vector: np.ndarray, likelihood: Likelihood, statistics: Statistics) -> np.ndarray:
        """The vector with those parameters that are estimated through means: Gauss and Newton's least squares."""
        places = list(self.complete.through_means)
        if not places:
            return vector
        here, space = self.complete.seen.any(axis=1), self.complete.task.space
        target = statistics.first + self.complete.means(vector[None])[0]
        found, lost = vector, np.inf
        moves = 1e-5 * np.eye(vector.size)[places]
        for _ in range(20):
            means = self.complete.means(np.concatenate([[found], found + moves, found - moves]))[:, here]
            apart = means[0] - target[here]
            lost = np.einsum("ni,ij,nj", apart, likelihood.precision, apart) + space.penalty(found)
            slopes = (means[1 : len(moves) + 1] - means[len(moves) + 1 :]) / 2e-5
            weighed = slopes @ likelihood.precision
            system = np.einsum("rni,sni->rs", weighed, slopes)
            gradient = np.einsum("rni,ni->r", weighed, apart)
            if space.has_priors:
                system = system + _bent(0.5 * space.penalty_curvature(found)[np.ix_(places, places)])
                gradient = gradient + 0.5 * space.penalty_gradient(found)[places]
            step = np.zeros(vector.size)
            step[places] = -np.linalg.lstsq(system, gradient, rcond=1e-10)[0]
            found, gain = self._shortened(found, step, target, here, likelihood.precision, lost)
            if gain <= 1e-12 * max(lost, 1.0):
                break
        return found

    def _shortened(self, vector, step, target, here, precision, lost) -> tuple[np.ndarray, float]:
        """The vector after a step short enough to lower what is lost, and by how much it does."""
        step = step * min(1.0, 1.0 / max(np.abs(step).max(), 1e-300))
        for _ in range(20):
            apart = self.complete.means((vector + step)[None])[0, here] - target[here]
            after = np.einsum("ni,ij,nj", apart, precision, apart)
            after += self.complete.task.space.penalty(vector + step)
            if after <= lost:
                return vector + step, lost - after
            step = 0.5 * step
        return vector, 0.0

    def _with_moments(self, vector: np.ndarray, statistics: Statistics, annealing: float) -> np.ndarray:
        """The vector with variances of random effects and scales of residual errors."""
        space = self.complete.task.space
        values = space.values(vector)
        fixed, blocks = values.fixed.copy(), list(values.blocks)
        for origin, places in self._places.items():
            began = np.diag(np.array(space.model.random[origin].covariance))
            least = np.maximum(annealing * np.diag(blocks[origin]), _LEAST * began)
            pattern = np.array(space.model.random[origin].covariance) != 0.0
            products = fitting(self._with_prior(origin, statistics, places), pattern, blocks[origin])
            blocks[origin] = at_least(products, least)
        for scale, square in zip(self.scales, statistics.squares, strict=True):
            new = max(self._scale(vector, scale, square), annealing * fixed[scale.place])
            fixed[scale.place] = _within(new, space.model.fixed[scale.place])
        return space.vector(Values(fixed, tuple(blocks)))

    def _with_prior(self, block: int, statistics: Statistics, places: list[np.ndarray]) -> np.ndarray:
        """Mean products of a block's random effects, over subjects and the places where it stands, and of its prior:
        the covariance of highest posterior density where all of it is free."""
        total, count = 0.0, 0
        for where in places:
            here = self.complete.seen[:, where].all(axis=1)
            total = total + statistics.second[here][:, where[:, None], where].sum(axis=0)
            count += int(here.sum())
        prior = self.complete.task.space.model.random[block].prior
        if prior is None:
            return total / max(count, 1)
        return (total + prior.weight * np.array(prior.mode)) / (count + prior.weight)

    def _scale(self, vector: np.ndarray, scale: ResidualScale, square: float) -> float:
        """A residual scale, from the mean of squared residuals and what is known of it before."""
        space, free = self.complete.task.space, square ** (1.0 / scale.power)
        name = space.model.fixed[scale.place].name
        if not any(name in prior.names for prior in space.model.priors):
            return free
        from scipy.optimize import minimize_scalar

        place, count = space.fixed.index(scale.place), int(scale.here.sum())
        unit = np.eye(vector.size)[place]

        def lost(by: float) -> float:
            moved = vector + by * unit
            value = space.scales[place].natural(moved[place])
            if not value > 0:
                return np.inf
            data = count * (scale.power * np.log(value) + square / value**scale.power)
            return data + space.penalty(moved)

        by = minimize_scalar(
            lost, bounds=(-_FARTHEST, _FARTHEST), method="bounded", options={"xatol": 1e-9}
        ).x
        return space.scales[place].natural(vector[place] + by)

    @cached_property
    def _places(self) -> dict[int, list[np.ndarray]]:
        """Where each estimated block stands among the active random effects."""
        space, effects = self.complete.task.space, self.complete.task.predictor.effects
        rank, found = np.cumsum(effects.active) - 1, {}
        place, origin = 0, 0
        for k, block in enumerate(space.model.random):
            origin = origin if block.same else k
            for _ in range(1 if block.level == "subject" else effects.occasions):
                found.setdefault(origin, []).append(rank[place : place + block.size])
                place += block.size
        return {k: where for k, where in found.items() if k in space.blocks}

    def _moved(
        self, vector: np.ndarray, likelihood: Likelihood, chains: Draws, statistics: Statistics,
        rate: float, annealing: float,
    ) -> tuple[np.ndarray, Draws, Statistics]:  # fmt: skip
        """After Newton's step of the other parameters."""
        if not self.others.size:
            return vector, chains, statistics
        likelihood = self.complete.task.likelihood(vector)
        gradient, curvature = self._differences(vector, likelihood, chains)
        if not (np.isfinite(gradient).all() and np.isfinite(curvature).all()):
            return vector, chains, statistics
        weight = _FORGETS * rate if statistics.curvature.any() else 1.0
        known = statistics.curvature + weight * (curvature - statistics.curvature)
        step, space = np.zeros(vector.size), self.complete.task.space
        gradient = gradient + 0.5 * space.penalty_gradient(vector)[self.others]
        bent = _bent(0.5 * space.penalty_curvature(vector)[np.ix_(self.others, self.others)])
        step[self.others] = -rate * np.linalg.solve(_definite(known) + bent, gradient)
        step *= min(1.0, _LONGEST / max(np.abs(step).max(), 1e-300))
        found = vector + self._annealed(vector, step, likelihood, chains, annealing)
        if self.complete.moves_predictions[self.others].any():
            after = self.complete.task.likelihood(found)
            plain = after.predictor.natural(full_vectors(after, chains.effects), after.fixed)
            chains = replace(chains, plain=plain)
        return found, chains, replace(statistics, curvature=known)

    def _differences(
        self, vector: np.ndarray, likelihood: Likelihood, chains: Draws
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gradient and second derivatives of half of the data's term, over all subjects, a mean over copies."""
        size, unit = self.others.size, _DIFFERENCE * np.eye(vector.size)[self.others]
        rows, columns = np.triu_indices(size, 1)
        shifts = np.concatenate([[np.zeros(vector.size)], unit, -unit, unit[rows] + unit[columns]])
        moved = (shifts[:, self.complete.moves_predictions] != 0).any(axis=1)
        terms = self.complete.terms(likelihood, chains.effects, chains.plain, vector + shifts, moved)
        half = 0.5 * _weighed(chains.weights, terms).sum(axis=(1, 2))
        ahead, behind, both = half[1 : size + 1], half[size + 1 : 2 * size + 1], half[2 * size + 1 :]
        curvature = np.diag((ahead + behind - 2.0 * half[0]) / _DIFFERENCE**2)
        mixed = (both - ahead[rows] - ahead[columns] + half[0]) / _DIFFERENCE**2
        curvature[rows, columns] = curvature[columns, rows] = mixed
        return (ahead - behind) / (2.0 * _DIFFERENCE), curvature

    def _annealed(
        self, vector: np.ndarray, step: np.ndarray, likelihood: Likelihood, chains: Draws, annealing: float
    ) -> np.ndarray:
        """The step, shorter in the parameters of the residual error where it lowers standard deviations too fast."""
        residual = step * ~self.complete.moves_predictions
        if not annealing or not residual.any():
            return step
        vectors = full_vectors(likelihood, chains.effects)
        fixed = self.complete.fixed(np.stack([vector, vector + residual]))
        before, after = (likelihood.predictor.moments(chains.plain, vectors, each)[1] for each in fixed)
        fallen = 0.5 * float(np.mean(np.log(after / before)))
        allowed = np.log(annealing)
        return step if not fallen < allowed else step - residual * (1.0 - allowed / fallen)


def _weighed(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values times weights; what has no weight may be infinite."""
    return np.where(weights > 0, weights, 0.0) * np.where(weights > 0, values, 0.0)


def _within(value: float, parameter) -> float:
    """A value inside of a parameter's bounds."""
    margin = 1e-9 * max(abs(value), 1e-9)
    return float(np.clip(value, parameter.lower + margin, parameter.upper - margin))


def _bent(matrix: np.ndarray) -> np.ndarray:
    """The part of a curvature that bends upwards."""
    values, directions = np.linalg.eigh(matrix)
    return (directions * np.maximum(values, 0.0)) @ directions.T


def _definite(matrix: np.ndarray) -> np.ndarray:
    """A curvature with the same directions, bent upwards in each."""
    sizes = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-12))
    values, directions = np.linalg.eigh(matrix / np.outer(sizes, sizes))
    bent = (directions * np.maximum(np.abs(values), 1e-2)) @ directions.T
    return bent * np.outer(sizes, sizes)
