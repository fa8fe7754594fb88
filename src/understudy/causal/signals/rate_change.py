"""Rate change: the period from which on a pair is reported more, or less, than before, by what is expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.random import uniforms

_DRAWS = 1999
_FEWEST, _MOST = 10, 20_000  # reports with which a change is sought, and that are drawn
_CHUNK = 4_000_000


@dataclass(frozen=True)
class ChangePoint:
    """When the ratio of reports over expected ones changed most.

    Parameters
    ----------
    period : str
        The first of the periods after the change.
    before, after : float
        Reports over expected ones.
    p_value : float
        How often as large a change is found where the ratio is the same in all periods, by simulation.
    """

    period: str
    before: float
    after: float
    p_value: float


def change_point(
    seen: NDArray[np.int64], expected: NDArray[np.float64], periods: Sequence[str], seed: int = 1
) -> ChangePoint | None:
    """The split of the periods that a Poisson likelihood favours most; None with fewer than ten reports.

    The largest likelihood ratio over all splits is compared with that of 1,999 draws in which the same number of
    reports falls on periods in proportion to what is expected (as for the scan statistic of Kulldorff, Commun Stat
    Theory Methods 1997;26:1481-1496, doi:10.1080/03610929708831995).

    Parameters
    ----------
    seen, expected : arrays, shape (periods,)
    periods : sequence of str
    seed : int

    Examples
    --------
    >>> found = change_point(np.array([5, 5, 5, 15, 15, 15]), np.full(6, 8.0), list("abcdef"))
    >>> found.period, found.before, found.after, found.p_value < 0.01
    ('d', 0.625, 1.875, True)
    """
    seen, expected = np.asarray(seen), np.asarray(expected, float)
    total = int(seen.sum())
    if total < _FEWEST or np.count_nonzero(expected) < 2:
        return None
    ratios = _likelihood_ratios(seen[None, :], expected)[0]
    at = int(ratios.argmax())
    larger = sum(
        int((_likelihood_ratios(drawn, expected).max(axis=1) >= ratios[at] - 1e-9).sum())
        for drawn in _draws(min(total, _MOST), expected, seed)
    )
    rates = [float(seen[part].sum() / expected[part].sum()) for part in (slice(at + 1), slice(at + 1, None))]
    return ChangePoint(str(periods[at + 1]), *rates, (larger + 1) / (_DRAWS + 1))


def _likelihood_ratios(seen: NDArray, expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-likelihood of each split over that of no change, shape (draws, periods - 1)."""
    before, share = seen.cumsum(axis=1)[:, :-1].astype(float), (expected.cumsum() / expected.sum())[:-1]
    total = seen.sum(axis=1, keepdims=True).astype(float)
    after = total - before
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(before > 0, before * np.log(before / (total * share)), 0.0)
        right = np.where(after > 0, after * np.log(after / (total * (1 - share))), 0.0)
    # A split without anything expected on one side tells nothing.
    return np.where((share > 0) & (share < 1), left + right, 0.0)


def _draws(total: int, expected: NDArray[np.float64], seed: int):
    """Counts by period of so many reports that fall on them as expected, in chunks."""
    ends = (expected.cumsum() / expected.sum())[:-1]
    step = max(1, _CHUNK // total)
    for start in range(0, _DRAWS, step):
        rows = range(start, min(start + step, _DRAWS))
        place = np.searchsorted(ends, uniforms(seed, "change point", rows, total), side="right")
        flat = place + len(expected) * np.arange(len(place))[:, None]
        yield np.bincount(flat.ravel(), minlength=len(expected) * len(place)).reshape(len(place), -1)
