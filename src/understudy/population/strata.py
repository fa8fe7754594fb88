"""Strata: patients grouped by a covariate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from understudy.core.errors import SimulationError


@dataclass(frozen=True)
class Stratification:
    """Cuts of one covariate.

    Parameters
    ----------
    covariate : str
    cuts : tuple of float
        Increasing; a value equal to a cut belongs to the group above it.
    unit : str
        For the labels.
    labels : tuple of str
        One more than cuts; made from the cuts where empty.

    Examples
    --------
    >>> Stratification("WT", (1.0, 2.0), "kg").names
    ('WT < 1 kg', 'WT 1 to < 2 kg', 'WT ≥ 2 kg')
    """

    covariate: str
    cuts: tuple[float, ...]
    unit: str = ""
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.cuts or any(b <= a for a, b in pairwise(self.cuts)):
            raise SimulationError(
                f"the cuts of {self.covariate} do not increase", repair="sort them, each once"
            )
        if self.labels and len(self.labels) != len(self.cuts) + 1:
            raise SimulationError(
                f"{len(self.cuts)} cuts of {self.covariate} make {len(self.cuts) + 1} groups, not {len(self.labels)}",
                repair="give one label a group, or none",
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Label of each group."""
        return self.labels or tuple(_names(self.covariate, self.cuts, self.unit))

    def members(self, values: Sequence[float] | np.ndarray) -> dict[str, np.ndarray]:
        """For each group, which patients belong to it; missing values belong to none."""
        values = np.asarray(values, dtype=float)
        group = np.where(np.isnan(values), -1, np.searchsorted(self.cuts, values, side="right"))
        return {name: group == k for k, name in enumerate(self.names)}


def _names(covariate: str, cuts: tuple[float, ...], unit: str) -> list[str]:
    tail = "" if unit in ("", "1") else f" {unit}"
    inner = [f"{covariate} {a:g} to < {b:g}{tail}" for a, b in pairwise(cuts)]
    return [f"{covariate} < {cuts[0]:g}{tail}", *inner, f"{covariate} ≥ {cuts[-1]:g}{tail}"]
