"""Partial centring: individuals' random effects from standard normal numbers, as far as their own data leave them open.

Given the parameters, and where data are about normal, an individual's effects are normal: their precision is omega's
plus the information in the individual's data. A map by this mean and covariance is centred where data say much of an
individual, non-centred where they say nothing, and between these in every direction of its own (Papaspiliopoulos,
Roberts and Sköld 2007, doi:10.1214/088342307000000014). Unlike either it has no funnel where omega is small
or large, because it follows omega; what the data are not normal in stays in the density, which is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

# Logarithm of what information is at most multiplied or divided by.
_ENDLESS = 200.0


@dataclass(frozen=True, eq=False)
class PartialCentring:
    """From w, about standard normal, to z, of which random effects are the multiples by omega's factor.

    Parameters
    ----------
    factor : float array, shape (active, active)
        Lower triangular one of omega, at the centre; the unit of what follows.
    information : float array, shape (N, active, active)
        What each individual's data say of its effects; zero: non-centred.
    pull : float array, shape (N, active)
        Slope of the log-density of its data at effects of zero, as their normal approximation has it.
    turning : float array, shape (N, active, parameters)
        How that falls as the parameters move.
    fading : float array, shape (parameters,)
        How the logarithms of information and pull fall: as residual errors grow.
    """

    factor: np.ndarray
    information: np.ndarray
    pull: np.ndarray
    turning: np.ndarray
    fading: np.ndarray

    @classmethod
    def none(cls, factor: np.ndarray, patients: int, parameters: int) -> PartialCentring:
        """z is w."""
        size = len(factor)
        shapes = (patients, size, size), (patients, size), (patients, size, parameters), (parameters,)
        return cls(factor, *(np.zeros(shape) for shape in shapes))

    def at(self, factor: np.ndarray, moved: np.ndarray, w: np.ndarray) -> PartlyCentred:
        """The map at some parameters.

        Parameters
        ----------
        factor : float array, shape (copies, active, active)
            Omega's.
        moved : float array, shape (copies, parameters)
            How far the parameters are from the centre.
        w : float array, shape (copies, N, active)
        """
        relative = np.linalg.solve(self.factor, factor)
        share = np.exp(np.clip(-moved @ self.fading, -_ENDLESS, _ENDLESS))[:, None, None]
        informed = share[..., None] * (self.information @ relative[:, None])
        precision = np.eye(len(self.factor)) + np.swapaxes(relative, 1, 2)[:, None] @ informed
        root = np.linalg.cholesky(precision)
        pulled = share * (self.pull - np.einsum("nap,cp->cna", self.turning, moved))
        return PartlyCentred(self, relative, share, informed, root, np.linalg.inv(root), pulled, w)


@dataclass(frozen=True, eq=False)
class PartlyCentred:
    """The map at some parameters; K is the root of z's precision, K' z = K^-1 pull + w."""

    centring: PartialCentring
    relative: np.ndarray
    share: np.ndarray
    informed: np.ndarray
    root: np.ndarray
    inverse: np.ndarray
    pulled: np.ndarray
    w: np.ndarray

    @cached_property
    def mean(self) -> np.ndarray:
        """Of K' z, shape (copies, N, active)."""
        return _times(self.inverse, self.pulled @ self.relative)

    @cached_property
    def z(self) -> np.ndarray:
        """Of random effects that are z times omega's factor, shape (copies, N, active)."""
        return _transposed_times(self.inverse, self.mean + self.w)

    @property
    def log_slope(self) -> np.ndarray:
        """Logarithm of the determinant of z's derivatives by w, shape (copies,)."""
        return -np.log(np.diagonal(self.root, axis1=2, axis2=3)).sum(axis=(1, 2))

    def gradient(self, by_z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Derivatives of a function of z plus `log_slope`.

        Parameters
        ----------
        by_z : float array, shape (copies, N, active)

        Returns
        -------
        by_factor : float array, shape (copies, active, active)
        by_moved : float array, shape (copies, parameters)
        by_w : float array, shape (copies, N, active)
        """
        by_w = _times(self.inverse, by_z)
        by_pull = _transposed_times(self.inverse, by_w)
        by_root = -_outer(self.z, by_w) - _outer(by_pull, self.mean)
        diagonal = np.arange(self.root.shape[-1])
        by_root[..., diagonal, diagonal] -= 1.0 / self.root[..., diagonal, diagonal]
        by_precision = _by_matrix(self.root, self.inverse, by_root)
        spread = (self.informed @ by_precision).sum(axis=1)
        by_relative = 2.0 * spread + np.einsum("cni,cnj->cij", self.pulled, by_pull)
        by_pulled = by_pull @ np.swapaxes(self.relative, 1, 2)
        by_share = (self.relative * spread).sum(axis=(1, 2)) + (self.pulled * by_pulled).sum(axis=(1, 2))
        by_moved = -np.einsum("nap,cna->cp", self.centring.turning, self.share * by_pulled)
        by_moved -= by_share[:, None] * self.centring.fading
        return np.linalg.solve(self.centring.factor.T, by_relative), by_moved, by_w


def _by_matrix(root: np.ndarray, inverse: np.ndarray, by_root: np.ndarray) -> np.ndarray:
    """Derivatives by a matrix, from those by its Cholesky factor (Murray 2016, arXiv:1602.07527)."""
    inner = np.tril(np.swapaxes(root, -1, -2) @ np.tril(by_root))
    diagonal = np.arange(root.shape[-1])
    inner[..., diagonal, diagonal] *= 0.5
    found = np.swapaxes(inverse, -1, -2) @ inner @ inverse
    return 0.5 * (found + np.swapaxes(found, -1, -2))


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return (matrices @ vectors[..., None])[..., 0]


def _transposed_times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return (vectors[..., None, :] @ matrices)[..., 0, :]


def _outer(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return left[..., :, None] * right[..., None, :]
