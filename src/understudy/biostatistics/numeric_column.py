"""What enters an estimator: columns of numbers, checked cell by cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import DataError, Problem


def numeric_column(
    values: ArrayLike, name: str, length: int | None = None, *, missing: bool = False
) -> NDArray[np.float64]:
    """A column as floats; every cell that is no finite number is an error with its row.

    Parameters
    ----------
    values : array-like, shape (n,)
    name : str
        Of the column, for messages.
    length : int, optional
        Rows the column must have.
    missing : bool
        Whether NaN may stand for a missing value.

    Returns
    -------
    array of float, shape (n,)

    Raises
    ------
    DataError
        For words, infinite or (unless allowed) missing values, and columns of the wrong length. Rows count from zero.

    Examples
    --------
    >>> numeric_column([1, 2.5], "age")
    array([1. , 2.5])
    """
    array = _as_floats(values, name)
    if array.ndim != 1 or (length is not None and len(array) != length):
        expected = "one dimension" if length is None else f"{length} rows"
        raise _error(f"shape {array.shape} where {expected} are expected", "give one value a row", None, name)
    wrong = np.isinf(array) if missing else ~np.isfinite(array)
    if wrong.any():
        raise DataError(
            [
                Problem(
                    "no finite number", "leave the row out, or impute it", int(row), name, str(array[row])
                )
                for row in np.flatnonzero(wrong)
            ],
            place=f"column {name!r}",
        )
    return array


def _as_floats(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        return np.array(values, dtype=float)
    except (TypeError, ValueError):
        rows = np.asarray(values, dtype=object).ravel()
        wrong = [(row, value) for row, value in enumerate(rows) if not _is_number(value)]
        raise DataError(
            [Problem("not a number", "write numbers only", row, name, str(value)) for row, value in wrong],
            place=f"column {name!r}",
        ) from None


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def binary_column(values: ArrayLike, name: str, length: int | None = None) -> NDArray[np.float64]:
    """A column of 0 and 1 (or false and true), as floats.

    Raises
    ------
    DataError
        For any other value.

    Examples
    --------
    >>> binary_column([True, False], "event")
    array([1., 0.])
    """
    array = numeric_column(values, name, length)
    wrong = np.flatnonzero((array != 0) & (array != 1))
    if len(wrong):
        raise DataError(
            [
                Problem("neither 0 nor 1", "code as 0 and 1", int(row), name, f"{array[row]:g}")
                for row in wrong
            ],
            place=f"column {name!r}",
        )
    return array


def category_column(values: ArrayLike, name: str, length: int | None = None) -> tuple[str, ...]:
    """A column of categories as words; whole numbers are written without a decimal point.

    Raises
    ------
    DataError
        For missing values (None, NaN, empty words) and columns of the wrong length.

    Examples
    --------
    >>> category_column([1, 2.0, "high"], "dose")
    ('1', '2', 'high')
    """
    items = list(values) if isinstance(values, Sequence) else list(np.asarray(values, dtype=object))
    words = tuple(_word(item) for item in items)
    if length is not None and len(words) != length:
        raise _error(f"{len(words)} rows where {length} are expected", "give one value a row", None, name)
    missing = [row for row, word in enumerate(words) if word == ""]
    if missing:
        raise DataError(
            [Problem("missing category", "leave the row out, or name it", row, name) for row in missing],
            place=f"column {name!r}",
        )
    return words


def _word(item: object) -> str:
    # NaN is unlike itself; pandas' missing values cannot be compared.
    if item is None or str(item) in ("<NA>", "NaT") or item != item:
        return ""
    if isinstance(item, (float, np.floating)) and float(item).is_integer():
        return str(int(item))
    return str(item).strip()


def _error(cause: str, repair: str, row: int | None, column: str) -> DataError:
    return DataError([Problem(cause, repair, row, column)], place=f"column {column!r}")
