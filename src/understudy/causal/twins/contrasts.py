"""Contrasts: differences that twins predict, each with its standard error; of some it is known that there is none.

Known to be null are contrasts that the treatment cannot bring about: measurements before treatment, patients on placebo
seen under the treatment that they had, outcomes out of its reach, halves of one arm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

Measure = Literal["log ratio", "difference"]
COLUMNS = ("name", "estimate", "standard_error", "null")
_TRUE, _FALSE = {"1", "true", "yes", "1.0"}, {"0", "false", "no", "0.0"}


@dataclass(frozen=True, eq=False, repr=False)
class Contrasts:
    """Differences that twins predict.

    Parameters
    ----------
    name : tuple of str, length n
        Each once.
    estimate : float array, shape (n,)
        Logarithms of ratios, or differences in the unit of the outcome.
    standard_error : float array, shape (n,)
        As the twins have it; above zero where `null`.
    null : bool array, shape (n,)
        Whether it is known that there is no difference.
    measure : {"log ratio", "difference"}

    Raises
    ------
    DataError
        For lengths that differ, names that come twice, numbers that are not finite, standard errors below zero;
        every problem is listed.

    Examples
    --------
    >>> Contrasts(("before treatment", "effect"), [0.1, -0.5], [0.1, 0.2], [True, False])
    Contrasts: 2 log ratios, 1 of them known to be null
    """

    name: tuple[str, ...]
    estimate: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    null: NDArray[np.bool_]
    measure: Measure = "log ratio"

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", tuple(map(str, self.name)))
        for field, kind in (("estimate", float), ("standard_error", float), ("null", bool)):
            object.__setattr__(self, field, np.atleast_1d(np.asarray(getattr(self, field), kind)))
        problems = list(self._problems())
        if problems:
            raise DataError(problems, place="contrasts")

    def _problems(self):
        if self.measure not in get_args(Measure):
            told = " or ".join(map(repr, get_args(Measure)))
            yield Problem("no such measure", f"use {told}", column="measure", value=str(self.measure))
        lengths = {
            len(self.name), *(each.size for each in (self.estimate, self.standard_error, self.null)),
        }  # fmt: skip
        if len(lengths) > 1:
            yield Problem("columns of different lengths", "give one value of each to a contrast")
            return
        for k in np.flatnonzero(~np.isfinite(self.estimate)):
            yield Problem(
                "not finite", "leave the contrast out", int(k) + 1, "estimate", f"{self.estimate[k]}"
            )
        errors = self.standard_error
        for k in np.flatnonzero(~(np.isfinite(errors) & (errors >= 0))):
            yield Problem(
                "not a standard error", "leave the contrast out", int(k) + 1, "standard_error", f"{errors[k]}"
            )
        for k in np.flatnonzero(self.null & (errors == 0)):
            repair = "leave it out: a prediction against itself says nothing of its errors"
            yield Problem("a null contrast without any error", repair, int(k) + 1, "standard_error", "0")
        seen: set[str] = set()
        for k, name in enumerate(self.name):
            if name in seen:
                yield Problem("this name comes twice", "give each its own", k + 1, "name", name)
            seen.add(name)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, measure: Measure = "log ratio") -> Contrasts:
        """From columns name, estimate, standard_error and null (1 or 0, true or false).

        Examples
        --------
        >>> import pandas as pd
        >>> columns = {"name": ["a", "b"], "estimate": [0.1, 0.4], "standard_error": 0.2, "null": ["yes", "no"]}
        >>> Contrasts.from_frame(pd.DataFrame(columns)).null.tolist()
        [True, False]
        """
        return _from_frame(frame, measure, "contrasts")

    @classmethod
    def read_csv(cls, path: str | Path, measure: Measure = "log ratio") -> Contrasts:
        """From a file with the columns of `from_frame`.

        Raises
        ------
        DataError
            For missing columns and cells that are no numbers; every problem is listed with its row.
        OSError
            If the file cannot be read.
        """
        import pandas as pd

        path = Path(path)
        try:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            told = str(error).strip().splitlines()[-1]
            problem = Problem(f"not a table: {told}", "give a CSV file in UTF-8 with a header")
            raise DataError([problem], place=path.name) from error
        return _from_frame(frame, measure, path.name, first_row=2)

    def joined(self, *others: Contrasts) -> Contrasts:
        """These and others, of the same measure."""
        parts = (self, *others)
        if len({part.measure for part in parts}) > 1:
            problem = Problem("different measures", "join log ratios with log ratios", column="measure")
            raise DataError([problem], place="contrasts")
        return Contrasts(
            tuple(name for part in parts for name in part.name),
            *(np.concatenate([getattr(part, each) for part in parts]) for each in COLUMNS[1:]),
            self.measure,
        )

    def take(self, which: ArrayLike) -> Contrasts:
        """Some of them, by a mask or by positions."""
        where = np.arange(len(self.name))[np.asarray(which)]
        return Contrasts(
            tuple(self.name[k] for k in where),
            self.estimate[where],
            self.standard_error[where],
            self.null[where],
            self.measure,
        )

    def table(self) -> pd.DataFrame:
        """Columns name, estimate, standard_error, null."""
        import pandas as pd

        return pd.DataFrame({each: getattr(self, each) for each in COLUMNS})

    def __repr__(self) -> str:
        return f"Contrasts: {len(self.name)} {self.measure}s, {int(self.null.sum())} of them known to be null"


def _from_frame(frame: pd.DataFrame, measure: Measure, place: str, first_row: int = 1) -> Contrasts:
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        repair = f"the columns are {', '.join(COLUMNS)}"
        raise DataError([Problem("column is missing", repair, column=name) for name in missing], place=place)
    problems: list[Problem] = []
    numbers = [_numbers(frame[name], first_row, problems) for name in COLUMNS[1:3]]
    null = _truths(frame["null"], first_row, problems)
    if problems:
        raise DataError(problems, place=place)
    return Contrasts(tuple(frame["name"]), *numbers, null, measure)


def _numbers(column: pd.Series, first_row: int, problems: list[Problem]) -> NDArray[np.float64]:
    found = np.full(len(column), np.nan)
    for k, text in enumerate(column):
        try:
            found[k] = float(text)
        except (TypeError, ValueError):
            problems.append(Problem("not a number", "write a number", k + first_row, column.name, str(text)))
    return found


def _truths(column: pd.Series, first_row: int, problems: list[Problem]) -> NDArray[np.bool_]:
    words: Sequence[str] = [str(each).strip().lower() for each in column]
    for k, word in enumerate(words):
        if word not in _TRUE | _FALSE:
            repair = "write 1 where there is known to be no difference, else 0"
            problems.append(Problem("neither true nor false", repair, k + first_row, "null", word))
    return np.array([word in _TRUE for word in words], bool)
