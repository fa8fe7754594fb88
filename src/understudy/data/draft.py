"""Draft: a table whose cells are understood, with what could not be, before it is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from understudy.core.errors import Problem
from understudy.data import cells, clock
from understudy.data.layout import LABELS, LIMITS, NUMBERS, WHOLE_NUMBERS, Layout, nearest
from understudy.data.sheet import Sheet

DOSE_EVENTS = (1, 4)
_NO_MEASUREMENT = "no measurement where MDV = 0 says there is one"
_A_NUMBER = "write a number (decimal point, no unit), or leave the cell empty"


@dataclass(eq=False)
class Draft:
    """Columns as arrays, and every problem met on the way.

    Parameters
    ----------
    sheet : Sheet
    layout : Layout
    columns : dict of str to array
        Canonical columns, all of them but those of limits that the file lacks, and covariates.
    covariates, unused : list of str
    in_hours : bool
        Whether times were dates or times of day, and are now hours.
    problems : list of Problem
    """

    sheet: Sheet
    layout: Layout
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    covariates: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    in_hours: bool = False
    problems: list[Problem] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.sheet.lines)

    @property
    def starts(self) -> np.ndarray:
        """First row of each run of rows with the same identifier."""
        ids = self.columns["id"]
        return np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]]) if self.size else np.empty(0, int)

    def cells(self, column: str) -> Sequence[str] | np.ndarray | None:
        """The cells of a column as written, None where the file has no such column."""
        place = self.layout.places.get(column, self.layout.others.get(column))
        return None if place is None else self.sheet.columns[place]

    def flag(self, wrong: np.ndarray, column: str, cause: str, repair: str) -> None:
        """Note a problem for each row that is `wrong`."""
        for k in np.flatnonzero(wrong):
            self.flag_row(int(k), column, cause, repair)

    def flag_row(self, k: int, column: str, cause: str, repair: str) -> None:
        """Note a problem with one cell."""
        place = self.layout.places.get(column, self.layout.others.get(column))
        value = None if place is None else self.sheet.written(place, k)
        line = int(self.sheet.lines[k])
        self.problems.append(Problem(cause, repair, line, self.layout.name(column), value))


def read_draft(
    sheet: Sheet,
    layout: Layout,
    covariates: Sequence[str] | None = None,
    categories: Mapping[str, Mapping[str, float]] | None = None,
) -> Draft:
    """Understand every cell of a sheet; see `Records.read_csv` for the rules."""
    draft = Draft(sheet, layout, problems=[*sheet.problems, *layout.problems])
    _read_identifiers(draft)
    for name in (*NUMBERS[1:], *WHOLE_NUMBERS):
        draft.columns[name] = _read_numbers(draft, name)
    for name in set(LIMITS) & draft.layout.places.keys():
        draft.columns[name] = _read_numbers(draft, name)
    for name in LABELS:
        written = draft.cells(name)
        empty = np.full(draft.size, "", dtype=object)
        draft.columns[name] = empty if written is None else cells.labels(written)
    # NONMEM's compartment 0 is the default one.
    draft.columns["cmt"][draft.columns["cmt"] == "0"] = ""
    _read_time(draft)
    _read_covariates(draft, covariates, categories or {})
    _derive_events(draft)
    return draft


def _read_identifiers(draft: Draft) -> None:
    written = draft.cells("id")
    if written is None:
        draft.columns["id"] = np.full(draft.size, "", dtype=object)
        return
    draft.columns["id"] = cells.identifiers(written)
    draft.flag(draft.columns["id"] == "", "id", "no identifier", "write whose record it is on every row")


def _read_numbers(draft: Draft, name: str) -> np.ndarray:
    written = draft.cells(name)
    if written is None:
        return np.full(draft.size, np.nan)
    values, text = cells.numbers(written)
    draft.flag(text, name, "not a number", _A_NUMBER)
    return _finite(draft, name, values)


def _finite(draft: Draft, name: str, values: np.ndarray) -> np.ndarray:
    infinite = np.isinf(values)
    draft.flag(infinite, name, "not a finite number", "write a finite number, or leave the cell empty")
    return np.where(infinite, np.nan, values)


def _read_time(draft: Draft) -> None:
    """Elapsed time: as written, or in hours where dates or times of day are given."""
    written, date = draft.cells("time"), draft.layout.date
    if written is None:
        draft.columns["time"] = np.full(draft.size, np.nan)
        return
    if not (date or clock.has_clock(written)):
        draft.columns["time"] = _read_numbers(draft, "time")
    else:
        draft.in_hours = True
        draft.columns["time"] = clock.elapsed_hours(_seconds(draft, written, date), draft.starts)
    missing = np.array([str(cell).strip() in cells.MISSING for cell in written], dtype=bool)
    draft.flag(missing, "time", "no time", "write when it was on every row")


def _seconds(draft: Draft, written: Sequence[str] | np.ndarray, date: str | None) -> np.ndarray:
    seconds, wrong = clock.clock_seconds(written, dated=date is not None)
    until = ", up to 24:00" if date else ""
    draft.flag(
        wrong, "time", "not a time of day", f"write HH:MM or HH:MM:SS{until}, the date in a column DATE"
    )
    if date is None:
        return seconds
    dates = draft.cells(date)
    days, wrong = clock.date_seconds(dates, date)
    order = {"y": "year", "m": "month", "d": "day"}
    shown = "/".join(order[letter] for letter in clock.ORDERS[date])
    draft.flag(wrong, date, "not a date", f"write {shown} with the year, or year-month-day")
    missing = np.isnan(days) & ~wrong
    draft.flag(missing, date, "no date", "write the date on every row")
    return days + seconds


def _read_covariates(
    draft: Draft, wanted: Sequence[str] | None, categories: Mapping[str, Mapping[str, float]]
) -> None:
    others = draft.layout.others
    for name in (*(wanted or ()), *categories):
        if name not in others:
            repair = nearest(name, tuple(others)) if others else "the file has no other columns"
            draft.problems.append(Problem(f"no column for the covariate {name!r}", repair, 1, name))
    for name in others:
        if wanted is not None and name not in wanted:
            draft.unused.append(draft.layout.name(name))
        elif name in categories:
            _read_categories(draft, name, categories[name])
        else:
            _read_covariate(draft, name, required=wanted is not None)


def _read_categories(draft: Draft, name: str, codes: Mapping[str, float]) -> None:
    values, unknown = cells.categories(draft.cells(name), codes)
    draft.flag(unknown, name, "not one of the categories", f"categories: {', '.join(map(str, codes))}")
    draft.columns[name] = values
    draft.covariates.append(name)


def _read_covariate(draft: Draft, name: str, required: bool) -> None:
    """A column of numbers; one that holds only text, or nothing, is not used."""
    values, text = cells.numbers(draft.cells(name))
    if not required and not np.isfinite(values).any() and not np.isinf(values).any():
        draft.unused.append(draft.layout.name(name))
        return
    repair = (
        f"{_A_NUMBER}; for words give categories={{{name!r}: ...}}, or leave the column out of covariates"
    )
    draft.flag(text, name, "not a number", repair)
    draft.columns[name] = _finite(draft, name, values)
    draft.covariates.append(name)


def _derive_events(draft: Draft) -> None:
    """EVID and MDV where they are not written: an amount makes a dose, a measurement an observation."""
    columns = draft.columns
    given = np.nan_to_num(columns["amt"]) != 0
    constant = (columns["ss"] == 1) & (columns["rate"] > 0) & np.isnan(columns["dv"])
    derived = np.where(given | constant, 1.0, 0.0)
    columns["evid"] = np.where(np.isnan(columns["evid"]), derived, columns["evid"])
    seen, unmeasured = columns["evid"] == 0, np.isnan(columns["dv"])
    draft.flag(seen & unmeasured & (columns["mdv"] == 0), "dv", _NO_MEASUREMENT, "write DV, or MDV = 1")
    columns["mdv"] = np.where(np.isnan(columns["mdv"]), unmeasured, columns["mdv"])
