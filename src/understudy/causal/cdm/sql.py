"""SQL: names and text as they may stand in a statement, whatever they hold."""

from __future__ import annotations

import re

from understudy.core.errors import StudyError

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def literal(text: str) -> str:
    """Text in quotes.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name in double quotes.

    Examples
    --------
    >>> print(quoted('drug "era'))
    "drug ""era"
    """
    return '"' + name.replace('"', '""') + '"'


def plain_name(name: str, what: str = "name") -> str:
    """The name, if it is made of letters, digits and underscores.

    Raises
    ------
    StudyError
        If it has anything else in it.

    Examples
    --------
    >>> plain_name("cdm_53")
    'cdm_53'
    """
    if not _PLAIN.fullmatch(name):
        raise StudyError(
            f"{name!r} is no {what}", place=what, repair="use letters, digits and underscores, a letter first"
        )
    return name
