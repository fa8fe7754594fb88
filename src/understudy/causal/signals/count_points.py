"""Count points: counts with their expectations, those that are alike taken together with a weight."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.pair_counts import PairCounts

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WIDTH = 0.01  # of a bin of expected counts of pairs never reported, on the scale of logarithms
_BLOCK = 4_000_000  # expected counts that are held at once
# Squashing: this many neighbours become one point, but for the largest expectations of each count.
_TOGETHER, _APART, _MOST = 50, 100, 20_000


@dataclass(frozen=True, eq=False)
class CountPoints:
    """Counts with their expectations and weights, shape (points,) each.

    Parameters
    ----------
    n : int array
    expected, weight : float arrays
    truncation : str
        How the likelihood allows for counts of zero that could not be seen: ``"components"``, ``"mixture"``, or
        ``"none"`` where they are here.
    """

    n: NDArray[np.int64]
    expected: NDArray[np.float64]
    weight: NDArray[np.float64]
    truncation: str

    @cached_property
    def different(self) -> NDArray[np.int64]:
        """The different counts."""
        return np.unique(self.n)

    @cached_property
    def where(self) -> NDArray[np.int64]:
        """Place of each point's count among `different`."""
        return np.searchsorted(self.different, self.n)


def points_of(counts: PairCounts, truncation: str) -> CountPoints:
    """Points of all pairs that were reported, and of those that were not where they are wanted."""
    seen = counts.n > 0
    pairs = np.stack([counts.n[seen], counts.expected[seen]])
    (n, expected), weight = np.unique(pairs, axis=1, return_counts=True)
    if truncation == "none":
        bins, size = _never_reported(counts)
        n, expected, weight = (
            np.concatenate(each) for each in ((np.zeros(len(bins)), n), (bins, expected), (size, weight))
        )
    return CountPoints(n.astype(np.int64), expected, weight.astype(float), truncation)


def squashed(points: CountPoints) -> CountPoints:
    """Fewer points, where there are many: neighbours with one count become their mean with their weight.

    DuMouchel, Pregibon, KDD 2001, doi:10.1145/502512.502526.
    """
    if len(points.n) <= _MOST:
        return points
    order = np.lexsort((points.expected, points.n))
    n, expected, weight = points.n[order], points.expected[order], points.weight[order]
    starts = np.concatenate([_starts(*np.searchsorted(n, [each, each + 1])) for each in points.different])
    total = np.add.reduceat(weight, starts)
    mean = np.add.reduceat(weight * expected, starts) / total
    return CountPoints(n[starts], mean, total, points.truncation)


def _starts(first: int, end: int) -> NDArray[np.int64]:
    """Where groups of points with one count begin; the last ones, of large expectation, stay alone."""
    alone = max(first, end - _APART)
    return np.concatenate([np.arange(first, alone, _TOGETHER), np.arange(alone, end)]).astype(np.int64)


def _never_reported(counts: PairCounts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean expectation and number of the pairs that were never reported, in narrow bins."""
    margins = counts.margins
    size, total = _binned(counts.expected[counts.n > 0])
    size, total = {k: -v for k, v in size.items()}, {k: -v for k, v in total.items()}
    step = max(1, _BLOCK // max(1, len(margins.events)))
    for start in range(0, len(margins.drugs), step):
        block = (margins.drugs[start : start + step] / margins.totals) @ margins.events.T
        for into, more in zip((size, total), _binned(block[block > 0]), strict=True):
            for key, value in more.items():
                into[key] = into.get(key, 0.0) + value
    left = sorted(key for key, value in size.items() if value > 0.5)
    number = np.array([size[key] for key in left])
    return np.array([total[key] for key in left]) / number, number


def _binned(expected: NDArray[np.float64]) -> tuple[dict[int, float], dict[int, float]]:
    keys, where = np.unique(np.floor(np.log(expected) / _WIDTH).astype(np.int64), return_inverse=True)
    size, total = np.bincount(where), np.bincount(where, expected)
    return tuple(dict(zip(keys.tolist(), each.astype(float).tolist(), strict=True)) for each in (size, total))
