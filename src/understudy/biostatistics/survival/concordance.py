"""concordance: how often, of two patients, the one with the higher risk has the event first (Harrell's C)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import censored, labels, numbers, same_length, stop_for
from understudy.biostatistics.survival.p_value import normal_quantile
from understudy.core.errors import Problem, SimulationError


@dataclass(frozen=True)
class Concordance:
    """Harrell's C with its limits.

    Parameters
    ----------
    estimate, standard_error, low, high : float
    concordant, discordant, tied_risk : int
        Pairs of patients whose order of events is known; those of equal risk count half.
    """

    estimate: float
    standard_error: float
    low: float
    high: float
    concordant: int
    discordant: int
    tied_risk: int


def concordance(
    time: ArrayLike,
    event: ArrayLike,
    risk: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    level: float = 0.95,
) -> Concordance:
    """Harrell's C (1982, JAMA 247:2543-2546, doi:10.1001/jama.1982.03320430047030), in n log n steps.

    A pair counts if the earlier time is an event; at equal times, if one is an event and the other is not. The error is
    that of a ratio of sums over pairs, by each patient's influence (the infinitesimal jackknife).

    Parameters
    ----------
    time, event : array, shape (n,)
        As for `censored`.
    risk : array, shape (n,)
        Higher where the event is expected earlier, such as a linear predictor.
    strata : array, shape (n,), optional
        Labels; pairs are made within strata only.
    level : float

    Raises
    ------
    DataError
        For values that cannot be.
    SimulationError
        If no pair can be compared.

    Examples
    --------
    >>> concordance([1, 2, 3, 4], [1, 1, 0, 1], [4, 2, 3, 1]).estimate
    0.8
    """
    watched = censored(time, event)
    problems: list[Problem] = []
    score = numbers(risk, "risk", problems)
    same_length(score, watched.time.size, "risk", "time", problems)
    stop_for(problems, "the concordance")
    counts = np.zeros((watched.time.size, 3))
    member = (
        np.zeros(watched.time.size, np.int64) if strata is None else labels(strata, score.size, "strata")[1]
    )
    order = np.lexsort((watched.event == 0, watched.time, member))
    bounds = np.r_[np.flatnonzero(np.diff(member[order], prepend=-1)), order.size]
    ranks = np.unique(score, return_inverse=True)[1]
    _count(watched.time[order], watched.event[order] > 0, ranks[order], bounds, counts)
    return _estimate(counts, level)


def _estimate(counts: np.ndarray, level: float) -> Concordance:
    """From each patient's numbers of concordant, discordant and tied pairs; each pair stands in two rows."""
    concordant, discordant, tied = counts.sum(axis=0) / 2
    pairs = concordant + discordant + tied
    if pairs == 0:
        raise SimulationError(
            "no two patients whose order of events is known", place="the concordance", repair="watch longer"
        )
    found = (concordant + tied / 2) / pairs
    influence = (counts[:, 0] + counts[:, 2] / 2 - found * counts.sum(axis=1)) / pairs
    error = float(np.sqrt((influence**2).sum()))
    half = normal_quantile(level) * error
    limits = (max(found - half, 0.0), min(found + half, 1.0))
    return Concordance(float(found), error, *map(float, limits), int(concordant), int(discordant), int(tied))


@njit(cache=True, nogil=True)
def _count(time, event, rank, bounds, counts):
    """For each patient its pairs, as the earlier of two and as the later; rows by stratum and time, events first.

    Two trees of partial sums (Fenwick 1994, doi:10.1002/spe.4380240306) count ranks below a rank: one of all that have
    a later time, on the way back; one of events that have an earlier time, on the way forth.
    """
    size = rank.max() + 2
    for s in range(bounds.size - 1):
        first, end = bounds[s], bounds[s + 1]
        tree, seen, i = np.zeros(size, np.int64), 0, end - 1
        while i >= first:
            j = i
            while j >= first and time[j] == time[i]:
                if not event[j]:
                    _add(tree, rank[j])
                    seen += 1
                j -= 1
            for k in range(j + 1, i + 1):
                if event[k]:
                    below, upto = _below(tree, rank[k]), _below(tree, rank[k] + 1)
                    counts[k, 0] += below
                    counts[k, 1] += seen - upto
                    counts[k, 2] += upto - below
            for k in range(j + 1, i + 1):
                if event[k]:
                    _add(tree, rank[k])
                    seen += 1
            i = j
        tree, seen, i = np.zeros(size, np.int64), 0, first
        while i < end:
            j = i
            while j < end and time[j] == time[i] and event[j]:
                j += 1
            for k in range(i, j):
                _later(tree, rank, seen, k, counts)
            for k in range(i, j):
                _add(tree, rank[k])
                seen += 1
            now, i = time[i], j
            while i < end and time[i] == now:
                _later(tree, rank, seen, i, counts)
                i += 1


@njit(cache=True, nogil=True)
def _later(tree, rank, seen, k, counts):
    """Pairs of patient k with the events before: concordant where their rank is higher."""
    below, upto = _below(tree, rank[k]), _below(tree, rank[k] + 1)
    counts[k, 0] += seen - upto
    counts[k, 1] += below
    counts[k, 2] += upto - below


@njit(cache=True, nogil=True)
def _add(tree, rank):
    place = rank + 1
    while place < tree.size:
        tree[place] += 1
        place += place & -place


@njit(cache=True, nogil=True)
def _below(tree, rank):
    total, place = 0, rank
    while place > 0:
        total += tree[place]
        place -= place & -place
    return total
