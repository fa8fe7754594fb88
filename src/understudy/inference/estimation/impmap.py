"""IMPMAP: importance sampling EM about each subject's mode, which is sought anew in each iteration.

Bauer RJ, Guzy S, Ng C. AAPS J 2007;9:E60-E83, doi:10.1208/aapsj0901007.
"""

from __future__ import annotations

from dataclasses import dataclass

from understudy.inference.estimation.em_search import Posterior
from understudy.inference.estimation.importance_objective import ImportanceSample
from understudy.inference.estimation.importance_sampling import ImportanceSampling
from understudy.inference.estimation.markov_chain import full_vectors
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.normal_posterior import normal_posterior
from understudy.inference.likelihood import Likelihood


@dataclass(frozen=True)
class IMPMAP(ImportanceSampling):
    """Importance sampling EM whose samples are drawn about the mode, with the inverse of the curvature there.

    Slower in each iteration than `ImportanceSampling`, and surer where there are few samples or many random effects.

    Parameters
    ----------
    iterations, window, tolerance
        See `ExpectationMaximisation`.
    samples, objective_samples, freedom, scale, sobol
        See `ImportanceSampling`.

    Examples
    --------
    >>> IMPMAP(samples=1000).name
    'IMPMAP'
    """

    def points(self, task: Task, likelihood: Likelihood, number: int, before: Posterior) -> ImportanceSample:
        """Samples about the modes."""
        sought = normal_posterior(likelihood, full_vectors(likelihood, before.means))
        about = Posterior(sought.means, sought.covariances)
        return self._sample(task, likelihood, about, self.samples, f"importance {number}")
