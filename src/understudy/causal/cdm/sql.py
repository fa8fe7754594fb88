"""SQL: names and text as they may stand in a statement, whatever they hold."""

from __future__ import annotations

from pathlib import Path


def literal(text: str) -> str:
    """Text in quotes.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name in double quotes.

    Examples
    --------
    >>> print(quoted('drug "era'))
    "drug ""era"
    """
    return '"' + name.replace('"', '""') + '"'


def as_pattern(path: Path) -> str:
    """A path for DuckDB, which takes some characters for a pattern: as one that only this path matches.

    Examples
    --------
    >>> as_pattern(Path("data[1]/person.csv"))
    'data[[]1]/person.csv'
    """
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))
