"""Entries: who enters a cohort on which day, checked against the CDM before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from understudy.causal.masking import masked
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

ENTRIES = "understudy_entries"


def entries_of(given: Any, with_end: bool) -> pd.DataFrame:
    """Entries in their order, as columns entry (0 to n - 1), person_id, start and, if asked for, end.

    Parameters
    ----------
    given : DataFrame or StudyPopulation
    with_end : bool
        Whether the last day is needed.

    Raises
    ------
    DataError
        If a column is missing, a cell is empty or not what it should be, or nobody enters.
    """
    import pandas as pd

    rows = getattr(given, "rows", given)
    wanted = ["person_id", "start", *(["end"] if with_end else [])]
    missing = [name for name in wanted if name not in rows.columns]
    problems = [Problem("is missing", f"give a column {name}", column=name) for name in missing]
    if not missing and rows.empty:
        problems = [Problem("nobody enters", "give a row a person and entry")]
    if not problems:
        problems = [each for name in wanted for each in _faults(rows[name], name)]
    if problems:
        raise DataError(problems, place="the entries")
    days = {name: pd.to_datetime(rows[name]).dt.normalize().to_numpy("datetime64[us]") for name in wanted[1:]}
    return pd.DataFrame({"entry": range(len(rows)), "person_id": rows["person_id"].to_numpy("int64"), **days})


def _faults(column: pd.Series, name: str) -> list[Problem]:
    import pandas as pd

    if column.isna().any():
        return [Problem(f"{masked(int(column.isna().sum()))} cells are empty", "fill them in", column=name)]
    whole = pd.api.types.is_integer_dtype(column.dtype)
    if name == "person_id" and not whole:
        return [Problem("is not whole numbers", "give the person_id of the CDM", column=name)]
    if name != "person_id" and not pd.api.types.is_datetime64_any_dtype(column.dtype):
        return [Problem("is not dates", "convert it by pandas.to_datetime", column=name)]
    return []


def check_persons(connection: Any, with_birth: bool) -> None:
    """Refuse entries of persons that the CDM does not know, or whose age cannot be told.

    Raises
    ------
    DataError
        With how many persons it concerns, never which.
    """
    unknown, unborn, early = connection.execute(
        f"""
        SELECT count(DISTINCT e.person_id) FILTER (p.person_id IS NULL),
            count(DISTINCT e.person_id) FILTER (p.person_id IS NOT NULL AND p.year_of_birth IS NULL),
            count(DISTINCT e.person_id) FILTER (year(e.start) < CAST(p.year_of_birth AS BIGINT))
        FROM {ENTRIES} e LEFT JOIN person p ON CAST(p.person_id AS BIGINT) = e.person_id
        """
    ).fetchone()
    problems = []
    if unknown:
        text = f"{masked(unknown)} persons of the entries are not there"
        problems.append(Problem(text, "make entries from the same CDM", column="person_id"))
    if with_birth and unborn:
        text = f"{masked(unborn)} persons of the entries have none"
        repair = (
            "leave these persons out, or the analyses of age (DemographicsAge, DemographicsAgeGroup, Chads2…)"
        )
        problems.append(Problem(text, repair, column="year_of_birth"))
    if with_birth and early:
        text = f"{masked(early)} persons enter before it"
        problems.append(Problem(text, "correct the year or the entries", column="year_of_birth"))
    if problems:
        raise DataError(problems, place="the table person")
