"""CSV rows: a table that commas, semicolons or tabs divide, as text, with the line on which each row begins."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

from understudy.causal.signals.finding import Finding
from understudy.causal.signals.report_files import ReportFile
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

_DIVIDERS = (",", ";", "\t", "|")
_MOST_BROKEN = 0.5


def read_csv_rows(file: ReportFile) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """All fields as text, by lower-case column names, and ``line``; rows that do not fit the header are told.

    Raises
    ------
    DataError
        If the file has no rows, a column name stands twice, or most rows do not fit the header.
    """
    import pandas as pd

    text, findings = _text(file)
    reader = csv.reader(StringIO(text, newline=""), delimiter=_divider(text))
    header = [each.strip().lower() for each in next(reader, [])]
    _require_header(header, file.name)
    rows, lines, broken, following = [], [], [], reader.line_num + 1
    for row in reader:
        first, following = following, reader.line_num + 1
        if not any(each.strip() for each in row):
            continue
        fits = len(row) == len(header)
        (lines if fits else broken).append(first)
        rows.extend([row] if fits else [])
    if not rows or len(broken) > _MOST_BROKEN * (len(rows) + len(broken)):
        cause = (
            "there are no rows"
            if not broken
            else f"most rows have not the {len(header)} fields of the header"
        )
        raise DataError([Problem(cause, "check the file and what divides its fields")], place=file.name)
    if broken:
        what = "fields do not fit the header, left out"
        findings = (*findings, Finding(file.name, what, tuple(broken), lost=True))
    return pd.DataFrame(rows, columns=header, dtype=object).assign(line=lines), findings


def _text(file: ReportFile) -> tuple[str, tuple[Finding, ...]]:
    data = file.data()
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        return data.decode("latin-1"), (Finding(file.name, "is not UTF-8, read as Latin-1"),)


def _divider(text: str) -> str:
    head = text.partition("\n")[0]
    return max(_DIVIDERS, key=head.count)


def _require_header(header: list[str], name: str) -> None:
    problems = [
        Problem("the column stands twice", "keep one of them", row=1, column=each)
        for each in sorted(set(header))
        if header.count(each) > 1
    ]
    if not any(header):
        problems = [Problem("the file is empty", "take the whole file")]
    if problems:
        raise DataError(problems, place=name)
