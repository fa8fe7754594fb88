"""Finding signals: all measures of every reported pair, judged by criteria that were stated beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.chosen_names import chosen
from understudy.causal.signals.criteria import DEFAULT, Criteria, criteria_of
from understudy.causal.signals.disproportionality import (
    chi_square_yates,
    information_component,
    proportional_reporting_ratio,
    reporting_odds_ratio,
)
from understudy.causal.signals.pair_counts import Incidence, PairCounts, counted, incidence, paired
from understudy.causal.signals.reports import SUSPECT, Reports
from understudy.causal.signals.shrinkage import shrunken_rates
from understudy.causal.signals.shrinkage_prior import ShrinkagePrior, fit_prior
from understudy.causal.signals.signals import Signals
from understudy.causal.signals.strata import strata_of
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_FEWEST_PAIRS = 20  # of the prior of EBGM, see `fit_prior`


@dataclass(frozen=True)
class Question:
    """What is asked of the reports.

    Parameters
    ----------
    drugs, events : tuple of str
        Names; all of them where there are none.
    comparator : str
        A drug whose reports are the only others; empty for all other reports.
    roles : tuple of str
    strata : tuple of str
    criteria : str
    drug_name : str
        ``"substance"`` or ``"name"``.
    haldane : bool
    truncation : str
        Of the prior's likelihood, see `fit_prior`.
    """

    drugs: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    comparator: str = ""
    roles: tuple[str, ...] = SUSPECT
    strata: tuple[str, ...] = ()
    criteria: str = DEFAULT
    drug_name: str = "substance"
    haldane: bool = False
    truncation: str = "components"


def find_signals(
    reports: Reports,
    *,
    drugs: Sequence[str] = (),
    events: Sequence[str] = (),
    comparator: str = "",
    roles: Sequence[str] = SUSPECT,
    strata: Sequence[str] = (),
    criteria: str = DEFAULT,
    drug_name: str = "substance",
    haldane: bool = False,
    truncation: str = "components",
) -> Signals:
    """Measure how disproportionately every pair of a drug and an event is reported, and judge each by the criteria.

    Parameters
    ----------
    reports : Reports
        One a case, see `cleaned`.
    drugs, events : sequence of str
        Only these are shown; the prior of EBGM is learned from all pairs. A pair of both that no report has is
        shown with a count of zero.
    comparator : str
        An active comparator: only reports of the one drug or of this one count, those of both are left out. EBGM is
        not computed then.
    roles : sequence of str
        Roles in which a drug counts (PS, SS, S, I, C); all of them if empty.
    strata : sequence of str
        Expected counts and odds ratios within ``sex``, ``age``, ``year`` or others, see `strata_of`.
    criteria : str
        What makes a signal, see `criteria_of`.
    drug_name : str
        Count drugs by ``"substance"`` or as they were reported, ``"name"``.
    haldane : bool
        Add a half to each cell of a fourfold table for the odds ratio.
    truncation : str
        Of the prior's likelihood, see `fit_prior`.

    Returns
    -------
    Signals

    Raises
    ------
    SimulationError
        If a drug or event is in no report (with the nearest names), or the criteria cannot be read.

    Examples
    --------
    >>> from understudy.causal.signals import simulate_reports
    >>> found = find_signals(simulate_reports(4000, seed=1), criteria="IC025 > 0 and n >= 3")
    >>> "DRUG 1" in set(found.signals()["drug"])
    True
    """
    asked = Question(
        tuple(drugs),
        tuple(events),
        comparator,
        tuple(roles),
        tuple(strata),
        criteria,
        drug_name,
        haldane,
        truncation,
    )
    judged = criteria_of(criteria)
    found = incidence(reports, asked.roles, drug_name)
    levels = strata_of(reports, asked.strata)[found.rows] if asked.strata else None
    asked = _named(asked, found)
    if asked.comparator:
        found, levels = _against(asked, found, levels)
    counts = counted(found, levels)
    prior = _prior(counts, asked)
    shown = _shown(found, levels, counts, asked)
    return _signals(reports, asked, judged, counts, shown, prior)


def _named(asked: Question, found: Incidence) -> Question:
    """With names as the reports have them."""
    others = replace(
        asked,
        drugs=tuple(chosen(each, found.drugs, "drug") for each in asked.drugs),
        events=tuple(chosen(each, found.events, "event") for each in asked.events),
        comparator=chosen(asked.comparator, found.drugs, "drug") if asked.comparator else "",
    )
    if others.comparator and (len(others.drugs) != 1 or others.comparator in others.drugs):
        raise SimulationError(
            "a comparator needs one other drug to compare",
            place="--comparator",
            repair="name one drug beside it",
        )
    return others


def _against(
    asked: Question, found: Incidence, levels: NDArray[np.int64] | None
) -> tuple[Incidence, NDArray[np.int64] | None]:
    """Only reports of the drug or of its comparator, not of both."""
    drug, other = (
        found.drug_matrix[:, found.drugs.index(each)].toarray().ravel() > 0
        for each in (asked.drugs[0], asked.comparator)
    )
    either = drug ^ other
    if not (drug & either).any() or not (other & either).any():
        raise SimulationError(
            "all reports of one of the two drugs name the other too",
            place=f"{asked.drugs[0]} and {asked.comparator}",
            repair="take another comparator",
        )
    return found.of(either), None if levels is None else levels[either]


def _prior(counts: PairCounts, asked: Question) -> ShrinkagePrior | None:
    if asked.comparator or len(counts.n) < _FEWEST_PAIRS:
        return None
    return fit_prior(counts, truncation=asked.truncation)


def _shown(
    found: Incidence, levels: NDArray[np.int64] | None, counts: PairCounts, asked: Question
) -> PairCounts:
    """Only the pairs that are asked for; those of named drugs and events with a count of zero too."""
    drugs = _places(asked.drugs, counts.drugs)
    events = _places(asked.events, counts.events)
    if drugs is None and events is None:
        return counts
    if drugs is not None and events is not None:
        drug, event = (each.ravel() for each in np.meshgrid(drugs, events, indexing="ij"))
        together = found.drug_matrix[:, drugs].T @ found.event_matrix[:, events]
        return paired(found, levels, drug, event, np.asarray(together.todense()).ravel().astype(np.int64))
    which = np.isin(counts.drug, drugs) if drugs is not None else np.isin(counts.event, events)
    return paired(found, levels, counts.drug[which], counts.event[which], counts.n[which])


def _places(names: tuple[str, ...], known: tuple[str, ...]) -> NDArray[np.int64] | None:
    return np.unique([known.index(each) for each in names]) if names else None


def measures(counts: PairCounts, prior: ShrinkagePrior | None, haldane: bool) -> pd.DataFrame:
    """All measures of these pairs, a row each."""
    import pandas as pd

    names = {
        "drug": np.array(counts.drugs, object)[counts.drug],
        "event": np.array(counts.events, object)[counts.event],
    }
    columns = {"n": counts.n, "n_drug": counts.n_drug, "n_event": counts.n_event, "expected": counts.expected}
    ratios = {
        "prr": proportional_reporting_ratio(counts),
        "ror": reporting_odds_ratio(counts, haldane=haldane),
        "ic": information_component(counts.n, counts.expected),
    }
    for name, each in ratios.items():
        columns |= {name: each.value, f"{name}_low": each.low, f"{name}_high": each.high}
    columns["chi_square"] = chi_square_yates(counts)
    rates = None if prior is None else shrunken_rates(counts.n, counts.expected, prior)
    for name, part in (("ebgm", "ebgm"), ("ebgm_low", "low"), ("ebgm_high", "high")):
        columns[name] = np.full(len(counts.n), np.nan) if rates is None else getattr(rates, part)
    return pd.DataFrame(names | columns)


def _signals(
    reports: Reports,
    asked: Question,
    judged: Criteria,
    counts: PairCounts,
    shown: PairCounts,
    prior: ShrinkagePrior | None,
) -> Signals:
    table = measures(shown, prior, asked.haldane)
    if asked.comparator:
        table = table[table["drug"] == asked.drugs[0]]
    table = table.assign(signal=judged.met(table))
    order = ["signal", "ebgm_low" if prior is not None else "ic_low", "n"]
    table = table.sort_values(order, ascending=False, kind="stable").reset_index(drop=True)
    return Signals(
        table=table, criteria=judged, question=asked, reports=counts.total, drugs=len(counts.drugs),
        events=len(counts.events), pairs=len(counts.n), prior=prior, strata=len(counts.margins.totals),
        notes=_notes(reports, asked, judged, counts, prior, len(table)), findings=reports.findings,
        sources=dict(reports.sources),
    )  # fmt: skip


def _notes(
    reports: Reports,
    asked: Question,
    judged: Criteria,
    counts: PairCounts,
    prior: ShrinkagePrior | None,
    rows: int,
) -> tuple[str, ...]:
    notes = list(prior.notes) if prior is not None else []
    if left := reports.count - counts.total if not asked.comparator else 0:
        notes.append(
            f"{left:,} reports without a counted drug or an event are not among the {counts.total:,}"
        )
    if not reports.has_roles:
        notes.append("the source tells no roles of drugs: all of them count")
    if prior is None:
        why = (
            "a comparator leaves too few pairs" if asked.comparator else f"{len(counts.n)} pairs are too few"
        )
        notes.append(f"EBGM is not computed: {why} to learn its prior")
        if any(column.startswith("ebgm") for column, _, _ in judged.terms):
            notes.append("the criteria ask for EBGM, so that no pair can meet them: state others")
    if rows > 1:
        notes.append(f"{rows:,} pairs are judged, each by itself: one 95 % limit in forty is wrong by chance")
    return tuple(notes)
