"""Versions: the latest report of each case, without the cases that the source has withdrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.reports import Reports

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def latest_versions(reports: Reports) -> NDArray[np.bool_]:
    """Which reports are the latest of their case, shape (reports,).

    The highest version, where all reports of a case have one; else the latest date of receipt, and of one date the
    highest number, as the FDA says for its quarterly files (FAERS Quarterly Data Extract, README: latest FDA_DT, then
    highest PRIMARYID or ISR).

    Examples
    --------
    >>> from understudy.causal.signals import simulate_reports
    >>> int(latest_versions(simulate_reports(100, seed=1)).sum())
    100
    """
    cases = reports.cases
    frame = cases[["case", "received"]].assign(
        version=cases["version"].where(cases["version"].notna().groupby(cases["case"]).transform("all"), 0.0),
        number=_numbers(cases["key"]),
        place=np.arange(len(cases)),
    )
    ordered = frame.sort_values(["version", "received", "number", "place"], kind="stable")
    latest = ordered.drop_duplicates("case", keep="last")["place"].to_numpy()
    found = np.zeros(len(cases), bool)
    found[latest] = True
    return found


def withdrawn(reports: Reports) -> NDArray[np.bool_]:
    """Which reports are of cases that the source has withdrawn, shape (reports,)."""
    return reports.cases["case"].isin(list(reports.deleted)).to_numpy(bool)


def _numbers(keys: pd.Series) -> NDArray[np.float64]:
    import pandas as pd

    return pd.to_numeric(keys, errors="coerce").fillna(-1.0).to_numpy(float)
