"""Sheet: a table as it is written, before any of it is understood."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

_RECTANGLE = "every row needs one cell for each column; put text that holds commas in double quotes"


@dataclass(frozen=True, eq=False)
class Sheet:
    """Header and cells of a table.

    Parameters
    ----------
    header : tuple of str
    columns : tuple of list of str or float array
        Cells column by column: text as written, or the numbers of a DataFrame.
    lines : int array
        Line of the file on which each row starts; the header is line 1.
    comments : tuple of int
        Lines that were left out because they are marked as comments.
    source : str
        Name of the file.
    problems : tuple of Problem
        Rows that are no rows of this table.
    """

    header: tuple[str, ...]
    columns: tuple[Sequence[str] | np.ndarray, ...]
    lines: np.ndarray
    comments: tuple[int, ...] = ()
    source: str = "the records"
    problems: tuple[Problem, ...] = ()

    def written(self, column: int, k: int) -> str:
        """A cell as it was written."""
        cell = self.columns[column][k]
        return cell if isinstance(cell, str) else f"{cell:.15g}"


def read_sheet(path: str | Path, ignore: str = "C", delimiter: str = ",") -> Sheet:
    """Cells of a CSV file in UTF-8.

    Parameters
    ----------
    path : path
    ignore : str
        Rows whose first cell is this are comments; a sign such as ``"#"`` need only begin the cell.
    delimiter : str

    Raises
    ------
    DataError
        If the file cannot be read, is empty, or is not text.
    """
    source = Path(path).name
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        cause = f"cannot read the file: {error.strerror or error}"
        raise DataError([Problem(cause, "check the path")], place=str(path)) from None
    text = _decode(content, source)
    try:
        return _sheet(_rows(text, delimiter), ignore, source, delimiter)
    except csv.Error as error:
        line = str(error).rpartition("@")[2]
        raise DataError([_broken(str(error), line)], place=source) from None


def frame_sheet(frame: pd.DataFrame, source: str) -> Sheet:
    """Cells of a DataFrame; rows are numbered as in its CSV file, or by a whole-number column ``row``."""
    header = tuple(str(name) for name in frame.columns)
    columns = [_cells(frame.iloc[:, k]) for k in range(len(header))]
    lines = np.arange(2, len(frame) + 2)
    if "row" in header and frame["row"].dtype.kind in "iu":
        lines = frame["row"].to_numpy(dtype=np.int64)
    return Sheet(header, tuple(columns), lines, source=source)


def _cells(column: pd.Series) -> list[str] | np.ndarray:
    kind = column.dtype.kind
    if kind in "iufb":
        return column.to_numpy(dtype=float, na_value=np.nan)
    if kind == "M":
        midnight = bool((column.dropna() == column.dropna().dt.normalize()).all())
        column = column.dt.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M:%S")
    missing = column.isna().to_numpy()
    return ["" if gone else str(cell) for cell, gone in zip(column, missing, strict=True)]


def _decode(content: bytes, source: str) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError([Problem("the file is UTF-16", "save it as CSV in UTF-8")], place=source)
    if b"\0" in content:
        row = content[: content.index(b"\0")].count(b"\n") + 1
        raise DataError([Problem("a NUL byte", "this is no text file: export it as CSV", row)], place=source)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + len(content) - len(error.object)
        row = content[:start].count(b"\n") + 1
        cause = f"byte {start} of the file (0x{content[start]:02x}) is not UTF-8"
        raise DataError([Problem(cause, "save the file as CSV in UTF-8", row)], place=source) from None


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, each with the line on which it starts."""
    stream = io.StringIO(text, newline="")
    reader = csv.reader(stream, delimiter=delimiter, strict=True, skipinitialspace=True)
    line = 1
    try:
        for cells in reader:
            if cells and (cells[0] or any(cells)):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(f"{error}@{line}") from None


def _broken(message: str, line: str) -> Problem:
    row = int(line)
    if "field larger" in message or "unexpected end" in message:
        return Problem("a quoted cell does not end", 'close the double quote (")', row)
    return Problem(
        "the quotes of this row do not fit together", 'write a double quote within a cell as ""', row
    )


def _sheet(rows: Iterator[tuple[int, list[str]]], ignore: str, source: str, delimiter: str) -> Sheet:
    _, first = next(rows, (1, []))
    if not first:
        raise DataError([Problem("the file is empty", "give a header and rows")], place=source)
    header = tuple(name.strip() for name in first)
    _require_columns(header, source, delimiter)
    lines, body, comments, ragged = [], [], [], []
    for line, cells in rows:
        if _is_comment(cells[0], ignore):
            comments.append(line)
        elif len(cells) == len(header) or (not any(cells[len(header) :]) and len(cells) > len(header)):
            lines.append(line)
            body.append(cells)
        else:
            ragged.append(_ragged(line, cells, len(header)))
    if not (lines or ragged):
        raise DataError([Problem("the file has a header but no rows", "give the records")], place=source)
    columns = tuple(zip(*body, strict=False))[: len(header)] if body else ((),) * len(header)
    return Sheet(header, columns, np.array(lines, dtype=np.int64), tuple(comments), source, tuple(ragged))


def _require_columns(header: Sequence[str], source: str, delimiter: str) -> None:
    other = next((sign for sign in (";", "\t", "|", ",") if sign != delimiter and sign in header[0]), None)
    if len(header) == 1 and other:
        cause = f"the columns are separated by {other!r}, not by {delimiter!r}"
        repair = f"save the file with {delimiter!r}, or read it with delimiter={other!r}"
        raise DataError([Problem(cause, repair, 1, value=header[0][:60])], place=source)


def _is_comment(cell: str, ignore: str) -> bool:
    if not ignore or ignore not in cell:
        return False
    text = cell.strip()
    return text == ignore or (not ignore.isalnum() and text.startswith(ignore))


def _ragged(line: int, cells: list[str], width: int) -> Problem:
    count = f"{len(cells)} cell{'s' if len(cells) != 1 else ''}"
    return Problem(f"the row has {count}, the header {width}", _RECTANGLE, line)
