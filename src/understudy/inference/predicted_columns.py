"""Predicted columns: every observation's own output, then the further outputs that distributions need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from understudy.inference.outcome_density import OutcomeDensity


@dataclass(frozen=True, eq=False)
class PredictedColumns:
    """What is predicted for records.

    Parameters
    ----------
    output : array of str, shape (columns,)
        The first columns are the observations.
    place : int array, shape (columns,)
        The observation at whose time each is predicted.
    of_density : tuple of mapping of output to int array
        For each density, the columns of the outputs that it needs.
    """

    output: np.ndarray
    place: np.ndarray
    of_density: tuple[Mapping[str, np.ndarray], ...]

    @classmethod
    def of(
        cls, observed: np.ndarray, densities: Sequence[OutcomeDensity], outputs: Sequence[str]
    ) -> PredictedColumns:
        """Columns for observations.

        Parameters
        ----------
        observed : array of str, shape (observations,)
            Output of each.
        densities : sequence of OutcomeDensity
        outputs : sequence of str
            Of the mechanism.
        """
        names, places, found, at = [observed], [np.arange(observed.size)], [], observed.size
        for density in densities:
            own, here = density.distribution.output, density.here
            columns = {own: here}
            for name in sorted((density.distribution.names & {*outputs}) - {own}):
                names.append(np.full(here.size, name, dtype=object))
                places.append(here)
                columns[name] = np.arange(at, at + here.size)
                at += here.size
            found.append(columns)
        return cls(np.concatenate(names), np.concatenate(places), tuple(found))
