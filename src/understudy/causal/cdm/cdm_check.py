"""CDM check: what is in an OMOP CDM, and everything wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.causal.cdm.cdm import Cdm, opened
from understudy.causal.cdm.fault import Fault
from understudy.causal.cdm.fault_search import faults_of
from understudy.causal.cdm.schema import TABLES
from understudy.causal.masking import masked

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class CdmCheck:
    """What is in a CDM, and what is wrong with it. Counts are shown masked, and no person is named.

    Parameters
    ----------
    name, version, version_by : str
        See `Cdm`.
    vocabulary : str
        Version of the vocabulary; empty where it does not say.
    rows : dict of str to int
        Rows of each table that is there.
    persons, periods : int
        Persons, and their periods of observation.
    observed : (date, date) or None
        First and last day of observation.
    faults : tuple of Fault
        Errors first.
    """

    name: str
    version: str
    version_by: str
    vocabulary: str
    rows: dict[str, int]
    persons: int
    periods: int
    observed: tuple[date, date] | None
    faults: tuple[Fault, ...]

    @property
    def errors(self) -> tuple[Fault, ...]:
        """What makes results wrong, or impossible."""
        return tuple(each for each in self.faults if each.severity == "error")

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """What is worth knowing."""
        return tuple(each for each in self.faults if each.severity == "warning")

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    def table(self) -> pd.DataFrame:
        """Columns table and rows."""
        import pandas as pd

        return pd.DataFrame(list(self._shown().items()), columns=["table", "rows"])

    def _shown(self) -> dict[str, str]:
        """Rows; small counts are masked where a row is of a person."""
        return {
            table: masked(count) if "person_id" in TABLES[table].required else str(count)
            for table, count in self.rows.items()
        }

    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables and faults."""
        import pandas as pd

        columns = ["severity", "table", "cause", "rows", "repair", "detail"]
        faults = pd.DataFrame([each.to_json() for each in self.faults], columns=columns)
        return {"tables": self.table(), "faults": faults}

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "ok": self.ok,
            "name": self.name,
            "version": self.version,
            "version_by": self.version_by,
            "vocabulary": self.vocabulary,
            "persons": masked(self.persons),
            "observation_periods": masked(self.periods),
            "observed": [str(day) for day in self.observed] if self.observed else None,
            "rows": self._shown(),
            "faults": [each.to_json() for each in self.faults],
        }

    def __repr__(self) -> str:
        return (
            f"CdmCheck of {self.name}: OMOP CDM {self.version}, {masked(self.persons)} persons, "
            f"{len(self.errors)} errors, {len(self.warnings)} warnings"
        )


def check(cdm: Cdm | Path | str, **how: Any) -> CdmCheck:
    """What is in a CDM, and everything wrong with it.

    Parameters
    ----------
    cdm : Cdm or path
        A path is opened even where `open_cdm` would refuse it, so that all that is wrong can be told.
    **how
        Keywords of `open_cdm`: schema, memory, spill, threads.

    Raises
    ------
    StudyError
        If there is no CDM at all.
    """
    if isinstance(cdm, Cdm):
        return _checked(cdm, ())
    found, problems = opened(cdm, **how)
    with found:
        return _checked(found, tuple(_as_fault(each) for each in problems))


def _as_fault(problem: Any) -> Fault:
    """A problem of reading; its table is then not used at all."""
    column, _, place = (problem.column or "").rpartition(" of ")
    row = f" (row {problem.row:,})" if problem.row is not None else ""
    cause = f"{column}: {problem.cause}{row}" if column else f"{problem.cause}{row}"
    return Fault("error", place, cause, 0, problem.repair)


def _checked(cdm: Cdm, problems: tuple[Fault, ...]) -> CdmCheck:
    unread = {fault.table.lower().split(".")[0].split(", table ")[-1] for fault in problems}
    found = [
        each
        for each in faults_of(cdm)
        if not (each.table in unread and each.cause.startswith("not there"))  # it is there, but unread
    ]
    faults = sorted((*problems, *found), key=lambda fault: fault.severity != "error")
    rows = {table: _rows(cdm, table) for table in TABLES if table in cdm.tables}
    return CdmCheck(
        cdm.name,
        cdm.version,
        cdm.version_by,
        _vocabulary(cdm),
        rows,
        rows.get("person", 0),
        rows.get("observation_period", 0),
        _observed(cdm),
        tuple(faults),
    )


def _rows(cdm: Cdm, table: str) -> int:
    row = cdm.connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return row[0]


def _observed(cdm: Cdm) -> tuple[date, date] | None:
    if "observation_period" not in cdm.tables:
        return None
    first, last = cdm.connection.execute(
        "SELECT min(observation_period_start_date), max(observation_period_end_date) FROM observation_period"
    ).fetchone() or (None, None)
    return None if first is None or last is None else (first, last)


def _vocabulary(cdm: Cdm) -> str:
    """What the vocabulary calls its version in its row "None", else what cdm_source says."""
    for table, sql in (
        ("vocabulary", "SELECT vocabulary_version FROM vocabulary WHERE vocabulary_id = 'None'"),
        ("cdm_source", "SELECT vocabulary_version FROM cdm_source"),
    ):
        if table in cdm.tables:
            row = cdm.connection.execute(sql).fetchone()
            if row and row[0]:
                return str(row[0])
    return ""
