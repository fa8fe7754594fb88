"""cumulative_incidence: the probability to have had an event of one cause, where others may come first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import Censored, censored
from understudy.biostatistics.survival.p_value import normal_quantile
from understudy.biostatistics.survival.risk_table import weight_at_risk
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class CumulativeIncidence:
    """Probabilities over time of each cause; with the survival they sum to 1.

    Parameters
    ----------
    causes : tuple of int
    times : float array, shape (m,)
        Distinct times of events, of whatever cause.
    at_risk : float array, shape (m,)
    events : float array, shape (m, causes)
    survival : float array, shape (m,)
        Free of all causes.
    incidence, standard_error, low, high : float array, shape (m, causes)
        Limits are made on the scale log(-log F).
    level : float
    """

    causes: tuple[int, ...]
    times: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray
    survival: np.ndarray
    incidence: np.ndarray
    standard_error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: float
    last: float

    def at(self, times: ArrayLike, cause: int) -> pd.DataFrame:
        """Incidence of a cause at times that are asked for; not a number after the last time anyone was watched."""
        import pandas as pd

        if cause not in self.causes:
            raise SimulationError(
                f"nobody had cause {cause}", place="cause", repair=f"use {', '.join(map(str, self.causes))}"
            )
        k = self.causes.index(cause)
        asked = np.atleast_1d(np.asarray(times, dtype=float))
        place = np.searchsorted(self.times, asked, side="right")
        known = (asked <= self.last) | (self.survival[-1] <= 0)
        names = ("incidence", "standard_error", "low", "high")
        found = {
            name: np.where(known, np.r_[0.0, getattr(self, name)[:, k]][place], np.nan) for name in names
        }
        return pd.DataFrame({"time": asked, **found})

    def table(self) -> pd.DataFrame:
        """One row for each time and cause."""
        import pandas as pd

        m, causes = self.incidence.shape
        names = ("events", "incidence", "standard_error", "low", "high")
        return pd.DataFrame(
            {
                "cause": np.repeat(self.causes, m),
                "time": np.tile(self.times, causes),
                "at_risk": np.tile(self.at_risk, causes),
                **{name: getattr(self, name).T.ravel() for name in names},
            }
        )

    def __repr__(self) -> str:
        told = [
            f"cause {cause}: {self.events[:, k].sum():g} events, {self.incidence[-1, k]:.4g} by {self.times[-1]:g}"
            for k, cause in enumerate(self.causes)
        ]
        return f"Cumulative incidence of {self.at_risk[0]:g} at risk; " + "; ".join(told)


def cumulative_incidence(
    time: ArrayLike,
    cause: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    level: float = 0.95,
) -> CumulativeIncidence:
    """The estimate of Aalen and Johansen (1978, Scand J Stat 5:141-150) for competing risks.

    Its variance is the delta method's with the binomial variance of each step (Marubini, Valsecchi 1995, Analysing
    Survival Data from Clinical Trials, section 10.2), which for a single cause is Greenwood's.

    Parameters
    ----------
    time : array, shape (n,)
    cause : array of int, shape (n,)
        0 where no event was seen, else the number of its cause.
    entry : array, shape (n,), optional
        Times of delayed entry.
    level : float

    Raises
    ------
    DataError
        For times or causes that cannot be.
    SimulationError
        Without any event.

    Examples
    --------
    >>> cumulative_incidence([1, 2, 3, 4], [1, 2, 0, 1])
    Cumulative incidence of 4 at risk; cause 1: 2 events, 0.75 by 4; cause 2: 1 events, 0.25 by 4
    """
    watched = censored(time, cause, entry, causes=True)
    causes, times, at_risk, events = _counts(watched)
    total = events.sum(axis=1)
    survival = np.cumprod((at_risk - total) / at_risk)
    before = np.r_[1.0, survival[:-1]]
    incidence = np.cumsum(before[:, None] * events / at_risk[:, None], axis=0)
    error = np.sqrt(_variance(incidence, events, at_risk, before))
    low, high = _limits(incidence, error, normal_quantile(level))
    return CumulativeIncidence(
        tuple(causes.tolist()),
        times,
        at_risk,
        events,
        survival,
        incidence,
        error,
        low,
        high,
        level,
        float(watched.time.max()),
    )


def _counts(watched: Censored) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    causes = np.unique(watched.event[watched.event > 0])
    if causes.size == 0:
        raise SimulationError(
            "no event was seen", place=f"{watched.time.size} patients", repair="check how causes are coded"
        )
    times = np.unique(watched.time[watched.event > 0])
    events = np.zeros((times.size, causes.size))
    seen = watched.event > 0
    np.add.at(
        events,
        (np.searchsorted(times, watched.time[seen]), np.searchsorted(causes, watched.event[seen])),
        watched.weight[seen],
    )
    return causes, times, weight_at_risk(watched, times), events


def _variance(incidence: np.ndarray, events: np.ndarray, n: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Of the incidence at each time, by running sums: (F(t) - F(s))² is taken apart into powers of F(t)."""
    total = events.sum(axis=1)
    left = np.where(n > total, n - total, 1.0)
    step = np.where(n > total, total / (n * left), 0.0)[
        :, None
    ]  # nothing is left to vary where all have the event
    own = before[:, None] ** 2 * events * (n[:, None] - events) / n[:, None] ** 3
    cross = before[:, None] * events / n[:, None] ** 2
    sums = [np.cumsum(each, axis=0) for each in (step, step * incidence, step * incidence**2)]
    first = incidence**2 * sums[0] - 2 * incidence * sums[1] + sums[2]
    second = incidence * np.cumsum(cross, axis=0) - np.cumsum(cross * incidence, axis=0)
    return np.maximum(first + np.cumsum(own, axis=0) - 2 * second, 0.0)


def _limits(incidence: np.ndarray, error: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Limits on the scale log(-log F); the estimate itself where it is 0 or 1."""
    inside = (incidence > 0) & (incidence < 1)
    safe = np.where(inside, incidence, 0.5)
    width = z * error / np.abs(safe * np.log(safe))
    low, high = safe ** np.exp(width), safe ** np.exp(-width)
    return np.where(inside, low, incidence), np.where(inside, high, incidence)
