"""Latent normals: the Gaussian copula of mixed columns, whose discrete cells say only between what a normal lies.

Each cell stands for a normal number: known where its value is one of a continuum, between two thresholds where it is
discrete or tied, free where it is missing. They are drawn in turn, each given the others, and the correlation matrix is
that of what was drawn, averaged: a stochastic EM algorithm (Celeux and Diebolt 1985) of the model of Hoff, Annals of
Applied Statistics 2007, doi:10.1214/07-AOAS107, with the thresholds at the empirical shares.
"""

from __future__ import annotations

import numpy as np

from understudy.core.random import uniforms

_TURNS, _BURN = 60, 20
# Correlations shrink by so much towards zero, so that the matrix can always be inverted.
_SHRINKAGE = 1e-3


def completed(
    bounds: tuple[np.ndarray, np.ndarray], apart: dict[int, int], seed: int, purpose: str
) -> tuple[np.ndarray, np.ndarray]:
    """Normals behind a table, and their correlations.

    Parameters
    ----------
    bounds : pair of arrays, shape (rows, columns)
        Lower and upper end of each cell's normal; equal where it is known.
    apart : mapping of int to int
        Columns that are not drawn from each other: a column and the pattern of its missing cells, of which the one is
        never seen where the other says so.
    seed : int
    purpose : str

    Returns
    -------
    normals : array, shape (rows, columns)
    correlations : array, shape (columns, columns)
    """
    low, high = bounds
    rows, columns = low.shape
    shares = _shares(low, high)
    normals = _between(shares, np.full(low.shape, 0.5))
    free = [k for k in range(columns) if (low[:, k] < high[:, k]).any()]
    drawn = uniforms(seed, purpose, range(rows), max(_TURNS * len(free), 1))
    found, kept = _correlation(normals), []
    for turn in range(_TURNS if free else 0):
        for place, column in enumerate(free):
            share = drawn[:, turn * len(free) + place]
            _draw(normals, column, found, apart.get(column), (low[:, column], high[:, column]), share)
        found = _correlation(normals)
        if turn >= _BURN:
            kept.append(found)
    return normals, np.mean(kept, axis=0) if kept else found


def _draw(
    normals: np.ndarray,
    column: int,
    correlation: np.ndarray,
    apart: int | None,
    ends: tuple[np.ndarray, np.ndarray],
    share: np.ndarray,
) -> None:
    """One column given the others, in place, within its ends."""
    others = [k for k in range(len(correlation)) if k not in (column, apart)]
    weights = np.linalg.solve(correlation[np.ix_(others, others)], correlation[others, column])
    mean = normals[:, others] @ weights
    spread = np.sqrt(max(1 - weights @ correlation[others, column], 1e-6))
    free = ends[0] < ends[1]
    shares = _shares((ends[0] - mean) / spread, (ends[1] - mean) / spread)
    normals[free, column] = (mean + spread * _between(shares, share))[free]


def _shares(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import ndtr

    return ndtr(low), ndtr(high)


def _between(shares: tuple[np.ndarray, np.ndarray], where: np.ndarray) -> np.ndarray:
    """Normal quantile between two shares; kept within 8 standard deviations, beyond which shares are 0 or 1."""
    from scipy.special import ndtri

    share = shares[0] + where * (shares[1] - shares[0])
    return ndtri(np.clip(share, 1e-15, 1 - 1e-15))


def _correlation(normals: np.ndarray) -> np.ndarray:
    columns = normals.shape[1]
    if columns == 1:
        return np.eye(1)
    constant = normals.std(axis=0) == 0
    safe = np.where(constant, 1.0, normals.std(axis=0))
    scaled = (normals - normals.mean(axis=0)) / safe
    found = (1 - _SHRINKAGE) * scaled.T @ scaled / len(normals)
    np.fill_diagonal(found, 1.0)
    return found
