"""category_check: proportions of observed categories over time beside those of simulated studies.

A visual predictive check of categorical data as in Karlsson and Holford 2008, PAGE 17, abstract 1434.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.diagnose import tails
from understudy.inference.diagnostics.bins import Binning, bin_edges, bin_numbers

if TYPE_CHECKING:
    import pandas as pd


def category_check(
    observed: pd.DataFrame,
    simulated: pd.DataFrame,
    *,
    bins: int | Sequence[float] = 8,
    binning: Binning = "count",
    interval: float = 0.9,
) -> pd.DataFrame:
    """Share of each category in bins of time, observed and simulated.

    Parameters
    ----------
    observed : DataFrame
        One row a measurement: time, category, and stratum where they are grouped.
    simulated : DataFrame
        The same with a column replicate.
    bins, binning
        See `bin_edges`; the bins are those of the observed times.
    interval : float
        Of each simulated share over the replicates.

    Returns
    -------
    DataFrame
        stratum, bin, from, to, time (median), n, category, observed, low, median, high. The observed shares of a bin
        add up to 1.

    Raises
    ------
    SimulationError
        For a column that is not there, no row, bins that do not hold the data, or a stratum that was not simulated.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"time": [1.0, 1.0, 2.0, 2.0], "category": [0, 1, 1, 1]})
    >>> copies = pd.concat([seen.assign(replicate=k) for k in (1, 2)])
    >>> category_check(seen, copies, bins=2)["observed"].tolist()
    [0.5, 0.5, 0.0, 1.0]
    """
    import pandas as pd

    observed, simulated = _checked(observed, "observed", ()), _checked(simulated, "simulated", ("replicate",))
    categories = sorted(set(observed["category"]) | set(simulated["category"]))
    parts = []
    for stratum, own in observed.groupby("stratum", sort=False):
        theirs = simulated[simulated["stratum"] == stratum]
        if not len(theirs):
            raise SimulationError(
                f"stratum {stratum!r} was not simulated", place="simulated", repair="simulate the same strata"
            )
        edges = bin_edges(own["time"].to_numpy(float), bins, binning)
        parts.append(_in_stratum(own, theirs, edges, categories, interval).assign(stratum=stratum))
    found = pd.concat(parts, ignore_index=True)
    return found[["stratum", *(name for name in found if name != "stratum")]]


def _in_stratum(
    own: pd.DataFrame, theirs: pd.DataFrame, edges: np.ndarray, categories: list, interval: float
) -> pd.DataFrame:
    import pandas as pd

    time = own["time"].to_numpy(float)
    place = bin_numbers(time, edges)
    shares = _shares(place, own["category"].to_numpy(), len(edges) - 1, categories)
    copies = np.array(
        [
            _shares(
                bin_numbers(each["time"].to_numpy(float), edges),
                each["category"].to_numpy(),
                len(edges) - 1,
                categories,
            )
            for _, each in theirs.groupby("replicate", sort=False)
        ]
    )
    rows = []
    for k in np.unique(place):
        here = time[place == k]
        about = {
            "bin": int(k) + 1,
            "from": edges[k],
            "to": edges[k + 1],
            "time": float(np.median(here)),
            "n": here.size,
        }
        for c, category in enumerate(categories):
            low, median, high = np.nanquantile(copies[:, k, c], (tails(interval)[0], 0.5, tails(interval)[1]))
            told = {
                "category": category,
                "observed": shares[k, c],
                "low": low,
                "median": median,
                "high": high,
            }
            rows.append(about | told)
    return pd.DataFrame(rows)


def _shares(place: np.ndarray, category: np.ndarray, bins: int, categories: list) -> np.ndarray:
    """Share of each category in each bin, shape (bins, categories); not-a-number in a bin without a measurement."""
    counts = np.array([np.bincount(place[category == each], minlength=bins) for each in categories]).T
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1), np.nan)


def _checked(table: pd.DataFrame, name: str, more: tuple[str, ...]) -> pd.DataFrame:
    missing = [column for column in ("time", "category", *more) if column not in table]
    if missing:
        raise SimulationError(
            f"there is no column {', '.join(missing)}", place=name, repair="name columns time and category"
        )
    if not len(table):
        raise SimulationError("there is no measurement", place=name, repair="give one row a measurement")
    if table["time"].isna().any() or table["category"].isna().any():
        raise SimulationError(
            "a time or a category is missing", place=name, repair="leave such measurements out"
        )
    return table if "stratum" in table else table.assign(stratum="")
