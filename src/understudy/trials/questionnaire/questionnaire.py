"""Questionnaire: answers to items that are summed, and the sum from which on somebody is a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.biostatistics.internal_consistency import cronbach_alpha
from understudy.core.content import file_hash
from understudy.core.errors import DataError, Problem, StudyError
from understudy.trials.condition import column_of
from understudy.trials.tables import ROW, numbers_in, read_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Questionnaire:
    """Complete answers to a questionnaire, and who is a case.

    Parameters
    ----------
    items : tuple of str
    answers : array of float, shape (subjects, items)
    positive : array of bool, shape (subjects,)
        Who is a case: the sum of all items reaches the cut-off, or another diagnosis says so.
    reference : str
        What makes a case, in words.
    groups : mapping of str to array, shape (subjects,)
        Columns of subgroups.
    left_out : int
        Rows without a complete set of answers.
    inputs : mapping of str to str
        Files that it was read from, with their hashes.
    reading : mapping
        How it was read: the options of `read_questionnaire`.
    """

    items: tuple[str, ...]
    answers: np.ndarray
    positive: np.ndarray
    reference: str
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    left_out: int = 0
    inputs: Mapping[str, str] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.positive.all() or not self.positive.any():
            told = "nobody is" if not self.positive.any() else "everybody is"
            raise StudyError(f"{told} a case", place=self.reference, repair="choose another cut-off")

    @property
    def total(self) -> np.ndarray:
        """Sum of all items, shape (subjects,)."""
        return self.answers.sum(axis=1)

    @property
    def alpha(self) -> float:
        """Cronbach's alpha of all items."""
        return cronbach_alpha(self.answers)

    def __repr__(self) -> str:
        cases = f"{int(self.positive.sum())} of {len(self.positive)} subjects"
        return f"Questionnaire({len(self.items)} items; {self.reference}: {cases})"


def read_questionnaire(
    table: str | Path | pd.DataFrame,
    items: Sequence[str],
    cut: float | None = None,
    *,
    outcome: str = "",
    valid: tuple[float, float] | None = None,
    missing: Sequence[float] = (),
    by: Sequence[str] = (),
) -> Questionnaire:
    """A questionnaire from a table with a row a subject.

    Parameters
    ----------
    table : path or DataFrame
    items : sequence of str
        Columns; ``dpq0*`` stands for all that begin so.
    cut : float, optional
        A case sums up to this or more. Leave it out if `outcome` tells who is a case.
    outcome : str
        Column of zeros and ones: a diagnosis made otherwise.
    valid : pair of float, optional
        Lowest and highest answer.
    missing : sequence of float
        Codes that are no answers, such as 7 (refused) and 9 (does not know).
    by : sequence of str
        Columns of subgroups.

    Raises
    ------
    DataError
        With every cell that is no answer.
    StudyError
        If a column is missing, fewer than two items are named, or nobody or everybody is a case.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"q1": [0, 3, 1, 9], "q2": [1, 3, 0, 2], "q3": [0, 2, 2, 0]})
    >>> read_questionnaire(frame, ["q*"], cut=5, missing=[9])
    Questionnaire(3 items; sum of 3 items ≥ 5: 1 of 3 subjects)
    """
    place = Path(table).name if isinstance(table, (str, Path)) else "the table"
    frame = read_table(Path(table)) if isinstance(table, (str, Path)) else _numbered(table)
    names = _expanded(items, frame, place)
    answers = _answers(frame, names, valid, missing, place)
    known = np.isfinite(answers).all(axis=1)
    if (cut is None) == (not outcome):
        told = "neither cut-off nor outcome is given" if cut is None else "cut-off and outcome are both given"
        raise StudyError(told, place=place, repair="say by one of them who is a case")
    if outcome:
        told = _binary(frame, outcome, place)
        known &= np.isfinite(told)
    if not known.any():
        raise StudyError("no row has an answer to every item", place=place, repair="check items and codes")
    positive = told[known] == 1 if outcome else answers[known].sum(axis=1) >= cut
    reference = f"{outcome} = 1" if outcome else f"sum of {len(names)} items ≥ {cut:g}"
    groups = {name: column_of(frame, name, place).to_numpy(object)[known] for name in by}
    inputs = {place: file_hash(table)} if isinstance(table, (str, Path)) else {}
    reading = {
        "items": list(items), "cut": cut, "outcome": outcome, "valid": list(valid or ()), "missing": list(missing),
        "by": list(by),
    }  # fmt: skip
    return Questionnaire(
        names, answers[known], positive, reference, groups, int((~known).sum()), inputs, reading
    )


def _numbered(table: pd.DataFrame) -> pd.DataFrame:
    return table if ROW in table else table.assign(**{ROW: np.arange(len(table)) + 1})


def _expanded(items: Sequence[str], frame: pd.DataFrame, place: str) -> tuple[str, ...]:
    """Items by their columns' names, patterns replaced by what they stand for."""
    columns = [str(name) for name in frame.columns if name != ROW]
    found: list[str] = []
    for item in items:
        met = [name for name in columns if fnmatchcase(name, item)] if "*" in item else []
        found += met or [column_of(frame, item, place).name]
    doubled = sorted({name for name in found if found.count(name) > 1})
    if doubled or len(found) < 2:
        told = f"the item {doubled[0]} is named twice" if doubled else "fewer than two items are named"
        raise StudyError(told, place=place, repair="name each column of an item once")
    return tuple(found)


def _answers(
    frame: pd.DataFrame,
    names: tuple[str, ...],
    valid: tuple[float, float] | None,
    missing: Sequence[float],
    place: str,
) -> np.ndarray:
    columns, problems = [], []
    for name in names:
        values = numbers_in(frame, name, place)
        values = values.mask(values.isin(list(missing)))
        if valid is not None:
            bad = values.notna() & ~values.between(*valid)
            said = f"not between {valid[0]:g} and {valid[1]:g}"
            repair = "name codes that are no answers as missing"
            problems += [
                Problem(said, repair, int(row), name, f"{value:g}")
                for row, value in zip(frame.loc[bad, ROW], values[bad], strict=True)
            ]
        columns.append(values.to_numpy())
    if problems:
        raise DataError(problems, place=place)
    return np.column_stack(columns)


def _binary(frame: pd.DataFrame, name: str, place: str) -> np.ndarray:
    values = numbers_in(frame, name, place)
    bad = values.notna() & ~values.isin([0, 1])
    problems = [
        Problem("neither 0 nor 1", "write 1 for a case", int(row), name, f"{value:g}")
        for row, value in zip(frame.loc[bad, ROW], values[bad], strict=True)
    ]
    if problems:
        raise DataError(problems, place=place)
    return values.to_numpy()
