"""Stratified sums: what Mantel and Haenszel sum over strata, for all pairs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from understudy.causal.signals.pair_counts import Incidence, PairCounts


def sums_over_strata(
    found: Incidence, stratum: NDArray[np.int64], counts: PairCounts
) -> tuple[NDArray[np.float64], ...]:
    """The sums ad, bc, p_ad, mixed and q_bc of `StratifiedSums`; strata are numbered from 0."""
    margins = counts.margins
    starts, strata, both = _pairs_by_stratum(found, stratum, len(margins.totals), counts)
    return tuple(
        _sums(counts.drug, counts.event, starts, strata, both, margins.drugs, margins.events, margins.totals)
    )


def _pairs_by_stratum(found: Incidence, levels: NDArray[np.int64], count: int, counts: PairCounts) -> tuple:
    """Where each pair's strata begin in the lists of strata and of reports with both."""
    width = len(found.events)
    wanted = counts.drug * width + counts.event  # sorted, as the pairs are
    pair, stratum, both = [], [], []
    for k in range(count):
        inside = levels == k
        together = (found.drug_matrix[inside].T @ found.event_matrix[inside]).tocoo()
        codes = together.row.astype(np.int64) * width + together.col
        place = np.minimum(np.searchsorted(wanted, codes), len(wanted) - 1)
        asked = wanted[place] == codes
        pair.append(place[asked])
        stratum.append(np.full(int(asked.sum()), k))
        both.append(together.data[asked])
    pair, stratum, both = (np.concatenate(each) for each in (pair, stratum, both))
    order = np.argsort(pair, kind="stable")
    starts = np.searchsorted(pair[order], np.arange(len(wanted) + 1))
    return starts, stratum[order], both[order].astype(float)


@njit(cache=True, nogil=True)
def _sums(drug, event, starts, strata, both, drugs, events, totals):
    found = np.zeros((5, len(drug)))
    a = np.zeros(len(totals))
    for pair in range(len(drug)):
        a[:] = 0.0
        for k in range(starts[pair], starts[pair + 1]):
            a[strata[k]] = both[k]
        for s in range(len(totals)):
            m, n, t = drugs[drug[pair], s], events[event[pair], s], totals[s]
            ad, bc = a[s] * (t - m - n + a[s]) / t, (m - a[s]) * (n - a[s]) / t
            p = (t - m - n + 2.0 * a[s]) / t
            found[0, pair] += ad
            found[1, pair] += bc
            found[2, pair] += p * ad
            found[3, pair] += p * bc + (1.0 - p) * ad
            found[4, pair] += (1.0 - p) * bc
    return found
