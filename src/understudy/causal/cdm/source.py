"""Source: where a table of the CDM lies, what its columns are called there, and the SQL that reads it."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from understudy.causal.cdm.schema import TABLES
from understudy.causal.cdm.sql import as_pattern, literal, quoted
from understudy.core.errors import DataError, Problem, StudyError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SUFFIXES = (".csv", ".csv.gz", ".parquet")
_EMPTY = ("", "NULL", "NA", "\\N")


@dataclass(frozen=True)
class Source:
    """A table as it lies there.

    Parameters
    ----------
    table : str
        The CDM's name of it.
    relation : str
        SQL that can follow FROM.
    types : dict of str to str
        DuckDB's type by column, named as there.
    place : str
        File or table, as errors call it.
    bytes : int
        Size of a file that holds text; 0 for one with columns of its own.
    """

    table: str
    relation: str
    types: dict[str, str]
    place: str
    bytes: int = 0

    @property
    def names(self) -> dict[str, str]:
        """The name there, by the CDM's."""
        return {name.lower(): name for name in self.types}


def sources_of_folder(folder: Path, connection: DuckDBPyConnection) -> dict[str, Source]:
    """The CDM's tables in a folder of CSV, gzipped CSV or Parquet files; a folder in it may hold one table's parts.

    Raises
    ------
    StudyError
        If it has no such table, or one twice.
    """
    found: dict[str, list[Path]] = {}
    for each in sorted(folder.iterdir()):
        table = _table_of(each)
        if table in TABLES:
            found.setdefault(table, []).append(each)
    if not found:
        raise StudyError(
            "no table of the OMOP CDM is there",
            place=str(folder),
            repair=f"name files as the CDM names tables: person{_SUFFIXES[0]}, or {' or '.join(_SUFFIXES[1:])}",
        )
    twice = [f"{', '.join(each.name for each in paths)}" for paths in found.values() if len(paths) > 1]
    if twice:
        raise StudyError(
            f"one table in two files: {'; '.join(twice)}", place=str(folder), repair="leave one of them"
        )
    return {table: _source(table, path, connection) for table, (path,) in found.items()}


def _table_of(path: Path) -> str:
    name = path.name.lower()
    ends = [each for each in _SUFFIXES if name.endswith(each)]
    return name[: -len(max(ends, key=len))] if ends else name if path.is_dir() else ""


def _source(table: str, path: Path, connection: DuckDBPyConnection) -> Source:
    parts = tuple(_parts(path))
    if not parts:
        raise StudyError(
            "a folder without CSV or Parquet files", place=path.name, repair="put the table's parts there"
        )
    if {each.suffix == ".parquet" for each in parts} == {True}:
        return _parquet(table, path, parts, connection)
    return _csv(table, path, parts)


def _parts(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (each for each in sorted(path.iterdir()) if each.name.lower().endswith(_SUFFIXES))
    else:
        yield path


def _files(parts: tuple[Path, ...]) -> str:
    """A list of files in SQL."""
    return f"[{', '.join(literal(as_pattern(each)) for each in parts)}]"


def _parquet(table: str, path: Path, parts: tuple[Path, ...], connection: DuckDBPyConnection) -> Source:
    import duckdb

    relation = f"read_parquet({_files(parts)})"
    try:
        types = described(connection, relation)
    except duckdb.Error:
        raise StudyError(
            "not a Parquet file that can be read", place=path.name, repair="write it anew, as Parquet or CSV"
        ) from None
    return Source(table, relation, types, path.name)


def described(connection: DuckDBPyConnection, relation: str) -> dict[str, str]:
    """DuckDB's types of a relation's columns, by name."""
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}


def _csv(table: str, path: Path, parts: tuple[Path, ...]) -> Source:
    heads = {_header(each) for each in parts}
    if len(heads) > 1:
        raise StudyError(
            "the parts of a table have different headers", place=path.name, repair="give all parts one header"
        )
    names, delimiter, quote = heads.pop()
    lower = [name.lower() for name in names]
    twice = sorted({name for name in lower if lower.count(name) > 1})
    if twice:
        raise DataError(
            [Problem("a column twice", "leave one of them", 1, name) for name in twice], place=path.name
        )
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    empty = ", ".join(literal(each) for each in _EMPTY)
    relation = (
        f"read_csv({_files(parts)}, auto_detect = false, header = true, delim = {literal(delimiter)}, "
        f"quote = {literal(quote)}, escape = {literal(quote)}, nullstr = [{empty}], columns = {{{columns}}})"
    )
    size = sum(each.stat().st_size * (8 if each.suffix == ".gz" else 1) for each in parts)
    return Source(table, relation, dict.fromkeys(names, "VARCHAR"), path.name, size)


def _header(path: Path) -> tuple[tuple[str, ...], str, str]:
    """Names of the columns, what divides them, and what quotes them (tables from Athena are divided by tabs)."""
    try:
        with _opened(path) as file:
            line = file.readline()
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError):
        raise StudyError(
            "not text in UTF-8", place=path.name, repair="save it as CSV in UTF-8, gzipped if it ends in .gz"
        ) from None
    delimiter = max((",", "\t", ";", "|"), key=line.count)
    quote = "" if delimiter == "\t" and '"' not in line else '"'
    names = next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])
    if not names or not all(name.strip() for name in names):
        raise StudyError(
            "a column without a name", place=f"{path.name}, row 1", repair="begin the file with a header row"
        )
    return tuple(name.strip() for name in names), delimiter, quote


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def sources_of_database(
    connection: DuckDBPyConnection, database: str, schema: str | None, place: str
) -> dict[str, Source]:
    """The CDM's tables in an attached DuckDB database.

    Raises
    ------
    StudyError
        If none of its schemas, or more than one, has a table ``person``.
    """
    rows = connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = ?", [database]
    ).fetchall()
    homes = sorted({home for home, name in rows if name.lower() == "person"})
    chosen = _schema(homes, schema, place)
    return {
        name.lower(): _database_source(connection, (database, chosen, name), place)
        for home, name in sorted(rows)
        if home == chosen and name.lower() in TABLES
    }


def _schema(homes: list[str], schema: str | None, place: str) -> str:
    matching = [each for each in homes if schema is None or each.lower() == schema.lower()]
    if len(matching) == 1:
        return matching[0]
    if not homes:
        raise StudyError(
            "no schema of it has a table person", place=place, repair="give a database that holds an OMOP CDM"
        )
    if matching:
        raise StudyError(
            f"several schemas have a table person: {', '.join(homes)}",
            place=place,
            repair="name one: schema=",
        )
    raise StudyError(
        f"no schema {schema!r} with a table person", place=place, repair=f"schemas: {', '.join(homes)}"
    )


def _database_source(connection: DuckDBPyConnection, names: tuple[str, str, str], place: str) -> Source:
    import duckdb

    relation, place = ".".join(map(quoted, names)), f"{place}, table {names[2]}"
    try:
        return Source(names[2].lower(), relation, described(connection, relation), place)
    except duckdb.Error:
        raise StudyError(
            "it cannot be read",
            place=place,
            repair="if it is a view, make a table of it: other files are not opened",
        ) from None
