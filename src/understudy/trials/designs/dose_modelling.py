"""Dose modelling: which models are chosen or averaged, and the dose that has a wanted effect, for many sets of means.

Bretz, Pinheiro and Branson, Biometrics 61, 738 (2005), doi:10.1111/j.1541-0420.2005.00344.x; averages after Buckland,
Burnham and Augustin, Biometrics 53, 603 (1997), doi:10.2307/2533961; Schorning and others, Stat Med 35, 4021 (2016),
doi:10.1002/sim.6991.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.dose_response import model_named
from understudy.trials.designs.dose_response_fit import GridSearch, dose_reaching

Selection = Literal["criterion", "largest t", "average"]
SELECTIONS = ("criterion", "largest t", "average")
_DOSES, _CHUNK = 401, 500


@dataclass(frozen=True, eq=False)
class DoseModelling:
    """Models that compete for the same doses.

    Parameters
    ----------
    doses : array, shape (d,)
    weight : array, shape (d, d)
        Inverse covariance of the means, for a variance of 1.
    models : sequence of str
    selection : "criterion", "largest t" or "average"
        The least gAIC; the model of the most significant shape; or all, weighted by exp(-gAIC / 2).
    offset : float, optional
        Of ``linear log``.
    """

    doses: NDArray[np.float64]
    weight: NDArray[np.float64]
    models: Sequence[str]
    selection: Selection
    offset: float | None = None

    def __post_init__(self):
        if self.selection not in SELECTIONS:
            raise SimulationError(
                f"selection {self.selection!r}",
                place="selection",
                repair=f"give one of {', '.join(SELECTIONS)}",
            )

    @cached_property
    def searches(self) -> tuple[GridSearch, ...]:
        """A search each model."""
        largest = float(self.doses.max())
        return tuple(
            GridSearch(model_named(name, largest, self.offset), self.doses, self.weight)
            for name in self.models
        )

    @cached_property
    def at(self) -> NDArray[np.float64]:
        """Doses at which a target is sought."""
        return np.linspace(0.0, float(self.doses.max()), _DOSES)

    def targets(
        self, means: NDArray, variance: NDArray, allowed: NDArray[np.bool_], t: NDArray, effect: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Target doses, shape (trials,), not a number where none is; and the models' weights, shape (trials, models).

        Parameters
        ----------
        means : array, shape (trials, doses)
        variance : array, shape (trials,)
            By which ``weight`` is to be divided.
        allowed : array of bool, shape (trials, models)
            Those whose shapes are significant.
        t : array, shape (trials, models)
            Largest statistic of each model's shapes.
        effect : float
        """
        found = [search.best(means) for search in self.searches]
        squares = np.stack([least for least, _ in found], axis=1) / variance[:, None]
        weights = self._weights(
            squares + 2 * np.array([each.model.size for each in self.searches]), allowed, t
        )
        target = np.full(len(means), np.nan)
        for start in range(0, len(means), _CHUNK):
            part = slice(start, start + _CHUNK)
            target[part] = self._reaching(
                means[part], [place[part] for _, place in found], weights[part], effect
            )
        return np.where(allowed.any(axis=1), target, np.nan), weights

    def _reaching(self, means, places, weights, effect: float) -> NDArray[np.float64]:
        """Where the weighted curves reach the effect; an interval of the grid is one line, its error below 1e-5."""
        curve = np.zeros((len(means), len(self.at)))
        for search, place, weight in zip(self.searches, places, weights.T, strict=True):
            used = weight > 0
            curve[used] += weight[used, None] * search.curves(means[used], place[used], self.at)
        return dose_reaching(self.at, curve, effect)

    def _weights(self, criterion, allowed, t) -> NDArray[np.float64]:
        """Weights that sum to 1, or are all 0 where nothing is allowed."""
        if self.selection == "average":
            least = np.where(allowed, criterion, np.inf).min(axis=1, keepdims=True)
            least = np.where(np.isfinite(least), least, 0.0)
            raw = np.where(allowed, np.exp(-0.5 * np.minimum(criterion - least, 1400.0)), 0.0)
            return raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-300)
        score = -criterion if self.selection == "criterion" else t
        chosen = np.where(allowed, score, -np.inf).argmax(axis=1)
        return ((np.arange(criterion.shape[1]) == chosen[:, None]) & allowed).astype(float)
