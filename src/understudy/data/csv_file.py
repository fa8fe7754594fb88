"""CSV file: a table of words and numbers, and what is wrong where it is none."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

# What pandas says of a row that is too long.
_LONG = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read_csv(path: Path) -> pd.DataFrame:
    """The table of a CSV file, plain or gzipped.

    Only an empty cell is missing: "NA" may be North America. Whole columns are numbers or words, never both.

    Raises
    ------
    DataError
        For an empty file, one that is not in UTF-8, other separators, columns of one name, or rows longer than the
        header.
    OSError, ValueError
        If the file cannot be read otherwise.
    """
    import pandas as pd

    text = _text(path)
    names = [name.strip() for name in next(csv.reader(StringIO(text)))]
    _require_names(names, path.name)
    try:
        frame = pd.read_csv(StringIO(text), keep_default_na=False, na_values=[""], low_memory=False)
    except pd.errors.ParserError as error:
        found = _LONG.search(str(error))
        if found is None:
            raise
        wanted, row, seen = map(int, found.groups())
        repair = "put cells with commas in them in quotes, or take the surplus out"
        _refuse(path.name, f"{seen} cells, where the header has {wanted}", repair, row=row)
    if not isinstance(frame.index, pd.RangeIndex):
        _refuse(path.name, "rows have more cells than the header", "name every column in the first line")
    return frame.set_axis(names, axis=1)


def _text(path: Path) -> str:
    raw = path.read_bytes()
    try:
        raw = gzip.decompress(raw) if path.suffix.lower() == ".gz" else raw
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        shown = raw[max(error.start - 10, 0) : error.start + 10].decode("latin-1")
        row = raw[: error.start].count(b"\n") + 1
        _refuse(path.name, "is not text in UTF-8", "save it as CSV in UTF-8", row=row, value=shown)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        _refuse(path.name, f"cannot be unpacked: {error}", "copy the file again, or give it unpacked")
    if not text.strip():
        _refuse(path.name, "the file is empty", "give a header and a row a subject")
    if "\0" in text:
        _refuse(path.name, "is not text", "save it as CSV in UTF-8")
    return text


def _require_names(names: list[str], file: str) -> None:
    twice = next((name for k, name in enumerate(names) if name and name in names[:k]), None)
    if twice is not None:
        _refuse(file, "two columns have this name", "rename one, or take it out", row=1, column=twice)
    mark = next((each for each in _SEPARATORS if len(names) == 1 and each in names[0]), None)
    if mark is not None:
        _refuse(file, f"cells are separated by {_SEPARATORS[mark]}", "save it with commas", row=1)


def _refuse(
    file: str, cause: str, repair: str, *, row: int | None = None, column: str | None = None,
    value: str | None = None,
) -> None:  # fmt: skip
    raise DataError([Problem(cause, repair, row, column, value)], place=file) from None
