"""Splitting: the time of each case, cut wherever a window opens or closes and where a month begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from understudy.causal.sccs.case_series import CaseSeries

Days = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Intervals:
    """Intervals in which nothing changes but age and season, and these little.

    Parameters
    ----------
    case : int array, shape (n,)
    first, days : int array, shape (n,)
        First day, counted from 1970-01-01, and length.
    events : int array, shape (n,)
    inside : bool array, shape (n, windows)
        Whether the interval lies in each window.
    """

    case: Days
    first: Days
    days: Days
    events: Days
    inside: NDArray[np.bool_]

    @property
    def middle(self) -> NDArray[np.float64]:
        """Middle of each interval, in days from 1970-01-01."""
        return self.first + (self.days - 1) / 2


def split(cases: CaseSeries, monthly: bool) -> Intervals:
    """Cut the observed time of cases.

    Parameters
    ----------
    cases : CaseSeries
    monthly : bool
        Whether to cut at the beginning of months too, as splines and the check of stability over time want it.
    """
    months = np.empty(0, np.int64)
    if monthly:
        ends = (
            np.array([cases.start.min(), cases.end.max() + 31])
            .astype("datetime64[D]")
            .astype("datetime64[M]")
        )
        months = np.arange(*ends).astype("datetime64[D]").astype(np.int64)
    bounds = np.searchsorted(cases.window_case, np.arange(cases.start.size + 1))
    case, first, days, inside = _split(
        cases.start, cases.end, bounds, cases.window_column, cases.window_first, cases.window_last,
        len(cases.columns), months,
    )  # fmt: skip
    events = np.zeros(case.size, np.int64)
    # Intervals are in order of case and day, so the one of an outcome is the last that begins by it.
    origin, width = int(cases.start.min()), int(cases.end.max() - cases.start.min()) + 2
    place = np.searchsorted(
        case * width + (first - origin), cases.outcome_case * width + (cases.outcome_day - origin), "right"
    )
    np.add.at(events, place - 1, 1)
    return Intervals(case, first, days, events, inside)


@njit(cache=True, nogil=True)
def _split(start, end, bounds, column, window_first, window_last, columns, months):
    size = 0
    for k in range(start.size):
        size += 1 + 2 * (bounds[k + 1] - bounds[k])
        size += np.searchsorted(months, end[k], side="right") - np.searchsorted(
            months, start[k], side="right"
        )
    case, first, days = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    inside = np.zeros((size, columns), np.bool_)
    used = 0
    for k in range(start.size):
        low = np.searchsorted(months, start[k], side="right")
        high = np.searchsorted(months, end[k], side="right")
        own = bounds[k + 1] - bounds[k]
        cuts = np.empty(2 + 2 * own + high - low, np.int64)
        cuts[0], cuts[1] = start[k], end[k] + 1
        for w in range(own):
            cuts[2 + 2 * w] = window_first[bounds[k] + w]
            cuts[3 + 2 * w] = window_last[bounds[k] + w] + 1
        cuts[2 + 2 * own :] = months[low:high]
        cuts = np.unique(cuts)
        for i in range(cuts.size - 1):
            case[used], first[used], days[used] = k, cuts[i], cuts[i + 1] - cuts[i]
            for w in range(bounds[k], bounds[k + 1]):
                if window_first[w] <= cuts[i] <= window_last[w]:
                    inside[used, column[w]] = True
            used += 1
    return case[:used], first[:used], days[:used], inside[:used]
