"""Summary: parameters of many patients in a few numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_STATISTICS = ("geometric_mean", "geometric_cv", "mean", "sd", "median", "min", "max")


def summarise(table: pd.DataFrame, groups: Sequence[str], flagged: bool = True) -> pd.DataFrame:
    """One row a group and parameter; see `NCA.summary`."""
    import pandas as pd

    keys = [*groups, "parameter", "label", "unit"]
    heads = table[keys].to_dict("list")
    values, status = table["value"].to_numpy(), table["status"].to_numpy()
    rows = []
    for places in _places(table, [*groups, "parameter"]):
        mine = status[places]
        counted = (mine == "ok") | (flagged & (mine == "flagged"))
        rows.append(
            {key: heads[key][places[0]] for key in keys}
            | {"n": int(counted.sum())}
            | {each: int((mine == each).sum()) for each in ("missing", "flagged")}
            | statistics(values[places][counted])
        )
    return pd.DataFrame(rows, columns=[*keys, "n", "missing", "flagged", *_STATISTICS])


def _places(table: pd.DataFrame, keys: list[str]) -> list[np.ndarray]:
    """Positions of the rows of each group, in the order of the first of them."""
    if table.empty:
        return []
    number = table.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
    order = np.argsort(number, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(number[order])) + 1)


def statistics(values: np.ndarray) -> dict[str, float]:
    """Geometric mean and CV, mean, standard deviation, median and range.

    The geometric CV is 100 · sqrt(exp(s²) - 1) with s the standard deviation of the logarithms; it and the
    geometric mean are not-a-number where a value is not positive.

    Examples
    --------
    >>> found = statistics(np.array([1.0, 4.0]))
    >>> found["geometric_mean"], round(found["geometric_cv"], 2), found["median"]
    (2.0, 127.05, 2.5)
    """
    if not values.size:
        return dict.fromkeys(_STATISTICS, math.nan)
    logs = np.log(values) if (values > 0).all() else np.full(1, math.nan)
    many = values.size > 1
    return {
        "geometric_mean": float(np.exp(logs.mean())),
        "geometric_cv": float(100 * np.sqrt(np.expm1(logs.var(ddof=1))))
        if many and logs.size > 1
        else math.nan,
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)) if many else math.nan,
        "median": float(np.median(values)),
        "min": float(values.min()),
        "max": float(values.max()),
    }
