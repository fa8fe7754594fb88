"""Outcome density: log-density and gradient of the model of outcomes by sources, in coordinates of unit scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.causal.synthesis.interpolation import Likelihood, log_likelihood

Array = NDArray[np.float64]
_WITHIN, _POINTS = 12.0, 4801


@dataclass(frozen=True, eq=False)
class OutcomeDensity:
    """The density of coordinates: mean, three logarithms of sds, effects of interest, and standard normal deviations.

    Parameters
    ----------
    outcomes, sources, of_interest : tuple of str
    outcome_of, source_of : int array, shape (cells,)
        Of each cell.
    effect_of : int array, shape (cells,)
        Number of its effect of interest, or -1.
    values, slopes : float array, shape (cells, points)
        Of log-likelihoods on a grid.
    scales : tuple of float
        Of the priors: sd of the mean, scale of sds, sd of effects.
    """

    outcomes: tuple[str, ...]
    sources: tuple[str, ...]
    of_interest: tuple[str, ...]
    outcome_of: NDArray[np.int64]
    source_of: NDArray[np.int64]
    effect_of: NDArray[np.int64]
    values: Array
    slopes: Array
    scales: tuple[float, float, float]

    @classmethod
    def of(
        cls,
        cells: Mapping[tuple[str, str], Likelihood],
        outcomes: tuple[str, ...],
        sources: tuple[str, ...],
        of_interest: tuple[str, ...],
        scales: tuple[float, float, float],
    ) -> OutcomeDensity:
        """From likelihoods by outcome and source."""
        grid = np.linspace(-_WITHIN, _WITHIN, _POINTS)
        values = np.array([log_likelihood(each, grid, "cubic") for each in cells.values()])
        slopes = np.gradient(values, grid, axis=1)
        outcome_of = np.array([outcomes.index(str(key[0])) for key in cells])
        source_of = np.array([sources.index(str(key[1])) for key in cells])
        names = [str(key[0]) for key in cells]
        effect_of = np.array([of_interest.index(name) if name in of_interest else -1 for name in names])
        top = values.max(axis=1, keepdims=True)
        return cls(
            outcomes, sources, of_interest, outcome_of, source_of, effect_of, values - top, slopes, scales
        )

    @property
    def dimensions(self) -> int:
        """Of the coordinates."""
        counts = (len(self.of_interest), len(self.outcomes), len(self.sources), self.outcome_of.size)
        return 4 + sum(counts)

    @property
    def start(self) -> Array:
        """A place of some weight, shape (dimensions,)."""
        found = np.zeros(self.dimensions)
        found[1:4] = np.log(self.scales[1] / 2)
        return found

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Log-densities, shape (chains, 1), and gradients, of coordinates of shape (chains, 1, dimensions)."""
        part = self._parts(x)
        # Beyond sds of e^5 or below e^-15 there is nothing; limits keep a wild step finite.
        sds = np.exp(np.clip(part["log_sds"], -15.0, 5.0))
        cell = self._cells(part, sds)
        height, slope = self._likelihood(cell)
        mean_sd, scale, effect_sd = self.scales
        prior = -0.5 * (part["mean"] / mean_sd) ** 2 + np.sum(
            part["log_sds"] - 0.5 * (sds / scale) ** 2, axis=-1
        )
        prior -= 0.5 * np.sum((part["effects"] / effect_sd) ** 2, axis=-1)
        deviations = [part[name] for name in ("outcome", "source", "cell")]
        prior -= 0.5 * sum(np.sum(each**2, axis=-1) for each in deviations)
        gradient = np.empty_like(x)
        by_outcome = self._summed(slope, self.outcome_of, len(self.outcomes))
        by_source = self._summed(slope, self.source_of, len(self.sources))
        gradient[..., 0] = slope.sum(axis=-1) - part["mean"] / mean_sd**2
        sums = (by_outcome, by_source, slope)
        for k, (summed, deviation) in enumerate(zip(sums, deviations, strict=True)):
            inner = np.sum(summed * deviation, axis=-1) * sds[..., k]
            gradient[..., 1 + k] = inner + 1 - (sds[..., k] / scale) ** 2
        interest = [
            np.where(self.effect_of == k, slope, 0.0).sum(axis=-1) for k in range(len(self.of_interest))
        ]
        ends = np.cumsum(
            [4, len(self.of_interest), len(self.outcomes), len(self.sources), self.outcome_of.size]
        )
        for k, each in enumerate(interest):
            gradient[..., 4 + k] = each - part["effects"][..., k] / effect_sd**2
        for k, (summed, deviation) in enumerate(zip(sums, deviations, strict=True)):
            gradient[..., ends[k + 1] : ends[k + 2]] = summed * sds[..., k : k + 1] - deviation
        return height.sum(axis=-1) + prior, gradient

    def named(self, x: Array) -> dict[str, Array]:
        """Draws of shape (chains, draws, dimensions) by names of what they are, in the unit of log effects."""
        part = self._parts(x)
        sds = np.exp(part["log_sds"])
        found: dict[str, Any] = {"mean": part["mean"]}
        for k, name in enumerate(("outcomes", "sources", "cells")):
            found[f"sd of {name}"] = sds[..., k]
        for k, name in enumerate(self.outcomes):
            found[f"outcome {name}"] = part["mean"] + sds[..., 0] * part["outcome"][..., k]
        for k, name in enumerate(self.sources):
            found[f"source {name}"] = part["mean"] + sds[..., 1] * part["source"][..., k]
        for k, name in enumerate(self.of_interest):
            found[f"effect {name}"] = part["effects"][..., k]
        return found

    def _parts(self, x: Array) -> dict[str, Array]:
        sizes = (1, 3, len(self.of_interest), len(self.outcomes), len(self.sources), self.outcome_of.size)
        pieces = np.split(x, np.cumsum(sizes)[:-1], axis=-1)
        names = ("mean", "log_sds", "effects", "outcome", "source", "cell")
        found = dict(zip(names, pieces, strict=True))
        return found | {"mean": found["mean"][..., 0]}

    def _cells(self, part: dict[str, Array], sds: Array) -> Array:
        """Log effect of each cell."""
        found = part["mean"][..., None] + sds[..., 0:1] * part["outcome"][..., self.outcome_of]
        found = found + sds[..., 1:2] * part["source"][..., self.source_of] + sds[..., 2:3] * part["cell"]
        if not self.of_interest:
            return found
        return found + np.where(self.effect_of >= 0, part["effects"][..., self.effect_of], 0.0)

    def _likelihood(self, effects: Array) -> tuple[Array, Array]:
        """Log-likelihoods and slopes, both smooth: a cubic between points of the grid, straight beyond."""
        step = 2 * _WITHIN / (_POINTS - 1)
        place = np.clip((effects + _WITHIN) / step, 0.0, _POINTS - 1.000001)
        k = place.astype(np.int64)
        t = place - k
        cells = np.arange(effects.shape[-1])
        y0, y1 = self.values[cells, k], self.values[cells, k + 1]
        m0, m1 = self.slopes[cells, k] * step, self.slopes[cells, k + 1] * step
        a, b = 2 * (y0 - y1) + m0 + m1, 3 * (y1 - y0) - 2 * m0 - m1
        height = ((a * t + b) * t + m0) * t + y0
        slope = ((3 * a * t + 2 * b) * t + m0) / step
        beyond = effects - np.clip(effects, -_WITHIN, _WITHIN)
        return height + slope * beyond, slope

    @staticmethod
    def _summed(slope: Array, group: NDArray[np.int64], count: int) -> Array:
        """Sums of slopes by group."""
        indicator = (group[:, None] == np.arange(count)).astype(float)
        return slope @ indicator
