"""Two groups at risk, one of them treated: the likelihood of a ratio of hazards or rates, collapsed to few terms.

Cox's partial likelihood with Breslow's ties (Breslow 1974, doi:10.2307/2529620) and Poisson's with the rates of strata
maximised out have one form: of d events in a risk set, d₁ fell on the treated, whose share of the risk at a log ratio β
is n₁ exp β / (n₀ + n₁ exp β). For Cox there is a term for each time of an event, n being persons at risk; for Poisson
one for each stratum, n being time at risk.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TwoGroups:
    """Terms of the likelihood of one log ratio.

    Parameters
    ----------
    treated_events, events : float array, shape (m,)
        Sums of weights of those with an event.
    untreated, treated : float array, shape (m,)
        Sums of weights, or of weighted times, of those at risk.
    """

    treated_events: Array
    events: Array
    untreated: Array
    treated: Array

    width: ClassVar[float] = 1.0

    @cached_property
    def informative(self) -> NDArray[np.bool_]:
        """Terms with both groups at risk, and an event."""
        return (self.events > 0) & (self.untreated > 0) & (self.treated > 0)

    @cached_property
    def _terms(self) -> tuple[Array, Array, Array]:
        """Events, and risks relative to their sum, of the informative terms."""
        kept = self.informative
        total = self.untreated[kept] + self.treated[kept]
        return self.events[kept], self.untreated[kept] / total, self.treated[kept] / total

    @cached_property
    def treated_sum(self) -> float:
        """Events of the treated in the informative terms."""
        return float(self.treated_events[self.informative].sum())

    @property
    def direction(self) -> float:
        """0 where there is a maximum; infinite where one group had no event; NaN without informative terms."""
        kept = self.informative
        if not kept.any():
            return np.nan
        if not self.treated_events[kept].any():
            return -np.inf
        others = self.events[kept] - self.treated_events[kept]
        return 0.0 if (others > 1e-12 * self.events[kept]).any() else np.inf

    def at(self, effect: float) -> tuple[float, float, float]:
        """Log-likelihood, slope and information at a log ratio."""
        events, untreated, treated = self._terms
        risk = treated * np.exp(effect)
        total = untreated + risk
        share = risk / total
        value = effect * self.treated_sum - events @ np.log(total)
        return float(value), self.treated_sum - float(events @ share), float(events @ (share * (1 - share)))

    def shares(self, effect: float) -> Array:
        """The share of the risk that the treated bear, of all terms; 0 without anybody at risk."""
        risk = self.treated * np.exp(effect)
        total = self.untreated + risk
        return np.divide(risk, total, out=np.zeros_like(risk), where=total > 0)

    def rates(self, effect: float) -> Array:
        """Events for each unit of risk of the untreated, of all terms."""
        total = self.untreated + self.treated * np.exp(effect)
        return np.divide(self.events, total, out=np.zeros_like(total), where=total > 0)


@dataclass(frozen=True, eq=False)
class RiskSets:
    """Terms of Cox's likelihood, and what they mean to each person.

    Parameters
    ----------
    terms : TwoGroups
    order : int array, shape (n,)
        Persons by stratum, within it by time.
    passed : int array, shape (n,)
        For each sorted person, the terms of the stratum up to the person's time end before this one.
    first : int array, shape (n,)
        For each sorted person, the first term of the stratum.
    """

    terms: TwoGroups
    order: NDArray[np.int64]
    passed: NDArray[np.int64]
    first: NDArray[np.int64]

    def score_parts(self, effect: float, event: NDArray[np.bool_], treated: NDArray[np.bool_]) -> Array:
        """Each person's part of the slope, in the order of what was given, without weights, shape (n,).

        Lin, Wei 1989, doi:10.1080/01621459.1989.10478874.
        """
        share, step = self.terms.shares(effect), self.terms.rates(effect)
        hazard, mean = (np.r_[0.0, np.cumsum(each)] for each in (step, step * share))
        x, happened = treated[self.order], event[self.order]
        total, total_mean = (each[self.passed] - each[self.first] for each in (hazard, mean))
        parts = -np.where(x, np.exp(effect), 1.0) * (x * total - total_mean)
        parts[happened] += x[happened] - share[self.passed[happened] - 1]
        found = np.empty_like(parts)
        found[self.order] = parts
        return found


def risk_sets(
    time: Array,
    event: NDArray[np.bool_],
    treated: NDArray[np.bool_],
    stratum: NDArray[np.int64],
    weight: Array,
) -> RiskSets:
    """Collapse persons to the times of events, by stratum.

    Parameters
    ----------
    time, event, treated, stratum, weight : array, shape (n,)
        Strata are numbers from zero.
    """
    order = np.lexsort((time, stratum)) if stratum.any() else np.argsort(time, kind="stable")
    rows = (time[order], event[order], treated[order], stratum[order], weight[order])
    sums, passed, first = _collapse(*rows)
    return RiskSets(TwoGroups(*sums), order, passed, first)


@njit(cache=True, nogil=True)
def _collapse(time, event, treated, stratum, weight):
    """Sums at the times of events, in the order of strata and times; sums run back, so that nothing is subtracted."""
    n, terms = time.size, 0
    for i in range(n):
        if event[i]:
            terms += 1
    sums = np.zeros((4, terms))
    place = np.zeros(n, np.int64)  # terms counted from the end, those of the person's own time and later ones
    stratum_end = np.zeros(n, np.int64)
    used, i = 0, n - 1
    while i >= 0:
        here, last = stratum[i], i
        at_risk0, at_risk1 = 0.0, 0.0
        while i >= 0 and stratum[i] == here:
            now, d0, d1, top = time[i], 0.0, 0.0, i
            while i >= 0 and stratum[i] == here and time[i] == now:
                if treated[i]:
                    at_risk1 += weight[i]
                    d1 += weight[i] * event[i]
                else:
                    at_risk0 += weight[i]
                    d0 += weight[i] * event[i]
                i -= 1
            for k in range(i + 1, top + 1):
                place[k] = used
            if d0 + d1 > 0.0:
                column = terms - 1 - used
                sums[0, column], sums[1, column] = d1, d0 + d1
                sums[2, column], sums[3, column] = at_risk0, at_risk1
                used += 1
        for k in range(i + 1, last + 1):
            stratum_end[k] = used
    return sums[:, terms - used :], used - place, used - stratum_end
