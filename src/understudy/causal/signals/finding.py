"""Finding: what a reader could not take as it stands, with its file and lines; nothing is lost without one."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

_SHOWN = 5


class ReadingWarning(UserWarning):
    """Rows of files that were mended or left out; each kind is one warning that names file and lines.

    Examples
    --------
    >>> issubclass(ReadingWarning, UserWarning)
    True
    """


@dataclass(frozen=True)
class Finding:
    """What a reader could not take as it stands.

    Parameters
    ----------
    file : str
        Name of the file, without folders.
    what : str
        What is wrong and what was done about it; never with what a row says of a person.
    lines : tuple of int
        Of the file, the header is line 1; or numbers of the reports in a JSON file.
    lost : bool
        Whether the rows were left out.
    unit : str
        What `lines` count: ``"line"``, or ``"report"`` in a JSON file.

    Examples
    --------
    >>> print(Finding("DRUG24Q1.txt", "a row without a report, left out", (7, 9), lost=True))
    DRUG24Q1.txt, lines 7, 9: a row without a report, left out (2 in all)
    """

    file: str
    what: str
    lines: tuple[int, ...] = ()
    lost: bool = False
    unit: str = "line"

    def __str__(self) -> str:
        if not self.lines:
            return f"{self.file}: {self.what}"
        shown = ", ".join(map(str, self.lines[:_SHOWN]))
        more = ", …" if len(self.lines) > _SHOWN else ""
        many = "s" if len(self.lines) > 1 else ""
        total = f" ({len(self.lines):,} in all)" if many else ""
        return f"{self.file}, {self.unit}{many} {shown}{more}: {self.what}{total}"


def warn_of(findings: Iterable[Finding]) -> None:
    """Each finding as a warning, at the caller's caller."""
    for each in findings:
        warnings.warn(ReadingWarning(str(each)), stacklevel=3)


def lines_of(lines: Iterable[float]) -> tuple[int, ...]:
    """Lines in their order, as plain numbers."""
    return tuple(sorted(int(each) for each in lines))
