"""Endpoints of a hierarchy, and who of two patients does better on each, compiled over all pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import censored
from understudy.biostatistics.survival.recurrent import CountingProcess
from understudy.core.errors import DataError, Problem


@dataclass(frozen=True, eq=False)
class SurvivalEndpoint:
    """The later event is better, as far as both patients were watched.

    A patient wins if the other had the event, and it was still free of it just after that time.

    Parameters
    ----------
    time, event : array, shape (n,)
        As for `censored`.
    name : str
    later_is_better : bool
        False for an event that is good, such as recovery: who has it first wins.
    """

    time: ArrayLike
    event: ArrayLike
    name: str = "survival"
    later_is_better: bool = True

    def checked(self) -> SurvivalEndpoint:
        """The same with arrays that were checked."""
        watched = censored(self.time, self.event)
        return SurvivalEndpoint(watched.time, watched.event, self.name, self.later_is_better)

    @property
    def size(self) -> int:
        """Number of patients."""
        return len(self.time)

    def decide(self, first: np.ndarray, second: np.ndarray, result: np.ndarray) -> None:
        """Decide pairs that are open: rows `first` against rows `second`."""
        sign = 1 if self.later_is_better else -1
        _survival(self.time[first], self.event[first], self.time[second], self.event[second], sign, result)


@dataclass(frozen=True, eq=False)
class RecurrentEndpoint:
    """Fewer events are better, counted over the time that both patients were watched.

    Parameters
    ----------
    process : CountingProcess
    name : str
    """

    process: CountingProcess
    name: str = "recurrent events"

    def checked(self) -> RecurrentEndpoint:
        """Itself: a counting process was checked when it was made."""
        return self

    @property
    def size(self) -> int:
        """Number of patients."""
        return self.process.follow_up.size

    def decide(self, first: np.ndarray, second: np.ndarray, result: np.ndarray) -> None:
        """Decide pairs that are open: rows `first` against rows `second`."""
        seen = self.process.event > 0
        order = np.lexsort((self.process.time[seen], self.process.patient[seen]))
        times = self.process.time[seen][order]
        bounds = np.searchsorted(self.process.patient[seen][order], np.arange(self.size + 1))
        _recurrent(times, bounds, self.process.follow_up, first, second, result)


@dataclass(frozen=True, eq=False)
class ContinuousEndpoint:
    """A better value wins if it is better by more than a margin; a missing value decides nothing.

    Parameters
    ----------
    value : array, shape (n,)
    margin : float
        Differences up to it are ties.
    higher_is_better : bool
    name : str
    """

    value: ArrayLike
    margin: float = 0.0
    higher_is_better: bool = True
    name: str = "continuous"

    def checked(self) -> ContinuousEndpoint:
        """The same with an array that was checked."""
        try:
            found = np.asarray(self.value, dtype=float)
        except (TypeError, ValueError):
            found = np.empty((0, 0))
        problems = []
        if found.ndim != 1 or np.isinf(found).any():
            problems.append(Problem("is no list of numbers", "give numbers, or NaN", column=self.name))
        if not self.margin >= 0:
            problems.append(Problem("negative", "give 0 or more", column="margin", value=f"{self.margin:g}"))
        if problems:
            raise DataError(problems, place="endpoints")
        return ContinuousEndpoint(found, float(self.margin), self.higher_is_better, self.name)

    @property
    def size(self) -> int:
        """Number of patients."""
        return len(self.value)

    def decide(self, first: np.ndarray, second: np.ndarray, result: np.ndarray) -> None:
        """Decide pairs that are open: rows `first` against rows `second`."""
        sign = 1.0 if self.higher_is_better else -1.0
        _continuous(sign * self.value[first], sign * self.value[second], self.margin, result)


@njit(cache=True, nogil=True)
def _survival(time, event, other_time, other_event, sign, result):
    for i in range(time.size):
        for j in range(other_time.size):
            if result[i, j] != 0:
                continue
            if other_event[j] and (time[i] > other_time[j] or (time[i] == other_time[j] and not event[i])):
                result[i, j] = sign
            elif event[i] and (other_time[j] > time[i] or (time[i] == other_time[j] and not other_event[j])):
                result[i, j] = -sign


@njit(cache=True, nogil=True)
def _recurrent(times, bounds, follow_up, first, second, result):
    for i in range(first.size):
        a = first[i]
        for j in range(second.size):
            if result[i, j] != 0:
                continue
            b = second[j]
            shared = min(follow_up[a], follow_up[b])
            difference = 0
            for k in range(bounds[b], bounds[b + 1]):
                difference += times[k] <= shared
            for k in range(bounds[a], bounds[a + 1]):
                difference -= times[k] <= shared
            result[i, j] = 1 if difference > 0 else (-1 if difference < 0 else 0)


@njit(cache=True, nogil=True)
def _continuous(value, other, margin, result):
    for i in range(value.size):
        for j in range(other.size):
            if result[i, j] == 0:
                if value[i] - other[j] > margin:
                    result[i, j] = 1
                elif other[j] - value[i] > margin:
                    result[i, j] = -1
