"""louis_information: the observed information of a population's parameters, from complete data.

Louis TA. Finding the observed information matrix when using the EM algorithm. J R Stat Soc B 1982;44:226-233,
doi:10.1111/j.2517-6161.1982.tb01203.x: the expected complete-data information, less the covariance of the complete-data
score, both given the data. Expectations are over an importance sample of the random effects.
"""

from __future__ import annotations

import numpy as np

from understudy.inference.estimation.complete_data import CompleteData
from understudy.inference.estimation.importance_objective import ImportanceSample
from understudy.inference.estimation.standard_errors import Information
from understudy.inference.likelihood import Likelihood

# Of first differences, and of second ones, in complete-data standard errors.
_FIRST, _SECOND, _LONGEST = 1e-4, 0.1, 0.05
# Values of subjects' densities that are computed at once.
_AT_ONCE = 100_000


def louis_information(complete: CompleteData, vector: np.ndarray, sample: ImportanceSample) -> Information:
    """The observed information, and the outer products of subjects' scores.

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
    likelihood = complete.task.likelihood(vector)
    density = _CompleteDensity(complete, vector, likelihood, sample)
    scores = density.scores()
    weights = sample.weights * density.seen
    own = np.einsum("sn,snp->np", weights, scores)
    # The complete-data score's covariance is what makes differences of its expectation too small a curvature.
    missing = np.einsum("sn,snp,snq->pq", weights, scores, scores) - own.T @ own
    sizes = np.sqrt(np.einsum("sn,snp,snp->p", weights, scores, scores))
    steps = np.minimum(_SECOND / np.maximum(sizes, 1e-12), _LONGEST)
    hessian = density.curvature(steps, weights) - missing
    hessian = 0.5 * (hessian + hessian.T)
    return Information(hessian, own.T @ own, _promise(own.sum(axis=0), hessian))


def _promise(score: np.ndarray, hessian: np.ndarray) -> float:
    if not np.isfinite(hessian).all() or np.linalg.eigvalsh(hessian).min() <= 0:
        return np.inf
    return float(score @ np.linalg.solve(hessian, score))


class _CompleteDensity:
    """Logarithm of the density of data and individuals, of every draw, as a function of the parameters.

    Individuals stay where they are: as means move, random effects move the other way.
    """

    def __init__(
        self, complete: CompleteData, vector: np.ndarray, likelihood: Likelihood, sample: ImportanceSample
    ):
        self.complete, self.vector, self.likelihood, self.sample = complete, vector, likelihood, sample
        predictor = likelihood.predictor
        from understudy.inference.estimation.markov_chain import full_vectors

        self.plain = predictor.natural(full_vectors(likelihood, sample.effects), likelihood.fixed)
        self.seen = np.bincount(predictor.patient, minlength=likelihood.count) > 0
        held = np.ones(vector.size, dtype=bool)
        held[list(complete.through_means)] = False
        self._held = held

    def at(self, vectors: np.ndarray) -> np.ndarray:
        """Values, shape (points, samples, N)."""
        through = np.where(self._held, self.vector, vectors)
        means = self.complete.means(np.concatenate([self.vector[None], through]))
        effects = self.sample.effects + (means[0] - means[1:])[:, None]
        moved = ((vectors != self.vector) & self.complete.moves_predictions).any(axis=1)
        data = self.complete.terms(self.likelihood, effects, self.plain, vectors, moved)
        return -0.5 * (data + self._priors(vectors, effects))

    def _priors(self, vectors: np.ndarray, effects: np.ndarray) -> np.ndarray:
        space, active = self.complete.task.space, self.likelihood.active
        found = np.empty(effects.shape[:-1])
        for k, vector in enumerate(vectors):
            omega = space.omega(space.values(vector))[np.ix_(active, active)]
            whole = np.linalg.solve(np.linalg.cholesky(omega), effects[k].reshape(-1, active.size).T)
            found[k] = (whole**2).sum(axis=0).reshape(found.shape[1:]) + np.linalg.slogdet(omega)[1]
        return found

    def scores(self) -> np.ndarray:
        """Derivatives of every draw's value, shape (samples, N, parameters)."""
        found = []
        for unit in _FIRST * np.eye(self.vector.size):
            ahead, behind = self.at(self.vector + np.stack([unit, -unit]))
            found.append((ahead - behind) / (2.0 * _FIRST))
        return np.stack(found, axis=-1)

    def curvature(self, steps: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Minus the second derivatives of the expected value, shape (parameters, parameters)."""
        size = self.vector.size
        rows, columns = np.triu_indices(size, 1)
        units = np.diag(steps)
        mixed = [
            a * units[rows] + b * units[columns] for a, b in ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))
        ]
        shifts = np.concatenate([np.zeros((1, size)), units, -units, *mixed])
        at_once = max(1, _AT_ONCE // weights.size)
        parts = np.array_split(shifts, -(-len(shifts) // at_once))
        values = np.concatenate([np.einsum("psn,sn->p", self.at(self.vector + p), weights) for p in parts])
        ahead, behind = values[1 : size + 1], values[size + 1 : 2 * size + 1]
        found = np.diag((2.0 * values[0] - ahead - behind) / steps**2)
        pairs = values[2 * size + 1 :].reshape(4, -1)
        crossed = -(pairs[0] - pairs[1] - pairs[2] + pairs[3]) / (4.0 * steps[rows] * steps[columns])
        found[rows, columns] = found[columns, rows] = crossed
        return found
