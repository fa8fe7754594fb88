"""Numbers of others that have an error of their own, and ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from benchmarks.trial_results import Found


@dataclass(frozen=True)
class FoundWithin(Found):
    """A number that was sampled, or integrated on a coarser grid: ours may differ by what that explains."""

    tolerance: float = 0.0
    why: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the difference is explained."""
        return abs(self.ours - float(self.theirs)) <= self.tolerance


def rows_within(
    trial: str, what: str, theirs: str, ours: Iterable[float], tolerance: float, why: str
) -> Iterator[FoundWithin]:
    """One row for each number of `theirs`, which blanks divide."""
    for text, value in zip(theirs.split(), np.atleast_1d(np.asarray(ours, float)), strict=True):
        yield FoundWithin(trial, what, text, float(value), tolerance, why)
