"""Pair counts: how many reports name a drug, an event, and both; unique reports, not rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.reports import SUSPECT, Reports
from understudy.causal.signals.strata import strata_of
from understudy.causal.signals.stratified_sums import sums_over_strata
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, eq=False)
class Incidence:
    """Which report names which drug and which event, of the reports that name at least one of each.

    Parameters
    ----------
    drugs, events : tuple of str
        Names, sorted.
    drug_matrix, event_matrix : csr_matrix of int64, shapes (reports, drugs) and (reports, events)
        One where the report names it.
    rows : int array, shape (reports,)
        Row of each in `Reports.cases`.
    """

    drugs: tuple[str, ...]
    events: tuple[str, ...]
    drug_matrix: csr_matrix
    event_matrix: csr_matrix
    rows: NDArray[np.int64]

    @property
    def reports(self) -> int:
        """How many reports."""
        return len(self.rows)

    def of(self, which: NDArray[np.bool_]) -> Incidence:
        """Only these of its reports; drugs and events keep their places."""
        return Incidence(
            self.drugs, self.events, self.drug_matrix[which], self.event_matrix[which], self.rows[which]
        )


@dataclass(frozen=True, eq=False)
class PairCounts:
    """Counts of unique reports of every pair that is reported at least once.

    Parameters
    ----------
    drugs, events : tuple of str
    drug, event : int arrays, shape (pairs,)
        Places of each pair's names in `drugs` and `events`; sorted by drug, then event.
    n : int array, shape (pairs,)
        Reports with both.
    n_drug, n_event : int arrays, shape (pairs,)
        Reports with the drug, and with the event.
    total : int
        All reports.
    expected : float array, shape (pairs,)
        If drug and event were independent within each stratum: the sum over strata of
        n_drug · n_event / total.
    margins : Margins
        Reports with each drug and each event, by stratum.
    strata : StratifiedSums or None
        What is summed over strata for pooled odds ratios.

    Examples
    --------
    >>> from understudy.causal.signals import simulate_reports
    >>> counts = count_pairs(simulate_reports(2000, seed=1))
    >>> bool((counts.n <= np.minimum(counts.n_drug, counts.n_event)).all())
    True
    """

    drugs: tuple[str, ...]
    events: tuple[str, ...]
    drug: NDArray[np.int64]
    event: NDArray[np.int64]
    n: NDArray[np.int64]
    n_drug: NDArray[np.int64]
    n_event: NDArray[np.int64]
    total: int
    expected: NDArray[np.float64]
    margins: Margins
    strata: StratifiedSums | None = None

    def cells(self) -> tuple[NDArray[np.float64], ...]:
        """The fourfold table of each pair: both, the drug alone, the event alone, neither; shape (pairs,) each."""
        a = self.n.astype(float)
        b, c = self.n_drug - a, self.n_event - a
        return a, b, c, self.total - a - b - c

    def where(self, drug: str = "", event: str = "") -> NDArray[np.bool_]:
        """Pairs of this drug and this event, where they are given."""
        of_drug = np.array([each == drug for each in self.drugs], bool)[self.drug] if drug else True
        of_event = np.array([each == event for each in self.events], bool)[self.event] if event else True
        return np.broadcast_to(of_drug & np.asarray(of_event), self.n.shape)


@dataclass(frozen=True, eq=False)
class Margins:
    """Reports with each drug and each event, by stratum; one stratum where there are no others.

    Parameters
    ----------
    drugs, events : float arrays, shapes (drugs, strata) and (events, strata)
    totals : float array, shape (strata,)
        All reports.
    """

    drugs: NDArray[np.float64]
    events: NDArray[np.float64]
    totals: NDArray[np.float64]

    def expected(self, drug: NDArray[np.int64], event: NDArray[np.int64]) -> NDArray[np.float64]:
        """Expected reports of pairs, given by the places of their names; shape (pairs,)."""
        return np.einsum("ps,ps->p", self.drugs[drug] / self.totals, self.events[event])


@dataclass(frozen=True, eq=False)
class StratifiedSums:
    """Sums over strata of fourfold tables with cells a, b, c, d and total t, shape (pairs,) each.

    Parameters
    ----------
    count : int
        Strata with reports.
    ad, bc : float arrays
        Sums of a d / t and of b c / t.
    p_ad, mixed, q_bc : float arrays
        With p = (a + d) / t and q = (b + c) / t: sums of p a d / t, of p b c / t + q a d / t, and of q b c / t.
    """

    count: int
    ad: NDArray[np.float64]
    bc: NDArray[np.float64]
    p_ad: NDArray[np.float64]
    mixed: NDArray[np.float64]
    q_bc: NDArray[np.float64]


def incidence(reports: Reports, roles: Sequence[str] = SUSPECT, drug_name: str = "substance") -> Incidence:
    """Which report names which drug in one of these roles, and which event.

    Parameters
    ----------
    reports : Reports
    roles : sequence of str
        Roles in which a drug counts; all drugs count where no row has a role, and where `roles` is empty.
    drug_name : str
        ``"substance"`` (else the name, where none was told) or ``"name"``.

    Raises
    ------
    SimulationError
        If no report has a drug in these roles and an event.
    """
    import pandas as pd

    labels = reports.labels(drug_name)
    counted = (labels != "").to_numpy(bool)
    if reports.has_roles and roles:
        counted = counted & reports.drugs["role"].isin(list(roles)).to_numpy(bool)
    report = reports.drugs["report"].to_numpy(np.int64)[counted]
    drug, drugs = pd.factorize(labels[counted], sort=True)
    event, events = pd.factorize(reports.reactions["event"], sort=True)
    owner = reports.reactions["report"].to_numpy(np.int64)
    rows = np.intersect1d(report, owner)
    if not len(rows):
        raise SimulationError(
            "no report has both a drug and an event",
            place=f"roles {', '.join(roles)}" if roles else "the reports",
            repair="count other roles, or look at what was left out when the files were read",
        )
    return _present(
        tuple(map(str, drugs)), tuple(map(str, events)),
        _ones(report, drug, reports.count, len(drugs))[rows],
        _ones(owner, event, reports.count, len(events))[rows], rows,
    )  # fmt: skip


def count_pairs(
    reports: Reports,
    *,
    roles: Sequence[str] = SUSPECT,
    strata: Sequence[str] = (),
    drug_name: str = "substance",
) -> PairCounts:
    """Count unique reports of every drug, every event, and every pair of them.

    Parameters
    ----------
    reports : Reports
    roles : sequence of str
        Roles in which a drug counts; all drugs count where no row has a role.
    strata : sequence of str
        ``sex``, ``age``, ``year``, ``quarter``, ``country`` or another column of the cases, see `strata_of`.
    drug_name : str
        ``"substance"`` or ``"name"``.

    Returns
    -------
    PairCounts

    Raises
    ------
    SimulationError
        If no report has a drug in these roles and an event, or there is no such stratum.
    """
    found = incidence(reports, roles, drug_name)
    levels = strata_of(reports, strata)[found.rows] if len(strata) else None
    return counted(found, levels)


def counted(found: Incidence, levels: NDArray[np.int64] | None = None) -> PairCounts:
    """Counts of all pairs that these reports have, in strata where levels are given, shape (reports,)."""
    together = (found.drug_matrix.T @ found.event_matrix).tocsr()
    together.sort_indices()
    pairs = together.tocoo()
    drug, event = pairs.row.astype(np.int64), pairs.col.astype(np.int64)
    return paired(found, levels, drug, event, pairs.data.astype(np.int64))


def paired(
    found: Incidence,
    levels: NDArray[np.int64] | None,
    drug: NDArray[np.int64],
    event: NDArray[np.int64],
    n: NDArray[np.int64],
) -> PairCounts:
    """Counts of these pairs, sorted by drug and event, of which `n` reports have both."""
    stratum = (
        np.zeros(found.reports, np.int64) if levels is None else np.unique(levels, return_inverse=True)[1]
    )
    margins = _margins(found, stratum)
    counts = PairCounts(
        found.drugs, found.events, drug, event, n,
        margins.drugs.sum(axis=1).astype(np.int64)[drug], margins.events.sum(axis=1).astype(np.int64)[event],
        found.reports, margins.expected(drug, event), margins,
    )  # fmt: skip
    if levels is None:
        return counts
    return replace(
        counts, strata=StratifiedSums(len(margins.totals), *sums_over_strata(found, stratum, counts))
    )


def _margins(found: Incidence, stratum: NDArray[np.int64]) -> Margins:
    from scipy.sparse import csr_matrix

    totals = np.bincount(stratum).astype(float)
    ones, reports = np.ones(len(stratum)), np.arange(len(stratum))
    member = csr_matrix((ones, (stratum, reports)), shape=(len(totals), len(stratum)))
    drugs, events = (
        np.ascontiguousarray((member @ each).toarray().T, dtype=float)
        for each in (found.drug_matrix, found.event_matrix)
    )
    return Margins(drugs, events, totals)


def _ones(rows: NDArray, columns: NDArray, height: int, width: int) -> csr_matrix:
    """A one wherever a row names a column, however often."""
    from scipy.sparse import csr_matrix

    made = csr_matrix((np.ones(len(rows), np.int64), (rows, columns)), shape=(height, width))
    made.sum_duplicates()
    made.data[:] = 1
    return made


def _present(drugs, events, drug_matrix, event_matrix, rows) -> Incidence:
    """Without names that only reports have that lack a drug or an event."""
    of_drug, of_event = (np.asarray(each.sum(axis=0)).ravel() > 0 for each in (drug_matrix, event_matrix))
    return Incidence(
        tuple(np.array(drugs, object)[of_drug]), tuple(np.array(events, object)[of_event]),
        drug_matrix[:, of_drug], event_matrix[:, of_event], rows,
    )  # fmt: skip
