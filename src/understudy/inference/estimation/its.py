"""ITS: the iterative two-stage method.

Steimer JL, Mallet A, Golmard JL, Boisvieux JF. Alternative approaches to estimation of population pharmacokinetic
parameters: comparison with the nonlinear mixed-effect model. Drug Metab Rev 1984;15:265-292,
doi:10.3109/03602538409015066; Bauer RJ, Guzy S, Ng C. AAPS J 2007;9:E60-E83, doi:10.1208/aapsj0901007.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from understudy.inference.estimation.em_search import ExpectationMaximisation, Posterior
from understudy.inference.estimation.importance_objective import ImportanceSample, importance_objective
from understudy.inference.estimation.markov_chain import full_vectors
from understudy.inference.estimation.method import Estimate, Task
from understudy.inference.estimation.normal_posterior import normal_posterior
from understudy.inference.estimation.standard_errors import Information
from understudy.inference.likelihood import Likelihood


@dataclass(frozen=True)
class ITS(ExpectationMaximisation):
    """Iterative two-stage: EM as if each subject's posterior were normal about its mode.

    Quick and robust, and what other methods may begin with. Estimates are biased where data are sparse; the objective
    is Laplace's. The normal distribution is represented by two points along each of its axes, which have its mean and
    covariance.

    Parameters
    ----------
    iterations, window
        See `ExpectationMaximisation`.
    tolerance : float
        By how much a parameter may rise or fall over the window.

    Examples
    --------
    >>> ITS().name
    'ITS'
    """

    tolerance: float = 1e-3

    def points(self, task: Task, likelihood: Likelihood, number: int, before: Posterior) -> ImportanceSample:
        """Points of the normal distribution about the modes."""
        sought = normal_posterior(likelihood, full_vectors(likelihood, before.means))
        size = likelihood.active.size
        along = np.sqrt(size) * np.linalg.cholesky(sought.covariances)
        effects = np.concatenate([sought.means + np.moveaxis(sign * along, 2, 0) for sign in (1.0, -1.0)])
        weights = np.full(effects.shape[:2], 1.0 / len(effects))
        plain = likelihood.predictor.natural(full_vectors(likelihood, effects), likelihood.fixed)
        values = _laplace(likelihood, Posterior(sought.means, sought.covariances))
        return ImportanceSample(effects, weights, values, np.zeros(likelihood.count), plain)

    def concluded(self, task: Task, likelihood: Likelihood, posterior: Posterior) -> ImportanceSample:
        """The same as in an iteration."""
        return self.points(task, likelihood, 0, posterior)

    def drawn(self, task: Task, likelihood: Likelihood, posterior: Posterior) -> ImportanceSample:
        """An importance sample about the modes."""
        return importance_objective(likelihood, posterior.means, posterior.covariances, seed=task.seed)

    def information(self, task: Task, estimate: Estimate) -> Information | None:
        """Curvature of the likelihood at the estimates, which are not quite where it is largest."""
        found = super().information(task, estimate)
        return replace(found, promise=0.0) if np.isfinite(found.promise) else found


def _laplace(likelihood: Likelihood, about: Posterior) -> np.ndarray:
    """Each subject's objective by Laplace's approximation, shape (N,)."""
    joint = likelihood.value(full_vectors(likelihood, about.means[None]))[0]
    sizes = np.linalg.slogdet(likelihood.omega)[1] - np.linalg.slogdet(about.covariances)[1]
    seen = np.bincount(likelihood.predictor.patient, minlength=likelihood.count) > 0
    return np.where(seen, joint + sizes, 0.0)
