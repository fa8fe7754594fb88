"""Dollar file: a table whose fields a dollar sign divides, as the FDA writes them, read without losing a line.

Lines may end with one more delimiter; fields are not quoted; text is UTF-8 or, where it is not, Latin-1. Lines whose
fields do not fit the header go through `broken_lines`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.broken_lines import mended
from understudy.causal.signals.faers_columns import Layout
from understudy.causal.signals.finding import Finding, lines_of
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_DELIMITER, _NEWLINE = ord("$"), ord("\n")
# A file of which more lines than this do not fit is not in the format that its name says.
_MOST_BROKEN = 0.5


@dataclass(frozen=True, eq=False)
class DollarTable:
    """A file's rows, and what was found in it.

    Parameters
    ----------
    name : str
        Of the file.
    rows : DataFrame
        All fields as text, by the column names of `Layout`, and ``line``: where each begins.
    findings : tuple of Finding
    """

    name: str
    rows: pd.DataFrame
    findings: tuple[Finding, ...]


def read_dollar_table(name: str, data: bytes, layout: Layout) -> DollarTable:
    """The rows of a file.

    Parameters
    ----------
    name : str
        For messages.
    data : bytes
        All of the file.
    layout : Layout
        Columns that it may and must have.

    Raises
    ------
    DataError
        If it is empty, lacks a column that is needed, or most lines do not fit its header.
    """
    text, findings = _plain(name, data)
    head, _, _ = text.partition(b"\n")
    header = [each.strip().lower() for each in head.decode("utf-8", "replace").rstrip("\r$ ").split("$")]
    columns = layout.columns(header, name)
    starts, ends = _line_bounds(text)
    excess = _delimiters(text, starts, ends) - (len(header) - 1)
    blank = _blank(text, starts, ends)
    # Whether lines end with one more delimiter is a habit of the file; in other lines it may be in a field.
    closed = (excess == 1) & (_last_byte(text, starts, ends) == _DELIMITER)
    ends_closed = int(closed.sum()) > int((excess == 0).sum())
    fits = closed if ends_closed else excess == 0
    broken = ~fits & ~blank
    if len(broken) > 1 and broken.mean() > _MOST_BROKEN:
        raise _not_in_the_format(name, len(header), int(np.flatnonzero(broken)[0]) + 2)
    good = _parsed(text, starts, ends, fits & ~blank, excess, columns, len(header))
    if not broken.any():
        return DollarTable(name, good, findings)
    others, told = mended(name, _texts(text, starts, ends), broken, header, columns, layout, ends_closed)
    return DollarTable(name, _in_order([good, others]), findings + told)


def _plain(name: str, data: bytes) -> tuple[bytes, tuple[Finding, ...]]:
    """UTF-8 with lines that end in a line feed, and what had to be done for it."""
    if not data.strip():
        raise DataError([Problem("the file is empty", "take the whole file")], place=name)
    data = data.removeprefix(b"\xef\xbb\xbf")
    data = data if data.endswith(b"\n") else data + b"\n"
    findings = []
    if (zeros := data.count(b"\x00")) > 0:
        findings.append(Finding(name, f"{zeros:,} zero bytes, taken out"))
        data = data.replace(b"\x00", b"")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        findings.append(Finding(name, "is not UTF-8, read as Latin-1"))
        data = data.decode("latin-1").encode("utf-8")
    return data, tuple(findings)


def _line_bounds(text: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each line after the header begins and ends, without its line feed."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == _NEWLINE)
    return ends[:-1] + 1, ends[1:]


def _texts(text: bytes, starts: NDArray, ends: NDArray) -> Callable[[int], str]:
    """The text of a line, by its place."""
    return lambda k: text[starts[k] : ends[k]].decode("utf-8").rstrip("\r")


def _delimiters(text: bytes, starts: NDArray, ends: NDArray) -> NDArray[np.int64]:
    places = np.flatnonzero(np.frombuffer(text, np.uint8) == _DELIMITER)
    return np.searchsorted(places, ends) - np.searchsorted(places, starts)


def _last_byte(text: bytes, starts: NDArray, ends: NDArray) -> NDArray[np.uint8]:
    """The last byte of each line, without a carriage return."""
    raw = np.frombuffer(text, np.uint8)
    last = np.maximum(ends - 1, starts)
    last = np.where((raw[last] == ord("\r")) & (last > starts), last - 1, last)
    return raw[last]


def _blank(text: bytes, starts: NDArray, ends: NDArray) -> NDArray[np.bool_]:
    raw = np.frombuffer(text, np.uint8)
    short = ends - starts
    return (short == 0) | ((short == 1) & (raw[np.minimum(starts, len(raw) - 1)] == ord("\r")))


def _parsed(
    text: bytes,
    starts: NDArray,
    ends: NDArray,
    which: NDArray[np.bool_],
    excess: NDArray[np.int64],
    columns: dict[int, str],
    width: int,
) -> pd.DataFrame:
    """Fields of the lines that fit, of the columns that are wanted."""
    import pandas as pd

    lines = np.flatnonzero(which)
    if not len(lines):
        return pd.DataFrame({**{name: [] for name in columns.values()}, "line": []}, dtype=object)
    more = excess[lines]
    if which.all() and (more == more[0]).all():
        body = text[starts[0] :]
    else:
        # Lines with and without a delimiter at their end become alike.
        rows = (text[starts[k] : ends[k]].removesuffix(b"\r") for k in lines)
        body = b"".join(row + (b"\n" if end else b"$\n") for row, end in zip(rows, more, strict=True))
        more = np.ones(1)
    frame = pd.read_csv(
        BytesIO(body), sep="$", header=None, names=range(width + int(more[0])), usecols=sorted(columns),
        dtype=object, quoting=3, keep_default_na=False, na_filter=False, lineterminator="\n",
        skip_blank_lines=False, index_col=False, encoding="utf-8",
    )  # fmt: skip
    frame = frame.rename(columns=columns)
    for name in frame.columns:
        frame[name] = frame[name].astype(object).str.rstrip("\r")
    return frame.assign(line=lines + 2)


def _in_order(parts: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    together = pd.concat([each for each in parts if len(each)], ignore_index=True)
    return together.sort_values("line", kind="stable").reset_index(drop=True)


def _not_in_the_format(name: str, fields: int, line: int) -> DataError:
    problem = Problem(
        f"most lines have not the {fields} fields of the header", "check that $ divides the fields", row=line
    )
    return DataError([problem], place=name)


def told(name: str, what: str, lines, *, lost: bool = False) -> tuple[Finding, ...]:
    """A finding about lines, or nothing where there are none."""
    found = lines_of(lines)
    return (Finding(name, what, found, lost),) if found else ()
