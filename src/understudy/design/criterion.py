"""Criterion: one number for how good an information matrix is, with its gradient.

All are logarithms, concave in the matrix, and on the scale of relative errors, so that units make no difference; the
efficiency of one design against another is the exponential of the difference (Atkinson and Donev, Optimum Experimental
Designs, Oxford 1992).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.core.errors import SimulationError

KINDS = ("D", "Ds", "A")
# Smallest eigenvalue of the information as a correlation matrix that is more than rounding and differences leave.
FLAT = 1e-9


@dataclass(frozen=True, eq=False)
class Criterion:
    """What is maximised.

    Parameters
    ----------
    kind : {"D", "Ds", "A"}
        "D": the determinant. "Ds": that of the part of `interest`, the others being estimated too. "A": the mean
        squared relative error of `interest`, or of all.
    names : tuple of str, length p
    values : float array, shape (p,)
    interest : sequence of str

    Examples
    --------
    >>> criterion = Criterion("D", ("a", "b"), np.array([1.0, 1.0]))
    >>> float(np.exp(criterion.value(np.diag([4.0, 9.0]))).round(9))
    6.0
    """

    kind: str
    names: tuple[str, ...]
    values: np.ndarray
    interest: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SimulationError(
                f"unknown criterion {self.kind!r}", place="criterion", repair=f"use one of {', '.join(KINDS)}"
            )
        unknown = [name for name in self.interest if name not in self.names]
        if unknown:
            raise SimulationError(
                f"no parameter {unknown[0]!r} is estimated", place="interest",
                repair=f"give some of {', '.join(self.names)}",
            )  # fmt: skip
        if self.kind == "Ds" and not 0 < len(set(self.interest)) < len(self.names):
            raise SimulationError(
                "Ds needs parameters of interest, and others", place="interest", repair="name some, or use D"
            )

    def value(self, matrices: np.ndarray) -> np.ndarray:
        """Of matrices of shape (..., p, p); minus infinity where singular."""
        scaled = self._scaled(matrices)
        if self.kind == "A":
            return self._mean_error(scaled)
        whole = _log_determinant(scaled)
        if self.kind == "D":
            return whole / len(self.names)
        others = _log_determinant(scaled[..., self._others[:, None], self._others])
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(whole), (whole - others) / self._own.size, -np.inf)

    def gradient(self, matrix: np.ndarray) -> np.ndarray:
        """By the entries of one regular matrix, shape (p, p): its inner product with the matrix is 1."""
        inverse = np.linalg.inv(self._scaled(matrix))
        if self.kind == "D":
            found = inverse / len(self.names)
        elif self.kind == "A":
            own = inverse[:, self._own]
            found = own @ own.T / np.trace(inverse[np.ix_(self._own, self._own)])
        else:
            others = np.ix_(self._others, self._others)
            found = inverse.copy()
            found[others] -= np.linalg.inv(self._scaled(matrix)[others])
            found /= self._own.size
        return found * np.outer(self._scale, self._scale)

    @cached_property
    def _scale(self) -> np.ndarray:
        return np.where(self.values == 0, 1.0, np.abs(self.values))

    @cached_property
    def _own(self) -> np.ndarray:
        wanted = self.interest or self.names
        return np.array([k for k, name in enumerate(self.names) if name in wanted])

    @cached_property
    def _others(self) -> np.ndarray:
        return np.setdiff1d(np.arange(len(self.names)), self._own)

    def _scaled(self, matrices: np.ndarray) -> np.ndarray:
        return matrices * np.outer(self._scale, self._scale)

    def _mean_error(self, scaled: np.ndarray) -> np.ndarray:
        good = np.isfinite(_log_determinant(scaled))
        safe = np.where(good[..., None, None], scaled, np.eye(len(self.names)))
        errors = np.diagonal(np.linalg.inv(safe), axis1=-2, axis2=-1)[..., self._own].mean(axis=-1)
        good &= errors > 0
        return np.where(good, -np.log(np.where(good, errors, 1.0)), -np.inf)


def _log_determinant(matrices: np.ndarray) -> np.ndarray:
    """Minus infinity where a matrix is singular as far as rounding can tell."""
    sizes = np.sqrt(np.maximum(np.diagonal(matrices, axis1=-2, axis2=-1), 0.0))
    seen = (sizes > 0).all(axis=-1)
    sizes = np.where(sizes > 0, sizes, 1.0)
    values = np.linalg.eigvalsh(matrices / (sizes[..., :, None] * sizes[..., None, :]))
    good = seen & (values[..., 0] > FLAT)
    logs = np.log(np.where(good[..., None], values, 1.0)).sum(axis=-1)
    return np.where(good, logs + 2.0 * np.log(sizes).sum(axis=-1), -np.inf)
