"""Period columns: columns of a person-period table as numbers and categories, every bad cell told by its row.

No message names a person: rows are told by their number.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.covariate_table import CovariateTable
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = 1e12  # beyond it a cell is a slip, and squares lose all digits


def require_columns(frame: pd.DataFrame, wanted: Iterable[str], place: str) -> None:
    """Refuse names that no column has, all of them at once.

    Raises
    ------
    DataError
    """
    names = [str(name) for name in frame.columns]
    lost = [name for name in dict.fromkeys(wanted) if name not in names]
    if lost:
        raise DataError([_lost(name, names) for name in lost], place=place)


def _lost(name: str, names: list[str]) -> Problem:
    near = get_close_matches(name, names, 1)
    repair = f"did you mean {near[0]}?" if near else f"name one of: {', '.join(names[:30])}"
    return Problem("there is no such column", repair, column=name)


def numbers(frame: pd.DataFrame, name: str, rows: NDArray[np.int64], *, missing: bool = False) -> tuple:
    """A column as floats, and what is wrong with its cells."""
    import pandas as pd

    cells = frame[name]
    found = pd.to_numeric(cells, errors="coerce").to_numpy(float, na_value=np.nan)
    empty = cells.isna().to_numpy()
    words = np.isnan(found) & ~empty
    beyond = np.abs(found) > _LARGEST
    problems = _problems(
        words, "not a number", "write a number, or declare it categorical", name, cells, rows
    )
    problems += _problems(beyond, "larger than anything measured", "correct the cell", name, cells, rows)
    if not missing:
        problems += missing_cells(empty, name, rows)
    return found, problems


def missing_cells(empty: NDArray[np.bool_], name: str, rows: NDArray[np.int64]) -> list[Problem]:
    """A problem for each empty cell."""
    repair = "fill it in, leave the row out, or say in [data] what missing is to mean"
    return [Problem("missing value", repair, int(rows[k]), name) for k in np.flatnonzero(empty)]


def flags(frame: pd.DataFrame, name: str, rows: NDArray[np.int64]) -> tuple:
    """A column of 0 and 1 as floats, and what is wrong with its cells."""
    found, problems = numbers(frame, name, rows)
    wrong = ~np.isnan(found) & (found != 0) & (found != 1) & (np.abs(found) <= _LARGEST)
    return found, problems + _problems(wrong, "neither 0 nor 1", "code as 0 and 1", name, frame[name], rows)


def whole_numbers(frame: pd.DataFrame, name: str, rows: NDArray[np.int64]) -> tuple:
    """A column of whole numbers as floats, and what is wrong with its cells."""
    found, problems = numbers(frame, name, rows)
    wrong = ~np.isnan(found) & (found != np.floor(found)) & (np.abs(found) <= _LARGEST)
    repair = "count periods by whole numbers"
    return found, problems + _problems(wrong, "no whole number", repair, name, frame[name], rows)


def categories(frame: pd.DataFrame, name: str, rows: NDArray[np.int64], *, missing: bool = False) -> tuple:
    """A column of categories: positions of levels (NaN where missing), the levels, and what is wrong."""
    cells = frame[name]
    words = cells.map(_word, na_action="ignore")
    empty = words.isna().to_numpy()
    levels = tuple(sorted(set(words[~empty]), key=_rank))
    problems = [] if missing else missing_cells(empty, name, rows)
    if len(levels) < 2:
        told = f"the category has one level, {levels[0]}" if levels else "the category is empty"
        problems.append(Problem(told, "leave it out of the models", column=name))
    at = {level: float(k) for k, level in enumerate(levels)}
    return words.map(at, na_action="ignore").to_numpy(float, na_value=np.nan), levels, problems


def covariate_table(
    frame: pd.DataFrame,
    names: Iterable[str],
    categorical: Iterable[str],
    rows: NDArray[np.int64],
    *,
    missing: bool = False,
) -> tuple[CovariateTable, list[Problem]]:
    """Covariates, and what is wrong with their cells; words are categories, numbers only where declared."""
    import pandas as pd
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    columns, levels, problems, declared = {}, {}, [], set(categorical)
    for name in dict.fromkeys(names):
        numeric = is_numeric_dtype(frame[name]) and not is_bool_dtype(frame[name])
        words = isinstance(frame[name].dtype, pd.CategoricalDtype)
        numeric = numeric or is_bool_dtype(frame[name]) or (not words and _mostly_numbers(frame[name]))
        if name in declared or not numeric:
            columns[name], levels[name], found = categories(frame, name, rows, missing=missing)
        else:
            columns[name], found = numbers(frame, name, rows, missing=missing)
        problems += found
    return CovariateTable(columns, levels), problems


def _mostly_numbers(cells: pd.Series) -> bool:
    """Whether a column of words is one of numbers with slips: then the slips are errors, not categories."""
    import pandas as pd

    known = cells.dropna()
    return len(known) > 0 and pd.to_numeric(known, errors="coerce").notna().mean() > 0.5


def _word(cell: object) -> str:
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        return str(int(cell))
    return str(cell).strip()


def _rank(word: str) -> tuple[int, float, str]:
    try:
        return 0, float(word), word
    except ValueError:
        return 1, 0.0, word


def _problems(
    wrong: NDArray[np.bool_], cause: str, repair: str, name: str, cells: pd.Series, rows: NDArray[np.int64]
) -> list[Problem]:
    where = np.flatnonzero(wrong)
    return [Problem(cause, repair, int(rows[k]), name, str(cells.iloc[k])) for k in where]
