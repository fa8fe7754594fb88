"""Every error Understudy raises, in one tree.

::

    UnderstudyError
    ├── ExpressionError      an equation that cannot be read
    ├── UnitError            units that are unknown or do not fit together
    ├── ModelError           a model that contradicts itself
    ├── RegimenError         a dosing sentence that cannot be read
    ├── DataError            a table with bad rows (all of them listed)
    ├── FormatError          a file of another program that cannot be translated
    ├── StudyError           a study file with unknown or impossible settings
    ├── SimulationError      a question that no engine can answer
    └── MissingExtraError    an optional dependency that is not installed

    FormatWarning            (a UserWarning) a file that had no place for something of the model

Each error says what is wrong (``cause``), where (``place``) and how to mend it (``repair``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class UnderstudyError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    cause : str
        What is wrong, in one sentence.
    place : str
        Where: a file, row, column, equation or name.
    repair : str
        What the reader can do about it.

    Examples
    --------
    >>> print(UnderstudyError("CL is negative", place="patient 7", repair="give a positive CL"))
    CL is negative
      where: patient 7
      repair: give a positive CL
    """

    def __init__(self, cause: str, *, place: str = "", repair: str = ""):
        super().__init__(cause, place, repair)
        self.cause, self.place, self.repair = cause, place, repair

    def __str__(self) -> str:
        lines = [self.cause]
        if self.place:
            # A place that is drawn with a caret begins on a line of its own.
            lines.append(f"  where:{'' if self.place.startswith(chr(10)) else ' '}{self.place}")
        if self.repair:
            lines.append(f"  repair: {self.repair}")
        return "\n".join(lines)

    def __reduce__(self):
        return _rebuild, (type(self), self.cause, self.place, self.repair, self.__dict__)


def _rebuild(
    kind: type[UnderstudyError], cause: str, place: str, repair: str, state: dict
) -> UnderstudyError:
    error = kind.__new__(kind, cause, place, repair)
    UnderstudyError.__init__(error, cause, place=place, repair=repair)
    error.__dict__.update(state)
    return error


class ExpressionError(UnderstudyError):
    """An equation that cannot be read; ``place`` shows the text with a caret under the offending character."""


class UnitError(UnderstudyError):
    """Units that are unknown, or that do not fit together."""


class ModelError(UnderstudyError):
    """A model that contradicts itself: an undefined name, a circular assignment, inconsistent units."""


class RegimenError(UnderstudyError):
    """A dosing sentence that cannot be read; ``place`` shows the sentence with a caret."""


class FormatWarning(UserWarning):
    """A file that was written without something of the model, because its format has no place for it.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always", FormatWarning)
    ...     warnings.warn(FormatWarning("SBML has no doses"))
    >>> str(told[0].message)
    'SBML has no doses'
    """


class StudyError(UnderstudyError):
    """A study file with unknown keys, unreadable paths or impossible settings.

    Where a whole file was checked, every problem found is in ``problems``, each a `StudyError`.

    Examples
    --------
    >>> problem = StudyError("unknown key 'lo'", place="line 9, target.lo", repair="did you mean low?")
    >>> print(StudyError.of([problem], "study.toml"))
    1 problem in study.toml
      unknown key 'lo'
        where: line 9, target.lo
        repair: did you mean low?
    """

    problems: tuple[StudyError, ...] = ()

    @classmethod
    def of(cls, problems: Sequence[StudyError], file: str) -> StudyError:
        """All problems of a file as one error."""
        count = len(problems)
        error = cls(f"{count} problem{'s' if count != 1 else ''} in {file}", place=file)
        error.problems = tuple(problems)
        return error

    def __str__(self) -> str:
        if not self.problems:
            return super().__str__()
        lines = [line for problem in self.problems for line in str(problem).splitlines()]
        return "\n".join([self.cause, *(f"  {line}" for line in lines)])


class FormatError(UnderstudyError):
    """A file in a format of others that is damaged, or that says what cannot be translated faithfully."""


class SimulationError(UnderstudyError):
    """A question that no engine can answer as it was asked."""


class MissingExtraError(UnderstudyError):
    """An optional dependency that is not installed; ``repair`` is the pip line."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one cell of a table.

    Parameters
    ----------
    cause, repair : str
        What is wrong and how to mend it.
    row : int or None
        Line of the file (the header is line 1), or None for the whole column.
    column : str or None
        Column name as written in the file.
    value : str or None
        The offending text as written.
    """

    cause: str
    repair: str
    row: int | None = None
    column: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        place = [f"row {self.row}"] if self.row is not None else []
        place += [f"column {self.column}"] if self.column is not None else []
        value = f" (value {self.value!r})" if self.value is not None else ""
        head = ", ".join(place)
        return f"{head + ': ' if head else ''}{self.cause}{value} → {self.repair}"


class DataError(UnderstudyError):
    """A table that cannot be used; every problem found is in ``problems``, not only the first.

    Examples
    --------
    >>> problem = Problem("not a number", "write a number or leave it empty", 4, "DV", "high")
    >>> print(DataError([problem], place="levels.csv"))
    1 problem in levels.csv
      row 4, column DV: not a number (value 'high') → write a number or leave it empty
    """

    shown = 50

    def __init__(self, problems: Sequence[Problem], *, place: str = "the records"):
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in {place}", place=place)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        lines = [self.cause] + [f"  {problem}" for problem in self.problems[: self.shown]]
        if len(self.problems) > self.shown:
            lines.append(f"  … and {len(self.problems) - self.shown} more (see the attribute `problems`)")
        return "\n".join(lines)
