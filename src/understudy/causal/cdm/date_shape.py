"""Date shape: how a column of text writes its dates; all of a column in one way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DateShape:
    """A way to write dates.

    Parameters
    ----------
    name : str
        As errors call it.
    patterns : tuple of str
        SQL patterns of LIKE that a text must match one of.
    day : str
        SQL that makes a DATE of the text ``{}``.
    """

    name: str
    patterns: tuple[str, ...]
    day: str

    def matches(self, text: str) -> str:
        """SQL: whether a text is written so."""
        return "(" + " OR ".join(f"{text} LIKE '{pattern}'" for pattern in self.patterns) + ")"

    def date(self, text: str) -> str:
        """SQL: the day, NULL where there is none of that shape."""
        return self.day.format(text)


SHAPES = (
    DateShape("yyyy-mm-dd", ("____-__-__",), "TRY_CAST({} AS DATE)"),
    DateShape("yyyymmdd", ("________",), "TRY_CAST(TRY_STRPTIME({}, '%Y%m%d') AS DATE)"),
    DateShape("yyyy-mm-dd hh:mm", ("____-__-__ __:%", "____-__-__T__:%"), "TRY_CAST(left({}, 10) AS DATE)"),
)


def shape_number(text: str) -> str:
    """SQL: the position of a text's shape in `SHAPES`; -1 if it has none, NULL for NULL."""
    cases = " ".join(f"WHEN {shape.matches(text)} THEN {k}" for k, shape in enumerate(SHAPES))
    return f"CASE WHEN {text} IS NULL THEN NULL {cases} ELSE -1 END"
