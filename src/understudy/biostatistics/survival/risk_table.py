"""The table behind every survival estimate: how many were at risk, had the event or left, at each time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.biostatistics.survival.censored import Censored


@dataclass(frozen=True, eq=False)
class RiskTable:
    """Sums of weights at distinct times.

    Parameters
    ----------
    times : float array, shape (m,)
        Of events and censorings, increasing.
    at_risk : float array, shape (m,)
        Just before each time: entered before it, and watched up to it.
    events, censored : float array, shape (m,)
        At each time. Events come before censorings at the same time.
    """

    times: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray
    censored: np.ndarray


def risk_table(watched: Censored, event: np.ndarray | None = None) -> RiskTable:
    """Count patients.

    Parameters
    ----------
    watched : Censored
    event : bool array, shape (n,), optional
        What counts as the event; anything but 0 by default.

    Examples
    --------
    >>> from understudy.biostatistics.survival.censored import censored
    >>> risk_table(censored([2.0, 2.0, 3.0], [1, 0, 1])).at_risk
    array([3., 1.])
    """
    happened = watched.event > 0 if event is None else event
    times, place = np.unique(watched.time, return_inverse=True)
    events = np.bincount(place, watched.weight * happened, times.size)
    censored = np.bincount(place, watched.weight * ~happened, times.size)
    return RiskTable(times, weight_at_risk(watched, times), events, censored)


def weight_at_risk(watched: Censored, times: np.ndarray) -> np.ndarray:
    """Sum of weights of those who entered before each time and were watched up to it."""
    found = _weight_from(watched.time, watched.weight, times)
    if watched.delayed:
        found = found - _weight_from(watched.entry, watched.weight, times)
    if (watched.weight == np.floor(watched.weight)).all():
        return np.rint(found)
    return found


def _weight_from(values: np.ndarray, weight: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Sum of weights of values at or above each time."""
    order = np.argsort(values, kind="stable")
    below = np.r_[0.0, np.cumsum(weight[order])]
    return below[-1] - below[np.searchsorted(values[order], times, side="left")]
