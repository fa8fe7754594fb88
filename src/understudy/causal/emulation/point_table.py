"""Point table: one row a person, treated once or not, with an outcome and what was known before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.covariate_table import CovariateTable
from understudy.causal.emulation.period_columns import covariate_table, flags, numbers, require_columns
from understudy.causal.masking import masked
from understudy.core.errors import DataError, Problem, StudyError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
PointMissing = Literal["refuse", "complete cases"]


@dataclass(frozen=True, eq=False, repr=False)
class PointTable:
    """One row a person. Made by `point_table`.

    Parameters
    ----------
    treatment : array of 0 and 1, shape (n,)
    outcome : array, shape (n,)
    covariates : CovariateTable
    notes : tuple of str
    """

    treatment: Array
    outcome: Array
    covariates: CovariateTable
    notes: tuple[str, ...] = ()

    @property
    def persons(self) -> int:
        """Number of rows."""
        return len(self.treatment)

    @property
    def binary(self) -> bool:
        """Whether the outcome is 0 or 1."""
        return bool(np.isin(self.outcome, (0.0, 1.0)).all())

    def take(self, rows: NDArray) -> PointTable:
        """Some of the rows, by position or mask."""
        return PointTable(self.treatment[rows], self.outcome[rows], self.covariates.take(rows), self.notes)

    def __repr__(self) -> str:
        return f"PointTable: {masked(self.persons)} persons, {masked(int(self.treatment.sum()))} treated"


def point_table(
    frame: pd.DataFrame,
    *,
    treatment: str,
    outcome: str,
    covariates: Iterable[str] = (),
    categorical: Iterable[str] = (),
    missing: PointMissing = "refuse",
    place: str = "the table",
    first_row: int = 0,
) -> PointTable:
    """Check a table with one row a person.

    Parameters
    ----------
    frame : DataFrame
    treatment, outcome : str
        Columns: 0 or 1; and a measure, or 0 and 1.
    covariates, categorical : iterable of str
        Known before treatment; and those that are categories although written as numbers.
    missing : {"refuse", "complete cases"}
        Rows with a missing cell: an error, or left out and counted.
    place : str
        What errors call the table.
    first_row : int
        Number of the first row in messages.

    Returns
    -------
    PointTable

    Raises
    ------
    DataError
        With every bad row by its number.
    StudyError
        If nobody is left, or all are treated alike.

    Examples
    --------
    >>> import pandas as pd
    >>> point_table(pd.DataFrame({"a": [0, 1] * 5, "y": range(10)}), treatment="a", outcome="y")
    PointTable: 10 persons, 5 treated
    """
    names = list(dict.fromkeys(covariates))
    require_columns(frame, (treatment, outcome, *names), place)
    rows = np.arange(first_row, first_row + len(frame), dtype=np.int64)
    notes: tuple[str, ...] = ()
    if missing == "complete cases":
        whole = frame[[treatment, outcome, *names]].notna().all(axis=1).to_numpy()
        frame, rows = frame[whole], rows[whole]
        if not whole.all():
            notes = (f"{masked(int((~whole).sum()))} of {len(whole)} rows with missing values are left out",)
    if not len(frame):
        raise DataError([Problem("no row is left", "give rows without missing values")], place=place)
    given, problems = flags(frame, treatment, rows)
    values, wrong = numbers(frame, outcome, rows)
    table, more = covariate_table(frame, names, categorical, rows)
    problems += wrong + more
    if problems:
        raise DataError(sorted(problems, key=lambda each: each.row or 0), place=place)
    if len(np.unique(given)) < 2:
        raise StudyError(
            f"all persons have the treatment {given[0]:g}: the other group is empty",
            place=place, repair=f"check the column {treatment}",
        )  # fmt: skip
    return PointTable(given, values, table, notes)
