"""LikelihoodSteps: Newton's steps on the likelihood itself, by importance samples, from where an EM method has ended.

EM goes slowly along a ridge of the likelihood, where the data tell little of what the individuals would tell: averages
that stand still there are not yet at its top. Newton's steps do not care for ridges, if only they begin near the top.
Along a ridge Louis's curvature is a small difference of large matrices, which noise upsets: it is taken to be no less
than half of the outer products of subjects' scores (Berndt EK, Hall BH, Hall RE, Hausman JA. Ann Econ Soc Meas
1974;3:653-665). Monte Carlo Newton and Raphson: Kuk AYC, Cheng YW. J Stat Comput Simul 1997;59:233-250,
doi:10.1080/00949659708811858; scores and curvature: Louis 1982, doi:10.1111/j.2517-6161.1982.tb01203.x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from understudy.inference.estimation.complete_data import CompleteData
from understudy.inference.estimation.importance_objective import ImportanceSample
from understudy.inference.estimation.louis_information import louis_information

# A sample at a vector, near conditional means and covariances.
Sampler = Callable[[np.ndarray, np.ndarray, np.ndarray], ImportanceSample]
# The longest step: coordinates are logarithms or fractions of the first value. How often one is halved.
_LONGEST, _HALVED = 0.5, 3


@dataclass(frozen=True, eq=False)
class LikelihoodSteps:
    """Newton's steps.

    Parameters
    ----------
    complete : CompleteData
    sampler : function of vector, means and covariances to ImportanceSample
        With the same random numbers each time, so that objectives of neighbours can be compared.
    most : int
        Steps.
    enough : float
        The gain of a step, in the objective, that is not worth it.
    """

    complete: CompleteData
    sampler: Sampler
    most: int = 6
    enough: float = 0.01

    def begun(self, vector: np.ndarray, sample: ImportanceSample) -> Arrival:
        """Where the steps lead to.

        Parameters
        ----------
        vector : float array, shape (parameters,)
        sample : ImportanceSample
            There.
        """
        for done in range(self.most):
            known = louis_information(self.complete, vector, sample)
            if known.gain < self.enough or not np.isfinite(known.gain):
                return Arrival(vector, sample, known.gain, done)
            step = np.linalg.solve(known.steady, known.score)
            after = self._shortened(vector, sample, step * min(1.0, _LONGEST / np.abs(step).max()))
            if after is None:
                return Arrival(vector, sample, known.gain, done)
            vector, sample = after
        return Arrival(vector, sample, louis_information(self.complete, vector, sample).gain, self.most)

    def _shortened(
        self, vector: np.ndarray, sample: ImportanceSample, step: np.ndarray
    ) -> tuple[np.ndarray, ImportanceSample] | None:
        """After a step short enough to lower the objective; None where none does."""
        space = self.complete.task.space
        for _ in range(_HALVED + 1):
            found = vector + step
            by = self.complete.means(np.stack([vector, found]))
            after = self.sampler(found, sample.means + by[0] - by[1], sample.covariances)
            gain = sample.objective + space.penalty(vector) - after.objective - space.penalty(found)
            if gain > 0:
                return found, after
            step = 0.5 * step
        return None


@dataclass(frozen=True, eq=False)
class Arrival:
    """Where the steps have led to.

    Parameters
    ----------
    vector : float array, shape (parameters,)
    sample : ImportanceSample
        There.
    promise : float
        By how much the objective would fall in one step more; infinite where that is not known.
    steps : int
        How many were made.
    """

    vector: np.ndarray
    sample: ImportanceSample
    promise: float
    steps: int
