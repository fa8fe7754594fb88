"""Distance table: columns of numbers and words as coordinates, in which rows are near or far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def coordinates(tables: tuple[pd.DataFrame, ...], like: pd.DataFrame) -> list[np.ndarray]:
    """Rows as points: numbers in standard deviations of `like`, words and missing cells as zeros and ones.

    Two different words are as far apart as numbers that differ by one standard deviation.

    Returns
    -------
    list of array, shapes (rows, coordinates)
    """
    parts: list[list[np.ndarray]] = [[] for _ in tables]
    for name in like:
        for found, table in zip(parts, tables, strict=True):
            found.append(
                _numbers(table[name], like[name])
                if _is_number(like[name])
                else _words(table[name], like[name])
            )
    return [np.hstack(found) for found in parts]


def _is_number(column: pd.Series) -> bool:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return is_numeric_dtype(column) and not is_bool_dtype(column)


def _numbers(column: pd.Series, like: pd.Series) -> np.ndarray:
    known = like.astype(float)
    scaled = (column.astype(float) - known.mean()) / (known.std() or 1.0)
    found = [scaled.fillna(0.0).to_numpy(float)]
    if like.isna().any():
        found.append(column.isna().to_numpy(float))
    return np.column_stack(found)


def _words(column: pd.Series, like: pd.Series) -> np.ndarray:
    levels = sorted(like.dropna().astype(str).unique())
    words = column.astype("string").astype(object)
    return np.column_stack([(words == level).to_numpy(float) for level in levels]) * np.sqrt(0.5)
