"""Competition: an event that one drug is reported with very often looks rare with all others; what is left without it.

A drug masks an event as much as the share of the event among all reports falls when its reports are left out, the
masking ratio of Maignen, Hauben, Hung, van Holle, Dogne, Pharmacoepidemiol Drug Saf 2014;23:195-207,
doi:10.1002/pds.3529.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.chosen_names import chosen
from understudy.causal.signals.pair_counts import PairCounts, incidence
from understudy.causal.signals.reports import SUSPECT, Reports

if TYPE_CHECKING:
    import pandas as pd


def masking_ratios(counts: PairCounts, fewest: int = 3) -> pd.DataFrame:
    """For each event the drug that masks it most.

    Parameters
    ----------
    counts : PairCounts
    fewest : int
        Reports of the pair at least.

    Returns
    -------
    DataFrame
        A row an event, the most masked first: event, drug, n, masking_ratio (share of the event among all reports over
        its share among those without the drug; infinite if only this drug has it).

    Examples
    --------
    >>> from understudy.causal.signals import count_pairs, simulate_reports
    >>> masking_ratios(count_pairs(simulate_reports(3000, seed=1)))["event"].iloc[0]
    'EVENT 1'
    """
    import pandas as pd

    a, _, c, d = counts.cells()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = ((a + c) / counts.total) / (c / (c + d))
    frame = pd.DataFrame(
        {
            "event": np.array(counts.events, object)[counts.event],
            "drug": np.array(counts.drugs, object)[counts.drug],
            "n": counts.n,
            "masking_ratio": ratio,
        }
    )
    frame = frame[frame["n"] >= fewest].sort_values("masking_ratio", ascending=False, kind="stable")
    return frame.drop_duplicates("event").reset_index(drop=True)


def without_drugs(
    reports: Reports, drugs: Sequence[str], *, roles: Sequence[str] = SUSPECT, drug_name: str = "substance"
) -> Reports:
    """Reports that name none of these drugs in these roles: signals of others are then no longer masked by them.

    Raises
    ------
    SimulationError
        If no report has such a drug.

    Examples
    --------
    >>> from understudy.causal.signals import simulate_reports
    >>> reports = simulate_reports(1000, seed=1)
    >>> without_drugs(reports, ["drug 1"]).count < reports.count
    True
    """
    found = incidence(reports, roles, drug_name)
    places = [found.drugs.index(chosen(each, found.drugs, "drug")) for each in drugs]
    named = np.asarray(found.drug_matrix[:, places].sum(axis=1)).ravel() > 0
    kept = np.ones(reports.count, bool)
    kept[found.rows[named]] = False
    return reports.kept(kept)
