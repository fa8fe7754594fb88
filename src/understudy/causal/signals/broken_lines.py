"""Broken lines: lines that have not as many fields as the header, mended where only one reading is possible.

Three faults are known from the FDA's files: a delimiter inside a field, a line break inside a field, and two lines in
one because the line break between them is missing. What stays unclear is left out, and told.
"""

from __future__ import annotations

from collections.abc import Iterator
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


def mended(
    name: str,
    text: bytes,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    fits: NDArray[np.bool_],
    header: list[str],
    columns: dict[int, str],
    layout: Layout,
) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Rows of the lines that do not fit, and findings that name all of these lines."""
    import pandas as pd

    rows, lines, good, bad = [], [], [], []
    for group in _runs(np.flatnonzero(~fits)):
        texts = [text[starts[k] : ends[k]].decode("utf-8").rstrip("\r") for k in group]
        for first, count, found in _readings(texts, header, columns, layout):
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


def _readings(
    texts: list[str], header: list[str], columns: dict[int, str], layout: Layout
) -> Iterator[tuple[int, int, list[Row]]]:
    """From which line on how many lines give which rows; no rows where that is unclear."""
    at = 0
    while at < len(texts):
        found, count = _of_one_line(texts[at], header, columns, layout), 1
        for many in range(2, _LONGEST + 1) if not found else ():
            if at + many <= len(texts) and (
                found := _broken_apart(texts[at : at + many], header, columns, layout)
            ):
                count = many
                break
        yield at, count, found
        at += count


def _of_one_line(text: str, header: list[str], columns: dict[int, str], layout: Layout) -> list[Row]:
    fields = text.split("$")
    width = len(header)
    if len(fields) > width:
        return _two_in_one(fields, header, layout) or _with_delimiter(fields, header, columns, layout)
    return []


def _two_in_one(fields: Row, header: list[str], layout: Layout) -> list[Row]:
    """Two records in one line: each with a delimiter at its end, or the first with an empty last field."""
    width = len(header)
    splits = ((fields[:width], fields[width:]), ([*fields[: width - 1], ""], fields[width - 1 :]))
    for first, second in splits:
        second = second[:-1] if len(second) == width + 1 and second[-1] == "" else second
        if len(second) != width or not second[0].isdigit():
            continue
        if layout.plausible(header, first) and layout.plausible(header, second):
            return [first, second]
    return []


def _with_delimiter(fields: Row, header: list[str], columns: dict[int, str], layout: Layout) -> list[Row]:
    """A record with a delimiter inside a field, if all plausible readings agree in the columns that are read."""
    width = len(header)
    trailing = [fields[:-1]] if fields[-1] == "" and len(fields) > width + 1 else []
    for candidate in (*trailing, fields):
        extra = len(candidate) - width
        readings = [
            [*candidate[:k], "$".join(candidate[k : k + extra + 1]), *candidate[k + extra + 1 :]]
            for k in range(width)
        ]
        readings = [
            each for each in readings if _free(each, header, layout) and layout.plausible(header, each)
        ]
        if readings and len({tuple(each[k] for k in columns) for each in readings}) == 1:
            return readings[:1]
    return []


def _free(row: Row, header: list[str], layout: Layout) -> bool:
    """Whether dollar signs stand in free text only."""
    names = (layout.others.get(each, each) for each in header)
    return all("$" not in value or name not in layout.shapes for name, value in zip(names, row, strict=True))


def _broken_apart(texts: list[str], header: list[str], columns: dict[int, str], layout: Layout) -> list[Row]:
    """A record that line breaks inside fields have broken into several lines."""
    width = len(header)
    fields = " ".join(texts).split("$")
    if len(fields) == width + 1 and fields[-1] == "":
        fields = fields[:-1]
    begins = [_begins_a_record(each) for each in texts]
    if len(fields) != width or begins != [True] + [False] * (len(texts) - 1):
        return []
    return [fields] if layout.plausible(header, fields) else []


def _begins_a_record(text: str) -> bool:
    """Whether a line begins with what can be the number of a report."""
    first, dollar, _ = text.partition("$")
    return bool(dollar) and first.strip().isdigit() and len(first.strip()) >= _SHORTEST_KEY
