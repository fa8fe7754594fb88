"""Database: an OMOP CDM in PostgreSQL, Spark and others, copied into a DuckDB file through ibis."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.causal.cdm.schema import EVENTS, NEEDED, TABLES
from understudy.causal.cdm.sql import quoted
from understudy.core.errors import MissingExtraError, StudyError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def is_url(path: Path | str) -> bool:
    """Whether a path is a database's address, such as ``postgres://host/name``.

    Examples
    --------
    >>> is_url("postgres://host/cdm"), is_url("cdm/folder")
    (True, False)
    """
    return isinstance(path, str) and bool(_URL.match(path))


def copy_cdm(
    source: Any, into: Path | str, *, schema: str | None = None, persons_with: Sequence[int] | None = None
) -> Path:
    """Copy the tables of an OMOP CDM out of a database into a DuckDB file, which `open_cdm` opens.

    Only columns that are read are copied, in batches where the database's driver has them, so that memory is bounded;
    nothing is written to the source.

    Parameters
    ----------
    source : str or ibis backend
        An address as ibis takes it (``postgres://user@host/name``, ``sqlite:///path``), or a connection of ibis.
    into : path
        File to make; there must be none of that name.
    schema : str, optional
        Schema of the tables; the connection's own, if left out.
    persons_with : sequence of int, optional
        Only persons with a record of these concepts, or of what descends from them, and all their records; everybody,
        if left out.

    Raises
    ------
    MissingExtraError
        Without ibis, or without ibis's part for that database.
    StudyError
        If there is no connection, no CDM, or nobody with those concepts; or if the file exists.
    """
    into = Path(into)
    if into.exists():
        raise StudyError("there is a file of that name", place=str(into), repair="name a new file")
    backend = _connected(source)
    tables = _tables(backend, schema)
    part = into.with_name(f"{into.name}.part")
    part.unlink(missing_ok=True)
    try:
        with warnings.catch_warnings():
            # ibis 12 asks pandas 3 for an option that it no longer needs
            warnings.filterwarnings("ignore", message=".*infer_string", category=DeprecationWarning)
            _copy(tables, part, None if persons_with is None else _persons(tables, persons_with))
        part.replace(into)
    finally:
        part.unlink(missing_ok=True)
    return into


def _connected(source: Any) -> Any:
    try:
        import ibis
        import pyarrow  # noqa: F401 (rows come in its batches)
    except ImportError:
        raise MissingExtraError(
            "reading other databases needs ibis", repair="pip install 'understudy[databases]'"
        ) from None
    if not isinstance(source, str):
        return source
    match = _URL.match(source)
    kind = match[1] if match else "?"
    try:
        return ibis.connect(source)
    except ImportError:
        raise MissingExtraError(
            f"reading {kind} needs ibis's part for it", repair=f"pip install 'ibis-framework[{kind}]'"
        ) from None
    except Exception as error:  # each driver has errors of its own, whose text may hold the password
        raise StudyError(
            f"no connection to the database ({type(error).__name__})",
            place=f"{kind}://…",
            repair="check the address, and that its part of ibis is installed",
        ) from None


def _tables(backend: Any, schema: str | None) -> dict[str, Any]:
    """Expressions of the CDM's tables, with the CDM's columns under the CDM's names."""
    where = {} if schema is None else {"database": schema}
    try:
        names = {name.lower(): name for name in backend.list_tables(**where)}
    except Exception as error:  # as above
        raise StudyError(
            f"the tables cannot be listed ({type(error).__name__})",
            place=f"schema {schema!r}",
            repair="check the schema's name",
        ) from None
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise StudyError(
            f"the database has no table {' or '.join(missing)}",
            place=f"schema {schema or 'of the connection'}",
            repair="name the schema of the CDM: schema=",
        )
    return {name: _columns(name, backend.table(names[name], **where)) for name in TABLES if name in names}


def _columns(table: str, expression: Any) -> Any:
    there = {name.lower(): name for name in expression.columns}
    known = [column for column in TABLES[table].columns if column in there]
    return expression.select([expression[there[column]].name(column) for column in known])


def _persons(tables: dict[str, Any], concepts: Sequence[int]) -> Any:
    """Persons with a record of some concepts or of what descends from them."""
    ids = [int(each) for each in concepts]
    found = [
        _with_concepts(tables, name, ids).select("person_id")
        for name in EVENTS
        if name in tables and TABLES[name].concept in tables[name].columns
    ]
    if not found:
        raise StudyError("the database has no table of events", place="persons_with", repair="leave it out")
    persons = found[0]
    for other in found[1:]:
        persons = persons.union(other)
    persons = persons.distinct()
    if not sum(batch.num_rows for batch in persons.limit(1).to_pyarrow_batches()):
        raise StudyError(
            "nobody has a record of these concepts",
            place=f"persons_with {', '.join(map(str, ids[:5]))}",
            repair="check the concept ids",
        )
    return persons


def _with_concepts(tables: dict[str, Any], name: str, ids: list[int]) -> Any:
    events, column = tables[name], TABLES[name].concept
    meant = events[column].isin(ids)
    if "concept_ancestor" in tables:
        above = tables["concept_ancestor"]
        meant |= events[column].isin(above.filter(above.ancestor_concept_id.isin(ids)).descendant_concept_id)
    return events.filter(meant)


def _copy(tables: dict[str, Any], file: Path, persons: Any) -> None:
    import duckdb

    with duckdb.connect(str(file)) as connection:
        for name, expression in tables.items():
            if persons is not None and "person_id" in expression.columns:
                expression = expression.semi_join(persons, "person_id")
            _copy_table(connection, name, expression)


def _copy_table(connection: DuckDBPyConnection, name: str, expression: Any) -> None:
    batches = expression.to_pyarrow_batches()
    connection.register("incoming", batches)
    connection.execute(f"CREATE TABLE {quoted(name)} AS SELECT * FROM incoming")
    connection.unregister("incoming")
