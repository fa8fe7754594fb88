"""Objective values: the objective function at many sets of parameters, without derivatives, in parallel processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.errors import SimulationError
from understudy.data.records import Records
from understudy.inference.building.processes import open_processes, record_parts
from understudy.inference.estimation.conditional import polish, subject_objectives, subject_values
from understudy.inference.estimation.conditional_search import ConditionalMethod
from understudy.inference.estimation.method import Task
from understudy.inference.modes import find_modes
from understudy.inference.predictor import Predictor
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    from concurrent.futures import Executor


@dataclass(frozen=True, eq=False)
class Near:
    """Where the modes of other parameters are sought from.

    Parameters
    ----------
    modes : float array, shape (N, n)
        At the model's own values.
    correction : float array, shape (N, active, active)
        Of their curvature, see `polish`.
    """

    modes: np.ndarray
    correction: np.ndarray


# Sets that a process is given at a time.
_PIECE = 10


@dataclass(frozen=True, eq=False)
class ObjectiveValues:
    """The objective of a model as a function of its parameters' vector.

    Parameters
    ----------
    task : Task
    method : ConditionalMethod
    near : Near
    executor : Executor or None
        Processes; None: here.
    """

    task: Task
    method: ConditionalMethod
    near: Near
    executor: Executor | None = None

    def at(self, vectors: np.ndarray, tell: Callable[[float], None] = lambda done: None) -> np.ndarray:
        """Values at vectors of shape (samples, parameters); infinite where the objective is undefined."""
        pieces = np.array_split(vectors, max(1, len(vectors) // _PIECE))
        if self.executor is None:
            made: Iterator[Any] = (values(self.task, self.method, self.near, each) for each in pieces)
        else:
            made = self.executor.map(_there, pieces)
        found = []
        for k, each in enumerate(made):
            found.append(each)
            tell((k + 1) / len(pieces))
        return np.concatenate(found)


def values(task: Task, method: ConditionalMethod, near: Near, vectors: np.ndarray) -> np.ndarray:
    """The objective at each of some vectors."""
    return np.array([_value(task, method, near, vector) for vector in vectors])


def _value(task: Task, method: ConditionalMethod, near: Near, vector: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        try:
            likelihood = task.likelihood(vector, method.linearisation)
            modes, arrived = near.modes, np.array(True)
            if likelihood.active.size:
                modes, arrived = polish(likelihood, near.modes, near.correction)
            if not arrived.all():
                modes, failed = find_modes(likelihood, near.modes)
                arrived = ~failed
            total = float(subject_values(likelihood, modes).sum())
        except (np.linalg.LinAlgError, SimulationError):
            # A draw so far away that it is no model: it has no likelihood.
            return np.inf
    return total if arrived.all() and np.isfinite(total) else np.inf


def _near(task: Task, method: ConditionalMethod) -> Near:
    likelihood = task.likelihood(task.space.start, method.linearisation)
    modes, failed = find_modes(likelihood)
    if failed.any():
        raise SimulationError(
            "the objective is undefined at the estimates", place=task.predictor.model.name, repair="see `fit`"
        )
    return Near(modes, subject_objectives(likelihood, modes).correction)


@contextmanager
def open_objective(
    model: PopulationModel, records: Records, method: ConditionalMethod, jobs: int
) -> Iterator[ObjectiveValues]:
    """The objective of a model, with so many processes (0: one per core).

    Raises
    ------
    SimulationError
        Where it is undefined at the model's own values.
    """
    task = Task(Predictor(model, records))
    near = _near(task, method)
    begin = (*record_parts(records), model.to_json(), method, near)
    with open_processes(jobs, _begin, begin) as executor:
        yield ObjectiveValues(task, method, near, executor)


_HERE: dict[str, Any] = {}


def _begin(
    data: Any, units: Any, covariates: Any, source: str, notes: Any, model: Any, method: Any, near: Any
):
    """What a process holds for all its pieces."""
    records = Records(data, units, covariates, source, notes)
    task = Task(Predictor(PopulationModel.from_json(model), records))
    _HERE.update(task=task, method=method, near=near)


def _there(vectors: np.ndarray) -> np.ndarray:
    return values(_HERE["task"], _HERE["method"], _HERE["near"], vectors)
