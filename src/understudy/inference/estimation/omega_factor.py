"""Omega factor: the Cholesky factor of the covariance of a subject's random effects, and derivatives by way of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.inference.estimation.parameter_space import ParameterSpace, block_factor, values_of


@dataclass(frozen=True, eq=False)
class OmegaFactor:
    """The lower triangular L with ``omega = L L'``, of the active random effects, for many vectors of parameters.

    A block that is held keeps its factor; one that is repeated, by SAME or from occasion to occasion, has one factor in
    all of its places.

    Parameters
    ----------
    space : ParameterSpace

    Examples
    --------
    >>> from understudy import load_model
    >>> from understudy.inference.effects import Effects
    >>> model = load_model("phenobarbital_neonates")
    >>> space = ParameterSpace(model, Effects(model))
    >>> factor = OmegaFactor(space).of(space.start[None])[0]
    >>> bool(np.allclose(factor @ factor.T, Effects(model).omega))
    True
    """

    space: ParameterSpace

    @cached_property
    def active(self) -> np.ndarray:
        """Places of the random effects that vary."""
        return np.flatnonzero(self.space.effects.active)

    def coordinates(self, block: int) -> slice:
        """Where a block that is estimated stands in the vector of parameters."""
        space = self.space
        before = sum(len(space.free_entries(k)[0]) for k in space.blocks if k < block)
        begin = len(space.fixed) + before
        return slice(begin, begin + len(space.free_entries(block)[0]))

    def block(self, vectors: np.ndarray, block: int) -> np.ndarray:
        """Factor of one block, shape (..., size, size), at vectors of shape (..., parameters)."""
        space = self.space
        size = space.model.random[block].size
        return block_factor(vectors[..., self.coordinates(block)], size, space.free_entries(block))

    def of(self, vectors: np.ndarray) -> np.ndarray:
        """The factor, shape (..., active, active), at vectors of shape (..., parameters)."""
        found = np.broadcast_to(self._held, (*vectors.shape[:-1], *self._held.shape)).copy()
        coordinate, row, column = self._places
        entries = vectors[..., coordinate]
        with np.errstate(over="ignore"):
            found[..., row, column] = np.where(row == column, np.exp(entries), entries)
        return found

    def gradient(self, vectors: np.ndarray, by_factor: np.ndarray) -> np.ndarray:
        """Derivatives by the vector, shape (copies, parameters), from those by the factor's entries."""
        coordinate, row, column = self._places
        by_entry = by_factor[:, row, column]
        with np.errstate(over="ignore"):
            by_entry = np.where(row == column, by_entry * np.exp(vectors[:, coordinate]), by_entry)
        found = np.zeros_like(vectors)
        np.add.at(found.T, coordinate, by_entry.T)
        return found

    @cached_property
    def _held(self) -> np.ndarray:
        """The factor of the model's own omega, with zeros where entries are estimated."""
        space = self.space
        omega = space.omega(values_of(space.model))[np.ix_(self.active, self.active)]
        found = np.linalg.cholesky(omega) if self.active.size else omega
        found[self._places[1:]] = 0.0
        return found

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coordinate, row and column of every entry of the factor that is estimated."""
        space, found, begin, origin = self.space, [], 0, 0
        among = np.cumsum(space.effects.active) - 1
        for k, (block, times) in enumerate(zip(space.model.random, space.times, strict=True)):
            origin = origin if block.same else k
            for _ in range(times):
                if origin in space.blocks:
                    rows, columns = space.free_entries(origin)
                    which = np.arange(len(space.names))[self.coordinates(origin)]
                    found.append(np.array([which, among[begin + rows], among[begin + columns]]))
                begin += block.size
        together = np.concatenate(found, axis=1) if found else np.zeros((3, 0), int)
        return together[0], together[1], together[2]
