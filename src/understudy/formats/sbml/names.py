"""Names: what the identifiers of a file are called in equations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from understudy.core.errors import ExpressionError
from understudy.core.grammar import check_name


class Names:
    """Names of a model in the making: those of the file where equations can use them, else with ``_`` behind.

    Parameters
    ----------
    identifiers : iterable of str
        Of the file. They are given names first, so that no derived name takes one of theirs.

    Examples
    --------
    >>> names = Names(["S1", "lambda", "t", "S1_amount"])
    >>> names["S1"], names["lambda"], names["t"], names.fresh("S1_amount")
    ('S1', 'lambda_', 't_', 'S1_amount_')
    """

    def __init__(self, identifiers: Iterable[str]):
        self._taken: set[str] = set()
        self._of: dict[str, str] = {}
        identifiers = list(dict.fromkeys(identifiers))
        self._taken.update(each for each in identifiers if _is_usable(each))
        for each in identifiers:
            self._of[each] = each if each in self._taken else self.fresh(each)

    def __getitem__(self, identifier: str) -> str:
        return self._of[identifier]

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._of

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    @property
    def renamed(self) -> dict[str, str]:
        """Identifiers that equations cannot use, and what they are called instead."""
        return {each: name for each, name in self._of.items() if each != name}

    def fresh(self, wanted: str) -> str:
        """A name that nothing has yet: this one, or with ``_`` behind."""
        wanted = wanted.lstrip("_") or "x" if wanted.startswith("__") else wanted
        while wanted in self._taken or not _is_usable(wanted):
            wanted += "_"
        self._taken.add(wanted)
        return wanted


# What outcomes call their own columns.
_COLUMNS = {"time", "patient", "draw", "status", "message"}


def _is_usable(name: str) -> bool:
    if name in _COLUMNS:
        return False
    try:
        check_name(name)
    except ExpressionError:
        return False
    return True
