"""SAEM: expectation-maximisation in which the expectation is a stochastic approximation.

Delyon B, Lavielle M, Moulines E. Ann Stat 1999;27:94-128, doi:10.1214/aos/1018031103. Kuhn E, Lavielle M. Comput Stat
Data Anal 2005;49:1020-1038, doi:10.1016/j.csda.2004.07.001. Chains of the random effects: `markov_chain`; parameters:
`maximisation`; likelihood: `importance_objective`; standard errors: `louis_information`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.estimation.complete_data import CompleteData
from understudy.inference.estimation.conditional_search import undefined_at_start
from understudy.inference.estimation.importance_objective import ImportanceSample, importance_objective
from understudy.inference.estimation.likelihood_steps import LikelihoodSteps
from understudy.inference.estimation.louis_information import louis_information
from understudy.inference.estimation.markov_chain import Chains, begin, full_vectors, move
from understudy.inference.estimation.maximisation import Maximisation, Statistics
from understudy.inference.estimation.method import Estimate, Step, Task
from understudy.inference.estimation.proposal import Proposal
from understudy.inference.estimation.residual_scale import residual_scales
from understudy.inference.estimation.standard_errors import Information
from understudy.inference.estimation.trend import trend
from understudy.inference.likelihood import Likelihood

# Copies of all subjects together, at least.
_CHAINS = 100
# How often it is asked whether a phase may end, the least length of each, and what share of a phase is looked at.
_ASKED, _LEAST_EXPLORED, _LEAST_SMOOTHED = 10, 150, 200
# Steps of the averages are (1 + k / _LONG) ** -_DECREASE in iteration k of the second phase; the power must lie above
# one half (Delyon, Lavielle and Moulines 1999). Long ones, whose scatter the last average takes away, forget the start
# best.
_LONG, _DECREASE = 20.0, 0.7
# By how much a Newton step on the likelihood may still promise to lower the objective at its top.
_ARRIVED = 0.1
# Standard error of the objective that is small enough; how many times as many draws are made for it, and draws of all
# subjects together, at most.
_KNOWN_WELL, _MANY, _DRAWS = 0.08, 10, 2_000_000
# What draws for the objective are from.
_PROPOSAL = Proposal(sobol=True)
# Standard errors of a trend that chance seldom explains.
_CRITICAL = 3.0


@dataclass(frozen=True, eq=False)
class _State:
    """Where the estimation stands after an iteration.

    `explored` is the number of iterations of the first phase, zero while it lasts.
    """

    number: int
    vector: np.ndarray
    chains: Chains
    statistics: Statistics
    explored: int
    settled: bool
    trace: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        own = {"explored": self.explored, "settled": self.settled, "trace": self.trace}
        told = {name: np.asarray(value) for name, value in own.items()}
        return told | self.chains.arrays() | self.statistics.arrays()

    @classmethod
    def of_step(cls, number: int, vector: np.ndarray, state: Mapping[str, np.ndarray]) -> _State:
        return cls(
            number, vector, Chains.of_arrays(state), Statistics.of_arrays(state), int(state["explored"]),
            bool(state["settled"]), state["trace"],
        )  # fmt: skip

    @property
    def smoothed(self) -> int:
        """Iterations of the second phase."""
        return self.number - self.explored if self.explored else 0


@dataclass(frozen=True)
class SAEM:
    """Stochastic approximation EM.

    Exploration: averages forget, and variances may fall by `annealing` an iteration at most in its first half, so that
    the whole of the parameter space is visited. It ends when no parameter has a trend any more. Smoothing: averages
    over iterations with decreasing steps, whose second half is averaged once more. It ends when no parameter drifts by
    more than the tolerance.

    Parameters
    ----------
    exploration, smoothing : int
        Most iterations of each phase.
    chains : int or None
        Of each subject; None: as many as make a hundred of all subjects together.
    annealing : float
        The share of themselves that variances of random effects and scales of residual errors may fall to in one
        iteration; zero: no annealing.
    tolerance : float
        How far the average of the second phase may lie from its two halves' averages, and how far a trend may go in the
        first phase: in standard errors that each parameter would have if the individuals were known.
    samples : int
        Draws of each subject for the objective function and the standard errors.

    Examples
    --------
    >>> SAEM().name
    'SAEM'
    """

    exploration: int = 500
    smoothing: int = 1000
    chains: int | None = None
    annealing: float = 0.95
    tolerance: float = 0.2
    samples: int = 2000
    priors: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """What it is called."""
        return type(self).__name__

    def estimate(self, task: Task) -> Estimate:
        """Find the parameters.

        Raises
        ------
        SimulationError
            Where the likelihood is undefined at the start, and for a model without random effects.
        """
        _require_effects(task)
        complete = CompleteData(task)
        with np.errstate(all="ignore"):
            now, maximisation = self._start(task, complete)
            while not self._ended(now, maximisation):
                now = self._next(task, now, maximisation)
                task.watch(Step(now.number, float(now.trace[-1, 0]), now.vector, now.arrays()))
            return self._estimate(task, now, maximisation)

    def information(self, task: Task, estimate: Estimate) -> Information | None:
        """Curvature of the likelihood by Louis's formula."""
        sample = self._sampled(
            task, estimate.vector,
            estimate.effects[:, task.predictor.effects.active], estimate.details["conditional_covariance"],
        )  # fmt: skip
        return louis_information(CompleteData(task), estimate.vector, sample)

    def _start(self, task: Task, complete: CompleteData) -> tuple[_State, Maximisation]:
        """Where it begins, or began to go on from, and the M-step made for it."""
        first = task.likelihood(task.space.start)
        chains = begin(first, self._copies(task), task.seed)
        if not np.isfinite(chains.joint).all():
            raise undefined_at_start(task)
        vectors = full_vectors(first, chains.effects)
        maximisation = Maximisation(
            complete, residual_scales(first, chains.plain, vectors, complete.references.fixed)
        )
        if task.state:
            return _State.of_step(task.number, task.start, task.state), maximisation
        if not np.array_equal(task.start, task.space.start):
            chains = begin(task.likelihood(task.start), self._copies(task), task.seed)
            if not np.isfinite(chains.joint).all():
                raise undefined_at_start(task)
        trace = np.zeros((0, 1 + task.start.size))
        return _State(0, task.start, chains, maximisation.nothing(), 0, False, trace), maximisation

    def _copies(self, task: Task) -> int:
        return self.chains or -(-_CHAINS // len(task.predictor.patients))

    def _next(self, task: Task, now: _State, maximisation: Maximisation) -> _State:
        """One iteration: chains, then parameters."""
        number, smoothed = now.number + 1, now.smoothed + 1
        rate = (1.0 + smoothed / _LONG) ** -_DECREASE if now.explored else 1.0
        likelihood = task.likelihood(now.vector)
        chains = move(likelihood, now.chains, task.seed, number, rate)
        annealing = self.annealing if number <= _LEAST_EXPLORED // 2 and not now.explored else 0.0
        vector, after, statistics = maximisation.step(now.vector, chains, now.statistics, rate, annealing)
        sizes = likelihood.count * np.linalg.slogdet(likelihood.omega)[1]
        complete = chains.joint.mean(axis=0).sum() + sizes + task.space.penalty(now.vector)
        row = [complete, *vector]
        found = _State(
            number, vector, after, statistics, now.explored, now.settled, np.vstack([now.trace, row])
        )
        return found if found.explored else self._judged(found, maximisation)

    def _judged(self, now: _State, maximisation: Maximisation) -> _State:
        """The same, in the second phase where the first may end: beginning with the mean of what had no trend."""
        last = now.number >= self.exploration
        if not last and (now.number < _LEAST_EXPLORED or now.number % _ASKED):
            return now
        half = now.trace[now.number // 2 :, 1:]
        material = self._material(now, maximisation)
        drifts = trend(half).drifting(material, _CRITICAL) if len(half) > 9 else material > 0
        if drifts.any():
            return replace(now, explored=now.number) if last else now
        vector, complete = half.mean(axis=0), maximisation.complete
        by = complete.means(np.stack([now.vector, vector]))
        chains = now.chains.shifted(by[0] - by[1])
        return replace(now, vector=vector, chains=chains, explored=now.number, settled=True)

    def _material(self, now: _State, maximisation: Maximisation) -> np.ndarray:
        """How far parameters may drift, shape (parameters,)."""
        precision = maximisation.precision(now.vector, now.statistics)
        return self.tolerance / np.sqrt(np.maximum(precision, 1e-12))

    def _ended(self, now: _State, maximisation: Maximisation) -> bool:
        if now.smoothed >= self.smoothing:
            return True
        due = now.smoothed >= _LEAST_SMOOTHED and now.smoothed % _ASKED == 0
        return due and not self._drifts(now, maximisation).any()

    def _drifts(self, now: _State, maximisation: Maximisation) -> np.ndarray:
        """Which parameters' averages are not known well enough yet."""
        return _scatter(now) > self._material(now, maximisation)

    def _estimate(self, task: Task, now: _State, maximisation: Maximisation) -> Estimate:
        complete = maximisation.complete
        half = now.trace[-max(now.smoothed // 2, 1) :, 1:]
        vector = half.mean(axis=0)
        by = complete.means(np.stack([now.vector, vector]))
        sample = self._sampled(task, vector, now.chains.mean + by[0] - by[1], now.chains.covariance)
        drifts, promise, steps = self._drifts(now, maximisation), np.inf, 0
        if now.smoothed >= _LEAST_SMOOTHED:

            def draw(at: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> ImportanceSample:
                near = task.likelihood(at)
                return self._drawn(near, means, _widened(covariances, near.omega), size, task.seed)

            size = len(sample.effects)
            found = LikelihoodSteps(complete, draw).begun(vector, sample)
            vector, sample, promise, steps = found.vector, found.sample, found.promise, found.steps
        top = promise < _ARRIVED
        effects = full_vectors(task.likelihood(vector), sample.means)
        details = {
            "trace": now.trace,
            "explored": now.explored,
            "scatter": _scatter(now),
            "newton_steps": steps,
            "acceptance": dict(zip(_KERNELS, now.chains.acceptance.tolist(), strict=True)),
            "closed_form": self._closed_form(task, complete),
            "conditional_covariance": sample.covariances,
            "effective_samples": sample.effective,
        }
        objective = sample.objective + task.space.penalty(vector)
        succeeded = bool(top or (now.settled and not drifts.any()))
        status = _status(task, now, drifts, top)
        return Estimate(
            vector, objective, effects, succeeded, status, now.number, sample.error, details=details
        )

    def _closed_form(self, task: Task, complete: CompleteData) -> tuple[str, ...]:
        return tuple(task.space.names[k] for k in complete.through_means)

    def _sampled(
        self, task: Task, vector: np.ndarray, means: np.ndarray, covariances: np.ndarray
    ) -> ImportanceSample:
        """An importance sample whose proposals a smaller one has put into place."""
        likelihood = task.likelihood(vector)
        covariances = _widened(covariances, likelihood.omega)
        few = self._drawn(likelihood, means, covariances, self.samples // 2, task.seed - 1)
        good = (few.effective > 10 * likelihood.active.size)[:, None]
        means = np.where(good, few.means, means)
        own = _widened(few.covariances, likelihood.omega)
        covariances = np.where(good[..., None], own, covariances)
        found = self._drawn(likelihood, means, covariances, self.samples, task.seed)
        wanted = int(self.samples * (found.error / _KNOWN_WELL) ** 2)
        samples = min(wanted, _MANY * self.samples, _DRAWS // likelihood.count)
        if samples <= self.samples:
            return found
        covariances = _widened(found.covariances, likelihood.omega)
        return self._drawn(likelihood, found.means, covariances, samples, task.seed)

    def _drawn(
        self, likelihood: Likelihood, means: np.ndarray, covariances: np.ndarray, samples: int, seed: int
    ) -> ImportanceSample:
        return importance_objective(likelihood, means, covariances, samples, seed + 1, _PROPOSAL)


def _scatter(now: _State) -> np.ndarray:
    """About the Monte Carlo errors of the averages: how far they lie from the averages of either half."""
    half = now.trace[-max(now.smoothed // 2, 2) :, 1:]
    middle = len(half) // 2
    return 0.5 * np.abs(half[middle:].mean(axis=0) - half[:middle].mean(axis=0))


# What the chains' acceptances are of.
_KERNELS = ("population", "visited", "one effect", "all effects")


def _widened(covariances: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """Covariances half as large again, as befits proposals whose tails shall not be too light."""
    return 1.5 * covariances + 1e-4 * np.diag(np.diag(omega))


def _require_effects(task: Task) -> None:
    if not task.predictor.effects.active.any():
        raise SimulationError(
            "SAEM needs random effects", place=task.predictor.model.name,
            repair="give the model random effects, or fit it with FOCEI()",
        )  # fmt: skip


def _status(task: Task, now: _State, drifts: np.ndarray, top: bool) -> str:
    if top:
        return "converged"
    if drifts.any():
        names = ", ".join(np.array(task.space.names)[drifts])
        return f"stopped after {now.smoothed} iterations of smoothing, while {names} still drifted"
    if not now.settled:
        return f"stopped exploring after {now.explored} iterations, while parameters still had a trend"
    return "converged"
