"""Bins: measurements in groups along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from understudy.core.errors import SimulationError

Binning = Literal["count", "width", "natural", "each"]
# More distinct values than this are merged, evenly, before natural breaks are sought among them.
_MOST_VALUES = 600


def bin_edges(x: np.ndarray, bins: int | Sequence[float], binning: Binning = "count") -> np.ndarray:
    """Edges of bins; a value on an inner edge belongs to the bin above.

    Parameters
    ----------
    x : float array, shape (n,)
        Finite values.
    bins : int or sequence of float
        How many, or the edges themselves, increasing. There are fewer bins where there are fewer distinct values.
    binning : {"count", "width", "natural", "each"}
        About equally many values in each; equal widths; natural breaks, which make the sum of squares within bins the
        least (Fisher 1958, J Am Stat Assoc 53:789-798, doi:10.1080/01621459.1958.10501479; Jenks); a bin for each
        distinct value, whatever `bins` says.

    Returns
    -------
    float array, shape (bins + 1,)
        The first is at most the least value, the last at least the greatest.

    Raises
    ------
    SimulationError
        For no bin, edges that do not increase, or values outside of the edges.

    Examples
    --------
    >>> bin_edges(np.array([0.0, 0.1, 0.2, 5.0, 5.1, 9.0]), 3, "natural")
    array([0.  , 2.6 , 7.05, 9.  ])
    """
    if binning not in get_args(Binning):
        raise SimulationError(
            f"unknown binning {binning!r}", place="bins", repair=f"use {', '.join(get_args(Binning))}"
        )
    if not isinstance(bins, (int, np.integer)):
        return _given(x, np.asarray(bins, dtype=float))
    if bins < 1:
        raise SimulationError(f"{bins} bins are too few", place="bins", repair="take 1 or more")
    values, counts = np.unique(x, return_counts=True)
    if binning == "width":
        return np.linspace(values[0], values[-1], int(bins) + 1) if values.size > 1 else values[[0, 0]]
    if binning == "each":
        group = np.arange(values.size)
    elif binning == "natural":
        group = _natural(values, counts, int(bins))
    else:
        middle = (np.cumsum(counts) - counts / 2) / counts.sum()
        group = np.minimum((middle * bins).astype(int), bins - 1)
    breaks = np.flatnonzero(np.diff(group)) + 1
    return np.concatenate([values[:1], (values[breaks - 1] + values[breaks]) / 2, values[-1:]])


def bin_numbers(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Number of the bin, from 0, of each value."""
    return np.clip(np.searchsorted(edges, x, side="right") - 1, 0, max(len(edges) - 2, 0))


def _given(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    if edges.size < 2 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise SimulationError(
            f"edges {', '.join(f'{e:g}' for e in edges)} are too few or do not increase",
            place="bins",
            repair="give two or more increasing numbers",
        )
    outside = int(((x < edges[0]) | (x > edges[-1])).sum())
    if outside:
        raise SimulationError(
            f"{outside} of {x.size} measurements lie outside of the bins",
            place=f"bins {edges[0]:g} to {edges[-1]:g}",
            repair=f"measurements go from {x.min():g} to {x.max():g}: widen the first or the last bin",
        )
    return edges


def _natural(values: np.ndarray, counts: np.ndarray, bins: int) -> np.ndarray:
    """Group of each distinct value by Fisher's exact algorithm: dynamic programming over the last break."""
    size = values.size
    if size > _MOST_VALUES:
        merged = np.minimum(np.arange(size) * _MOST_VALUES // size, _MOST_VALUES - 1)
        weight = np.bincount(merged, counts)
        return _natural(np.bincount(merged, counts * values) / weight, weight, bins)[merged]
    weight, first, second = (
        np.r_[0.0, np.cumsum(counts * power)] for power in (np.ones(size), values, values**2)
    )
    total = weight[None, :] - weight[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        within = (second[None, :] - second[:, None]) - (first[None, :] - first[:, None]) ** 2 / total
    # within[i, j]: sum of squares of values i to j (excluded) around their mean.
    within = np.where(np.arange(size + 1)[None, :] > np.arange(size + 1)[:, None], within, np.inf)
    best, came = within[0].copy(), []
    for _ in range(min(bins, size) - 1):
        tried = best[:, None] + within
        came.append(tried.argmin(axis=0))
        best = tried.min(axis=0)
    group, end = np.zeros(size, dtype=np.int64), size
    for number, breaks in zip(range(len(came), 0, -1), reversed(came), strict=True):
        group[breaks[end] : end] = number
        end = breaks[end]
    return group
