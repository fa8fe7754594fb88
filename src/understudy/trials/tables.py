"""Tables: a trial's files as data frames, and the endpoint in one form whatever it was called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import DataError, Problem
from understudy.core.nearest_file import nearest_file
from understudy.data.csv_file import read_csv
from understudy.trials.condition import Condition, column_of
from understudy.trials.endpoint_section import MeasureSection
from understudy.trials.protocol import arm_name

if TYPE_CHECKING:
    import pandas as pd

# A zero of IBM's format, in which SAS transport files hold numbers, that readers return as this power of 16.
_TINY = 1e-70
ROW = "_row"
_PADDED = "columns with spaces around cells"
_AS_CSV = "save it as CSV in UTF-8"
# How dates are written: 2020-01-31, 31/01/2020, 31JAN2020.
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}-?[A-Za-z]{3}-?\d{2,4}")


def read_table(path: Path) -> pd.DataFrame:
    """A table, with the line of the file on which each row stands as the column ``_row``.

    Spaces around words and names of columns are taken away: they are seen by nobody, and make two arms of one.
    `padded_columns` tells of them.

    Parameters
    ----------
    path : path
        ``.csv``, ``.csv.gz``, or ``.xpt`` (SAS transport, version 5).

    Raises
    ------
    DataError
        If the file cannot be read, has no rows, or two columns of one name.
    """
    transport = path.suffix.lower() == ".xpt"
    try:
        frame = _read_transport(path) if transport else read_csv(path)
    except OSError as error:
        cause = f"cannot read the file: {error.strerror or error}"
        raise DataError([Problem(cause, nearest_file(path))], place=path.name) from None
    except ValueError as error:
        told = str(error).splitlines()[0]
        repair = "save it as a SAS transport file, version 5, in UTF-8, or as CSV" if transport else _AS_CSV
        raise DataError([Problem(f"cannot read the table: {told}", repair)], place=path.name) from None
    if not len(frame):
        raise DataError([Problem("the table has no rows", "give at least one subject")], place=path.name)
    frame = _unpadded(frame)
    frame[ROW] = np.arange(len(frame)) + 2
    return frame


def _read_transport(path: Path) -> pd.DataFrame:
    import pandas as pd

    frame = pd.read_sas(path, format="xport", encoding="utf-8")
    for name in frame.select_dtypes("number"):
        frame[name] = frame[name].where(~(frame[name].abs() < _TINY) | frame[name].isna(), 0.0)
    return frame.replace({"": np.nan})


def _unpadded(frame: pd.DataFrame) -> pd.DataFrame:
    """The table without spaces around its words; ``attrs`` names the columns that had any."""
    from pandas.api.types import is_numeric_dtype

    padded = []
    for name in frame:
        if not is_numeric_dtype(frame[name]):
            bare = frame[name].map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
            bare = bare.where(bare != "", np.nan)
            if not bare.equals(frame[name]):
                padded.append(str(name))
                frame[name] = bare
    frame.attrs[_PADDED] = tuple(padded)
    return frame


def padded_columns(frame: pd.DataFrame) -> tuple[str, ...]:
    """Columns of a table of `read_table` whose cells had spaces around them."""
    return frame.attrs.get(_PADDED, ())


def kept_rows(frame: pd.DataFrame, rule: dict, place: str) -> pd.DataFrame:
    """Rows that meet a rule.

    Raises
    ------
    DataError
        If there are none, naming the first clause that leaves none.
    """
    condition = Condition.of(rule, place)
    kept = frame[condition.holds(frame, place)]
    if len(kept):
        return kept
    left = frame
    for clause in condition.clauses:
        before, left = left, left[clause.holds(left, place)]
        if not len(left):
            values = ", ".join(sorted({arm_name(v) for v in before[clause.column].dropna().unique()})[:8])
            cause = f"no row has {clause}"
            raise DataError([Problem(cause, f"the column has {values}", column=clause.column)], place=place)
    raise DataError([Problem("the table has no rows", "give at least one row")], place=place)


def numbers_in(frame: pd.DataFrame, column: str, place: str) -> pd.Series:
    """A column as numbers; empty cells are not-a-number.

    Raises
    ------
    DataError
        With every cell that is no number.
    """
    import pandas as pd

    cells = column_of(frame, column, place)
    found = pd.to_numeric(cells, errors="coerce").astype(float)
    bad = (found.isna() & cells.notna()) | np.isinf(found)
    problems = [
        Problem("not a number", _repair_of(str(cell)), int(row), column, str(cell))
        for row, cell in zip(frame.loc[bad, ROW], cells[bad], strict=True)
    ]
    if problems:
        raise DataError(problems, place=place)
    return found


def _repair_of(cell: str) -> str:
    if _DATE.match(cell):
        return "this is a date: write the time since randomisation as a number"
    return "write a number or leave it empty"


def outcome_of(frame: pd.DataFrame, endpoint: MeasureSection, place: str) -> pd.DataFrame:
    """The endpoint by the names that analyses know; the index is the frame's.

    Returns
    -------
    DataFrame
        Columns, as the kind has them: ``time``, ``start``, ``event`` (0 or 1; not-a-number where it is not known),
        ``cause`` (0 for none, then 1, 2, … in the protocol's order), ``value``, ``baseline``, ``exposure``, ``visit``;
        and ``_row``.
    """
    found = frame[[ROW]].copy()
    for name in ("time", "start", "value", "baseline", "exposure"):
        column = getattr(endpoint, name)
        if column:
            found[name] = numbers_in(frame, column, place)
    if endpoint.visit:
        found["visit"] = column_of(frame, endpoint.visit, place)
    if endpoint.event:
        found["event"] = Condition.of(endpoint.event, place).holds(frame, place).astype(float)
    if endpoint.causes:
        found["cause"] = _causes(frame, endpoint, place)
    if endpoint.known:
        unknown = ~Condition.of(endpoint.known, place).holds(frame, place)
        found.loc[unknown, [name for name in ("event", "cause", "value") if name in found]] = np.nan
    return found


def _causes(frame: pd.DataFrame, endpoint: MeasureSection, place: str) -> np.ndarray:
    """Which of the competing events each row is; zero for none."""
    found = np.zeros(len(frame))
    for k, rule in enumerate(endpoint.causes.values(), 1):
        met = Condition.of(rule, place).holds(frame, place)
        both = met & (found > 0)
        if both.any():
            row = int(frame[ROW].to_numpy()[both][0])
            raise DataError(
                [Problem("two causes at once", "let the causes exclude each other", row)], place=place
            )
        found[met] = k
    return found
