"""Condition: which rows of a table are meant, as data that a protocol can hold: columns and what they must be."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

Value = str | int | float | bool
_COMPARISONS: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "at_least": ("≥", operator.ge),
    "at_most": ("≤", operator.le),
    "above": (">", operator.gt),
    "below": ("<", operator.lt),
}
_KEYS = (*_COMPARISONS, "not", "missing")


@dataclass(frozen=True)
class Clause:
    """What one column must be.

    Parameters
    ----------
    column : str
    key : str
        "in", "not", "missing", or a comparison: "at_least", "at_most", "above", "below".
    values : tuple of str, float or bool
        One for a comparison; several that will do for "in".
    """

    column: str
    key: str
    values: tuple[Value, ...]

    def holds(self, frame: pd.DataFrame, place: str = "") -> np.ndarray:
        """For each row, shape (rows,). A missing cell is like nothing: it fails all but `missing` and `not`."""
        cells = column_of(frame, self.column, place)
        if self.key == "missing":
            return (cells.isna() == bool(self.values[0])).to_numpy()
        if self.key in ("in", "not"):
            return _among(cells, self.values, self.column) ^ (self.key == "not")
        return self._compared(cells, place)

    def _compared(self, cells: pd.Series, place: str) -> np.ndarray:
        import pandas as pd

        numbers = pd.to_numeric(cells, errors="coerce")
        broken = numbers.isna() & cells.notna()
        if broken.any():
            raise StudyError(
                f"{cells[broken].iloc[0]!r} of the column {self.column} is no number",
                place=f"{place}, {self}" if place else str(self),
                repair="compare numbers only; of words say which will do: { column = [...] }",
            )
        return np.asarray(_COMPARISONS[self.key][1](numbers, float(self.values[0])), dtype=bool)

    def __str__(self) -> str:
        if self.key == "missing":
            return f"{self.column} {'missing' if self.values[0] else 'known'}"
        words = " or ".join(_plain(value) for value in self.values)
        if self.key in _COMPARISONS:
            return f"{self.column} {_COMPARISONS[self.key][0]} {words}"
        return f"{self.column} {'is not' if self.key == 'not' else 'is' if len(self.values) > 1 else '='} {words}"


@dataclass(frozen=True)
class Condition:
    """Rows that meet every clause.

    Parameters
    ----------
    clauses : tuple of Clause
        None: every row.

    Examples
    --------
    >>> import pandas as pd
    >>> adults = Condition.of({"age": {"at_least": 18, "at_most": 75}, "sex": ["f", "m"]})
    >>> print(adults)
    age ≥ 18 and age ≤ 75 and sex is f or m
    >>> adults.holds(pd.DataFrame({"age": [17, 40, 80], "sex": ["f", "f", "m"]})).tolist()
    [False, True, False]
    """

    clauses: tuple[Clause, ...] = ()

    @classmethod
    def of(cls, data: Mapping[str, Any], place: str = "") -> Condition:
        """A condition as a protocol writes it.

        Parameters
        ----------
        data : mapping
            Column to a value, several values that will do, or a table of ``at_least``, ``at_most``, ``above``,
            ``below``, ``not`` and ``missing``.
        place : str
            What errors name.

        Raises
        ------
        StudyError
            For an unknown key, or a value that is none.
        """
        return cls(
            tuple(clause for column, wanted in data.items() for clause in _clauses(column, wanted, place))
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it looks at."""
        return tuple(dict.fromkeys(clause.column for clause in self.clauses))

    def holds(self, frame: pd.DataFrame, place: str = "") -> np.ndarray:
        """Whether each row meets it, shape (rows,); errors name the place, such as the table's file.

        Raises
        ------
        StudyError
            If there is no such column, or words are compared with a number.
        """
        met = np.ones(len(frame), dtype=bool)
        for clause in self.clauses:
            met &= clause.holds(frame, place)
        return met

    def __str__(self) -> str:
        return " and ".join(map(str, self.clauses)) or "all"


def _clauses(column: str, wanted: Any, place: str) -> list[Clause]:
    if not isinstance(wanted, Mapping):
        return [Clause(column, "in", _values(wanted, column, place))]
    unknown = [key for key in wanted if key not in _KEYS]
    if unknown:
        raise StudyError(
            f"unknown comparison {unknown[0]!r} of the column {column}",
            place=place,
            repair=f"one of {', '.join(_KEYS)}",
        )
    return [Clause(column, key, _values(value, column, place, key)) for key, value in wanted.items()]


def _values(value: Any, column: str, place: str, key: str = "in") -> tuple[Value, ...]:
    values = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    number = key in _COMPARISONS
    kinds = (bool,) if key == "missing" else (int, float) if number else (str, int, float, bool)
    wrong = [each for each in values if not isinstance(each, kinds) or (number and isinstance(each, bool))]
    if wrong or not values or (len(values) > 1 and key not in ("in", "not")):
        shown = wrong[0] if wrong else list(values)
        raise StudyError(
            f"{shown!r} is nothing that the column {column} could be ({key})",
            place=place,
            repair="give a word, a number or several; one number after a comparison; true or false after missing",
        )
    return values


def column_of(frame: pd.DataFrame, name: str, place: str = "") -> pd.Series:
    """A column by its name.

    Raises
    ------
    StudyError
        If there is none, with the nearest name.
    """
    if name in frame.columns:
        return frame[name]
    near = get_close_matches(name, [str(each) for each in frame.columns], 1, 0.6)
    repair = f"did you mean {near[0]}?" if near else f"columns: {', '.join(map(str, frame.columns[:30]))}"
    raise StudyError(f"the table has no column {name!r}", place=place, repair=repair)


def _among(cells: pd.Series, values: tuple[Value, ...], column: str) -> np.ndarray:
    """Cells equal to one of the values: numbers as numbers, also where the table holds words, and the reverse."""
    import pandas as pd

    numbers = [float(each) for each in values if not isinstance(each, str)]
    words = [each for each in values if isinstance(each, str)]
    met = np.zeros(len(cells), dtype=bool)
    if numbers:
        met |= pd.to_numeric(cells, errors="coerce").isin(numbers).to_numpy(dtype=bool)
    if words:
        met |= cells.map(_plain, na_action="ignore").isin(words).to_numpy(dtype=bool)
    return met


def _plain(value: Any) -> str:
    """A value as a table shows it: 1.0 is 1."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
