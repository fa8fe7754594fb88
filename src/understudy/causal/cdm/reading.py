"""Reading: a source's columns as the kinds the CDM gives them, or all that is wrong with them.

What has the right kinds already becomes a view. Text is read once, in a stream, into a table of the working database:
DuckDB keeps it in columns, on disk if need be, and each later question is answered without reading the file anew.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from understudy.causal.cdm.date_shape import SHAPES, shape_number
from understudy.causal.cdm.schema import KINDS, TABLES, home_of, kind_of
from understudy.causal.cdm.source import Source
from understudy.causal.cdm.sql import quoted
from understudy.core.errors import Problem

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SNIFFED = 10_000  # rows that tell how a file writes its dates
_WHOLE_TYPES = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?")
_NUMBER_TYPES = re.compile(r"FLOAT|DOUBLE|DECIMAL.*")


def missing_columns(source: Source) -> list[Problem]:
    """A problem for each required column that the source lacks."""
    table = TABLES[source.table]
    return [
        Problem(
            f"the table {table.name} has no such column",
            f"add it: {home_of(table.name)} have it",
            column=column,
        )
        for column in table.required
        if column not in source.names
    ]


def load(connection: DuckDBPyConnection, source: Source) -> list[Problem]:
    """Make a view or a table of a source, with the CDM's columns; or tell what is wrong with its values."""
    import duckdb

    texts = _texts(source)
    shapes = _date_shapes(connection, source, [column for column in texts if kind_of(column) == "date"])
    values = {column: _value(source, column, shapes) for column in TABLES[source.table].columns}
    selected = ", ".join(f"{value} AS {quoted(column)}" for column, value in values.items())
    kind = "TABLE" if any(kind_of(column) != "text" for column in texts) or source.bytes else "VIEW"
    try:
        connection.execute(
            f"CREATE {kind} {quoted(source.table)} AS SELECT {selected} FROM {source.relation}"
        )
    except duckdb.Error as error:
        return _problems(connection, source, texts, shapes, str(error))
    return []


def _texts(source: Source) -> list[str]:
    """Columns that are there as text, or as whole numbers that write a date."""
    names = source.names
    return [
        column
        for column in TABLES[source.table].columns
        if column in names and _is_text(kind_of(column), source.types[names[column]])
    ]


def _is_text(kind: str, there: str) -> bool:
    return there == "VARCHAR" or (kind == "date" and bool(_WHOLE_TYPES.fullmatch(there)))


def _text(source: Source, column: str) -> str:
    name = source.names[column]
    return quoted(name) if source.types[name] == "VARCHAR" else f"CAST({quoted(name)} AS VARCHAR)"


def _date_shapes(connection: DuckDBPyConnection, source: Source, columns: list[str]) -> dict[str, int]:
    """The shape of each column of dates, by its first date; -1 if it has none that can be read."""
    if not columns:
        return {}
    few = f"(SELECT * FROM {source.relation} LIMIT {_SNIFFED})"
    found = _first_shapes(connection, source, columns, few)
    rest = [column for column in columns if column not in found]
    return found | (_first_shapes(connection, source, rest, source.relation) if rest else {})


def _first_shapes(
    connection: DuckDBPyConnection, source: Source, columns: list[str], relation: str
) -> dict[str, int]:
    import duckdb

    firsts = ", ".join(
        f"first({shape_number(text)}) FILTER (WHERE {text} IS NOT NULL)"
        for text in (_text(source, column) for column in columns)
    )
    try:
        row = connection.execute(f"SELECT {firsts} FROM {relation}").fetchone() or ()
    except duckdb.Error:  # the table cannot be read at all: `load` meets the same, and tells where
        return {}
    return {column: shape for column, shape in zip(columns, row, strict=True) if shape is not None}


def _value(source: Source, column: str, shapes: dict[str, int]) -> str:
    """SQL: a column as its kind; what cannot be read as such stops the statement."""
    kind = kind_of(column)
    if column not in source.names:
        return f"CAST(NULL AS {KINDS[kind]})"
    there = source.types[source.names[column]]
    if _is_text(kind, there):
        return _of_text(kind, _text(source, column), shapes.get(column, 0))
    return _of_typed(kind, quoted(source.names[column]), there)


def _of_text(kind: str, text: str, shape: int) -> str:
    if kind == "text":
        return text
    read = _tried(kind, text, shape)
    return f"CASE WHEN {text} IS NULL THEN NULL ELSE coalesce({read}, {_stop(kind)}) END"


def _stop(kind: str) -> str:
    return f"CAST(error('a value that cannot be read') AS {KINDS[kind]})"


def _tried(kind: str, text: str, shape: int) -> str:
    """SQL: the value, NULL where it cannot be read."""
    if kind == "date":
        return f"CASE WHEN {SHAPES[shape].matches(text)} THEN {SHAPES[shape].date(text)} END"
    if kind == "number":
        return f"TRY_CAST({text} AS DOUBLE)"
    # DuckDB rounds '1.5' to a whole number; 1.0 is what pandas writes for one beside an empty field
    point = f"CASE WHEN {text} LIKE '%.0' THEN TRY_CAST(left({text}, length({text}) - 2) AS BIGINT) END"
    return f"CASE WHEN contains({text}, '.') THEN {point} ELSE TRY_CAST({text} AS BIGINT) END"


def _of_typed(kind: str, name: str, there: str) -> str:
    cast = f"CAST({name} AS {KINDS[kind]})"
    if kind == "whole" and _NUMBER_TYPES.fullmatch(there):
        return f"CASE WHEN {name} IS NULL THEN NULL WHEN {name} = floor({name}) THEN {cast} ELSE {_stop(kind)} END"
    return cast


def _problems(
    connection: DuckDBPyConnection, source: Source, texts: list[str], shapes: dict[str, int], told: str
) -> list[Problem]:
    """What is wrong, column by column; no value is shown, for it may be a person's."""
    import duckdb

    try:
        found = [
            problem
            for column in texts
            if kind_of(column) != "text"
            for problem in _of_column(connection, source, column, shapes.get(column, 0))
        ]
    except duckdb.Error:
        return [_broken(told)]
    return found or [_broken(told)]


def _of_column(connection: DuckDBPyConnection, source: Source, column: str, shape: int) -> list[Problem]:
    kind, name = kind_of(column), source.names[column]
    text = _text(source, column)
    first = 2 if source.bytes else 1  # a file of text begins with its header
    numbered = f"(SELECT row_number() OVER () + {first - 1} AS line, {text} AS x FROM {source.relation})"
    if kind == "date":
        mixed = connection.execute(
            f"SELECT {shape_number('x')} AS shape, min(line) FROM {numbered} WHERE x IS NOT NULL "
            "GROUP BY shape ORDER BY min(line)"
        ).fetchall()
        if len(mixed) > 1 or (mixed and mixed[0][0] == -1):
            return [_mixed(name, mixed)]
    bad, row = connection.execute(
        f"SELECT count(*), min(line) FROM {numbered} WHERE x IS NOT NULL AND ({_tried(kind, 'x', shape)}) IS NULL"
    ).fetchone() or (0, None)
    return [_unread(name, kind, row)] if bad else []


def _mixed(name: str, shapes: list[tuple[int, int]]) -> Problem:
    known = [f"{SHAPES[k].name} (row {row:,})" for k, row in shapes if k >= 0]
    other = [f"something else (row {row:,})" for k, row in shapes if k < 0]
    ways = ", ".join(shape.name for shape in SHAPES)
    if len(shapes) == 1:
        return Problem(
            "dates of a shape that is not read", f"write them as one of {ways}", shapes[0][1], name
        )
    return Problem(
        f"mixed date formats: {' and '.join(known + other)}", f"write all as one of {ways}", None, name
    )


def _unread(name: str, kind: str, row: int | None) -> Problem:
    said = {"whole": "not a whole number", "number": "not a number", "date": "not a day of the calendar"}
    return Problem(said[kind], "correct it, or leave the field empty", row, name)


def _broken(told: str) -> Problem:
    """A file that cannot be read to its end. DuckDB's message shows the row, so that only its number is kept of it."""
    line = re.search(r"Line:\s*(\d+)", told)
    row = int(line[1]) if line else None
    if "utf-8" in told.lower() or "unicode" in told.lower():
        return Problem("not text in UTF-8", "save the file in UTF-8", row)
    if "CSV Error" in told:
        cause = (
            "a row that does not fit the header: too few or too many fields, or a quote that is not closed"
        )
        return Problem(cause, "correct the row", row)
    kind = told.partition(":")[0]
    return Problem(f"it cannot be read ({kind})", "write it anew, and check that it may be read")
