"""mean_cumulative_function: the mean number of events of a patient up to each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.survival.p_value import normal_quantile
from understudy.biostatistics.survival.recurrent import CountingProcess
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd

_CHUNK = 2_000_000  # numbers held at a time


@dataclass(frozen=True, eq=False, repr=False)
class MeanCumulativeFunction:
    """Mean number of events over time.

    Parameters
    ----------
    times, at_risk, events : float array, shape (m,)
        Distinct times of events.
    mean, standard_error, low, high : float array, shape (m,)
        Limits are made on the logarithm.
    level : float
    """

    times: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray
    mean: np.ndarray
    standard_error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: float

    def table(self) -> pd.DataFrame:
        """One row for each time."""
        import pandas as pd

        names = ("at_risk", "events", "mean", "standard_error", "low", "high")
        return pd.DataFrame({"time": self.times, **{name: getattr(self, name) for name in names}})

    def __repr__(self) -> str:
        last = f"{self.mean[-1]:.4g} ({self.low[-1]:.4g} to {self.high[-1]:.4g}) by {self.times[-1]:g}"
        return f"Mean cumulative function: {self.at_risk[0]:g} at risk, {self.events.sum():g} events, {last}"


def mean_cumulative_function(process: CountingProcess, level: float = 0.95) -> MeanCumulativeFunction:
    """Nelson's estimate, with the variance of Lawless and Nadeau (1995, Technometrics 37:158-168, doi:
    10.1080/00401706.1995.10484300), which allows for any dependence between a patient's events.

    Death, if there is any, must not stop events: where it does, the mean is that of patients who would not die.

    Parameters
    ----------
    process : CountingProcess
    level : float

    Raises
    ------
    SimulationError
        Without any event.

    Examples
    --------
    >>> from understudy.biostatistics import counting_process
    >>> mean_cumulative_function(counting_process([10, 8, 9, 10], [[3, 7], [2], [5], []])).mean.tolist()
    [0.25, 0.5, 0.75, 1.0]
    """
    seen = process.event > 0
    if not seen.any():
        raise SimulationError(
            "no event was seen", place="recurrent events", repair="there is no mean to show"
        )
    times, place = np.unique(process.time[seen], return_inverse=True)
    events = np.bincount(place).astype(float)
    ends = process.follow_up
    at_risk = ends.size - np.searchsorted(np.sort(ends), times, side="left").astype(float)
    mean = np.cumsum(events / at_risk)
    error = np.sqrt(_variance(process, times, events, at_risk))
    factor = np.exp(normal_quantile(level) * error / mean)
    return MeanCumulativeFunction(times, at_risk, events, mean, error, mean / factor, mean * factor, level)


def _variance(
    process: CountingProcess, times: np.ndarray, events: np.ndarray, at_risk: np.ndarray
) -> np.ndarray:
    """Sum over patients of the square of each one's part of the mean's error, at each time."""
    seen, ends = process.event > 0, process.follow_up
    patient, column = process.patient[seen], np.searchsorted(times, process.time[seen])
    found = np.zeros(times.size)
    rows = max(_CHUNK // times.size, 1)
    for start in range(0, ends.size, rows):
        end = min(start + rows, ends.size)
        parts = -(events / at_risk**2) * (ends[start:end, None] >= times)
        own = (patient >= start) & (patient < end)
        np.add.at(parts, (patient[own] - start, column[own]), 1 / at_risk[column[own]])
        found += (np.cumsum(parts, axis=1) ** 2).sum(axis=0)
    return found
