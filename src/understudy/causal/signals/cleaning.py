"""Cleaning: one report a case: withdrawn cases, earlier versions and probable duplicates are taken out, and counted."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.linkage import SURE, Linkage, link_reports
from understudy.causal.signals.reports import Reports
from understudy.causal.signals.rule_duplicates import rule_groups
from understudy.causal.signals.versions import latest_versions, withdrawn
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

METHODS = ("none", "rules", "linkage", "both")


@dataclass(frozen=True, eq=False)
class Cleaned:
    """Reports that are left, and how many each step took out.

    Parameters
    ----------
    reports : Reports
    steps : tuple of (str, int)
        In words, and how many reports were left after it.
    linkage : Linkage or None
    """

    reports: Reports
    steps: tuple[tuple[str, int], ...]
    linkage: Linkage | None = None

    def table(self) -> pd.DataFrame:
        """Columns step, left, taken out."""
        import pandas as pd

        left = [count for _, count in self.steps]
        taken = [0, *(before - after for before, after in pairwise(left))]
        return pd.DataFrame({"step": [step for step, _ in self.steps], "left": left, "taken_out": taken})

    def __repr__(self) -> str:
        return "\n".join(f"{count:>12,}  {step}" for step, count in self.steps)


def cleaned(
    reports: Reports, *, duplicates: str = "none", undated: bool = False, sure: float = SURE
) -> Cleaned:
    """One report a case.

    Parameters
    ----------
    reports : Reports
    duplicates : str
        Of different cases, which are taken for one patient's: ``"none"``, ``"rules"`` (`rule_groups`), ``"linkage"``
        (`link_reports`) or ``"both"``. The last received of each group stays.
    undated : bool
        Rules compare reports without an event date too.
    sure : float
        Probability from which linkage counts a pair as duplicates.

    Returns
    -------
    Cleaned

    Raises
    ------
    SimulationError
        If there is no such method, or nothing is left.

    Examples
    --------
    >>> from understudy.causal.signals import simulate_reports
    >>> cleaned(simulate_reports(500, seed=1, duplicates=0.1), duplicates="rules").table()["left"].tolist()
    [553, 553, 553, 533]
    """
    if duplicates not in METHODS:
        raise SimulationError(
            f"there is no method {duplicates!r}", place="duplicates", repair=f"say {', '.join(METHODS)}"
        )
    steps, linkage = [("as read", reports.count)], None
    for words, gone in (
        ("without withdrawn cases", withdrawn),
        ("the latest version of each case", lambda each: ~latest_versions(each)),
    ):
        reports = _without(reports, gone(reports))
        steps.append((words, reports.count))
    if duplicates in ("rules", "both"):
        reports = _without(reports, later_copies(reports, rule_groups(reports, undated=undated)))
        dated = "date" if not undated else "date or none"
        steps.append(
            (f"one of reports with equal event {dated}, sex, age, country, drugs, events", reports.count)
        )
    if duplicates in ("linkage", "both"):
        linkage = link_reports(reports, sure=sure)
        reports = _without(reports, later_copies(reports, linkage.groups(reports.count)))
        steps.append((f"one of linked reports (weight {linkage.threshold:.1f} bits or more)", reports.count))
    return Cleaned(reports, tuple(steps), linkage)


def later_copies(reports: Reports, groups: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which reports of a group are not the last received of it, shape (reports,)."""
    frame = reports.cases[["received", "key"]].assign(group=groups, place=np.arange(reports.count))
    grouped = frame[frame["group"] >= 0].sort_values(["received", "key"], kind="stable")
    copies = grouped[grouped.duplicated("group", keep="last")]["place"].to_numpy()
    found = np.zeros(reports.count, bool)
    found[copies] = True
    return found


def _without(reports: Reports, gone: NDArray[np.bool_]) -> Reports:
    if gone.all() and reports.count:
        raise SimulationError(
            "no report is left",
            place="cleaning",
            repair="look at the list of deleted cases: it has all of them",
        )
    return reports.kept(~gone) if gone.any() else reports
