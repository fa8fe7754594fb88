"""Summary: parameters of many patients in a few numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def summarise(table: pd.DataFrame, groups: Sequence[str], flagged: bool = True) -> pd.DataFrame:
    """One row a group and parameter; see `NCA.summary`."""
    import pandas as pd

    rows = []
    for key, part in table.groupby([*groups, "parameter"], sort=False, dropna=False):
        counted = part["status"] == "ok"
        counted |= flagged & (part["status"] == "flagged")
        rows.append(
            dict(zip((*groups, "parameter"), key, strict=True))
            | {"label": part["label"].iloc[0], "unit": part["unit"].iloc[0], "n": int(counted.sum())}
            | {status: int((part["status"] == status).sum()) for status in ("missing", "flagged")}
            | statistics(part.loc[counted, "value"].to_numpy())
        )
    return pd.DataFrame(rows)


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
        names = ("geometric_mean", "geometric_cv", "mean", "sd", "median", "min", "max")
        return dict.fromkeys(names, math.nan)
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
