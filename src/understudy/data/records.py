"""Records: the doses, measurements and covariates of patients, one row an event."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from understudy.core import units as core_units
from understudy.core.content import canonical_json
from understudy.core.errors import DataError, Problem, UnitError
from understudy.data.declared_units import Declared, canonical_name, declared_units
from understudy.data.draft import DOSE_EVENTS, Draft, read_draft
from understudy.data.layout import LABELS, LIMITS, TABLE, find_layout, nearest
from understudy.data.sheet import Sheet, frame_sheet, read_sheet
from understudy.data.validation import check

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.report import RecordsReport

Categories = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, eq=False, repr=False)
class Records:
    """A checked table of events, in NONMEM's terms; equal to another with the same content.

    Made by `read_csv` or `from_frame`, which check it.

    Parameters
    ----------
    data : DataFrame
        The columns of `table`.
    units : mapping of str to str
        Unit of ``time``, ``amt``, ``dv`` (or ``dv:<dvid>``, ``amt:<cmt>``) and covariates, where declared.
        ``rate`` is in amount per time, ``ii`` in time.
    covariates : tuple of str
        Names of the covariate columns.
    source : str
        Name of the file.
    notes : tuple of str
        What was left aside when it was read.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"ID": 1, "TIME": [0, 2, 12], "AMT": [25, 0, 0], "DV": [None, 17.3, 12.1]})
    >>> frame["WT"] = 1.4
    >>> records = Records.from_frame(frame, units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg"})
    >>> records
    Records(1 patient, 1 dose record, 2 observations; covariates WT)
    >>> records.observations[["id", "time", "dv"]]
      id  time    dv
    1  1   2.0  17.3
    2  1  12.0  12.1
    """

    data: pd.DataFrame
    units: Mapping[str, str] = field(default_factory=dict)
    covariates: tuple[str, ...] = ()
    source: str = "the records"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", MappingProxyType(dict(self.units)))

    @classmethod
    def read_csv(
        cls,
        path: str | Path,
        units: Declared | None = None,
        columns: Mapping[str, str] | None = None,
        covariates: Sequence[str] | None = None,
        categories: Categories | None = None,
        ignore: str = "C",
        delimiter: str = ",",
    ) -> Records:
        """Read and check a CSV file with NONMEM's columns.

        Parameters
        ----------
        path : path
            CSV in UTF-8 with a header. ID, TIME and DV are required; AMT, RATE, II, ADDL, SS, CMT, EVID, MDV,
            DVID, OCC and DATE, DAT1, DAT2 or DAT3 are understood, in any case. Missing is written ``.``, NA,
            NaN or nothing. CENS (1: the level is below DV, -1: above DV; LIMIT is the other end where there is
            one) and LLOQ (a DV below it is below the limit of quantification) say what a row's level is known by.
        units : mapping, optional
            Column → unit, such as ``{"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg"}``; ``DV`` may map
            each DVID to a unit.
        columns : mapping, optional
            NONMEM's name, or a covariate's, → name in the file, such as ``{"DV": "conc"}``.
        covariates : sequence of str, optional
            Which other columns to keep; by default all that hold numbers.
        categories : mapping, optional
            Numbers that stand for words, such as ``{"SEX": {"male": 1, "female": 0}}``.
        ignore : str
            Rows whose first cell is this are comments.
        delimiter : str

        Raises
        ------
        DataError
            With every problem of the file, each with row, column, value and repair.
        """
        sheet = read_sheet(path, ignore, delimiter)
        return _from_sheet(sheet, units or {}, columns or {}, covariates, categories)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        units: Declared | None = None,
        columns: Mapping[str, str] | None = None,
        covariates: Sequence[str] | None = None,
        categories: Categories | None = None,
        source: str = "the records",
        repeats: bool = False,
    ) -> Records:
        """Check a DataFrame with NONMEM's columns; see `read_csv`. The first row counts as line 2.

        With `repeats` the same record may stand twice, as it may to NONMEM.
        """
        sheet = frame_sheet(frame, source)
        return _from_sheet(sheet, units or {}, columns or {}, covariates, categories, repeats)

    @property
    def table(self) -> pd.DataFrame:
        """One row an event, in the file's order.

        Columns: ``row`` (line of the file), ``id``, ``time``, ``evid``, ``amt``, ``rate``, ``ii``, ``addl``,
        ``ss`` (0 where missing, or where the row is no dose), ``cmt``, ``mdv``, ``dv`` (not-a-number where
        missing), ``dvid``, ``occ``, then ``cens``, ``limit`` and ``lloq`` where the file has them, then covariates.
        A copy: changing it does not change the records.
        """
        return self.data.copy()

    @property
    def ids(self) -> tuple[str, ...]:
        """Identifiers of the patients, in the file's order."""
        return tuple(self.data["id"].unique())

    @property
    def observations(self) -> pd.DataFrame:
        """Rows of `table` that are measurements."""
        return self.data[_is_observation(self.data)]

    @property
    def doses(self) -> pd.DataFrame:
        """Rows of `table` that are doses."""
        return self.data[self.data["evid"].isin(DOSE_EVENTS)]

    @cached_property
    def hash(self) -> str:
        """SHA-256 of table and units, without the file's name."""
        digest = hashlib.sha256(canonical_json(dict(self.units)).encode())
        for name in self.data.columns:
            values = self.data[name].to_numpy()
            digest.update(f"\n{name}\n".encode())
            digest.update(_bytes(values))
        return digest.hexdigest()

    def select(self, ids: Iterable[str]) -> Records:
        """The records of some patients, in the file's order.

        Raises
        ------
        DataError
            For an identifier that does not occur.
        """
        wanted = [str(name) for name in ids]
        known = set(self.ids)
        unknown = [Problem(f"no patient {n!r}", nearest(n, self.ids[:50])) for n in wanted if n not in known]
        if unknown:
            raise DataError(unknown, place=self.source)
        return self._with(self.data[self.data["id"].isin(wanted)].reset_index(drop=True))

    def without_observations(self, rows: Iterable[int]) -> Records:
        """The records with some measurements held out: MDV = 1 on these lines of the file, DV kept.

        Raises
        ------
        DataError
            For a line that is no measurement.
        """
        rows = np.array([int(row) for row in rows], dtype=np.int64)
        measured = self.observations["row"].to_numpy()
        problems = [
            Problem("no measurement to hold out", "give lines of `observations`", int(row))
            for row in rows[~np.isin(rows, measured)]
        ]
        if problems:
            raise DataError(problems, place=self.source)
        held = self.data["row"].isin(rows)
        return self._with(self.data.assign(mdv=self.data["mdv"].mask(held, 1)))

    def last_observations(self) -> pd.Series:
        """Line of the file of each patient's last measurement, by identifier; only patients who have one."""
        return self.observations.groupby("id", sort=False)["row"].last()

    def baseline(self) -> pd.DataFrame:
        """First known value of each covariate, patient × covariate, in the file's order."""
        return self.data.groupby("id", sort=False)[list(self.covariates)].first()

    def unit(self, column: str, label: str = "") -> str:
        """Unit of a column (of its `label`, a DVID or CMT, where these differ); empty where not declared."""
        return self.units.get(f"{column}:{label}", self.units.get(column, ""))

    def convert(self, units: Mapping[str, str]) -> Records:
        """The records in other units.

        Parameters
        ----------
        units : mapping of str to str
            Column → unit wanted. A new unit of time also changes intervals and rates, one of amount rates.

        Raises
        ------
        UnitError
            For a column without a declared unit, or a unit of something else.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"ID": 1, "TIME": [0, 12], "AMT": [25, 0], "DV": [None, 12.1]})
        >>> records = Records.from_frame(frame, units={"TIME": "h", "AMT": "mg", "DV": "mg/L"})
        >>> records.convert({"TIME": "d", "DV": "ug/L"}).table[["time", "dv"]]
           time       dv
        0   0.0      NaN
        1   0.5  12100.0
        """
        data, known = self.data.copy(), dict(self.units)
        for written, unit in units.items():
            column = canonical_name(written, (), {}, self.covariates) or written
            if column not in known:
                names = ", ".join(known) or "none"
                raise UnitError(
                    f"{written} has no declared unit", place=self.source, repair=f"declared: {names}"
                )
            _convert(data, column, known[column], unit)
            known[column] = unit
        return self._with(data, known)

    def report(self, limits: Mapping[str, float] | None = None) -> RecordsReport:
        """What is in the records.

        Parameters
        ----------
        limits : mapping of str to float, optional
            Lower limit of quantification of each output (DVID, ``""`` where there is only one), in its unit.
        """
        from understudy.data.report import make_report

        return make_report(self, limits or {})

    def _with(self, data: pd.DataFrame, units: Mapping[str, str] | None = None) -> Records:
        return Records(data, self.units if units is None else units, self.covariates, self.source, self.notes)

    def __len__(self) -> int:
        return len(self.data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Records) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        counts = (
            (len(self.ids), "patient"),
            (len(self.doses), "dose record"),
            (len(self.observations), "observation"),
        )
        told = ", ".join(f"{count} {name}{'s' if count != 1 else ''}" for count, name in counts)
        return f"Records({told}{'; covariates ' + ', '.join(self.covariates) if self.covariates else ''})"


def _from_sheet(
    sheet: Sheet,
    units: Declared,
    columns: Mapping[str, str],
    covariates: Sequence[str] | None,
    categories: Categories | None,
    repeats: bool = False,
) -> Records:
    layout = find_layout(sheet.header, columns)
    draft = read_draft(sheet, layout, covariates, categories)
    known, unit_problems = declared_units(units, layout, draft.covariates)
    draft.problems += unit_problems
    problems = check(draft, repeats)
    if problems:
        raise DataError(problems, place=sheet.source)
    table = _table(draft)
    known = _one_unit_each(table, known, draft.in_hours, sheet.source)
    return Records(table, known, tuple(draft.covariates), sheet.source, _notes(draft))


def _table(draft: Draft) -> pd.DataFrame:
    import pandas as pd

    columns = dict(draft.columns, row=draft.sheet.lines)
    dose = np.isin(columns["evid"], DOSE_EVENTS)
    for name in ("amt", "rate", "ii", "addl", "ss"):
        columns[name] = np.where(dose, np.nan_to_num(columns[name]), 0.0)
    columns["mdv"] = np.where(columns["evid"] != 0, 1, columns["mdv"])
    limits = [name for name in LIMITS if name in columns]
    if "cens" in columns:
        columns["cens"] = np.nan_to_num(columns["cens"])
    table = pd.DataFrame({name: columns[name] for name in (*TABLE, *limits, *draft.covariates)})
    kinds = dict.fromkeys(("row", "evid", "addl", "ss", "mdv"), np.int64) | dict.fromkeys(
        ("id", *LABELS), str
    )
    return table.astype(kinds)


def _one_unit_each(table: pd.DataFrame, known: dict[str, str], in_hours: bool, source: str) -> dict[str, str]:
    """Units without those of rate and interval, which are brought to amount per time, and to time."""
    known = dict(known)
    if in_hours:
        table["time"] = core_units.convert(table["time"].to_numpy(), "h", known.setdefault("time", "h"))
    time, amount = known.get("time"), known.get("amt")
    wanted = {"ii": time, "rate": f"({amount})/({time})" if amount and time else None}
    for column, unit in wanted.items():
        if column in known and unit is None:
            names = "TIME" if column == "ii" else "AMT and TIME"
            problem = Problem(f"{column.upper()} has a unit, but not {names}", f"declare the unit of {names}")
            raise DataError([problem], place=source)
        if column in known:
            _scale(table, column, core_units.factor(known.pop(column), unit))
    return known


def _convert(data: pd.DataFrame, column: str, old: str, new: str) -> None:
    """Bring one column, and the rates and intervals that hang on it, to another unit."""
    name, _, label = column.partition(":")
    key = {"dv": "dvid", "amt": "cmt"}.get(name)
    rows = (data[key] == label).to_numpy() if label else np.ones(len(data), bool)
    values = data[name].to_numpy(copy=True)
    values[rows] = core_units.convert(values[rows], old, new)
    data[name] = values
    for limit in {"limit", "lloq"} & set(data.columns) if name == "dv" else ():
        bounds = data[limit].to_numpy(copy=True)
        bounds[rows] = core_units.convert(bounds[rows], old, new)
        data[limit] = bounds
    if name == "time":
        _scale(data, "ii", core_units.factor(old, new))
        _scale(data, "rate", 1.0 / core_units.factor(old, new))
    if name == "amt":
        _scale(data, "rate", core_units.factor(old, new), rows)


def _scale(data: pd.DataFrame, column: str, factor: float, rows: np.ndarray | None = None) -> None:
    """Multiply a column, but for the codes -1 and -2 of a modelled rate or duration."""
    values = data[column].to_numpy()
    changed = values > 0 if rows is None else (values > 0) & rows
    data[column] = np.where(changed, values * factor, values)


def _notes(draft: Draft) -> tuple[str, ...]:
    comments, notes = draft.sheet.comments, []
    if comments:
        lines = ", ".join(map(str, comments[:5])) + (", …" if len(comments) > 5 else "")
        notes.append(f"{len(comments)} comment row{'s' if len(comments) > 1 else ''} left out (line {lines})")
    if draft.unused:
        notes.append(f"columns not used: {', '.join(draft.unused)}")
    columns = draft.columns
    ignored = np.isin(columns["evid"], DOSE_EVENTS) & (np.nan_to_num(columns["dv"]) != 0)
    if ignored.any():
        notes.append(f"DV is ignored on {int(ignored.sum())} dose record{'s' if ignored.sum() > 1 else ''}")
    return tuple(notes)


def _is_observation(table: pd.DataFrame) -> pd.Series:
    return (table["evid"] == 0) & (table["mdv"] == 0)


def _bytes(values: np.ndarray) -> bytes:
    """The same bytes for equal columns, whatever made them."""
    if values.dtype.kind == "f":
        return np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8").tobytes()
    if values.dtype.kind in "iu":
        return values.astype("<i8").tobytes()
    return "\x1f".join(map(str, values)).encode()
