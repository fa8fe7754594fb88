"""Priors: what is known of a population's parameters before its data.

As penalties on minus two log-likelihoods (Gisleskog PO, Karlsson MO, Beal SL. Use of prior information to stabilize a
population data analysis. J Pharmacokinet Pharmacodyn 2002;29:473-505, doi:10.1023/A:1022972420004), without what does
not depend on the parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from understudy.core.errors import ModelError


@dataclass(frozen=True)
class NormalPrior:
    """A normal distribution of fixed effects, or of their logarithms.

    Parameters
    ----------
    names : tuple of str, or str
        Fixed effects.
    means : tuple of float, or float
        On the scale.
    covariance : tuple of tuples of float, shape (n, n), or float
        On the scale; of a single fixed effect its variance.
    scale : {"identity", "log"}

    Raises
    ------
    ModelError
        For shapes that do not fit, or what is no covariance matrix.

    Examples
    --------
    >>> NormalPrior("theta_CL", 4.0, 0.25).penalty({"theta_CL": 4.5})
    1.0
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    scale: Literal["identity", "log"] = "identity"

    def __post_init__(self) -> None:
        put = lambda field, value: object.__setattr__(self, field, value)  # noqa: E731
        put("names", (self.names,) if isinstance(self.names, str) else tuple(self.names))
        put("means", tuple(float(value) for value in np.atleast_1d(self.means)))
        matrix = np.atleast_2d(np.array(self.covariance, dtype=float))
        size, place = len(self.names), f"prior of {', '.join(self.names)}"
        if len(self.means) != size or matrix.shape != (size, size):
            raise ModelError(
                f"{size} fixed effects, {len(self.means)} means and a {' x '.join(map(str, matrix.shape))} covariance",
                place=place,
                repair="give one mean each, and a square covariance",
            )
        if self.scale not in ("identity", "log"):
            raise ModelError(f"unknown scale {self.scale!r}", place=place, repair="use identity or log")
        _require_definite(matrix, place)
        put("covariance", tuple(tuple(row) for row in matrix.tolist()))

    def penalty(self, values: dict[str, float]) -> float:
        """Squared distance from the means, in standard deviations."""
        distance = self._distance(values)
        return float(distance @ np.linalg.solve(np.array(self.covariance), distance))

    def slopes(self, values: dict[str, float]) -> dict[str, float]:
        """Derivatives of `penalty` by each fixed effect."""
        by_scaled = 2.0 * np.linalg.solve(np.array(self.covariance), self._distance(values))
        inner = [1.0 / values[name] if self.scale == "log" else 1.0 for name in self.names]
        return dict(zip(self.names, (by_scaled * inner).tolist(), strict=True))

    def _distance(self, values: dict[str, float]) -> np.ndarray:
        own = np.array([values[name] for name in self.names], dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            return (np.log(own) if self.scale == "log" else own) - np.array(self.means)


@dataclass(frozen=True)
class InverseWishart:
    """A distribution of the covariance of a block of random effects.

    Parameters
    ----------
    mode : tuple of tuples of float, shape (n, n)
        The most probable covariance.
    degrees : float
        Of freedom: about the number of individuals that the mode is as sure as an estimate from.

    Raises
    ------
    ModelError
        For what is no covariance matrix, or too few degrees of freedom.

    Examples
    --------
    >>> prior = InverseWishart(((0.09,),), 20)
    >>> prior.penalty(np.array([[0.09]])) < min(prior.penalty(np.array([[v]])) for v in (0.08, 0.1))
    True
    """

    mode: tuple[tuple[float, ...], ...]
    degrees: float

    def __post_init__(self) -> None:
        matrix = np.atleast_2d(np.array(self.mode, dtype=float))
        _require_definite(matrix, "inverse Wishart prior")
        if not self.degrees > len(matrix) - 1:
            raise ModelError(
                f"{self.degrees:g} degrees of freedom for {len(matrix)} random effects",
                place="inverse Wishart prior",
                repair=f"give more than {len(matrix) - 1}",
            )
        object.__setattr__(self, "mode", tuple(tuple(row) for row in matrix.tolist()))
        object.__setattr__(self, "degrees", float(self.degrees))

    @property
    def weight(self) -> float:
        """As how many individuals' covariance the mode counts where it is found together with theirs."""
        return self.degrees + len(self.mode) + 1.0

    def penalty(self, covariance: np.ndarray) -> float:
        """Minus twice the log-density of a covariance, shape (n, n)."""
        weighed = np.linalg.solve(covariance, np.array(self.mode))
        return self.weight * float(np.linalg.slogdet(covariance)[1] + np.trace(weighed))

    def slopes(self, covariance: np.ndarray) -> np.ndarray:
        """Derivatives of `penalty` by the entries of the covariance, as if all were free, shape (n, n)."""
        precision = np.linalg.inv(covariance)
        return self.weight * (precision - precision @ np.array(self.mode) @ precision)


def _require_definite(matrix: np.ndarray, place: str) -> None:
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    if not square or not np.allclose(matrix, matrix.T) or np.linalg.eigvalsh(matrix).min() <= 0:
        raise ModelError(
            "this is no covariance matrix", place=place, repair="give a symmetric positive definite matrix"
        )
