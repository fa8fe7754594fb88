"""Candidates: pairs of reports that share so much that they may be of one patient, and what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from understudy.causal.signals.hit_miss import Compared
from understudy.causal.signals.pair_counts import Incidence
from understudy.causal.signals.reports import Reports

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Reports that share a block of more than this many are not compared within it.
LARGEST_BLOCK = 50
_SMOOTHED = 31  # days over which frequencies of dates are taken
_FEWEST = 5.0  # imagined reports that draw frequencies given another value towards those of all


def candidate_pairs(reports: Reports, found: Incidence) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Pairs of rows of `found`, the first below the second, and how many blocks were too large to compare.

    Blocks share an exact event date and a drug; an exact event date and an event; or a drug, an event and an age.
    """
    cases = reports.cases.iloc[found.rows].reset_index(drop=True)
    days = reports.day("event_date")[found.rows]
    day = np.where(np.isnat(days), -1, days.astype(np.int64))
    age = cases["age"].round().fillna(-1).to_numpy(np.int64)
    drugs, events = _rows_of(found.drug_matrix), _rows_of(found.event_matrix)
    blocks = [
        _keyed(drugs[0], day[drugs[0]], drugs[1]),
        _keyed(events[0], day[events[0]], events[1]),
        _crossed(drugs, events, age),
    ]
    pairs, skipped = [], 0
    for owner, key in blocks:
        inside, large = _within_blocks(owner, key)
        pairs.append(inside)
        skipped += large
    both = np.unique(np.concatenate([each[:, 0] * found.reports + each[:, 1] for each in pairs]))
    return both // found.reports, both % found.reports, skipped


def compare(
    reports: Reports, found: Incidence, first: NDArray[np.int64], second: NDArray[np.int64]
) -> dict[str, Compared]:
    """What the two of each pair say, by field."""
    cases = reports.cases.iloc[found.rows].reset_index(drop=True)
    days = reports.day("event_date")[found.rows]
    day = np.where(np.isnat(days), np.nan, days.astype(np.int64).astype(float))
    return {
        "event date": _distances(day, first, second, _SMOOTHED),
        "age": _distances(cases["age"].round().to_numpy(float), first, second, 1),
        "sex": _values(cases["sex"].to_numpy(object), first, second),
        "country": _values(cases["country"].to_numpy(object), first, second),
        "drugs": _lists(found.drug_matrix, first, second),
        "events": _lists(found.event_matrix, first, second),
    }


def _rows_of(matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    pairs = matrix.tocoo()
    return pairs.row.astype(np.int64), pairs.col.astype(np.int64)


def _keyed(owner: NDArray, value: NDArray, term: NDArray) -> tuple[NDArray, NDArray]:
    told = value >= 0
    return owner[told], np.stack([value[told], term[told]], axis=1)


def _crossed(drugs: tuple, events: tuple, age: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
    """Each drug of a report that tells an age with each of its events."""
    import pandas as pd

    left = pd.DataFrame({"owner": drugs[0], "drug": drugs[1]})
    right = pd.DataFrame({"owner": events[0], "event": events[1]})
    left = left[age[left["owner"]] >= 0]
    both = left.merge(right, on="owner")
    owner = both["owner"].to_numpy(np.int64)
    return owner, np.stack([both["drug"].to_numpy(), both["event"].to_numpy(), age[owner]], axis=1)


def _within_blocks(owner: NDArray[np.int64], key: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """All pairs of owners that share a key, and how many keys too many share."""
    if not len(owner):
        return np.zeros((0, 2), np.int64), 0
    code = np.zeros(len(key), np.int64)
    for column in key.T:
        code = code * (int(column.max()) + 1) + column
    block = np.unique(code, return_inverse=True)[1]
    order = np.lexsort((owner, block))
    owner, block = owner[order], block[order]
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    sizes = np.diff(np.append(starts, len(block)))
    large = sizes > LARGEST_BLOCK
    chosen = (sizes > 1) & ~large
    return _all_pairs(owner, starts[chosen], sizes[chosen]), int(large.sum())


@njit(cache=True, nogil=True)
def _all_pairs(owner, starts, sizes):
    total = 0
    for size in sizes:
        total += size * (size - 1) // 2
    pairs = np.empty((total, 2), np.int64)
    at = 0
    for k in range(len(starts)):
        for i in range(starts[k], starts[k] + sizes[k]):
            for j in range(i + 1, starts[k] + sizes[k]):
                pairs[at, 0], pairs[at, 1] = owner[i], owner[j]
                at += 1
    return pairs


def _values(values: NDArray, first: NDArray[np.int64], second: NDArray[np.int64]) -> Compared:
    """A field with one value; it is empty where it is not told."""
    different, code = np.unique(values.astype(str), return_inverse=True)
    told = (different != "")[code]
    frequency = np.bincount(code[told], minlength=len(different)) / max(1, told.sum())
    both = told[first] & told[second]
    equal = both & (code[first] == code[second])
    gain = np.where(equal, -np.log2(np.maximum(frequency[code[first]], 1e-12)), 0.0)
    return Compared(both, equal.astype(float), (both & ~equal).astype(float), gain)


def _distances(
    values: NDArray[np.float64], first: NDArray[np.int64], second: NDArray[np.int64], smoothed: int
) -> Compared:
    """A field with a number, NaN where it is not told; frequencies are means over `smoothed` neighbours."""
    told = np.isfinite(values)
    both = told[first] & told[second]
    distance = np.where(both, np.abs(np.where(both, values[first] - values[second], 0.0)), 0.0)
    ordered = np.sort(values[told])
    half = smoothed / 2
    at = np.where(both, values[second], 0.0)
    near = np.searchsorted(ordered, at + half, "right") - np.searchsorted(ordered, at - half, "left")
    gain = np.where(both, -np.log2(np.maximum(near, 1) / (smoothed * max(1, len(ordered)))), 0.0)
    equal = (both & (distance == 0)).astype(float)
    return Compared(both, equal, both - equal, gain, distance)


def _lists(matrix, first: NDArray[np.int64], second: NDArray[np.int64]) -> Compared:
    """A field with a list of values, such as drugs: what often goes together counts less together."""
    csr = matrix.tocsr()
    csr.sort_indices()
    count = np.asarray(csr.sum(axis=0)).ravel().astype(float)
    together = (csr.T @ csr).tocsr()
    together.sort_indices()
    equal, different, gain = _shared(
        first, second, csr.indptr, csr.indices, count, float(csr.shape[0]),
        together.indptr, together.indices, together.data.astype(float),
    )  # fmt: skip
    return Compared(np.ones(len(first), bool), equal, different, gain)


@njit(cache=True, nogil=True)
def _shared(first, second, start, terms, count, reports, pair_start, pair_terms, pair_count):
    equal, different, gain = np.zeros(len(first)), np.zeros(len(first)), np.zeros(len(first))
    common = np.empty(terms.size, terms.dtype)
    for pair in range(len(first)):
        i, j = start[first[pair]], start[second[pair]]
        end_i, end_j = start[first[pair] + 1], start[second[pair] + 1]
        size = 0
        while i < end_i or j < end_j:
            if i < end_i and j < end_j and terms[i] == terms[j]:
                common[size] = terms[i]
                size, i, j = size + 1, i + 1, j + 1
            else:
                different[pair] += 1
                if j >= end_j or (i < end_i and terms[i] < terms[j]):
                    i += 1
                else:
                    j += 1
        equal[pair] = size
        for k in range(size):  # the rarest first
            for other in range(k + 1, size):
                if count[common[other]] < count[common[k]]:
                    common[k], common[other] = common[other], common[k]
            base = count[common[k]] / reports
            frequency = base
            for before in range(k):
                low, high = pair_start[common[before]], pair_start[common[before] + 1]
                place = low + np.searchsorted(pair_terms[low:high], common[k])
                given = (pair_count[place] + _FEWEST * base) / (count[common[before]] + _FEWEST)
                frequency = max(frequency, given)
            gain[pair] -= np.log2(frequency)
    return equal, different, gain
