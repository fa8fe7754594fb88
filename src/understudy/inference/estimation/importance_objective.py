"""importance_objective: the likelihood by importance sampling, with its Monte Carlo standard error.

Each subject's integral over the random effects is the mean of joint over proposal density, for draws from a
distribution around the subject's conditional mean, by default a t distribution with five degrees of freedom (Kuhn
and Lavielle 2005, doi:10.1016/j.csda.2004.07.001, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from understudy.inference.estimation.markov_chain import full_vectors
from understudy.inference.estimation.proposal import Proposal
from understudy.inference.likelihood import Likelihood

PROPOSAL = Proposal()
# Subjects times copies that are predicted at once.
_AT_ONCE = 20_000


@dataclass(frozen=True, eq=False)
class ImportanceSample:
    """Draws of every subject's random effects with their weights.

    Parameters
    ----------
    effects : float array, shape (samples, N, active)
    weights : float array, shape (samples, N)
        Each subject's sum to one.
    values : float array, shape (N,)
        Each subject's minus twice log-likelihood, without the terms in 2 pi; zero without an observation.
    errors : float array, shape (N,)
        Their Monte Carlo standard errors.
    plain : float array, shape (samples, observations)
        Predictions there, on the measurements' own scale.
    """

    effects: np.ndarray
    weights: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    plain: np.ndarray

    def shifted(self, by: np.ndarray) -> ImportanceSample:
        """With effects moved by shape (N, active), as the means that they deviate from move the other way."""
        return replace(self, effects=self.effects + by)

    @property
    def objective(self) -> float:
        """Minus twice the log-likelihood, without the terms in 2 pi."""
        return float(self.values.sum())

    @property
    def error(self) -> float:
        """Its Monte Carlo standard error."""
        return float(np.sqrt((self.errors**2).sum()))

    @property
    def effective(self) -> np.ndarray:
        """How many independent draws from the posterior each subject's are worth, shape (N,)."""
        return 1.0 / (self.weights**2).sum(axis=0)

    @property
    def means(self) -> np.ndarray:
        """Conditional means of the random effects, shape (N, active)."""
        return np.einsum("sn,sni->ni", self.weights, self.effects)

    @property
    def covariances(self) -> np.ndarray:
        """Conditional covariances of the random effects, shape (N, active, active)."""
        apart = self.effects - self.means
        return np.einsum("sn,sni,snj->nij", self.weights, apart, apart)


def importance_objective(
    likelihood: Likelihood, means: np.ndarray, covariances: np.ndarray, samples: int = 1000, seed: int = 0,
    proposal: Proposal = PROPOSAL, purpose: str = "importance",
) -> ImportanceSample:  # fmt: skip
    """The likelihood by importance sampling.

    Parameters
    ----------
    likelihood : Likelihood
    means : float array, shape (N, active)
        About the conditional means, or modes, of the active random effects.
    covariances : float array, shape (N, active, active)
        About their conditional covariances.
    samples : int
        Of each subject.
    seed : int
    proposal : Proposal
    purpose : str
        Other purposes have other random numbers.

    Returns
    -------
    ImportanceSample
        With the objective function and its error.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> from understudy.inference.predictor import Predictor
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> likelihood = Likelihood(Predictor(load_model("phenobarbital_neonates"), records))
    >>> wide = np.broadcast_to(likelihood.omega, (likelihood.count, 2, 2))
    >>> found = importance_objective(likelihood, np.zeros((likelihood.count, 2)), wide, samples=2000)
    >>> bool(abs(found.objective - 586.9) < 5 * found.error < 5)
    True
    """
    samples = proposal.samples(samples)
    places, density = proposal.draws(*means.shape, samples, seed, purpose)
    spread = np.linalg.cholesky(covariances)
    effects = means + np.einsum("nij,snj->sni", spread, places)
    joint, plain = _joint(likelihood, effects)
    with np.errstate(invalid="ignore"):
        logs = np.log(np.diagonal(spread, axis1=1, axis2=2)).sum(axis=1) - 0.5 * joint - density
    highest = logs.max(axis=0)
    relative = np.exp(logs - highest)
    mean = relative.mean(axis=0)
    seen = np.bincount(likelihood.predictor.patient, minlength=likelihood.count) > 0
    values = np.where(seen, -2.0 * (np.log(mean) + highest), 0.0)
    groups = proposal.groups(samples)
    parts = relative.reshape(groups, -1, likelihood.count).mean(axis=1)
    errors = np.where(seen, 2.0 * parts.std(axis=0, ddof=1) / mean / np.sqrt(groups), 0.0)
    return ImportanceSample(effects, relative / relative.sum(axis=0), values, errors, plain)


def _joint(likelihood: Likelihood, effects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minus twice the joint log-density of data and random effects, without the data's terms in 2 pi; predictions."""
    predictor, size = likelihood.predictor, likelihood.active.size
    constant = np.linalg.slogdet(likelihood.omega)[1] + size * np.log(2.0 * np.pi)
    joint, plain = [], []
    for part in np.array_split(effects, max(1, len(effects) * likelihood.count // _AT_ONCE)):
        vectors = full_vectors(likelihood, part)
        plain.append(predictor.natural(vectors, likelihood.fixed))
        data = likelihood.data_term(*predictor.moments(plain[-1], vectors, likelihood.fixed))
        joint.append(data + likelihood.prior_term(vectors) + constant)
    return np.concatenate(joint), np.concatenate(plain)
