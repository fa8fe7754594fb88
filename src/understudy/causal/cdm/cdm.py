"""Cdm: an OMOP CDM that is open, its tables under the names and kinds of the CDM whatever it lies in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.causal.cdm.database import copy_cdm, is_url
from understudy.causal.cdm.reading import load, missing_columns
from understudy.causal.cdm.schema import NEEDED, TABLES, home_of
from understudy.causal.cdm.source import Source, sources_of_database, sources_of_folder
from understudy.causal.cdm.sql import as_pattern, literal
from understudy.causal.cdm.version import version_of
from understudy.causal.cdm.working_folder import WorkingFolder
from understudy.core.errors import DataError, MissingExtraError, Problem, StudyError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_IN_MEMORY = 256 * 2**20  # bytes of CSV up to which the working database needs no file


@dataclass(frozen=True, eq=False)
class Cdm:
    """An OMOP CDM that is open for reading. `open_cdm` makes it; it closes at the end of a ``with`` block.

    Parameters
    ----------
    name : str
        Of its folder or file.
    version : str
        "5.3" or "5.4".
    version_by : str
        By what the version was told: "cdm_source" or "columns".
    connection : DuckDBPyConnection
        In it every table of the CDM can be read by its lower-case name, with the CDM's columns in lower case: ids as
        BIGINT, dates as DATE, numbers as DOUBLE, text as VARCHAR. A column that the source lacks is there, and empty.
    absent : dict of str to tuple of str
        Columns that the source lacks, by table; tables that are there alone.
    working : WorkingFolder
        Where DuckDB puts what does not fit into memory.
    """

    name: str
    version: str
    version_by: str
    connection: DuckDBPyConnection = field(repr=False)
    absent: Mapping[str, tuple[str, ...]] = field(repr=False)
    working: WorkingFolder = field(repr=False)

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables that are there."""
        return tuple(self.absent)

    def require(self, table: str, *columns: str, use: str = "") -> None:
        """Make sure that a table and its columns are there.

        Raises
        ------
        StudyError
            Which of them is missing, what it is needed for, and which version of the CDM has it.
        """
        needed = f", needed for {use}" if use else ""
        if table not in self.absent:
            raise StudyError(
                f"the CDM has no table {table}{needed}",
                place=self.name,
                repair=f"add it: {home_of(table)} have it",
            )
        lacking = [each for each in columns if each in self.absent[table]]
        if lacking:
            raise StudyError(
                f"the table {table} has no column {', '.join(lacking)}{needed}",
                place=self.name,
                repair=f"add it: {home_of(table)} have it",
            )

    def close(self) -> None:
        """Close it, and remove what it had put on disk."""
        self.connection.close()
        self.working.remove()

    def __enter__(self) -> Cdm:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_cdm(
    path: Path | str,
    *,
    schema: str | None = None,
    memory: str | None = None,
    spill: Path | str | None = None,
    threads: int | None = None,
) -> Cdm:
    """Open an OMOP CDM 5.3 or 5.4.

    Parameters
    ----------
    path : path
        A folder of CSV, gzipped CSV or Parquet files, one a table (or a folder of parts); or a DuckDB file, which is
        only read; or a database's address as ibis takes it (``postgres://…``), whose tables `copy_cdm` copies into
        the spill folder until the end. Names of tables and columns may be in upper or lower case. Dates are
        yyyy-mm-dd, yyyymmdd, or begin with the former and go on with a time; all of a column in one way.
    schema : str, optional
        Schema of the database that has the tables; the one with a table ``person``, if left out.
    memory : str, optional
        How much memory DuckDB may take, such as "4GB"; most of the machine's, if left out.
    spill : path, optional
        Folder for what does not fit into memory; the system's for temporary files, if left out. What is put there is
        removed at the end.
    threads : int, optional
        How many threads may work; one per core, if left out.

    Raises
    ------
    MissingExtraError
        Without DuckDB.
    StudyError
        If no CDM is there, or a needed table is missing.
    DataError
        If columns are missing, or hold what cannot be read; all of it is listed.
    """
    cdm, problems = opened(path, schema=schema, memory=memory, spill=spill, threads=threads)
    if problems:
        cdm.close()
        raise DataError(problems, place=cdm.name)
    missing = [name for name in NEEDED if name not in cdm.absent]
    if missing:
        cdm.close()
        cdm.require(missing[0], use="every study")
    return cdm


def opened(
    path: Path | str,
    *,
    schema: str | None = None,
    memory: str | None = None,
    spill: Path | str | None = None,
    threads: int | None = None,
) -> tuple[Cdm, list[Problem]]:
    """A CDM with what is wrong with its tables: those that cannot be used are not in it."""
    working = WorkingFolder(spill)
    name = f"{str(path).partition('://')[0]}://…" if is_url(path) else Path(path).resolve().name
    if is_url(path):
        path, schema = copy_cdm(path, working.path / "database.duckdb", schema=schema), None
    path = Path(path)
    connection, sources = _connected(path, schema, working.path, memory, threads)
    problems: list[Problem] = []
    absent: dict[str, tuple[str, ...]] = {}
    for table, source in sources.items():
        found = missing_columns(source) or load(connection, source)
        problems += [_placed(each, source) for each in found]
        if not found:
            absent[table] = tuple(each for each in TABLES[table].columns if each not in source.names)
    version, by = version_of(connection, {name: sources[name] for name in absent})
    return Cdm(name, version, by, connection, absent, working), problems


def _placed(problem: Problem, source: Source) -> Problem:
    column = f"{problem.column} of {source.place}" if problem.column else source.place
    return Problem(problem.cause, problem.repair, problem.row, column, problem.value)


def _connected(
    path: Path, schema: str | None, working: Path, memory: str | None, threads: int | None
) -> tuple[DuckDBPyConnection, dict[str, Source]]:
    if not path.exists():
        raise StudyError(
            "no such file or folder", place=str(path), repair="give the folder or file of the CDM"
        )
    duckdb = _duckdb()
    if path.is_file():
        connection = _configured(duckdb.connect(), working, memory, threads)
        _attach(connection, path)
        return _closed_in(connection, path, working), sources_of_database(
            connection, "source", schema, path.name
        )
    if schema is not None:
        raise StudyError("a folder has no schemas", place=f"schema={schema!r}", repair="leave schema out")
    probe = _configured(duckdb.connect(), working, memory, threads)
    sources = sources_of_folder(path.resolve(), probe)
    if sum(source.bytes for source in sources.values()) > _IN_MEMORY:
        probe.close()
        probe = _configured(duckdb.connect(str(working / "cdm.duckdb")), working, memory, threads)
    return _closed_in(probe, path, working), sources


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError:
        raise MissingExtraError(
            "reading an OMOP CDM needs DuckDB", repair="pip install 'understudy[rwe]'"
        ) from None
    return duckdb


def _configured(
    connection: DuckDBPyConnection, working: Path, memory: str | None, threads: int | None
) -> DuckDBPyConnection:
    """Nothing is downloaded, what does not fit into memory goes to the working folder."""
    import duckdb

    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute(f"SET temp_directory = {literal(str(working / 'spill'))}")
    connection.execute("SET enable_progress_bar = false")
    if threads is not None:
        connection.execute(f"SET threads = {max(int(threads), 1)}")
    if memory is not None:
        try:
            connection.execute(f"SET memory_limit = {literal(memory)}")
        except duckdb.Error:
            raise StudyError(
                "not an amount of memory", place=f"memory {memory!r}", repair="such as '4GB'"
            ) from None
    return connection


def _attach(connection: DuckDBPyConnection, path: Path) -> None:
    import duckdb

    try:
        connection.execute(f"ATTACH {literal(str(path.resolve()))} AS source (READ_ONLY)")
    except duckdb.Error as error:
        locked = "lock" in str(error).lower()
        raise StudyError(
            "the DuckDB file is in use by another program"
            if locked
            else "not a DuckDB file that can be read",
            place=path.name,
            repair="close the other program"
            if locked
            else "give a folder of CSV or Parquet files, or a .duckdb file",
        ) from None


def _closed_in(connection: DuckDBPyConnection, path: Path, working: Path) -> DuckDBPyConnection:
    """From now on only the CDM's own files can be read, whatever a view of somebody else's database says."""
    own = {path.resolve() if path.is_dir() else working, working}
    folders = ", ".join(literal(text) for each in own for text in {str(each), as_pattern(each)})
    connection.execute(f"SET allowed_directories = [{folders}]")
    connection.execute("SET enable_external_access = false")
    return connection
