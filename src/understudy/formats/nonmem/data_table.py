"""Data table: the rows of a data file that a control stream takes, as NONMEM reads them, and `Records` of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import DataError, FormatError, Problem
from understudy.core.nearest_file import nearest_file
from understudy.data.cells import MISSING, numbers
from understudy.formats.nonmem.data_items import (
    COMPARE,
    RECORDS_ITEMS,
    REFUSED_ITEMS,
    Condition,
    DataOptions,
    Item,
)

if TYPE_CHECKING:
    from understudy.data.records import Records

MOST_BYTES = 100_000_000
_DATES = ("DATE", "DAT1", "DAT2", "DAT3")
# Rows told of where many lack something.
_MOST_TOLD = 200


@dataclass(frozen=True, eq=False)
class DataTable:
    """Cells of the rows that are taken.

    Parameters
    ----------
    cells : dict of str to list of str
        By every name of every item, dropped ones among them.
    lines : int array, shape (rows,)
        Line of the file of each row.
    items : tuple of Item
    null : float
        What a null item is.
    file : str
    notes : tuple of str
        What a reader should look at.
    compartmental : bool
        Whether rows can be doses, as they can with PREDPP; without it they are measurements or nothing.
    computed : mapping of str to float array
        Items that the code works out from the data alone, record after record.
    """

    cells: dict[str, list[str]]
    lines: np.ndarray
    items: tuple[Item, ...]
    null: float
    file: str
    notes: tuple[str, ...] = ()
    compartmental: bool = True
    computed: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.lines)

    def has(self, name: str) -> bool:
        """Whether an item of this name is there and not dropped."""
        return any(name in item.names and not item.dropped for item in self.items)

    def values(self, name: str) -> np.ndarray:
        """Numbers of an item, null ones as NONMEM takes them.

        Raises
        ------
        DataError
            For cells that hold no number.
        """
        if name in self.computed:
            return self.computed[name]
        found, text = numbers(self.cells[name])
        bad = np.flatnonzero(text | np.isinf(found))
        if bad.size:
            repair = f"write numbers, or drop the item: {name}=DROP in $INPUT"
            raise DataError(
                [
                    Problem("not a number", repair, int(self.lines[k]), name, self.cells[name][k][:40])
                    for k in bad[:200]
                ],
                place=self.file,
            )
        return np.where(np.isnan(found), self.null, found)

    @cached_property
    def event(self) -> np.ndarray:
        """EVID, derived as NM-TRAN does where it is not there."""
        if not self.compartmental:
            return np.where(self.values("MDV") != 0, 2, 0) if self.has("MDV") else np.zeros(self.size, int)
        if self.has("EVID"):
            return self.values("EVID").astype(int)
        given = [self.values(name) != 0 for name in ("AMT", "RATE", "II", "ADDL", "SS") if self.has(name)]
        dosed = np.any(given, axis=0) if given else np.zeros(self.size, bool)
        missing = self.values("MDV") != 0 if self.has("MDV") else np.zeros(self.size, bool)
        return np.where(dosed, 1, np.where(missing, 2, 0))

    @cached_property
    def observed(self) -> np.ndarray:
        """Whether each row is an observation."""
        missing = self.values("MDV") != 0 if self.has("MDV") else np.zeros(self.size, bool)
        return (self.event == 0) & ~missing

    @cached_property
    def subject(self) -> np.ndarray:
        """Number of each row's subject, from 0."""
        ids = np.array(self.cells["ID"], dtype=object)
        return np.cumsum(np.r_[False, ids[1:] != ids[:-1]]) if self.size else np.zeros(0, int)

    def with_computed(self, columns: Mapping[str, np.ndarray]) -> DataTable:
        """The table with more items."""
        return replace(self, computed={**self.computed, **columns})

    @property
    def has_clock(self) -> bool:
        """Whether times are dates or times of day, and become hours since the first record."""
        dated = any(name in self.cells for name in _DATES)
        return dated or any(":" in cell for cell in self.cells.get("TIME", []))

    def records(
        self, covariates: Sequence[str], outputs: np.ndarray | None, dose_compartment: int, occasion: str = ""
    ) -> Records:
        """The rows as records.

        Parameters
        ----------
        covariates : sequence of str
            Items that the model needs.
        outputs : array of str, shape (rows,), or None
            What each observation measures, where there is more than one output.
        dose_compartment : int
            Where doses go that name no compartment.
        occasion : str
            Item that tells occasions apart, empty for none.
        """
        import pandas as pd

        from understudy.data.records import Records

        self._require_plain()
        columns: dict[str, object] = {"row": self.lines}
        for name in RECORDS_ITEMS if self.compartmental else ("ID", "TIME", *_DATES):
            if self.has(name) or (name in _DATES and name in self.cells):
                columns[name] = self.cells[name]
        if "TIME" not in columns:
            columns["TIME"] = np.arange(self.size, dtype=float)
        columns["EVID"] = self.event
        columns["DV"] = self._measured()
        columns["MDV"] = np.where(self.observed, 0, 1)
        if self.has("AMT") and self.compartmental:
            columns["CMT"] = self._compartments(dose_compartment)
        if outputs is not None:
            columns["DVID"] = outputs
        if occasion:
            columns["OCC"] = self.values(occasion)
        for name in covariates:
            columns[column_of(name)] = self.values(name)
        frame = pd.DataFrame(columns)
        found = Records.from_frame(
            frame, covariates=[column_of(n) for n in covariates], source=self.file, repeats=True
        )
        return replace(found, notes=(*found.notes, *self.notes))

    def _measured(self) -> list[str]:
        """DV; a null one is, as to NONMEM, zero where it counts as a measurement."""
        if "DV" in self.computed:
            return [f"{value:.17g}" for value in self.computed["DV"]]
        zero = f"{self.null:.17g}"
        return [
            zero if seen and cell.strip() in MISSING else cell
            for cell, seen in zip(self.cells["DV"], self.observed, strict=True)
        ]

    def _compartments(self, default: int) -> list[str]:
        if not self.has("CMT"):
            return [str(default)] * self.size
        found = self.values("CMT")
        found = np.where(found == 0, default, found)
        return [f"{value:.15g}" for value in found]

    def _require_plain(self) -> None:
        for name, meaning in REFUSED_ITEMS.items():
            if self.has(name) and (self.values(name) != 0).any():
                line = next(item.line for item in self.items if name in item.names)
                raise FormatError(
                    f"the data item {name} ({meaning}) cannot be translated",
                    place=f"line {line}, $INPUT",
                    repair=f"leave it out: {name}=DROP",
                )


def column_of(name: str) -> str:
    """Column of the records that holds a covariate: items of a fixed meaning get a name of their own."""
    return f"{name}_item" if name in (*RECORDS_ITEMS, "DVID", "OCC", "CENS", "LIMIT", "LLOQ") else name


def read_table(folder: Path, options: DataOptions, items: tuple[Item, ...]) -> DataTable:
    """The rows of the data file that are taken.

    Raises
    ------
    FormatError, DataError
        For a file that cannot be read, is too large or is no text; for rows that lack items that $INPUT names.
    """
    # Windows writes its folders with the other stroke.
    lines = _read(folder / options.file.replace("\\", "/"), options)
    kept: list[tuple[int, list[str]]] = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not _is_ignored(line, options.ignore_sign):
            kept.append((number, split_row(line)))
    wanted = _last_wanted(items)
    short = [(number, row) for number, row in kept if len(row) < wanted]
    if short:
        # What every row lacks is one fault, not one a row.
        everywhere = len(short) == len(kept)
        told = short[: 1 if everywhere else _MOST_TOLD]
        problems = [_lacking(number, row, items, everywhere) for number, row in told]
        raise DataError(problems, place=Path(options.file).name)
    if not kept:
        options.record.fail(f"{options.file} has no data row", "check IGNORE, and the file")
    width = len(items)
    rows = [row[:width] + ["."] * (width - len(row)) for _, row in kept]
    columns = [list(column) for column in zip(*rows, strict=True)]
    cells = {name: columns[k] for k, item in enumerate(items) for name in item.names}
    notes = _header_notes(lines[: kept[0][0] - 1], items)
    numbered = np.array([number for number, _ in kept])
    table = DataTable(cells, numbered, items, options.null, Path(options.file).name, notes)
    return _selected(table, options)


def _header_notes(above: Sequence[str], items: Sequence[Item]) -> tuple[str, ...]:
    """Columns that the line above the rows calls by the name that $INPUT gives to another one."""
    header = [cell.upper() for cell in split_row(above[-1])] if above else []
    places = {name: k for k, item in enumerate(items) for name in item.names}
    return tuple(
        f"line {len(above)} calls column {k + 1} {name}, $INPUT calls it {'/'.join(items[k].names) or 'DROP'}"
        for k, name in enumerate(header[: len(items)])
        if name not in items[k].names and name in places
    )


def _read(path: Path, options: DataOptions) -> list[str]:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            options.record.fail(
                f"{path.name} has {size:,} bytes", f"at most {MOST_BYTES:,} are read: name the data file"
            )
        content = path.read_bytes()
    except OSError as error:
        cause = f"cannot read the data file {options.file}: {error.strerror or error}"
        options.record.fail(cause, nearest_file(path))
    if b"\0" in content[:1_000_000]:
        options.record.fail(f"{path.name} is no text file", "export the data as text")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _is_ignored(line: str, sign: str) -> bool:
    if sign == "@":
        first = line.lstrip(' \t"')[:1]
        return first.isalpha() or first == "@"
    return line.lstrip('"').startswith(sign)


def split_row(line: str) -> list[str]:
    """Cells between commas, spaces or tabs; two commas leave a null item between them.

    Examples
    --------
    >>> split_row("1, 0.5,,  .  70")
    ['1', '0.5', '', '.', '70']
    """
    if '"' in line:
        line = re.sub(r'"([^"]*)"', lambda found: re.sub(r"[\s,]+", "_", found[1]) or ".", line)
    return re.split(r"\s*,\s*|\s+", line.strip())


def _last_wanted(items: Sequence[Item]) -> int:
    return max((k for k, item in enumerate(items, 1) if not item.dropped), default=0)


def _lacking(number: int, row: list[str], items: Sequence[Item], everywhere: bool) -> Problem:
    name = (items[len(row)].names or ("a dropped item",))[0]
    count = f"{len(row)} item{'s' if len(row) != 1 else ''}"
    return Problem(
        f"{'no row has this column: the first' if everywhere else 'the row'} has {count}, $INPUT names {len(items)}",
        "add the column to the file, or take it out of $INPUT",
        number,
        name,
    )


def _selected(table: DataTable, options: DataOptions) -> DataTable:
    keep = np.ones(table.size, bool)
    for conditions, wanted in ((options.ignore, False), (options.accept, True)):
        if conditions:
            met = np.any([_holds(table, each, options) for each in conditions], axis=0)
            keep &= met == wanted
    rows = np.flatnonzero(keep)[: options.most]
    if not rows.size:
        options.record.fail(f"no row of {options.file} is left", "check IGNORE and ACCEPT")
    if rows.size == table.size:
        return table
    names: dict[int, list[str]] = {}
    cells = {}
    for name, column in table.cells.items():
        cells[name] = names.setdefault(id(column), [column[k] for k in rows])
    return replace(table, cells=cells, lines=table.lines[rows])


def _holds(table: DataTable, condition: Condition, options: DataOptions) -> np.ndarray:
    if condition.label not in table.cells:
        options.record.fail(f"{condition.label} is not in $INPUT", "name a data item")
    cells, sign = table.cells[condition.label], condition.sign
    if sign.startswith("text"):
        equal = np.array([cell.strip() == condition.value for cell in cells])
        return equal if sign == "text==" else ~equal
    try:
        value = float(condition.value)
    except ValueError:
        options.record.fail(f"{condition.value[:20]!r} is no number", "compare numbers, or use .EQ. for text")
    return COMPARE[sign](table.values(condition.label), value)


def constant_in_subjects(table: DataTable, values: np.ndarray, rows: Iterable[int] | None = None) -> bool:
    """Whether an item keeps one value in each subject, on all rows or on some."""
    chosen = np.arange(table.size) if rows is None else np.asarray(rows)
    subject, value = table.subject[chosen], values[chosen]
    first = np.r_[True, subject[1:] != subject[:-1]]
    return bool((value == value[np.maximum.accumulate(np.where(first, np.arange(chosen.size), 0))]).all())
