"""Broken lines: lines that have not as many fields as the header, mended where only one reading is possible.

Three faults are known from the FDA's files: a delimiter inside a field, a line break inside a field, and two lines in
one because the line break between them is missing. What stays unclear is left out, and told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.faers_columns import Layout
from understudy.causal.signals.finding import Finding

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_LONGEST = 5  # lines that one record may have been broken into
_SHORTEST_KEY = 4  # digits of a report's number
_MENDED = "fields did not fit the header; mended, as only one reading is possible"
_LOST = "fields do not fit the header, and how they were meant is unclear; left out"

Row = list[str]


@dataclass(frozen=True)
class _File:
    """What is known of all lines: names of columns, those that are read, and whether each ends with a delimiter."""

    header: list[str]
    columns: dict[int, str]
    layout: Layout
    closed: bool

    def plausible(self, row: Row) -> bool:
        """Whether all fields look like ones of their columns, and delimiters stand in free text only."""
        names = (self.layout.others.get(each, each) for each in self.header)
        free = all(
            "$" not in value or name not in self.layout.shapes for name, value in zip(names, row, strict=True)
        )
        return free and self.layout.plausible(self.header, row)


def mended(
    name: str,
    text: Callable[[int], str],
    broken: NDArray[np.bool_],
    header: list[str],
    columns: dict[int, str],
    layout: Layout,
    closed: bool,
) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Rows of the lines that do not fit, and findings that name all of these lines.

    Parameters
    ----------
    name : str
        Of the file.
    text : callable
        Of a line, by its place.
    broken : bool array, shape (lines,)
    header : list of str
    columns : mapping of position to name
        Those that are read.
    layout : Layout
    closed : bool
        Whether lines of this file end with a delimiter.
    """
    import pandas as pd

    file = _File(header, columns, layout, closed)
    rows, lines, good, bad = [], [], [], []
    for group in _runs(np.flatnonzero(broken)):
        for first, count, found in _readings([text(k) for k in group], file):
            where = [int(group[first + k]) + 2 for k in range(count)]
            (good if found else bad).extend(where)
            rows.extend({columns[k]: row[k] for k in columns} for row in found)
            lines.extend([where[0]] * len(found))
    frame = pd.DataFrame(rows, columns=list(columns.values()), dtype=object).assign(line=lines)
    told = [Finding(name, _MENDED, tuple(good))] if good else []
    told += [Finding(name, _LOST, tuple(bad), lost=True)] if bad else []
    return frame, tuple(told)


def _runs(lines: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Lines that follow one another, together."""
    return np.split(lines, np.flatnonzero(np.diff(lines) != 1) + 1)


def _readings(texts: list[str], file: _File) -> Iterator[tuple[int, int, list[Row]]]:
    """From which line on how many lines give which rows; no rows where that is unclear."""
    at = 0
    while at < len(texts):
        found, count = _of_one_line(texts[at].split("$"), file), 1
        for many in range(2, _LONGEST + 1) if not found else ():
            if at + many <= len(texts) and (found := _broken_apart(texts[at : at + many], file)):
                count = many
                break
        yield at, count, found
        at += count


def _of_one_line(fields: Row, file: _File) -> list[Row]:
    return (
        (_two_in_one(fields, file) or _one_meaning(fields, file)) if len(fields) >= len(file.header) else []
    )


def _two_in_one(fields: Row, file: _File) -> list[Row]:
    """Two records in one line: each with a delimiter at its end, or the first with an empty last field."""
    width = len(file.header)
    splits = ((fields[:width], fields[width:]), ([*fields[: width - 1], ""], fields[width - 1 :]))
    for first, second in splits:
        second = second[:-1] if len(second) == width + 1 and second[-1] == "" else second
        if len(second) != width or not second[0].isdigit():
            continue
        if file.plausible(first) and file.plausible(second):
            return [first, second]
    return []


def _one_meaning(fields: Row, file: _File) -> list[Row]:
    """The row that all plausible readings of a line agree on, in the columns that are read."""
    readings = [row for each in _endings(fields, file) for row in _merged(each, len(file.header))]
    readings = [row for row in readings if file.plausible(row)]
    agreed = len({tuple(row[k] for k in file.columns) for row in readings}) == 1
    return readings[:1] if agreed else []


def _endings(fields: Row, file: _File) -> list[Row]:
    """Without the delimiter at the end, and with it as a field where lines of the file do not have one."""
    if fields[-1] != "":
        return [fields]
    return [fields[:-1]] if file.closed else [fields[:-1], fields]


def _merged(fields: Row, width: int) -> list[Row]:
    """All rows in which the delimiters that are too many belong to one field."""
    extra = len(fields) - width
    if extra < 0:
        return []
    return [
        [*fields[:k], "$".join(fields[k : k + extra + 1]), *fields[k + extra + 1 :]]
        for k in range(width if extra else 1)
    ]


def _broken_apart(texts: list[str], file: _File) -> list[Row]:
    """A record that line breaks inside fields have broken into several lines."""
    if [_begins_a_record(each) for each in texts] != [True] + [False] * (len(texts) - 1):
        return []
    fields, width = " ".join(texts).split("$"), len(file.header)
    if len(fields) == width + 1 and fields[-1] == "":
        fields = fields[:-1]
    return [fields] if len(fields) == width and file.plausible(fields) else []


def _begins_a_record(text: str) -> bool:
    """Whether a line begins with what can be the number of a report."""
    first, dollar, _ = text.partition("$")
    return bool(dollar) and first.strip().isdigit() and len(first.strip()) >= _SHORTEST_KEY
