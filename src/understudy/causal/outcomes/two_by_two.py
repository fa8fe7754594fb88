"""Two-by-two tables: the likelihood of one log odds ratio, the odds of the untreated maximised or conditioned out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TwoByTwo:
    """One table; the logistic likelihood, maximised over the intercept in closed form.

    With θ the odds ratio and u the odds of the untreated, what is expected equals what was seen where
    θ (N - Y) u² + (n₁ θ + n₀ - Y (1 + θ)) u - Y = 0, with Y events of N persons, n₁ of them treated.

    Parameters
    ----------
    treated_events, treated, untreated_events, untreated : float
        Sums of weights.
    """

    treated_events: float
    treated: float
    untreated_events: float
    untreated: float

    width: ClassVar[float] = 1.0

    @property
    def direction(self) -> float:
        """0 where there is a maximum; infinite with an empty cell; NaN if all, or none, had the event."""
        events, persons = self.treated_events + self.untreated_events, self.treated + self.untreated
        if events <= 0 or events >= persons:
            return np.nan
        if self.treated_events == 0 or self.untreated_events == self.untreated:
            return -np.inf
        return np.inf if self.untreated_events == 0 or self.treated_events == self.treated else 0.0

    def at(self, effect: float) -> tuple[float, float, float]:
        """Log-likelihood, slope and information at a log odds ratio, the intercept at its best for it."""
        risk0, risk1 = self._risks(effect)
        spread0, spread1 = self.untreated * risk0 * (1 - risk0), self.treated * risk1 * (1 - risk1)
        value = _binomial(self.treated_events, self.treated, risk1)
        value += _binomial(self.untreated_events, self.untreated, risk0)
        both = spread0 + spread1
        information = spread0 * spread1 / both if both > 0 else 0.0
        return value, self.treated_events - self.treated * risk1, information

    def _risks(self, effect: float) -> tuple[float, float]:
        """Risks of the untreated and of the treated."""
        odds = self._odds(np.exp(effect))
        return odds / (1 + odds), odds * np.exp(effect) / (1 + odds * np.exp(effect))

    def _odds(self, ratio: float) -> float:
        """Odds of the untreated; the root without cancellation."""
        events = self.treated_events + self.untreated_events
        a = ratio * (self.treated + self.untreated - events)
        b = self.treated * ratio + self.untreated - events * (1 + ratio)
        root = np.sqrt(b * b + 4 * a * events)
        if a == 0:
            return np.inf if b <= 0 else events / b
        return 2 * events / (b + root) if b > 0 else (root - b) / (2 * a)

    def score_parts(self, effect: float, event: NDArray[np.bool_], treated: NDArray[np.bool_]) -> Array:
        """Each person's part of the slope, less what the intercept takes up, without weights, shape (n,)."""
        risk0, risk1 = self._risks(effect)
        spread0, spread1 = self.untreated * risk0 * (1 - risk0), self.treated * risk1 * (1 - risk1)
        return (treated - spread1 / (spread0 + spread1)) * (event - np.where(treated, risk1, risk0))


def _binomial(events: float, persons: float, risk: float) -> float:
    """Log-likelihood of events among persons, zero times minus infinity being zero."""
    value = events * np.log(risk) if events > 0 else 0.0
    return float(value + ((persons - events) * np.log1p(-risk) if persons > events else 0.0))


@dataclass(frozen=True, eq=False)
class Hypergeometric:
    """Tables of strata with both margins given: the conditional logistic likelihood, exact.

    Given m events in a stratum, the number among the treated has the noncentral hypergeometric distribution (Cox 1970,
    Analysis of Binary Data, chapter 4). Like tables are kept once, with their number.

    Parameters
    ----------
    treated_events, events, treated, untreated : float array, shape (m,)
        Counts, of informative strata only: both groups are there, and somebody had the event and somebody not.
    number : float array, shape (m,)
        Of strata with just this table.
    """

    treated_events: Array
    events: Array
    treated: Array
    untreated: Array
    number: Array

    width: ClassVar[float] = 1.0

    @property
    def direction(self) -> float:
        """0 where there is a maximum; infinite where each table is as extreme as can be; NaN without any table."""
        if self.events.size == 0:
            return np.nan
        if (self.treated_events == self._least).all():
            return -np.inf
        return np.inf if (self.treated_events == np.minimum(self.treated, self.events)).all() else 0.0

    @property
    def _least(self) -> Array:
        return np.maximum(0.0, self.events - self.untreated)

    @cached_property
    def _ways(self) -> tuple[Array, Array, NDArray[np.int64]]:
        """All possible numbers of treated with the event, log ways to get them, and the first of each table."""
        from scipy.special import gammaln

        sizes = (np.minimum(self.treated, self.events) - self._least + 1).astype(int)
        first = np.r_[0, np.cumsum(sizes)[:-1]]
        table = np.repeat(np.arange(sizes.size), sizes)
        k = np.arange(sizes.sum()) - first[table] + self._least[table]
        m, n1, n0 = self.events[table], self.treated[table], self.untreated[table]
        ways = -gammaln(k + 1) - gammaln(n1 - k + 1) - gammaln(m - k + 1) - gammaln(n0 - m + k + 1)
        return k, ways, first

    def at(self, effect: float) -> tuple[float, float, float]:
        """Log-likelihood up to a constant, slope and information at a log odds ratio."""
        k, ways, first = self._ways
        height = ways + effect * k
        top = np.maximum.reduceat(height, first)
        table = np.repeat(np.arange(first.size), np.diff(np.r_[first, k.size]))
        share = np.exp(height - top[table])
        total = np.add.reduceat(share, first)
        mean = np.add.reduceat(share * k, first) / total
        spread = np.add.reduceat(share * (k - mean[table]) ** 2, first) / total
        value = effect * self.treated_events - top - np.log(total)
        parts = (value, self.treated_events - mean, spread)
        return tuple(float(self.number @ part) for part in parts)

    def squared_scores(self, effect: float) -> float:
        """Sum of the squared slopes of the strata."""
        k, ways, first = self._ways
        table = np.repeat(np.arange(first.size), np.diff(np.r_[first, k.size]))
        height = ways + effect * k
        share = np.exp(height - np.maximum.reduceat(height, first)[table])
        mean = np.add.reduceat(share * k, first) / np.add.reduceat(share, first)
        return float(self.number @ (self.treated_events - mean) ** 2)


def hypergeometric(
    event: NDArray[np.bool_], treated: NDArray[np.bool_], stratum: NDArray[np.int64]
) -> Hypergeometric:
    """Count tables by stratum, and like tables.

    Parameters
    ----------
    event, treated, stratum : array, shape (n,)
        Strata are numbers from zero.
    """
    size = int(stratum.max()) + 1
    each = [np.bincount(stratum, rows, size) for rows in (event & treated, event, treated, ~treated)]
    events, n1, n0 = each[1:]
    kept = (events > 0) & (events < n1 + n0) & (n1 > 0) & (n0 > 0)
    tables, number = np.unique(np.array(each)[:, kept], axis=1, return_counts=True)
    return Hypergeometric(*tables, number.astype(float))
