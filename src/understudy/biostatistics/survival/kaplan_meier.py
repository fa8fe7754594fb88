"""kaplan_meier: the probability to be free of an event, over time, from censored times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import Censored, censored
from understudy.biostatistics.survival.p_value import normal_quantile
from understudy.biostatistics.survival.risk_table import RiskTable, risk_table
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd

Transform = Literal["log-log", "log", "plain"]
_EQUAL = 1e-12  # probabilities nearer than this are the same: products of fractions differ in their last bits


@dataclass(frozen=True)
class Quantile:
    """A time by which a share of patients had the event; infinite where the curve, or its limit, stays above.

    Parameters
    ----------
    probability : float
    estimate, low, high : float
    """

    probability: float
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, eq=False, repr=False)
class KaplanMeier:
    """A survival curve: a step down at each time of an event.

    Parameters
    ----------
    times : float array, shape (m,)
        Distinct times of events and censorings, increasing.
    at_risk, events, censored : float array, shape (m,)
        Sums of weights.
    survival : float array, shape (m,)
        Just after each time.
    standard_error : float array, shape (m,)
        Greenwood's.
    low, high : float array, shape (m,)
        Pointwise limits; not a number once nobody survives.
    level : float
    interval : str
        Scale of the limits: ``"log-log"``, ``"log"`` or ``"plain"``.
    warnings : tuple of str
    """

    times: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray
    censored: np.ndarray
    survival: np.ndarray
    standard_error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: float
    interval: str
    warnings: tuple[str, ...] = field(default=())

    def at(self, times: ArrayLike) -> pd.DataFrame:
        """Survival at times that are asked for, with limits; not a number after the last time anyone was watched."""
        import pandas as pd

        asked = np.atleast_1d(np.asarray(times, dtype=float))
        place = np.searchsorted(self.times, asked, side="right")
        known = (asked <= self.times[-1]) | (self.survival[-1] == 0)
        begin = {"survival": 1.0, "standard_error": 0.0, "low": 1.0, "high": 1.0}
        found = {
            name: np.where(known, np.r_[first, getattr(self, name)][place], np.nan)
            for name, first in begin.items()
        }
        left = np.r_[self.at_risk, 0.0][np.searchsorted(self.times, asked, side="left")]
        return pd.DataFrame({"time": asked, "at_risk": left, **found})

    def quantile(self, probability: float) -> Quantile:
        """Time by which a share of patients had the event.

        Limits are the times at which the limits of the curve cross (Brookmeyer, Crowley 1982, Biometrics 38:29-41,
        doi:10.2307/2530286). Where the curve is level at just this share, the middle of the stretch is taken.
        """
        if not 0 < probability < 1:
            raise SimulationError(
                f"a share of {probability:g} is impossible", place="quantile", repair="give 0.5, say"
            )
        curves = (self.survival, self.low, self.high)
        found = [self._crossing(curve, 1 - probability) for curve in curves]
        return Quantile(probability, *found)

    @property
    def median(self) -> Quantile:
        """The time by which half of the patients had the event."""
        return self.quantile(0.5)

    def _crossing(self, curve: np.ndarray, height: float) -> float:
        with np.errstate(invalid="ignore"):
            below = np.flatnonzero(curve <= height + _EQUAL)
        if below.size == 0:
            return float("inf")
        first = below[0]
        later = np.flatnonzero(curve < height - _EQUAL)
        if abs(curve[first] - height) <= _EQUAL and later.size:
            return float((self.times[first] + self.times[later[0]]) / 2)
        return float(self.times[first])

    def table(self) -> pd.DataFrame:
        """One row for each time."""
        import pandas as pd

        names = ("at_risk", "events", "censored", "survival", "standard_error", "low", "high")
        return pd.DataFrame({"time": self.times, **{name: getattr(self, name) for name in names}})

    def __repr__(self) -> str:
        median = self.median
        told = f"{median.estimate:g} ({100 * self.level:g}% interval {median.low:g} to {median.high:g})"
        return f"Kaplan-Meier: {self.at_risk.max():g} at risk, {self.events.sum():g} events, median {told}"


def kaplan_meier(
    time: ArrayLike,
    event: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    level: float = 0.95,
    interval: Transform = "log-log",
) -> KaplanMeier:
    """The product-limit estimate of survival (Kaplan, Meier 1958, doi:10.1080/01621459.1958.10501452).

    Its variance is Greenwood's, S² Σ d / (n (n - d)); limits are made on the scale log(-log S) by default (Kalbfleisch,
    Prentice 2002, The Statistical Analysis of Failure Time Data, section 1.4, doi:10.1002/9781118032985).

    Parameters
    ----------
    time, event : array, shape (n,)
        As for `censored`.
    entry : array, shape (n,), optional
        Times of delayed entry.
    weights : array, shape (n,), optional
        Numbers of like patients: Greenwood's variance takes them as counts.
    level : float
        Of the pointwise limits.
    interval : {"log-log", "log", "plain"}
        Scale on which the limits lie evenly around the estimate.

    Raises
    ------
    DataError
        For times, events or entries that cannot be.

    Examples
    --------
    >>> curve = kaplan_meier([6, 6, 6, 6, 7, 9, 10, 10], [1, 1, 1, 0, 1, 0, 1, 0])
    >>> curve
    Kaplan-Meier: 8 at risk, 5 events, median 7 (95% interval 6 to inf)
    >>> round(float(curve.at(6).survival[0]), 3)
    0.625
    """
    watched = censored(time, event, entry, weights)
    if interval not in get_args(Transform):
        raise SimulationError(
            f"unknown interval {interval!r}", place="interval", repair=f"use {', '.join(get_args(Transform))}"
        )
    table = risk_table(watched)
    survival, spread = product_limit(table)
    low, high = survival_limits(survival, spread, normal_quantile(level), interval)
    return KaplanMeier(
        table.times,
        table.at_risk,
        table.events,
        table.censored,
        survival,
        survival * np.sqrt(np.where(survival > 0, spread, 0.0)),
        low,
        high,
        level,
        interval,
        _warnings(watched, table, survival),
    )


def product_limit(table: RiskTable) -> tuple[np.ndarray, np.ndarray]:
    """Survival after each time, and Greenwood's sum: the variance of its logarithm."""
    left = table.at_risk - table.events
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(np.where(table.events > 0, left / table.at_risk, 1.0))
        steps = np.where(table.events > 0, table.events / (table.at_risk * left), 0.0)
    return survival, np.cumsum(steps)


def survival_limits(
    survival: np.ndarray, spread: np.ndarray, z: float, interval: str
) -> tuple[np.ndarray, np.ndarray]:
    """Limits of a probability with the variance `spread` of its logarithm; within 0 and 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(spread)
        if interval == "plain":
            low, high = survival * (1 - z * error), survival * (1 + z * error)
        elif interval == "log":
            low, high = survival * np.exp(-z * error), survival * np.exp(z * error)
        else:
            width = z * error / np.abs(np.log(survival))
            low, high = survival ** np.exp(width), survival ** np.exp(-width)
    sure, gone = survival >= 1, survival <= 0
    low, high = (np.where(gone, np.nan, np.where(sure, 1.0, each)) for each in (low, high))
    return np.maximum(low, 0.0), np.minimum(high, 1.0)


def _warnings(watched: Censored, table: RiskTable, survival: np.ndarray) -> tuple[str, ...]:
    told = []
    if not table.events.any():
        told.append("no event was seen: survival is 1 throughout, and its error is not known")
    early = np.flatnonzero(survival == 0)
    if watched.delayed and early.size and table.times[early[0]] < table.times[-1]:
        told.append(
            f"everyone at risk at {table.times[early[0]]:g} had the event, others entered later: survival stays 0"
        )
    return tuple(told)
