"""Rule duplicates: reports of different cases that say the same of patient, drugs and events.

The rule of DiAna (Fusaroli et al., Drug Saf 2024, doi:10.1007/s40264-023-01391-4): equal event date, sex, age, country,
events, and drugs by their roles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.reports import SUSPECT, Reports
from understudy.core.random import uniforms

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_FIELDS = ("event_date", "sex", "age", "country")


def rule_groups(reports: Reports, *, suspects_only: bool = False, undated: bool = False) -> NDArray[np.int64]:
    """The group of alike reports to which each belongs, shape (reports,); -1 where it is alone.

    Parameters
    ----------
    reports : Reports
    suspects_only : bool
        Compare suspected drugs only.
    undated : bool
        Compare reports without an event date too, as DiAna does; what is missing is then equal to what is missing.

    Examples
    --------
    >>> from understudy.causal.signals import simulate_reports
    >>> int((rule_groups(simulate_reports(300, seed=1, duplicates=0.2)) >= 0).sum()) % 2
    0
    """
    drugs = reports.drugs.assign(label=reports.labels())
    drugs = drugs[drugs["label"] != ""]
    if suspects_only:
        drugs = drugs[drugs["role"].isin(SUSPECT)]
    # Which of the suspects is the primary one depends on who reports: that difference is kept, as in the source.
    named = drugs.assign(label=drugs["role"] + ":" + drugs["label"])
    frame = reports.cases[list(_FIELDS)].assign(
        age=reports.cases["age"].round(2).fillna(-1.0),
        **_signature(named, "label", reports.count),
        **_signature(reports.reactions, "event", reports.count),
    )
    group = frame.groupby(list(frame.columns), sort=False).ngroup().to_numpy(np.int64, copy=True)
    sizes = np.bincount(group, minlength=1)
    compared = np.isin(np.arange(reports.count), named["report"])
    compared &= np.isin(np.arange(reports.count), reports.reactions["report"])
    if not undated:
        compared &= (frame["event_date"] != "").to_numpy(bool)
    group[(sizes[group] < 2) | ~compared] = -1
    return group


def _signature(table: pd.DataFrame, column: str, count: int) -> dict[str, NDArray[np.int64]]:
    """Two sums over what each report names, of numbers that are drawn for each name: equal sums, equal names.

    That two different lists have equal sums has a probability of about 2**-104.
    """
    import pandas as pd

    named = table[["report", column]].drop_duplicates()
    codes, names = pd.factorize(named[column].to_numpy(object))
    drawn = (uniforms(1, "signature", range(len(names)), 2) * 2.0**52).astype(np.int64)
    sums = np.zeros((count, 2), np.int64)
    np.add.at(sums, named["report"].to_numpy(np.int64), drawn[codes])
    return {f"{column} {k}": sums[:, k] for k in range(2)}
