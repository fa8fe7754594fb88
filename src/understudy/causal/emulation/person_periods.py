"""Person-periods: a row a person and period, sorted and checked, which every emulation starts from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.covariate_table import CovariateTable
from understudy.causal.emulation.period_columns import (
    covariate_table,
    flags,
    missing_cells,
    numbers,
    require_columns,
    whole_numbers,
)
from understudy.causal.masking import masked
from understudy.core.errors import DataError, Problem, StudyError

if TYPE_CHECKING:
    import pandas as pd

Gaps = Literal["refuse", "end follow-up", "keep"]
Missing = Literal["refuse", "carry forward"]


@dataclass(frozen=True, eq=False, repr=False)
class PersonPeriods:
    """What was known of each person in each period, sorted by person and period. Made by `person_periods`.

    Parameters
    ----------
    person : int64 array, shape (n,)
        Persons as numbers from 0, rising.
    period : int64 array, shape (n,)
        Rising within a person.
    treatment : int64 array of 0 and 1, shape (n,)
    outcome : float array, shape (n,)
        1 in the period of the event; or a measure.
    eligible : bool array, shape (n,)
        Whether a trial may start with this row.
    censored : bool array, shape (n,)
        Whether the person was lost in this period.
    covariates : CovariateTable
    row : int64 array, shape (n,)
        Number of the row in the table it was read from.
    notes : tuple of str
        What was left out, and why.
    """

    person: NDArray[np.int64]
    period: NDArray[np.int64]
    treatment: NDArray[np.int64]
    outcome: NDArray[np.float64]
    eligible: NDArray[np.bool_]
    censored: NDArray[np.bool_]
    covariates: CovariateTable
    row: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Number of person-periods."""
        return len(self.person)

    @property
    def persons(self) -> int:
        """Number of persons."""
        return len(self.starts)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """First row of each person."""
        return np.flatnonzero(np.diff(self.person, prepend=-1))

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """The row after the last of each person."""
        return np.append(self.starts[1:], self.rows)

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """For each row the first row of its person."""
        return np.repeat(self.starts, self.ends - self.starts)

    @cached_property
    def stop(self) -> NDArray[np.int64]:
        """For each row the row after the last of its person."""
        return np.repeat(self.ends, self.ends - self.starts)

    @cached_property
    def previous_treatment(self) -> NDArray[np.int64]:
        """Treatment in the row before; 0 in a person's first row."""
        before = np.concatenate([[0], self.treatment[:-1]])
        before[self.starts] = 0
        return before

    @cached_property
    def treated(self) -> NDArray[np.int64]:
        """Treated periods of the person so far, this one counted."""
        total = np.cumsum(self.treatment)
        return total - (total[self.first] - self.treatment[self.first])

    def only(self, kept: NDArray[np.bool_], note: str = "") -> PersonPeriods:
        """Some of the rows; persons are numbered anew."""
        person = np.unique(self.person[kept], return_inverse=True)[1].astype(np.int64)
        arrays = {
            name: getattr(self, name)[kept]
            for name in ("period", "treatment", "outcome", "eligible", "censored", "row")
        }
        notes = (*self.notes, note) if note else self.notes
        return replace(self, person=person, covariates=self.covariates.take(kept), notes=notes, **arrays)

    def __repr__(self) -> str:
        return (
            f"PersonPeriods: {self.rows} periods of {masked(self.persons)} persons, "
            f"{masked(int(self.eligible.sum()))} eligible, {masked(int((self.outcome == 1).sum()))} outcomes"
        )


def person_periods(
    frame: pd.DataFrame,
    *,
    id: str = "id",
    period: str = "period",
    treatment: str = "treatment",
    outcome: str = "outcome",
    eligible: str | None = None,
    censored: str | None = None,
    covariates: Iterable[str] = (),
    categorical: Iterable[str] = (),
    gaps: Gaps = "refuse",
    missing: Missing = "refuse",
    measure: bool = False,
    place: str = "the table",
    first_row: int = 0,
) -> PersonPeriods:
    """Check a table with a row a person and period, and sort it.

    Parameters
    ----------
    frame : DataFrame
        Rows in any order.
    id, period, treatment, outcome : str
        Columns: who, when (whole numbers), treated in that period (0 or 1), and the outcome in that period (0 or 1).
    eligible : str, optional
        Column of 0 and 1, whether a trial may start in that period; every period, if left out.
    censored : str, optional
        Column of 0 and 1, whether the person was lost in that period.
    covariates : iterable of str
    categorical : iterable of str
        Those that are categories although written as numbers; words always are.
    gaps : {"refuse", "end follow-up", "keep"}
        Where a person's periods do not follow each other: an error; the rows after the first gap are left out; or rows
        are taken as they stand, and time is that of the calendar.
    missing : {"refuse", "carry forward"}
        Missing covariates: an error, or the person's last known value (of a first value there is none: an error).
    measure : bool
        The outcome is a measure, known in the last period of each person; otherwise an event.
    place : str
        What errors call the table.
    first_row : int
        Number of the first row in messages: 2 for a file with a header.

    Returns
    -------
    PersonPeriods

    Raises
    ------
    DataError
        With every bad row by its number: never a person's name.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"id": [7, 7, 8], "period": [1, 0, 0], "treatment": [1, 0, 1], "outcome": [1, 0, 0]})
    >>> person_periods(frame).period
    array([0, 1, 0])
    """
    names = dict.fromkeys(covariates)
    columns = {"id": id, "period": period, "treatment": treatment, "outcome": outcome}
    columns |= {
        key: name for key, name in (("eligible", eligible), ("censored", censored)) if name is not None
    }
    require_columns(frame, (*columns.values(), *names), place)
    if not len(frame):
        raise DataError([Problem("the table has no rows", "give a row a person and period")], place=place)
    rows = np.arange(first_row, first_row + len(frame), dtype=np.int64)
    problems = missing_cells(frame[id].isna().to_numpy(), id, rows)
    found = {}
    for key, name in list(columns.items())[1:]:
        if key == "period":
            found[key], wrong = whole_numbers(frame, name, rows)
        elif key == "outcome" and measure:
            found[key], wrong = numbers(frame, name, rows, missing=True)
        else:
            found[key], wrong = flags(frame, name, rows)
        problems += wrong
    table, wrong = covariate_table(frame, names, categorical, rows, missing=missing == "carry forward")
    _refuse(problems + wrong, place)
    made = _sorted(frame[id], found, table, rows)
    _refuse(_duplicates(made, columns["period"]), place)
    made = _followed(made, gaps, columns["period"], place)
    if missing == "carry forward":
        made = _carried(made, place)
    return _known_measure(made, outcome, place) if measure else _until_outcome(made, outcome, place)


def require_both_arms(periods: PersonPeriods, place: str = "the table") -> None:
    """Refuse tables in which nobody is eligible, or all eligible periods have one treatment.

    Raises
    ------
    StudyError
    """
    if not periods.eligible.any():
        raise StudyError(
            "nobody is eligible in any period", place=place,
            repair="check the column of eligibility: 1 where a trial may start",
        )  # fmt: skip
    given = np.unique(periods.treatment[periods.eligible])
    if len(given) < 2:
        raise StudyError(
            f"all eligible periods have the treatment {given[0]}: the other group is empty",
            place=place,
            repair="check the columns of treatment and eligibility",
        )


def _sorted(ids: pd.Series, found: dict, table: CovariateTable, rows: NDArray[np.int64]) -> PersonPeriods:
    import pandas as pd

    codes = pd.factorize(ids, sort=False)[0].astype(np.int64)
    order = np.lexsort((found["period"], codes))
    none = np.zeros(len(rows))
    return PersonPeriods(
        codes[order],
        found["period"][order].astype(np.int64),
        found["treatment"][order].astype(np.int64),
        found["outcome"][order],
        found.get("eligible", none + 1)[order] == 1,
        found.get("censored", none)[order] == 1,
        table.take(order),
        rows[order],
    )


def _within(periods: PersonPeriods) -> NDArray[np.bool_]:
    """Rows that are not a person's first."""
    return periods.first < np.arange(periods.rows)


def _duplicates(periods: PersonPeriods, column: str) -> list[Problem]:
    again = np.flatnonzero(_within(periods) & (np.diff(periods.period, prepend=0) == 0))
    repair = "keep one row a person and period"
    return [
        Problem(
            f"the person has this period already, in row {periods.row[k - 1]}",
            repair, int(periods.row[k]), column, str(periods.period[k]),
        )
        for k in again
    ]  # fmt: skip


def _followed(periods: PersonPeriods, gaps: Gaps, column: str, place: str) -> PersonPeriods:
    step = np.diff(periods.period, prepend=0)
    broken = _within(periods) & (step > 1)
    if gaps == "keep" or not broken.any():
        return periods
    if gaps == "refuse":
        repair = 'fill the periods in, or say gaps = "end follow-up" or gaps = "keep"'
        _refuse(
            [
                Problem(f"periods are missing before it: the person's last was {periods.period[k - 1]}",
                        repair, int(periods.row[k]), column, str(periods.period[k]))
                for k in np.flatnonzero(broken)
            ],
            place,
        )  # fmt: skip
    count = np.cumsum(broken)
    after = count - count[periods.first] > 0
    return periods.only(~after, f"{masked(int(after.sum()))} rows after a gap are left out")


def _carried(periods: PersonPeriods, place: str) -> PersonPeriods:
    filled, problems, count = {}, [], 0
    for name, values in periods.covariates.columns.items():
        empty = np.isnan(values)
        if not empty.any():
            continue
        last = np.maximum.accumulate(np.where(empty, -1, np.arange(periods.rows)))
        lost = last < periods.first
        problems += [
            Problem("missing, and no earlier value to carry forward", "fill it in, or leave the row out",
                    int(periods.row[k]), name)
            for k in np.flatnonzero(lost)
        ]  # fmt: skip
        filled[name], count = values[np.maximum(last, 0)], count + int(empty.sum())
    _refuse(problems, place)
    note = (f"{masked(count)} missing values are carried forward from the period before",) if count else ()
    return replace(periods, covariates=periods.covariates.with_columns(filled), notes=(*periods.notes, *note))


def _until_outcome(periods: PersonPeriods, column: str, place: str) -> PersonPeriods:
    """Without rows after the outcome or after the person was lost; a second outcome is an error."""
    earlier = _before(periods, periods.outcome)
    twice = np.flatnonzero((periods.outcome == 1) & (earlier > 0))
    repair = "keep the first outcome of a person; later rows are not needed"
    cause = "the person had the outcome before"
    _refuse([Problem(cause, repair, int(periods.row[k]), column, "1") for k in twice], place)
    return _without(_without(periods, earlier > 0, "the outcome"), None, "the person was lost")


def _without(periods: PersonPeriods, after: NDArray[np.bool_] | None, what: str) -> PersonPeriods:
    after = _before(periods, periods.censored) > 0 if after is None else after
    if not after.any():
        return periods
    return periods.only(~after, f"{masked(int(after.sum()))} rows after {what} are left out")


def _before(periods: PersonPeriods, marked: NDArray) -> NDArray[np.float64]:
    """How many earlier rows of the person are marked."""
    total = np.cumsum(marked, dtype=float)
    return total - marked - (total - marked)[periods.first]


def _known_measure(periods: PersonPeriods, column: str, place: str) -> PersonPeriods:
    last = periods.ends - 1
    lost = last[np.isnan(periods.outcome[last]) & ~periods.censored[last]]
    repair = "fill it in, mark the person as censored, or leave the person out"
    cause = "the outcome is not known in the person's last period"
    _refuse([Problem(cause, repair, int(periods.row[k]), column) for k in lost], place)
    return periods


def _refuse(problems: list[Problem], place: str) -> None:
    if problems:
        raise DataError(sorted(problems, key=lambda each: each.row or 0), place=place)
