"""Control file: negative controls in a table, as OHDSI's studies keep them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from understudy.core.errors import DataError, Problem

_NAMES = ("concept_id", "outcome_concept_id", "outcomeconceptid", "conceptid", "outcome_id", "outcomeid")


def read_control_file(path: Path) -> tuple[int, ...]:
    """Concepts of negative controls, one a row.

    Parameters
    ----------
    path : Path
        CSV with the column concept_id (or as OHDSI writes it: outcomeId); other columns are not read.

    Raises
    ------
    DataError
        With every bad row: a concept that is no number, or is there twice.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        column = _column({str(each).strip().lower(): each for each in reader.fieldnames or ()}, path)
        rows = [(reader.line_num, str(row[column] or "").strip()) for row in reader]
    problems = list(_problems(rows, column))
    if not rows:
        problems = [Problem("the table has no rows", "give a row for each negative control")]
    if problems:
        raise DataError(problems, place=path.name)
    return tuple(int(concept) for _, concept in rows)


def _column(header: dict[str, str], path: Path) -> str:
    found = next((header[name] for name in _NAMES if name in header), None)
    if found is None:
        problem = Problem("there is no column concept_id", f"columns here: {', '.join(header) or 'none'}")
        raise DataError([problem], place=path.name)
    return found


def _problems(rows: list[tuple[int, str]], column: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for line, concept in rows:
        where = {"row": line, "column": column, "value": concept}
        if not (concept.isascii() and concept.isdigit()):
            yield Problem("this is no concept id", "write the number", **where)
        elif concept in seen:
            yield Problem("the control is there twice", "name every control once", **where)
        seen.add(concept)
