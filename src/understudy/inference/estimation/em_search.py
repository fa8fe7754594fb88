"""EM search: what methods of expectation and maximisation share, that describe each subject's posterior by points.

Dempster AP, Laird NM, Rubin DB. Maximum likelihood from incomplete data via the EM algorithm. J R Stat Soc B
1977;39:1-22, doi:10.1111/j.2517-6161.1977.tb01600.x. Bauer RJ, Guzy S, Ng C. A survey of population analysis methods
and software for complex pharmacokinetic and pharmacodynamic models with examples. AAPS J 2007;9:E60-E83,
doi:10.1208/aapsj0901007.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.estimation.complete_data import CompleteData
from understudy.inference.estimation.conditional_search import undefined_at_start
from understudy.inference.estimation.importance_objective import ImportanceSample
from understudy.inference.estimation.louis_information import louis_information
from understudy.inference.estimation.markov_chain import full_vectors
from understudy.inference.estimation.maximisation import Maximisation, Statistics
from understudy.inference.estimation.method import Estimate, Step, Task
from understudy.inference.estimation.normal_posterior import normal_posterior
from understudy.inference.estimation.residual_scale import residual_scales
from understudy.inference.estimation.standard_errors import Information
from understudy.inference.estimation.trend import trend
from understudy.inference.likelihood import Likelihood

# Standard errors of a trend that chance explains.
_CRITICAL = 2.0


@dataclass(frozen=True, eq=False)
class Posterior:
    """Conditional means and covariances of the active random effects.

    Parameters
    ----------
    means : float array, shape (N, active)
    covariances : float array, shape (N, active, active)
    """

    means: np.ndarray
    covariances: np.ndarray

    @classmethod
    def of(cls, sample: ImportanceSample) -> Posterior:
        """What a sample says of it."""
        return cls(sample.means, sample.covariances)


@dataclass(frozen=True, eq=False)
class _State:
    """Where the search stands after an iteration."""

    number: int
    vector: np.ndarray
    posterior: Posterior
    statistics: Statistics
    trace: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        own = {"means": self.posterior.means, "covariances": self.posterior.covariances, "trace": self.trace}
        return own | self.statistics.arrays()

    @classmethod
    def of_step(cls, number: int, vector: np.ndarray, state: Mapping[str, np.ndarray]) -> _State:
        posterior = Posterior(state["means"], state["covariances"])
        return cls(number, vector, posterior, Statistics.of_arrays(state), state["trace"])


@dataclass(frozen=True)
class ExpectationMaximisation(ABC):
    """The search; a method says what points stand for a subject's posterior.

    Parameters
    ----------
    iterations : int
        Most iterations; zero: the objective is evaluated at the initial estimates.
    window : int
        Iterations over which the trend is looked at, twice one behind the other; estimates are averages over the
        second. At least ten.
    tolerance : float
        By how much a parameter may rise or fall over the window: in logarithms, or fractions of its first value. More
        is accepted where chance explains it.
    """

    iterations: int = 300
    window: int = 20
    tolerance: float = 0.005
    priors: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.window < 10:
            raise SimulationError(
                f"a window of {self.window} iterations shows no trend", repair="at least 10"
            )

    @property
    def name(self) -> str:
        """What it is called."""
        return type(self).__name__

    @abstractmethod
    def points(
        self, task: Task, likelihood: Likelihood, number: int, before: Posterior | None
    ) -> ImportanceSample:
        """What stands for the posteriors in an iteration, near what they were before."""

    @abstractmethod
    def concluded(self, task: Task, likelihood: Likelihood, posterior: Posterior) -> ImportanceSample:
        """The same where the search has ended: what the objective is had from."""

    @abstractmethod
    def drawn(self, task: Task, likelihood: Likelihood, posterior: Posterior) -> ImportanceSample:
        """An importance sample there."""

    def estimate(self, task: Task) -> Estimate:
        """Find the parameters.

        Raises
        ------
        SimulationError
            Where the likelihood is undefined at the start, or there are no random effects.
        """
        with np.errstate(all="ignore"):
            posterior = self._begin(task)
            if not self.iterations:
                return self._evaluated(task, posterior)
            now, maximisation = self._start(task, posterior)
            while now.number < self.iterations and not self._settled(now):
                now = self._next(task, now, maximisation)
                task.watch(Step(now.number, float(now.trace[-1, 0]), now.vector, now.arrays()))
            return self._estimate(task, now, maximisation)

    def evaluate(self, task: Task) -> Estimate:
        """The objective where the task begins."""
        with np.errstate(all="ignore"):
            return self._evaluated(task, self._begin(task))

    def information(self, task: Task, estimate: Estimate) -> Information | None:
        """Curvature of the likelihood by Louis's formula."""
        active = task.predictor.effects.active
        posterior = Posterior(estimate.effects[:, active], estimate.details["conditional_covariance"])
        sample = self.drawn(task, task.likelihood(estimate.vector), posterior)
        return louis_information(CompleteData(task), estimate.vector, sample)

    def _begin(self, task: Task) -> Posterior:
        if not task.predictor.effects.active.any():
            raise SimulationError(
                f"{self.name} needs random effects", place=task.predictor.model.name,
                repair="give the model random effects, or use FOCEI()",
            )  # fmt: skip
        found = normal_posterior(task.likelihood(task.start))
        if found.failed.any():
            raise undefined_at_start(task)
        return Posterior(found.means, found.covariances)

    def _start(self, task: Task, posterior: Posterior) -> tuple[_State, Maximisation]:
        """Where it begins, or began to go on from, and the M-step made for it."""
        likelihood, complete = task.likelihood(task.start), CompleteData(task)
        vectors = full_vectors(likelihood, posterior.means[None])
        plain = task.predictor.natural(vectors, likelihood.fixed)
        scales = residual_scales(likelihood, plain, vectors, complete.references.fixed)
        maximisation = Maximisation(complete, scales)
        if task.state:
            return _State.of_step(task.number, task.start, task.state), maximisation
        trace = np.zeros((0, 1 + task.start.size))
        return _State(0, task.start, posterior, maximisation.nothing(), trace), maximisation

    def _next(self, task: Task, now: _State, maximisation: Maximisation) -> _State:
        likelihood, number = task.likelihood(now.vector), now.number + 1
        sample = self.points(task, likelihood, number, now.posterior)
        if not np.isfinite(sample.objective):
            raise SimulationError(
                f"the objective function became undefined in iteration {number}",
                place=task.predictor.model.name, repair="begin elsewhere, or hold parameters that are not identified",
            )  # fmt: skip
        vector, after, statistics = maximisation.step(now.vector, sample, now.statistics, 1.0, 0.0)
        trace = np.vstack([now.trace, [sample.objective + task.space.penalty(now.vector), *vector]])
        return _State(number, vector, Posterior.of(after), statistics, trace)

    def _drifts(self, now: _State) -> np.ndarray:
        """Which parameters went somewhere in the window before the last, or in the last."""
        if len(now.trace) < 2 * self.window:
            return np.ones(now.vector.size, dtype=bool)
        windows = now.trace[-2 * self.window : -self.window, 1:], now.trace[-self.window :, 1:]
        return np.any([trend(each).drifting(self.tolerance, _CRITICAL) for each in windows], axis=0)

    def _settled(self, now: _State) -> bool:
        return not self._drifts(now).any()

    def _estimate(self, task: Task, now: _State, maximisation: Maximisation) -> Estimate:
        vector, complete = now.trace[-self.window :, 1:].mean(axis=0), maximisation.complete
        by = complete.means(np.stack([now.vector, vector]))
        posterior = Posterior(now.posterior.means + by[0] - by[1], now.posterior.covariances)
        likelihood = task.likelihood(vector)
        sample = self.concluded(task, likelihood, posterior)
        closed = [task.space.names[k] for k in complete.through_means]
        closed += [task.predictor.model.fixed[each.place].name for each in maximisation.scales]
        details = {"trace": now.trace, "closed_form": tuple(closed)} | _told(sample)
        return Estimate(
            vector, sample.objective + task.space.penalty(vector), full_vectors(likelihood, sample.means),
            self._settled(now),
            self._status(task, now), now.number, sample.error, details=details,
        )  # fmt: skip

    def _evaluated(self, task: Task, posterior: Posterior) -> Estimate:
        likelihood = task.likelihood(task.start)
        sample = self.concluded(task, likelihood, posterior)
        objective = sample.objective + task.space.penalty(task.start)
        return Estimate(
            task.start, objective, full_vectors(likelihood, sample.means), False,
            "evaluated at the initial estimates: nothing was estimated", 0, sample.error, details=_told(sample),
        )  # fmt: skip

    def _status(self, task: Task, now: _State) -> str:
        drifts = self._drifts(now)
        if not drifts.any():
            return "converged"
        if len(now.trace) < 2 * self.window:
            return f"stopped after {now.number} iterations, too few to show whether parameters still drift"
        names = ", ".join(np.array(task.space.names)[drifts])
        return f"stopped after {now.number} iterations, while {names} still drifted"


def _told(sample: ImportanceSample) -> dict[str, np.ndarray]:
    return {"conditional_covariance": sample.covariances, "effective_samples": sample.effective}
