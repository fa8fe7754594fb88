"""Strata: groups of reports within which a drug and an event would be independent if nothing were signalled."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.reports import CASE_COLUMNS, Reports
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

# Years at which age groups begin, those of the openFDA and FAERS field AGE_GRP without neonates: infant, child,
# adolescent, adult, elderly.
AGE_GROUPS = (0, 2, 12, 18, 65)
UNKNOWN = "not told"
_NEVER = ("key", "case", "version")


def strata_of(reports: Reports, names: Sequence[str]) -> NDArray[np.int64]:
    """The stratum of each report, numbered from 0, shape (reports,); what is not told is a stratum of its own.

    Parameters
    ----------
    reports : Reports
    names : sequence of str
        ``sex``, ``age`` (groups that begin at 0, 2, 12, 18 and 65 years), ``year`` and ``quarter`` of receipt,
        ``country``, ``reporter``, ``kind``, or a further column of the cases.

    Raises
    ------
    SimulationError
        If there is no such column, or it has one value only.

    Examples
    --------
    >>> from understudy.causal.signals import simulate_reports
    >>> int(strata_of(simulate_reports(500, seed=1), ["sex", "year"]).max()) + 1
    6
    """
    import pandas as pd

    columns = {name: level_of(reports, name) for name in names}
    for name, values in columns.items():
        if values.nunique() < 2 and reports.count > 1:
            raise SimulationError(
                f"all reports have one value of {name}", place="strata", repair=f"leave {name} out"
            )
    frame = pd.DataFrame(columns)
    return frame.groupby(list(frame.columns), sort=True).ngroup().to_numpy(np.int64)


def level_of(reports: Reports, name: str) -> pd.Series:
    """The level of one stratum of each report, as text."""
    import pandas as pd

    cases = reports.cases
    if name == "age" and cases["age"].notna().any():
        ends = [*AGE_GROUPS, np.inf]
        labels = [f"{low}-{high - 1}" if high < np.inf else f"{low}+" for low, high in pairwise(ends)]
        return pd.cut(cases["age"], ends, right=False, labels=labels).astype(object).fillna(UNKNOWN)
    if name == "age" and "age_group" in cases:
        name = "age_group"
    if name == "year":
        return cases["received"].str.slice(0, 4).replace("", UNKNOWN)
    if name in _NEVER or name not in cases:
        others = [each for each in cases.columns if each not in CASE_COLUMNS]
        known = ["sex", "age", "year", "quarter", "country", "reporter", "kind", *others]
        raise SimulationError(
            f"reports have no stratum {name!r}", place="strata", repair=f"known are {', '.join(known)}"
        )
    return cases[name].astype(str).replace({"": UNKNOWN, "nan": UNKNOWN})
