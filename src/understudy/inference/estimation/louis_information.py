"""louis_information: the observed information of a population's parameters, from complete data.

Louis TA. Finding the observed information matrix when using the EM algorithm. J R Stat Soc B 1982;44:226-233,
doi:10.1111/j.2517-6161.1982.tb01203.x: the expected complete-data information, less the covariance of the complete-data
score, both given the data. Expectations are over an importance sample of the random effects.
"""

from __future__ import annotations

import numpy as np

from understudy.inference.estimation.complete_data import CompleteData
from understudy.inference.estimation.expected_prior import ExpectedPrior
from understudy.inference.estimation.importance_objective import ImportanceSample
from understudy.inference.estimation.markov_chain import full_vectors
from understudy.inference.estimation.second_differences import second_differences
from understudy.inference.estimation.standard_errors import Information

# Of first differences; of second ones, in complete-data standard errors, and the longest.
_FIRST, _SECOND, _LONGEST = 1e-4, 0.1, 0.05
# Weight of a subject's draws that may be left out of second differences, as they cannot be at a neighbouring point.
_LOST = 1e-3
# Subjects' densities that are computed at once.
_AT_ONCE = 100_000


def louis_information(complete: CompleteData, vector: np.ndarray, sample: ImportanceSample) -> Information:
    """The observed information, and the outer products of subjects' scores, with what priors add to both.

    Parameters
    ----------
    complete : CompleteData
    vector : float array, shape (parameters,)
    sample : ImportanceSample
        At these parameters.

    Returns
    -------
    Information
    """
    density = _Density(complete, vector, sample)
    scores = density.scores()
    own = np.einsum("sn,snp->np", density.weights, scores)
    squares = np.einsum("sn,snp,snq->pq", density.weights, scores, scores)
    # What the data do not tell of the individuals: the covariance of the complete data's score.
    hessian = density.curvature(np.sqrt(np.diag(squares))) - (squares - own.T @ own)
    known = 0.5 * complete.task.space.penalty_curvature(vector)
    score = own.sum(axis=0) - 0.5 * complete.task.space.penalty_gradient(vector)
    apart = density.weights[..., None] * (scores - own)
    noise = np.einsum("snp,snq->pq", apart, apart)
    promise = _promise(score, hessian + known, noise)
    return Information(hessian + known, own.T @ own + known, promise, score)


def _promise(score: np.ndarray, hessian: np.ndarray, noise: np.ndarray) -> float:
    """By how much the objective would fall in a Newton step, beyond what the sample's own noise promises.

    Infinite where the curvature is none.
    """
    if not np.isfinite(hessian).all() or np.linalg.eigvalsh(hessian).min() <= 0:
        return np.inf
    inverse = np.linalg.inv(hessian)
    return max(0.0, float(score @ inverse @ score - np.trace(inverse @ noise)))


class _Density:
    """Logarithm of the density of data and individuals, of every draw, as a function of the parameters.

    For given individuals, the data depend on residual errors and on fixed effects that have no random effect; the
    individuals depend on all others.
    """

    def __init__(self, complete: CompleteData, vector: np.ndarray, sample: ImportanceSample):
        self.complete, self.vector, self.sample = complete, vector, sample
        self.likelihood = likelihood = complete.task.likelihood(vector)
        self.plain = likelihood.predictor.natural(full_vectors(likelihood, sample.effects), likelihood.fixed)
        self.weights = sample.weights * complete.seen.any(axis=1)
        products = np.einsum("sn,sni,snj->nij", sample.weights, sample.effects, sample.effects)
        self.prior = ExpectedPrior(complete, vector, sample.means, products)
        others = np.arange(len(complete.task.space.fixed))
        self.of_data = others[~np.isin(others, complete.through_means)]

    def scores(self) -> np.ndarray:
        """Derivatives of every draw's value, shape (samples, N, parameters)."""
        found = np.empty((*self.weights.shape, self.vector.size))
        for k in range(self.vector.size):
            unit = _FIRST * np.eye(self.vector.size)[k]
            value = self._data if k in self.of_data else self._prior
            ahead, behind = value(self.vector + np.stack([unit, -unit]))
            found[..., k] = -0.5 * (ahead - behind) / (2.0 * _FIRST)
        return found

    def curvature(self, sizes: np.ndarray) -> np.ndarray:
        """Minus the expected second derivatives, shape (parameters, parameters)."""
        steps = np.minimum(_SECOND / np.maximum(sizes, 1e-12), _LONGEST)
        found, where = self.prior.curvature, self.of_data
        if where.size:
            found[np.ix_(where, where)] = second_differences(
                self._expected_data, self.vector, where, steps[where]
            )
        return found

    def _expected_data(self, vectors: np.ndarray) -> np.ndarray:
        """Half of the data's term, expected over the draws, shape (points,)."""
        found, possible = self._weighted(vectors, self.weights)
        lost = np.where(possible, 0.0, self.weights).sum(axis=0)
        if possible.all() or lost.max() > _LOST:
            return found
        return self._weighted(vectors, np.where(possible, self.weights, 0.0))[0]

    def _weighted(self, vectors: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Half of the data's term summed over the draws, and which draws can be at all of the points."""
        at_once = max(1, _AT_ONCE // weights.size)
        found, possible = [], np.ones(weights.shape, dtype=bool)
        for k in range(0, len(vectors), at_once):
            terms = np.where(weights > 0, self._data(vectors[k : k + at_once]), 0.0)
            possible &= np.isfinite(terms).all(axis=0)
            found.append(0.5 * np.einsum("psn,sn->p", terms, weights))
        return np.concatenate(found), possible

    def _data(self, vectors: np.ndarray) -> np.ndarray:
        """The data's term at vectors of shape (points, parameters): (points, samples, N)."""
        moved = ((vectors != self.vector) & self.complete.moves_predictions).any(axis=1)
        found = self.complete.terms(self.likelihood, self.sample.effects, self.plain, vectors, moved)
        # What cannot be, as a level below zero seen through logarithms, has no weight, and no derivatives.
        return np.where(self.weights > 0, found, 0.0)

    def _prior(self, vectors: np.ndarray) -> np.ndarray:
        """The random effects' term at vectors of shape (points, parameters): (points, samples, N)."""
        means = self.complete.means(np.concatenate([self.vector[None], vectors]))
        found = np.empty((len(vectors), *self.weights.shape))
        for k, vector in enumerate(vectors):
            effects, omega = self.sample.effects + (means[0] - means[k + 1]), self.complete.omega(vector)
            precision = np.linalg.inv(omega)
            found[k] = np.einsum("sni,ij,snj->sn", effects, precision, effects, optimize=True)
            found[k] += np.linalg.slogdet(omega)[1]
        return found
