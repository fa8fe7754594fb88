"""Runs: what the model itself gives at the points of a design, and which of its runs failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from understudy.core.errors import SimulationError
from understudy.core.result import Outcome
from understudy.engine.simulate import simulate
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel
from understudy.model.regimen import Regimen
from understudy.surrogate.box import Box

# Where more of a design's runs fail, the box reaches where the model does not work.
_MOST_FAILED = 0.1
_SHOWN = 5


@dataclass(frozen=True)
class FailedRun:
    """A run of the model that gave no usable numbers.

    Parameters
    ----------
    purpose : {"training", "calibration", "test"}
    values : mapping of name to float
        The parameters that were varied.
    message : str
    """

    purpose: str
    values: Mapping[str, float]
    message: str

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value:.4g}" for name, value in self.values.items())
        return f"{self.purpose} run at {told}: {self.message}"


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs that succeeded, and those that did not.

    Parameters
    ----------
    points : float array, shape (n, parameters)
        Of the unit cube.
    values : mapping of output to float array, shape (n, times)
    failed : tuple of FailedRun
    """

    points: np.ndarray
    values: Mapping[str, np.ndarray]
    failed: tuple[FailedRun, ...] = ()

    def and_(self, other: Runs) -> Runs:
        """Both."""
        values = {name: np.vstack([own, other.values[name]]) for name, own in self.values.items()}
        return Runs(np.vstack([self.points, other.points]), values, self.failed + other.failed)


@dataclass(frozen=True, eq=False)
class Subject:
    """The question that a surrogate is to answer in the model's place.

    Parameters
    ----------
    model : Model or PopulationModel
    box : Box
    regimen : Regimen or None
    times : float array, shape (m,)
    outputs : tuple of str
    fixed : mapping of name to float
        Parameters that have another value than the model's own, the same in all runs.
    options : mapping
        Further ones of `simulate`.
    """

    model: Model | PopulationModel
    box: Box
    regimen: Regimen | None
    times: np.ndarray | None
    outputs: tuple[str, ...]
    fixed: Mapping[str, float]
    options: Mapping[str, Any]

    def simulated(self, points: np.ndarray) -> Outcome:
        """The outcome of the model at points of the unit cube."""
        import pandas as pd

        table = pd.DataFrame(self.box.values(points), columns=list(self.box.names))
        table = table.assign(**self.fixed).set_axis([f"run {k + 1}" for k in range(len(points))])
        return simulate(
            self.model, table, self.regimen, self.times, outputs=self.outputs, **dict(self.options)
        )

    def runs(self, points: np.ndarray, purpose: str) -> Runs:
        """The model's runs at points of the unit cube.

        Raises
        ------
        SimulationError
            If more than a tenth of them fail.
        """
        outcome = self.simulated(points)
        messages = _messages(outcome)
        failed = [
            FailedRun(purpose, dict(zip(self.box.names, row.tolist(), strict=True)), messages[k])
            for k, row in enumerate(self.box.values(points))
            if k in messages
        ]
        if len(failed) > _MOST_FAILED * len(points):
            _refuse(failed, len(points))
        kept = np.setdiff1d(np.arange(len(points)), list(messages))
        values = {name: outcome[name].values[kept] for name in self.outputs}
        return Runs(points[kept], values, tuple(failed))


def _messages(outcome: Outcome) -> dict[int, str]:
    """A sentence for each run that failed, or gave what is no finite number."""
    told = {}
    for k, patient in enumerate(outcome.patients):
        if patient in outcome.failures:
            told[k] = outcome.failures[patient]
    for name in outcome.outputs:
        for k, at in np.argwhere(~np.isfinite(outcome[name].values)):
            told.setdefault(int(k), f"{name} is no finite number at time {outcome.times[at]:g}")
    return told


def _refuse(failed: list[FailedRun], count: int) -> None:
    more = [f"… and {len(failed) - _SHOWN} more"] if len(failed) > _SHOWN else []
    raise SimulationError(
        f"{len(failed)} of {count} {failed[0].purpose} runs of the model failed, more than a tenth",
        place="\n    ".join(["", *map(str, failed[:_SHOWN]), *more]),
        repair="make the box smaller, so that the model works in all of it",
    )
