"""Runs: what came of many simulated trials of one design under one scenario, and what a design must be able to do."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from understudy.trials.designs.conduct import Conduct
from understudy.trials.designs.patients import Patients


@dataclass(frozen=True)
class Runs:
    """Results, a row a trial.

    Parameters
    ----------
    hypotheses : tuple of str
        What may be rejected, or selected.
    rejected : array of bool, shape (trials, hypotheses)
    enrolled : array of int, shape (trials, arms)
        Patients who were randomised to each arm by the time of the stop.
    duration : array of float, shape (trials,)
        From the first day of recruitment to the last analysis.
    looks : array of int, shape (trials,)
        Analyses that were made.
    futile : array of bool, shape (trials,)
        Whether the trial was stopped for futility or for safety.
    estimate : array of float, shape (trials, hypotheses)
        Estimated effects at the stop, not a number where there is none.
    measures : mapping of str to array of float, shape (trials,)
        What else the design counts, such as events.
    notes : tuple of str
        What a reader must know of these numbers.
    """

    hypotheses: tuple[str, ...]
    rejected: NDArray[np.bool_]
    enrolled: NDArray[np.int64]
    duration: NDArray[np.float64]
    looks: NDArray[np.int64]
    futile: NDArray[np.bool_]
    estimate: NDArray[np.float64]
    measures: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def together(cls, parts: list[Runs]) -> Runs:
        """All rows of several runs of the same design and scenario."""
        joined: dict[str, Any] = {"hypotheses": parts[0].hypotheses, "notes": parts[0].notes}
        for each in fields(cls):
            if each.name not in ("hypotheses", "notes", "measures"):
                joined[each.name] = np.concatenate([getattr(part, each.name) for part in parts])
        names = parts[0].measures
        joined["measures"] = {name: np.concatenate([part.measures[name] for part in parts]) for name in names}
        return cls(**joined)

    def __len__(self) -> int:
        return len(self.duration)


class Design(Protocol):
    """A trial's design, which can be run."""

    def run(self, patients: Patients, conduct: Conduct, trials: NDArray[np.int64], seed: int) -> Runs:
        """Run the trials with these indices; a trial's result hangs on its index and the seed only."""
        ...
