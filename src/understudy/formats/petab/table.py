"""Table: rows of a tab-separated file, each of which knows where it stands."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from understudy.core.errors import FormatError
from understudy.core.nearest_file import nearest_file

T = TypeVar("T")

_MOST_BYTES = 50_000_000
# So many wrong rows are told of one by one.
_MOST_TOLD = 20
_MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "NAN", "null", "None"})
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE | re.ASCII)
_IDENTIFIER = re.compile(r"[a-zA-Z_]\w*", re.ASCII)


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Parameters
    ----------
    file : str
    line : int
        Of the file; the header is line 1.
    cells : mapping of column to text
    """

    file: str
    line: int
    cells: Mapping[str, str]

    def text(self, column: str, otherwise: str = "") -> str:
        """A cell without white space around it; what is said otherwise where it is empty or not there."""
        cell = self.cells.get(column, "").strip()
        return otherwise if cell in _MISSING else cell

    def required(self, column: str) -> str:
        """A cell that must not be empty."""
        found = self.text(column)
        if not found:
            raise self.refuse(column, "the cell is empty", "fill it in")
        return found

    def identifier(self, column: str) -> str:
        """A cell that names something new."""
        found = self.required(column)
        if not _IDENTIFIER.fullmatch(found):
            raise self.refuse(
                column, "this is no identifier", "use letters, digits and _, not starting with a digit"
            )
        return found

    def require_identifiers(self, columns: Iterable[str]) -> None:
        """Refuse columns whose names could name nothing."""
        for column in columns:
            if not _IDENTIFIER.fullmatch(column):
                place = f"{self.file}, row 1"
                raise FormatError(
                    f"the column {column[:60]!r} names nothing", place=place, repair="correct its name"
                )

    def number(self, column: str, otherwise: float | None = None, infinite: bool = False) -> float:
        """A cell as a number.

        Raises
        ------
        FormatError
            For text, for a number that is not finite unless that is allowed, and for an empty cell where nothing is
            said otherwise.
        """
        found = self.text(column)
        if not found and otherwise is not None:
            return otherwise
        value = as_number(self.required(column))
        if value is None or not (infinite or math.isfinite(value)):
            raise self.refuse(
                column, "this is no number" if value is None else "this must be finite", "give a number"
            )
        return value

    def choice(self, column: str, known: Iterable[str], otherwise: str = "") -> str:
        """A cell that is one of some words."""
        found = self.text(column, otherwise)
        if found not in known:
            raise self.refuse(column, "this is not supported", f"choose of {', '.join(known)}")
        return found

    def named(self, column: str, known: Collection[str], kind: str) -> str:
        """A cell that names something that is there; an empty one where that too is among what is known."""
        found = self.text(column) if "" in known else self.required(column)
        if found not in known:
            names = ", ".join([name for name in known if name][:8])
            raise self.refuse(column, f"there is no such {kind}", f"{kind}s are {names or 'none'}")
        return found

    def parts(self, column: str) -> list[str]:
        """Parts of a cell that are separated by semicolons."""
        found = self.text(column)
        return [part.strip() for part in found.split(";")] if found else []

    def refuse(self, column: str, cause: str, repair: str = "") -> FormatError:
        """The error about one cell."""
        value = self.cells.get(column, "").strip()
        shown = f" (value {value[:60]!r})" if value else ""
        return FormatError(
            f"{cause}{shown}", place=f"{self.file}, row {self.line}, column {column}", repair=repair
        )


@dataclass(frozen=True)
class Table:
    """Rows of one or several files of the same kind.

    Parameters
    ----------
    columns : tuple of str
        Of the first file, and then those that others add.
    rows : tuple of Row
    """

    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def unique(self, column: str) -> dict[str, Row]:
        """Rows by a column that names each of them.

        Raises
        ------
        FormatError
            For a name that is given twice.
        """
        found: dict[str, Row] = {}
        for row in self.rows:
            name = row.identifier(column)
            if name in found:
                raise row.refuse(
                    column, f"it is defined before, in row {found[name].line}", "keep one of the rows"
                )
            found[name] = row
        return found


def read_tables(paths: Iterable[Path], required: Iterable[str]) -> Table:
    """The rows of tab-separated files, one after the other.

    Parameters
    ----------
    paths : iterable of path
    required : iterable of str
        Columns that each must have.

    Raises
    ------
    FormatError
        For a file that cannot be read, a column that is not there or is there twice, and a row that is too long.
    """
    columns: dict[str, None] = {}
    rows: list[Row] = []
    for path in paths:
        header, found = _read(path, tuple(required))
        columns |= dict.fromkeys(header)
        rows += found
    return Table(tuple(columns), tuple(rows))


def read_each(rows: Iterable[Row], read: Callable[[Row], T]) -> list[T]:
    """What is read of every row.

    Raises
    ------
    FormatError
        The one problem that there is, or all of them in one.
    """
    found, problems = [], []
    for row in rows:
        try:
            found.append(read(row))
        except FormatError as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        told = [f"  {line}" for each in problems[:_MOST_TOLD] for line in str(each).splitlines()]
        told += [f"  and {len(problems) - _MOST_TOLD} more"] if len(problems) > _MOST_TOLD else []
        raise FormatError("\n".join([f"{len(problems)} problems in the tables", *told]))
    return found


def as_number(text: str) -> float | None:
    """A number that is written as one, None for anything else.

    Examples
    --------
    >>> as_number("1e-3"), as_number("-inf"), as_number("k1"), as_number("0x10")
    (0.001, -inf, None, None)
    """
    return float(text) if _NUMBER.fullmatch(text) or _INFINITE.fullmatch(text) else None


def _read(path: Path, required: tuple[str, ...]) -> tuple[list[str], list[Row]]:
    lines = csv.reader(io.StringIO(_text(path), newline=""), delimiter="\t")
    rows: list[Row] = []
    header: list[str] = []
    before = 0
    try:
        for cells in lines:
            line, before = before + 1, lines.line_num
            if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
                continue
            if not header:
                header = _header(cells, path, required)
                continue
            if any(cell.strip() for cell in cells[len(header) :]):
                raise FormatError(
                    f"the row has {len(cells)} cells, the header {len(header)}",
                    place=f"{path.name}, row {line}",
                    repair="separate cells by one tab each",
                )
            rows.append(Row(path.name, line, dict(zip(header, cells, strict=False))))
    except csv.Error as error:
        raise FormatError(
            f"the row is damaged: {error}", place=f"{path.name}, row {before + 1}", repair="check its quotes"
        ) from None
    if not header:
        raise FormatError("the file is empty", place=path.name, repair="give a header and rows")
    return header, rows


def _header(cells: list[str], path: Path, required: tuple[str, ...]) -> list[str]:
    header = [cell.strip() for cell in cells]
    while header and not header[-1]:
        header.pop()
    place = f"{path.name}, row 1"
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise FormatError(f"the column {doubled[0]!r} is there twice", place=place, repair="keep one of them")
    for name in required:
        if name in header:
            continue
        near = get_close_matches(name, header, 1)
        repair = f"rename {near[0]!r}" if near else f"add it; the columns are {', '.join(header)[:200]}"
        if len(header) == 1 and any(sign in header[0] for sign in ",;"):
            repair = "separate the columns by tabs"
        raise FormatError(f"the column {name!r} is missing", place=place, repair=repair)
    return header


def _text(path: Path) -> str:
    if not path.is_file():
        raise FormatError("the table is not there", place=str(path), repair=nearest_file(path))
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise FormatError(
            f"the file has {size:,} bytes", place=path.name, repair=f"a table has at most {_MOST_BYTES:,}"
        )
    content = path.read_bytes()
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise FormatError(
            "a NUL byte: this is no text file",
            place=f"{path.name}, row {line}",
            repair="save it as text in UTF-8",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FormatError(
            "the file is not UTF-8", place=f"{path.name}, row {line}", repair="save it as UTF-8"
        ) from None
