"""Conditional search: how objective functions about each subject's mode are minimised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.estimation.conditional import SubjectObjectives, polish, subject_objectives
from understudy.inference.estimation.method import Estimate, Step, Task
from understudy.inference.estimation.mixture_objective import MixtureObjective, parts_of
from understudy.inference.estimation.quasi_newton import Iteration, Point, iterations
from understudy.inference.estimation.standard_errors import Information, information
from understudy.inference.likelihood import INTERACTION, Likelihood
from understudy.inference.modes import find_modes


@dataclass(frozen=True, eq=False)
class ConditionalObjective:
    """A conditional objective function of the parameters' vector, with gradients.

    Parameters
    ----------
    task : Task
    linearisation : str
        See `Likelihood`.
    subjects : function of (Likelihood, modes) to SubjectObjectives
        Each subject's part, at its mode.
    """

    task: Task
    linearisation: str
    subjects: Callable[[Likelihood, np.ndarray], SubjectObjectives] = subject_objectives

    def point(self, vector: np.ndarray, near: Point | None) -> Point:
        """The objective at a vector; infinite where it is undefined.

        Parameters
        ----------
        vector : float array, shape (parameters,)
        near : Point or None
            From which the modes are sought; the whole of each posterior is searched where there is none.
        """
        nothing = Point(vector, np.inf, np.full((self._count, vector.size), np.nan))
        with np.errstate(all="ignore"):
            try:
                likelihood = self.task.likelihood(vector, self.linearisation)
                modes, failed = self._modes(likelihood, vector, near)
                if failed.any():
                    return nothing
                return self._point(likelihood, vector, modes)
            except (np.linalg.LinAlgError, SimulationError):
                # Parameters for which the objective has no value, as beyond every bound.
                return nothing

    def at(self, vector: np.ndarray, modes: np.ndarray) -> Point:
        """The objective at a vector whose modes are known."""
        return self._point(self.task.likelihood(vector, self.linearisation), vector, modes)

    @staticmethod
    def effects(point: Point) -> np.ndarray:
        """Modes of each subject, shape (N, n)."""
        return point.state[0]

    def _point(self, likelihood: Likelihood, vector: np.ndarray, modes: np.ndarray) -> Point:
        found = self.subjects(likelihood, modes)
        space = self.task.space
        total = float(found.values.sum()) + space.penalty(vector)
        if not np.isfinite(total):
            total = np.inf
        gradients = space.gradient(vector, found.by_fixed, found.by_omega)
        return Point(vector, total, gradients, (modes, found), space.penalty_gradient(vector))

    @property
    def _count(self) -> int:
        return len(self.task.predictor.patients)

    def _modes(
        self, likelihood: Likelihood, vector: np.ndarray, near: Point | None
    ) -> tuple[np.ndarray, np.ndarray]:
        size = likelihood.active.size
        if not size:
            return likelihood.zero[0], np.zeros(likelihood.count, dtype=bool)
        if near is None or near.state is None:
            return self.searched(likelihood, None)
        modes, found = near.state
        start = self._predicted(modes, found, vector - near.vector, likelihood, near.vector)
        polished, arrived = polish(likelihood, start, found.correction)
        if arrived.all():
            return polished, ~arrived
        again, failed = self.searched(likelihood, modes)
        return np.where(arrived[:, None], polished, again), failed & ~arrived

    def searched(self, likelihood: Likelihood, start: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Modes climbed to from a start (None: from several), to the last digit."""
        modes, failed = find_modes(likelihood, start)
        if failed.any():
            return modes, failed
        polished, _ = polish(likelihood, modes, self.subjects(likelihood, modes).correction)
        return polished, failed

    def _predicted(
        self,
        modes: np.ndarray,
        found: SubjectObjectives,
        step: np.ndarray,
        likelihood: Likelihood,
        at: np.ndarray,
    ) -> np.ndarray:
        """Where the modes go, to first order, as the parameters move by a step: by the fixed effects alone."""
        size, space = likelihood.active.size, self.task.space
        before, after = space.values(at).fixed, space.values(at + step).fixed
        moved = (after - before)[list(space.fixed)]
        pull = -np.einsum("nax,x->na", found.joint[..., size:], moved)
        start = modes.copy()
        start[:, likelihood.active] += np.linalg.solve(found.joint[..., :size], pull[..., None])[..., 0]
        return start


@dataclass(frozen=True)
class ConditionalMethod:
    """The search that the methods about modes share.

    Parameters
    ----------
    iterations : int
        Most iterations.
    tolerance : float
        Ends where the objective promises to fall by less.
    """

    iterations: int = 500
    tolerance: float = 1e-6
    mixtures: ClassVar[bool] = True
    # See `Likelihood`.
    linearisation: ClassVar[str] = INTERACTION
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
            Where the objective is undefined at the start.
        """
        objective, start = self._begin(task)
        done = 0
        while True:
            now = self._search(task, objective, start, done)
            done += now.number
            again = objective.point(now.point.vector, None)
            # A subject may have been left at a mode that is not its highest any more.
            if not again.value < now.point.value - self.tolerance or done >= self.iterations:
                return self._estimate(objective, now, done)
            start = again

    def evaluate(self, task: Task) -> Estimate:
        """The objective where the task begins.

        Raises
        ------
        SimulationError
            Where it is undefined.
        """
        objective, start = self._begin(task)
        return Estimate(start.vector, start.value, objective.effects(start), False, "evaluated", 0)

    def require(self, task: Task) -> None:
        """Raise where the method is not defined."""
        refuse_censored(task, self.name)
        if task.predictor.correlated is not None and self.linearisation != INTERACTION:
            raise SimulationError(
                f"{self.name} is not defined for residual errors that are correlated",
                place=task.predictor.model.name,
                repair="use FOCEI(): it needs the interaction of random effects and residual error",
            )

    def _begin(self, task: Task) -> tuple[ConditionalObjective | MixtureObjective, Point]:
        self.require(task)
        objective = self.objective(task)
        start = objective.point(task.start, None)
        if not np.isfinite(start.value):
            raise undefined_at_start(task)
        return objective, start

    def _search(
        self, task: Task, objective: ConditionalObjective | MixtureObjective, start: Point, done: int
    ) -> Iteration:
        """Downhill from a start to where it ends."""
        for now in iterations(objective.point, start):
            task.watch(Step(task.number + done + now.number, now.point.value, now.point.vector))
            if now.promise < self.tolerance or now.stuck or done + now.number >= self.iterations:
                break
        return now

    def _estimate(
        self, objective: ConditionalObjective | MixtureObjective, now: Iteration, done: int
    ) -> Estimate:
        arrived = now.promise < self.tolerance or (now.stuck and now.promise < 100 * self.tolerance)
        if arrived:
            status = "converged"
        elif now.stuck:
            status = f"no step lowers the objective, though it promises to fall by {now.promise:.2g}"
        else:
            status = (
                f"stopped after {done} iterations, while the objective promised to fall by {now.promise:.2g}"
            )
        point, details = now.point, {}
        if isinstance(objective, MixtureObjective):
            names, found = objective.task.predictor.patients, objective.probabilities(point)
            details = {"class_probabilities": dict(zip(names, found.tolist(), strict=True))}
        effects = objective.effects(point)
        return Estimate(point.vector, point.value, effects, arrived, status, done, details=details)

    def information(self, task: Task, estimate: Estimate) -> Information | None:
        """Curvature of the objective where it was found to be lowest."""
        objective = self.objective(task)
        return information(objective.point, objective.at(estimate.vector, estimate.effects))

    def objective(self, task: Task) -> ConditionalObjective | MixtureObjective:
        """The function that is minimised."""
        if not task.classes:
            return self.part(task)
        return MixtureObjective(task, tuple(map(self.part, parts_of(task))))

    def part(self, task: Task) -> ConditionalObjective:
        """The function of one population, of which a mixture has several."""
        return ConditionalObjective(task, self.linearisation)


def refuse_censored(task: Task, name: str) -> None:
    """Raise where there are measurements that are not normal given the random effects."""
    if task.predictor.not_normal:
        raise SimulationError(
            f"{name} is not defined for {task.predictor.not_normal}",
            place=task.predictor.model.name,
            repair="use Laplace() or SAEM()",
        )


def undefined_at_start(task: Task) -> SimulationError:
    """What to say where an estimation cannot begin."""
    likelihood = task.likelihood(task.start)
    bad = ~np.isfinite(likelihood.value(likelihood.zero)[0])
    if not bad.any() and likelihood.active.size:
        with np.errstate(all="ignore"):
            _, bad = find_modes(likelihood)
    names = np.array(task.predictor.patients)[bad]
    more = f" and {names.size - 10} others" if names.size > 10 else ""
    where = f" for patients {', '.join(names[:10])}{more}" if names.size else ""
    return SimulationError(
        f"the objective function is undefined at the initial estimates{where}",
        place=task.predictor.model.name,
        repair="begin elsewhere: predictions and residual variances must be finite, variances above zero",
    )
