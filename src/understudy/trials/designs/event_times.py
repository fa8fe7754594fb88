"""Event times: many simulated trials with times to an event, tested when so many events are there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from understudy.trials.designs.weighted_log_rank import LOG_RANK, Weights, survival_z


@dataclass(frozen=True, eq=False)
class EventTimes:
    """What becomes of the patients of many trials.

    Parameters
    ----------
    treated : array of bool, shape (trials, patients)
    entry : array of float, shape (trials, patients)
        Calendar times of enrolment; infinite for those who are never enrolled.
    time, lost : array of float, shape (trials, patients)
        From enrolment to the event, and to leaving; infinite for never.
    """

    treated: NDArray[np.bool_]
    entry: NDArray[np.float64]
    time: NDArray[np.float64]
    lost: NDArray[np.float64]

    @cached_property
    def happened(self) -> NDArray[np.bool_]:
        """Whether the event comes before the patient leaves."""
        return (self.time <= self.lost) & np.isfinite(self.time)

    @cached_property
    def observed(self) -> NDArray[np.float64]:
        """Time under observation if the trial never ends."""
        return np.minimum(self.time, self.lost)

    def when(self, used: NDArray[np.bool_], events: NDArray[np.int64]) -> NDArray[np.float64]:
        """Calendar time of the given event of those who are used, shape (trials,); where so many never come, when
        nobody is left to have one.

        Examples
        --------
        >>> forever = np.full((1, 3), np.inf)
        >>> found = EventTimes(np.zeros((1, 3), bool), np.zeros((1, 3)), np.array([[3.0, 1.0, 2.0]]), forever)
        >>> found.when(np.ones((1, 3), bool), np.array([2])).tolist()
        [2.0]
        """
        counted = used & self.happened & np.isfinite(self.entry)
        calendar = np.sort(np.where(counted, self.entry + self.time, np.inf), axis=1)
        place = np.clip(np.asarray(events) - 1, 0, calendar.shape[1] - 1)
        found = calendar[np.arange(len(calendar)), place]
        enough = (np.asarray(events) <= calendar.shape[1]) & np.isfinite(found)
        return np.where(enough, found, self.end(used))

    def end(self, used: NDArray[np.bool_]) -> NDArray[np.float64]:
        """When nobody of those who are used is left to have an event; of one without an end, the enrolment."""
        inside = used & np.isfinite(self.entry)
        known = np.where(np.isfinite(self.observed), self.observed, 0.0)
        return np.where(inside, np.where(inside, self.entry, 0.0) + known, 0.0).max(axis=1)

    def test_at(
        self, used: NDArray[np.bool_], when: NDArray[np.float64], weights: Weights = LOG_RANK
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Z (above 0: the treated do better), log hazard ratio and number of events at calendar times."""
        since = np.where(used, when[:, None] - self.entry, -1.0)
        seen = np.minimum(self.observed, since)
        event = self.happened & (seen == self.observed) & (seen > 0) & used
        z, ratio = survival_z(seen, event, self.treated, weights)
        return z, ratio, event.sum(axis=1)

    def test(self, used: NDArray[np.bool_], events: NDArray[np.int64], weights: Weights = LOG_RANK):
        """Z, log hazard ratio, number of events and the calendar time at a number of events."""
        when = self.when(used, events)
        return (*self.test_at(used, when, weights), when)
