"""Lesions: sizes of target lesions over time, read from a table that also holds words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import DataError, Problem
from understudy.trials.tumour.resistance import CLASSES, Resistance, ResistanceRule, resistance

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records


@dataclass(frozen=True)
class LesionRules:
    """How the cells of a table become sizes.

    Parameters
    ----------
    too_small : float
        Size, in mm, of a lesion that is there but too small to be measured. RECIST 1.1 asks for 5 mm; 2 mm is
        nearer to what such lesions measure where they are measured at all.
    floor : float
        Smallest size, in mm: what is measured below it is set to it, so that a logarithm can be taken.
    too_small_words, missing_words : tuple of str
        Cells, in capitals, that say so; a lesion that could not be seen is left out.
    """

    too_small: float = 2.0
    floor: float = 2.0
    too_small_words: tuple[str, ...] = ("TOO SMALL TO MEASURE",)
    missing_words: tuple[str, ...] = ("NOT EVALUABLE", "")


@dataclass(frozen=True, eq=False, repr=False)
class Lesions:
    """Sizes by patient and day.

    Parameters
    ----------
    table : DataFrame
        ``patient``, ``day``, ``size`` (mm), one row a patient and day, in order.
    too_small, missing, raised, merged : int
        Rows that were too small to be measured, left out, set to the floor (of those measured), and merged with
        another of the same day.
    """

    table: pd.DataFrame
    too_small: int = 0
    missing: int = 0
    raised: int = 0
    merged: int = 0
    rules: LesionRules = field(default_factory=LesionRules)

    @property
    def patients(self) -> tuple[str, ...]:
        """Names of the patients, in order."""
        return tuple(self.table["patient"].unique())

    def courses(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Each patient with days and sizes."""
        for name, rows in self.table.groupby("patient", sort=False):
            yield str(name), rows["day"].to_numpy(float), rows["size"].to_numpy(float)

    def select(self, patients: Sequence[str]) -> Lesions:
        """Some of the patients; what was counted in reading stays that of the whole table.

        Raises
        ------
        DataError
            For a patient who is not there.
        """
        unknown = sorted(set(patients) - set(self.patients))
        if unknown:
            raise DataError(
                [Problem("no such patient", "see `patients`", value=unknown[0])], place="the lesions"
            )
        kept = self.table[self.table["patient"].isin(set(patients))].reset_index(drop=True)
        return Lesions(kept, self.too_small, self.missing, self.raised, self.merged, self.rules)

    def first_visits(self, count: int) -> Lesions:
        """The first visits of each patient."""
        kept = self.table.groupby("patient", sort=False).head(count).reset_index(drop=True)
        return Lesions(kept, self.too_small, self.missing, self.raised, self.merged, self.rules)

    def with_visits(self, fewest: int) -> Lesions:
        """Patients with at least so many visits."""
        counts = self.table.groupby("patient", sort=False).size()
        return self.select([str(name) for name in counts.index[counts >= fewest]])

    def resistance(self, rule: ResistanceRule | None = None) -> pd.DataFrame:
        """Class of each patient: index patient; columns kind, day, shrinkage. See `resistance`."""
        import pandas as pd

        found = {name: resistance(day, size, rule or ResistanceRule()) for name, day, size in self.courses()}
        columns = list(Resistance.__dataclass_fields__)
        rows = [[getattr(each, column) for column in columns] for each in found.values()]
        return pd.DataFrame(rows, index=pd.Index(list(found), name="patient"), columns=columns)

    def resistance_counts(self, rule: ResistanceRule | None = None) -> dict[str, int]:
        """Patients in each class."""
        counts = self.resistance(rule)["kind"].value_counts()
        return {name: int(counts.get(name, 0)) for name in CLASSES}

    def records(self) -> Records:
        """Records for `fit` and `individualise`, in days from each patient's first visit, sizes in mm."""
        import pandas as pd

        from understudy.data.records import Records

        first = self.table.groupby("patient", sort=False)["day"].transform("first")
        frame = pd.DataFrame(
            {"ID": self.table["patient"], "TIME": self.table["day"] - first, "DV": self.table["size"]}
        )
        return Records.from_frame(frame, units={"TIME": "day", "DV": "mm"})

    def __repr__(self) -> str:
        return (
            f"Lesions: {len(self.patients)} patients, {len(self.table)} patient-days; {self.too_small} rows too small "
            f"to measure ({self.rules.too_small:g} mm), {self.raised} raised to {self.rules.floor:g} mm, "
            f"{self.missing} left out, {self.merged} merged with another of the day"
        )


def read_lesions(
    source: str | Path | pd.DataFrame,
    *,
    patient: str | Sequence[str] = "patient",
    day: str = "day",
    size: str = "size",
    rules: LesionRules | None = None,
) -> Lesions:
    """Read sizes of lesions from a table.

    Parameters
    ----------
    source : path or DataFrame
        CSV with a header, a row a measurement.
    patient : str or sequence of str
        Column that names the patient; several are joined by a blank, where identifiers repeat between studies.
    day, size : str
        Columns; sizes in mm. Several sizes of one day are averaged: sum diameters of different lesions before.
    rules : LesionRules, optional

    Raises
    ------
    DataError
        With every cell that is neither a number nor a known word, and for columns that are not there.

    Examples
    --------
    >>> import pandas as pd
    >>> sizes = ["30", "TOO SMALL TO MEASURE", ""]
    >>> lesions = read_lesions(pd.DataFrame({"patient": ["a"] * 3, "day": [0, 42, 80], "size": sizes}))
    >>> lesions.table["size"].tolist(), lesions.too_small, lesions.missing
    ([30.0, 2.0], 1, 1)
    """
    import pandas as pd

    rules = rules or LesionRules()
    frame = (
        source
        if not isinstance(source, str | Path)
        else pd.read_csv(source, dtype=str, keep_default_na=False)
    )
    keys = [patient] if isinstance(patient, str) else list(patient)
    _require(frame, [*keys, day, size])
    words = frame[size].astype("string").fillna("").str.strip().str.upper()
    small, gone = words.isin(rules.too_small_words), words.isin(rules.missing_words)
    read = {
        "patient": frame[keys].astype(str).agg(" ".join, axis=1),
        "day": _numbers(frame[day].astype("string"), day, ~gone, -np.inf),
        "size": _numbers(words.where(~small, str(rules.too_small)), size, ~gone, 0.0),
    }
    table = pd.DataFrame(read)[~gone.to_numpy()]
    if not len(table):
        raise DataError([Problem("no size in the table", "see the words that are left out", column=size)])
    raised = int((table["size"] < rules.floor).sum())
    table["size"] = table["size"].clip(lower=rules.floor)
    days = table.groupby(["patient", "day"], sort=True, as_index=False)["size"].mean()
    return Lesions(days, int(small.sum()), int(gone.sum()), raised, len(table) - len(days), rules)


def _require(frame: pd.DataFrame, columns: list[str]) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        there = ", ".join(map(str, frame.columns))
        raise DataError(
            [Problem("no such column", f"the table has {there}", column=name) for name in missing]
        )


def _numbers(cells: pd.Series, column: str, wanted: pd.Series, lowest: float) -> pd.Series:
    """Finite numbers from `lowest` on. Rows are counted as in a file, the header being line 1."""
    import pandas as pd

    found = pd.to_numeric(cells, errors="coerce").astype(float)
    bad = (~np.isfinite(found) | (found < lowest)) & wanted
    problems = [
        Problem(
            "not a number", "write a number or a word of the rules", row + 2, column, str(cells.iloc[row])
        )
        for row in np.flatnonzero(bad.to_numpy())
    ]
    if problems:
        raise DataError(problems, place="the lesions")
    return found
