"""Margin: the distribution of one column, and the normal quantiles between which each of its values lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

# Numbers of at most so many values are steps; more of them are a continuum.
_FEW = 20


@dataclass(frozen=True, eq=False)
class Margin:
    """A column's distribution.

    Parameters
    ----------
    name : str
    levels : array, shape (levels,), or None
        Values of a discrete column in their order; None for a continuous one.
    values : array of float
        Of a continuous column in order; of a discrete one the level of each row, as its place among `levels`.
    decimals : int
        With how many the column is written.
    whole : bool
        Whether the column holds whole numbers.
    """

    name: str
    levels: np.ndarray | None
    values: np.ndarray
    decimals: int = 0
    whole: bool = False

    def bounds(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Normal quantiles below and at each value, shapes (rows,); a missing one may be anything.

        A value without ties is one point, the normal score of its middle rank.
        """
        from scipy.special import ndtri

        order, count = np.sort(self.values), len(self.values)
        left = np.searchsorted(order, codes, "left") / count
        right = np.searchsorted(order, codes, "right") / count
        single = right - left <= 1.5 / count
        middle = (left + right) / 2
        low, high = (np.where(single, middle, end) for end in (left, right))
        missing = np.isnan(codes)
        low, high = np.where(missing, 0.0, low), np.where(missing, 1.0, high)
        return ndtri(low), ndtri(high)

    def quantile(self, share: np.ndarray) -> np.ndarray:
        """Values below which these shares of rows lie, as codes, shape (rows,)."""
        if self.levels is None:
            return np.round(np.quantile(self.values, share), self.decimals)
        counts = np.bincount(self.values.astype(int), minlength=len(self.levels))
        shares = np.cumsum(counts) / len(self.values)
        return np.minimum(np.searchsorted(shares, share), len(self.levels) - 1).astype(float)

    def cells(self, codes: np.ndarray) -> pd.Series:
        """Codes as the table has them; not-a-number is an empty cell."""
        import pandas as pd

        if self.levels is None or self.whole:
            numbers = codes if self.levels is None else _taken(self.levels, codes)
            return pd.Series(numbers).astype("Int64" if self.whole else float)
        return pd.Series(_taken(self.levels, codes))

    @classmethod
    def of(cls, name: str, codes: np.ndarray, like: Margin) -> Margin:
        """The margin of other values of the same column."""
        return cls(name, like.levels, codes, like.decimals, like.whole)


def _taken(levels: np.ndarray, codes: np.ndarray) -> list[Any]:
    return [levels[int(code)] if code == code else None for code in codes]


def margin_of(column: pd.Series, order: np.ndarray | None) -> tuple[Margin, np.ndarray]:
    """The margin of a column, and its codes with not-a-number where it is empty.

    Parameters
    ----------
    column : Series
    order : array of float, shape (rows,), or None
        For a column of words: by what to put its levels into an order.

    Raises
    ------
    StudyError
        If all cells are empty, or the column names its rows.
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    name, known = str(column.name), column.dropna()
    if not len(known):
        raise StudyError(f"the column {name} is empty", place=name, repair="leave it out")
    numeric = is_numeric_dtype(column) and not is_bool_dtype(column)
    if numeric and known.nunique() > _FEW and order is None:
        codes = column.to_numpy(float)
        decimals = _decimals(known.to_numpy(float))
        whole = decimals == 0
        return Margin(name, None, np.sort(codes[~np.isnan(codes)]), decimals, whole), codes
    return _discrete(column, None if numeric and order is None else order, numeric)


def _discrete(column: pd.Series, order: np.ndarray | None, numeric: bool) -> tuple[Margin, np.ndarray]:
    import pandas as pd

    known = column.dropna()
    levels = sorted(known.unique()) if numeric else sorted(known.unique(), key=str)
    if len(levels) > max(_FEW, 2) and len(levels) > 0.2 * len(known):
        raise StudyError(
            f"the column {column.name} has {len(levels)} different values in {len(known)} rows: it may name patients",
            place=str(column.name),
            repair="leave it out of columns",
        )
    if order is not None:
        means = pd.Series(order).groupby(column.to_numpy()).mean()
        levels = sorted(levels, key=lambda level: (means.get(level, 0.0), str(level)))
    place = {level: k for k, level in enumerate(levels)}
    codes = column.map(place).to_numpy(float)
    whole = numeric and all(float(level).is_integer() for level in levels)
    return Margin(str(column.name), np.array(levels, object), codes[~np.isnan(codes)], 0, whole), codes


def _decimals(values: np.ndarray) -> int:
    """Decimals with which all values are written, up to 10."""
    return next((k for k in range(10) if np.allclose(values, np.round(values, k), rtol=0, atol=1e-12)), 10)
