"""Courses: a measure of many patients over time, and what was known of them at the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from understudy.core.errors import DataError, Problem, StudyError
from understudy.trials.condition import column_of
from understudy.trials.tables import ROW, numbers_in

if TYPE_CHECKING:
    import pandas as pd

Scale = Literal["identity", "log", "sqrt"]
_INTO = {"identity": lambda v: v, "log": np.log, "sqrt": np.sqrt}
_BACK = {"identity": lambda v: v, "log": np.exp, "sqrt": lambda v: np.maximum(v, 0.0) ** 2}


@dataclass(frozen=True, eq=False, repr=False)
class Courses:
    """Measurements of patients. Made by `courses_of`.

    Parameters
    ----------
    patients : array of str, shape (patients,)
    patient : array of int, shape (rows,)
        Whose each row is; rows are in the order of patients and times.
    time, value : array of float, shape (rows,)
        The value on the scale on which it is modelled.
    covariates : array of float, shape (patients, columns)
        Words as zeros and ones; not-a-number where not known.
    names : tuple of str
        Of the covariates' columns.
    group : array of str, shape (patients,)
        Subgroup.
    known : DataFrame
        Covariates as the table has them, a row a patient.
    scale : {"identity", "log", "sqrt"}
    limits : pair of float
        Between which forecasts lie, in the measure's unit.
    left_out : int
        Rows without a value.
    """

    patients: np.ndarray
    patient: np.ndarray
    time: np.ndarray
    value: np.ndarray
    covariates: np.ndarray
    names: tuple[str, ...]
    group: np.ndarray
    known: pd.DataFrame
    scale: Scale
    limits: tuple[float, float]
    left_out: int = 0

    @property
    def visits(self) -> np.ndarray:
        """Measurements of each patient, shape (patients,)."""
        return np.bincount(self.patient, minlength=len(self.patients))

    @property
    def place(self) -> np.ndarray:
        """Which measurement of its patient each row is, from 0, shape (rows,)."""
        starts = np.cumsum(self.visits) - self.visits
        return np.arange(len(self.patient)) - starts[self.patient]

    def of_rows(self, kept: np.ndarray) -> Courses:
        """Some of the rows, of all patients."""
        return replace(self, patient=self.patient[kept], time=self.time[kept], value=self.value[kept])

    def of_patients(self, kept: np.ndarray) -> Courses:
        """Some of the patients, by a mask of shape (patients,)."""
        places = np.cumsum(kept) - 1
        rows = kept[self.patient]
        return replace(
            self.of_rows(rows),
            patient=places[self.patient[rows]],
            patients=self.patients[kept],
            covariates=self.covariates[kept],
            group=self.group[kept],
            known=self.known[kept],
        )

    def measured(self, value: np.ndarray) -> np.ndarray:
        """Values in the measure's unit, within its limits."""
        with np.errstate(over="ignore"):
            return np.clip(_BACK[self.scale](value), *self.limits)

    def __repr__(self) -> str:
        return f"Courses({len(self.patients)} patients, {len(self.value)} measurements)"


def courses_of(
    table: pd.DataFrame,
    *,
    id: str | Sequence[str],
    time: str,
    value: str,
    covariates: Sequence[str] = (),
    by: str = "",
    scale: Scale = "identity",
    limits: tuple[float, float] = (-np.inf, np.inf),
    place: str = "the table",
) -> Courses:
    """Courses from a table with a row a measurement.

    Rows without a value are missed visits, and left out; several of one time become their mean; covariates are those of
    a patient's first row.

    Parameters
    ----------
    table : DataFrame
    id : str or sequence of str
        Column, or columns, that name the patient.
    time, value : str
    covariates : sequence of str
        Known at the start.
    by : str
        Column of subgroups, within which intervals shall hold too.
    scale : {"identity", "log", "sqrt"}
        On which the measure is modelled.
    limits : pair of float
        Within which values can lie: forecasts are cut there.
    place : str
        What messages call the table.

    Raises
    ------
    DataError
        For cells that are no numbers, empty times, and values that the scale does not take.
    StudyError
        For a column that is missing, or a scale that is none.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"id": [1, 1, 2, 2], "day": [0, 30, 0, 28], "size": [20.0, 18, 35, None]})
    >>> courses_of(frame, id="id", time="day", value="size", scale="log")
    Courses(2 patients, 3 measurements)
    """
    if scale not in _INTO:
        raise StudyError(f"there is no scale {scale!r}", place="scale", repair=f"one of {', '.join(_INTO)}")
    frame = table if ROW in table else table.assign(**{ROW: np.arange(len(table)) + 1})
    names = _identities(frame, (id,) if isinstance(id, str) else tuple(id), place)
    numbers = {"time": numbers_in(frame, time, place), "value": numbers_in(frame, value, place)}
    _require(frame, time, numbers["time"].isna(), "the time is empty", "give it, or leave the row out", place)
    low = {"log": numbers["value"] <= 0, "sqrt": numbers["value"] < 0}.get(scale)
    if low is not None:
        cause = f"the scale {scale} does not take it"
        _require(frame, value, low, cause, "set a floor, or use identity", place)
    for name in (*covariates, *([by] if by else [])):
        column_of(frame, name, place)
    return _assembled(frame, names, numbers, tuple(covariates), by, scale, limits)


def _identities(frame: pd.DataFrame, columns: tuple[str, ...], place: str) -> pd.Series:
    found = None
    for name in columns:
        cells = column_of(frame, name, place)
        _require(frame, name, cells.isna(), "the patient is not named", "give the name", place)
        found = cells.astype(str) if found is None else found + " " + cells.astype(str)
    return found


def _require(frame: pd.DataFrame, column: str, bad: pd.Series, cause: str, repair: str, place: str) -> None:
    problems = [Problem(cause, repair, int(row), column) for row in frame.loc[bad, ROW]]
    if problems:
        raise DataError(problems, place=place)


def _assembled(
    frame: pd.DataFrame,
    names: pd.Series,
    numbers: dict[str, pd.Series],
    covariates: tuple[str, ...],
    by: str,
    scale: Scale,
    limits: tuple[float, float],
) -> Courses:
    import pandas as pd

    first = frame.assign(_id=names, _time=numbers["time"]).sort_values("_time", kind="stable")
    first = first.groupby("_id", sort=True)[list(dict.fromkeys((*covariates, *([by] if by else []))))].first()
    rows = pd.DataFrame({"id": names, **numbers}).dropna()
    rows = rows.groupby(["id", "time"], sort=True)["value"].mean().reset_index()
    if not len(rows):
        raise StudyError("no row has a value", place="the table", repair="check the column of values")
    patients = np.unique(rows["id"].to_numpy(str))
    known = first.loc[patients]
    matrix, columns = _encoded(known[list(covariates)])
    return Courses(
        patients,
        np.searchsorted(patients, rows["id"].to_numpy(str)),
        rows["time"].to_numpy(float),
        _INTO[scale](rows["value"].to_numpy(float)),
        matrix,
        columns,
        known[by].astype(str).to_numpy(object) if by else np.full(len(patients), "all", object),
        known[list(covariates)],
        scale,
        limits,
        int(numbers["value"].isna().sum()),
    )


def _encoded(known: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...]]:
    """Numbers as they are; each level of words but the first as a column of zeros and ones."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    found: dict[str, np.ndarray] = {}
    for name in known:
        if is_numeric_dtype(known[name]) and not is_bool_dtype(known[name]):
            found[str(name)] = known[name].to_numpy(float, na_value=np.nan)
            continue
        words = known[name].astype(object)
        for level in sorted({str(word) for word in words.dropna()})[1:]:
            own = (words.astype(str) == level).to_numpy(float)
            found[f"{name} = {level}"] = np.where(words.isna(), np.nan, own)
    matrix = np.column_stack(list(found.values())) if found else np.empty((len(known), 0))
    return matrix, tuple(found)
