"""Copula: how columns hang together, whatever their margins, by normal correlations or by a vine of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from understudy.core.errors import MissingExtraError

FAMILIES = ("indep", "gaussian", "student", "clayton", "gumbel", "frank")


class Copula(Protocol):
    """What draws shares that hang together."""

    @property
    def parameters(self) -> int:
        """How many were estimated."""

    def draw(self, independent: np.ndarray) -> np.ndarray:
        """Dependent shares from independent uniform ones, shape (rows, columns)."""


@dataclass(frozen=True, eq=False)
class GaussianCopula:
    """Correlations of normals."""

    correlation: np.ndarray

    @property
    def parameters(self) -> int:
        """Correlations."""
        return len(self.correlation) * (len(self.correlation) - 1) // 2

    def draw(self, independent: np.ndarray) -> np.ndarray:
        """Dependent shares from independent uniform ones, shape (rows, columns)."""
        from scipy.special import ndtr, ndtri

        values, vectors = np.linalg.eigh(self.correlation)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        return ndtr(ndtri(independent) @ (vectors @ root.T))


@dataclass(frozen=True, eq=False)
class VineCopula:
    """A regular vine: pairs of columns, and of columns given others, each with a copula of its own.

    Structure by Dissmann and others, Computational Statistics & Data Analysis 2013, doi:10.1016/j.csda.2012.08.010;
    families (independence, Gaussian, t, Clayton, Gumbel, Frank, with rotations) by AIC. By pyvinecopulib.

    Parameters
    ----------
    text : str
        The vine, as JSON.
    """

    text: str
    parameters: int

    def draw(self, independent: np.ndarray) -> np.ndarray:
        """Dependent shares from independent uniform ones, shape (rows, columns), by inverse Rosenblatt transform."""
        return _library().Vinecop.from_json(self.text).inverse_rosenblatt(independent)


def fit_vine(normals: np.ndarray) -> VineCopula:
    """A vine for normals that `latent.completed` gave, by their ranks.

    Raises
    ------
    MissingExtraError
        Without pyvinecopulib.
    """
    from scipy.stats import rankdata

    library = _library()
    shares = rankdata(normals, axis=0, method="ordinal") / (len(normals) + 1)
    families = [getattr(library.families, name) for name in FAMILIES]
    controls = library.FitControlsVinecop(family_set=families, selection_criterion="aic", num_threads=1)
    vine = library.Vinecop.from_data(shares, controls=controls)
    return VineCopula(vine.to_json(), round(vine.npars))


def _library():
    try:
        import pyvinecopulib
    except ImportError:
        raise MissingExtraError(
            "pyvinecopulib is not installed", place="vine", repair="pip install 'understudy[vines]'"
        ) from None
    return pyvinecopulib
