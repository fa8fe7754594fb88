"""ImportanceSampling: EM whose expectation is a mean over importance samples (NONMEM's IMP).

Bauer RJ, Guzy S, Ng C. AAPS J 2007;9:E60-E83, doi:10.1208/aapsj0901007; Wang X, Schumitzky A, D'Argenio DZ. Nonlinear
random effects mixture models: maximum likelihood estimation via the EM algorithm. Comput Stat Data Anal
2007;51:6614-6623, doi:10.1016/j.csda.2007.03.008. Samples are drawn about each subject's conditional mean with its
conditional covariance, which are those of the samples of the iteration before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.inference.estimation.em_search import ExpectationMaximisation, Posterior
from understudy.inference.estimation.importance_objective import ImportanceSample, importance_objective
from understudy.inference.estimation.markov_chain import full_vectors
from understudy.inference.estimation.method import Task
from understudy.inference.estimation.normal_posterior import normal_posterior
from understudy.inference.estimation.proposal import Proposal
from understudy.inference.likelihood import Likelihood

# A subject whose samples are worth less than this share of independent draws is sought anew.
_POOR = 0.05
# Of the population's covariance, added to conditional ones so that these are never flat.
_RIDGE = 1e-4


@dataclass(frozen=True)
class ImportanceSampling(ExpectationMaximisation):
    """Importance sampling EM: the likelihood itself, but for Monte Carlo error.

    ``ImportanceSampling(iterations=0)`` evaluates the objective at the initial estimates (NONMEM's EONLY=1).

    Parameters
    ----------
    iterations, window, tolerance
        See `ExpectationMaximisation`.
    samples : int
        Of each subject in each iteration (NONMEM's ISAMPLE).
    objective_samples : int
        Of each subject for the objective function and the standard errors.
    freedom : float or None
        Degrees of freedom of the t distribution that samples are drawn from (NONMEM's DF); None: the normal
        distribution.
    scale : float
        What conditional covariances are multiplied by for drawing (the square of NONMEM's ISCALE).
    sobol : bool
        Draw by Sobol's sequence (NONMEM's RANMETHOD=S): smaller errors, for few random effects.

    Examples
    --------
    >>> ImportanceSampling(samples=1000).name
    'ImportanceSampling'
    """

    samples: int = 300
    objective_samples: int = 3000
    freedom: float | None = 5.0
    scale: float = 1.0
    sobol: bool = False

    @property
    def proposal(self) -> Proposal:
        """What samples are drawn from."""
        return Proposal(self.freedom, self.scale, self.sobol)

    def points(self, task: Task, likelihood: Likelihood, number: int, before: Posterior) -> ImportanceSample:
        """Samples near what the posteriors were in the iteration before; about the mode where that is a bad guide."""
        found = self._sample(task, likelihood, before, self.samples, f"importance {number}")
        poor = ~(found.effective > _POOR * self.samples)
        if not poor.any():
            return found
        sought = normal_posterior(likelihood, full_vectors(likelihood, before.means))
        better = Posterior(
            np.where(poor[:, None], sought.means, before.means),
            np.where(poor[:, None, None], sought.covariances, before.covariances),
        )
        return self._sample(task, likelihood, better, self.samples, f"importance {number}")

    def concluded(self, task: Task, likelihood: Likelihood, posterior: Posterior) -> ImportanceSample:
        """A large sample, whose proposals a smaller one has put into place."""
        few = self.points(task, likelihood, 0, posterior)
        return self._sample(
            task, likelihood, Posterior.of(few), self.objective_samples, "importance objective"
        )

    def drawn(self, task: Task, likelihood: Likelihood, posterior: Posterior) -> ImportanceSample:
        """A large sample."""
        return self._sample(task, likelihood, posterior, self.objective_samples, "importance information")

    def _sample(
        self, task: Task, likelihood: Likelihood, about: Posterior, samples: int, purpose: str
    ) -> ImportanceSample:
        covariances = about.covariances + _RIDGE * np.diag(np.diag(likelihood.omega))
        return importance_objective(
            likelihood, about.means, covariances, samples, task.seed, self.proposal, purpose
        )
