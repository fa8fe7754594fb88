"""Control file: negative controls in a table, as OHDSI's studies keep them."""

from __future__ import annotations

import csv
from pathlib import Path

from understudy.causal.cdm.concept_set import ConceptSet
from understudy.core.errors import DataError, Problem

_ID = ("concept_id", "outcome_concept_id", "outcomeconceptid", "conceptid", "outcomeid")
_NAME = ("name", "outcome_name", "outcomename", "concept_name", "conceptname")


def read_control_file(path: Path) -> dict[str, ConceptSet]:
    """Negative controls by name: one concept a row, with all that descends from it.

    Parameters
    ----------
    path : Path
        CSV with the columns concept_id and name (or as OHDSI writes them: outcomeId, outcomeName); others are not read.

    Raises
    ------
    DataError
        With every bad row: a concept that is no number, a missing or a repeated name.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        header = {str(each).strip().lower(): each for each in reader.fieldnames or ()}
        columns = _column(header, _ID, path), _column(header, _NAME, path)
        rows = [(reader.line_num, *(str(row[each] or "").strip() for each in columns)) for row in reader]
    problems = list(_problems(rows))
    if not rows:
        problems = [Problem("the table has no rows", "give a row for each negative control")]
    if problems:
        raise DataError(problems, place=path.name)
    return {name: ConceptSet(concepts=int(concept)) for _, concept, name in rows}


def _column(header: dict[str, str], names: tuple[str, ...], path: Path) -> str:
    found = next((header[name] for name in names if name in header), None)
    if found is None:
        problem = Problem(f"there is no column {names[0]}", f"columns here: {', '.join(header) or 'none'}")
        raise DataError([problem], place=path.name)
    return found


def _problems(rows: list[tuple[int, str, str]]):
    seen: set[str] = set()
    for line, concept, name in rows:
        if not (concept.isascii() and concept.isdigit()):
            yield Problem(
                f"{concept!r} is no concept id", "write the number", row=line, column="concept_id"
            )
        if not name:
            yield Problem("a negative control has no name", "write one", row=line, column="name")
        elif name in seen:
            yield Problem(f"{name!r} is there twice", "name every control once", row=line, column="name")
        seen.add(name)
