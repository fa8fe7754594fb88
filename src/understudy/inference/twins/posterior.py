"""Posterior: where each patient's random effects lie given all of his measurements, by one of four methods."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.inference.likelihood import Likelihood
from understudy.inference.modes import definite, find_modes

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Posterior:
    """Distributions of the random effects of N patients.

    Parameters
    ----------
    modes : float array, shape (N, n)
    covariances : float array, shape (N, n, n)
        Of the normal approximation at the mode; of the draws where there are any.
    objective : float array, shape (N,)
        Minus twice the joint log-density at the mode, without terms in 2 pi.
    marginal : float array, shape (N,)
        Minus twice the log-density of the measurements, the random effects integrated out, without terms in 2 pi.
    failed : bool array, shape (N,)
    samples : float array, shape (draws, N, n), or None
    sampling : DataFrame, shape (N, columns), or None
        How well the sampling went.
    cautions : tuple of str, length N
        Empty, or why a patient's draws deserve doubt.
    """

    modes: np.ndarray
    covariances: np.ndarray
    objective: np.ndarray
    marginal: np.ndarray
    failed: np.ndarray
    samples: np.ndarray | None = None
    sampling: pd.DataFrame | None = None
    cautions: tuple[str, ...] = ()


def laplace(likelihood: Likelihood) -> Posterior:
    """The normal distribution with the posterior's mode and its curvature there (Laplace's approximation)."""
    modes, failed = find_modes(likelihood)
    size, active = modes.shape[1], likelihood.active
    covariances = np.zeros((len(modes), size, size))
    objective = likelihood.value(modes[None])[0]
    marginal = objective.copy()
    if active.size:
        found = _posterior_covariances(likelihood, modes, failed)
        covariances[np.ix_(np.arange(len(modes)), active, active)] = found
        marginal += np.linalg.slogdet(likelihood.omega)[1] - np.linalg.slogdet(found)[1]
    return Posterior(
        modes, covariances, objective, np.where(failed, np.nan, marginal), failed, cautions=("",) * len(modes)
    )


def _posterior_covariances(likelihood: Likelihood, modes: np.ndarray, failed: np.ndarray) -> np.ndarray:
    """Inverse curvature at the mode; the expected one where the observed one is not positive definite."""
    observed = likelihood.observed_curvature(modes)
    expected = likelihood.expected_curvature(likelihood.slopes(modes[None]))[0]
    chosen = np.where(definite(observed)[:, None, None], observed, expected)
    chosen[failed] = likelihood.precision
    return np.linalg.inv(chosen)


@dataclass(frozen=True, eq=False)
class Standardised:
    """Random effects counted from the mode, in standard deviations of the normal approximation.

    Parameters
    ----------
    likelihood : Likelihood
    centre : float array, shape (N, n)
    root : float array, shape (N, active, active)
        Lower triangular, its product with its transpose is the covariance.
    """

    likelihood: Likelihood
    centre: np.ndarray
    root: np.ndarray

    @classmethod
    def of(cls, likelihood: Likelihood, posterior: Posterior) -> Standardised:
        """Around a normal approximation."""
        index = np.ix_(np.arange(len(posterior.modes)), likelihood.active, likelihood.active)
        return cls(likelihood, posterior.modes, np.linalg.cholesky(posterior.covariances[index]))

    def vectors(self, z: np.ndarray) -> np.ndarray:
        """Random effects from standardised ones, shape (copies, N, active) to (copies, N, n)."""
        found = np.broadcast_to(self.centre, (len(z), *self.centre.shape)).copy()
        found[..., self.likelihood.active] += np.einsum("nij,knj->kni", self.root, z)
        return found

    def log_density(self, z: np.ndarray) -> np.ndarray:
        """Of random effects and measurements, up to the constants of `Likelihood.value`; shape (copies, N)."""
        # Far out predictions may leave the range of numbers; the density is zero there.
        with np.errstate(all="ignore"):
            return -0.5 * self.likelihood.value(self.vectors(z))

    def with_gradient(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-density and its derivative by `z`, shapes (copies, N) and (copies, N, active)."""
        likelihood = self.likelihood
        with np.errstate(all="ignore"):
            vectors = self.vectors(z)
            at = likelihood.slopes(vectors)
            value = likelihood.data_term(at.prediction, at.variance) + likelihood.prior_term(vectors)
            gradient = -np.einsum("nji,knj->kni", self.root, likelihood.gradient(vectors, at))
            return -0.5 * value, gradient


def with_draws(
    posterior: Posterior, samples: np.ndarray, sampling: pd.DataFrame, cautions: tuple[str, ...]
) -> Posterior:
    """The posterior that draws describe; mode and objective stay, the covariance becomes that of the draws."""
    centred = samples - samples.mean(axis=0)
    spread = np.einsum("kni,knj->nij", centred, centred) / max(len(samples) - 1, 1)
    told = tuple("" if bad else text for bad, text in zip(posterior.failed, cautions, strict=True))
    covariances = np.where(posterior.failed[:, None, None], posterior.covariances, spread)
    return replace(posterior, samples=samples, sampling=sampling, covariances=covariances, cautions=told)
