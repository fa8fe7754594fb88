"""Layout: which column of a file holds what."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from understudy.core.errors import Problem

NUMBERS = ("time", "amt", "rate", "ii", "dv")
WHOLE_NUMBERS = ("evid", "addl", "ss", "mdv")
LABELS = ("cmt", "dvid", "occ")
DATES = ("date", "dat1", "dat2", "dat3")
# What says that a measurement is only known to lie beyond a limit; in the table where the file has them.
LIMITS = ("cens", "limit", "lloq")
CANONICAL = ("id", *NUMBERS, *WHOLE_NUMBERS, *LABELS, *LIMITS)
REQUIRED = {
    "id": "whose record it is",
    "time": "when it was",
    "dv": "what was measured (it may be empty throughout)",
}
TABLE = ("row", "id", "time", "evid", "amt", "rate", "ii", "addl", "ss", "cmt", "mdv", "dv", "dvid", "occ")


@dataclass(frozen=True)
class Layout:
    """Columns of a file by their meaning.

    Parameters
    ----------
    places : mapping of str to int
        Position of each canonical column that the file has (lower case; ``date`` … ``dat3`` among them).
    others : mapping of str to int
        Position of every other named column: the candidates for covariates.
    names : tuple of str
        The file's header.
    problems : tuple of Problem
        Columns that are missing, doubled or not there.
    """

    places: Mapping[str, int]
    others: Mapping[str, int]
    names: tuple[str, ...]
    problems: tuple[Problem, ...] = ()

    def name(self, column: str) -> str:
        """A column's name as in the file, or the canonical name where the file has none."""
        place = self.places.get(column, self.others.get(column))
        return self.names[place] if place is not None else column.upper()

    @property
    def date(self) -> str | None:
        """The calendar column, if any."""
        return next((name for name in DATES if name in self.places), None)


def find_layout(header: Sequence[str], renamed: Mapping[str, str]) -> Layout:
    """Meaning of each column, by NONMEM's names in any case, or as `renamed` says.

    Parameters
    ----------
    header : sequence of str
    renamed : mapping of str to str
        Canonical or covariate name → name in the file.

    Examples
    --------
    >>> find_layout(["Subject", "time", "DV", "WT"], {"ID": "Subject"}).places
    {'id': 0, 'time': 1, 'dv': 2}
    """
    meaning, problems = _renamed(header, renamed)
    places: dict[str, int] = {}
    others: dict[str, int] = {}
    for k, name in enumerate(header):
        wanted = meaning.get(k, name)
        canonical = wanted.lower() in (*CANONICAL, *DATES)
        group, key = (places, wanted.lower()) if canonical else (others, wanted)
        if key in group:
            problems.append(_doubled(key if canonical else wanted, header[group[key]], name))
        elif (wanted and wanted not in TABLE) or canonical:
            group[key] = k
    problems += _absent(places, header)
    return Layout(places, others, tuple(header), tuple(problems))


def _renamed(header: Sequence[str], renamed: Mapping[str, str]) -> tuple[dict[int, str], list[Problem]]:
    meaning, problems = {}, []
    for wanted, written in renamed.items():
        if written in header:
            meaning[header.index(written)] = wanted
        else:
            cause = f"the file has no column {written!r} to be {wanted}"
            problems.append(Problem(cause, nearest(written, header), 1))
    return meaning, problems


def _doubled(what: str, first: str, second: str) -> Problem:
    shown = what.upper() if what in (*CANONICAL, *DATES) else what
    both = (
        f"two columns are named {first!r}"
        if first == second
        else f"{first!r} and {second!r} are both {shown}"
    )
    return Problem(both, f"keep one, or say which: columns={{{shown!r}: ...}}", 1, second)


def _absent(places: Mapping[str, int], header: Sequence[str]) -> list[Problem]:
    problems = []
    for column, meaning in REQUIRED.items():
        if column not in places:
            name = column.upper()
            repair = f"add the column, or say which it is: columns={{{name!r}: ...}}"
            problems.append(Problem(f"no column {name}, which says {meaning}", repair, 1, name))
    dates = [header[places[name]] for name in DATES if name in places]
    if len(dates) > 1:
        cause = f"{' and '.join(dates)} both hold the date"
        problems.append(
            Problem(cause, "keep the one whose order of day, month and year is right", 1, dates[1])
        )
    return problems


def nearest(name: str, known: Sequence[str]) -> str:
    """What a name that is not known may have meant."""
    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else f"its columns are {', '.join(known)}"
