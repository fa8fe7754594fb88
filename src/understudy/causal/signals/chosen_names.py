"""Chosen names: which names of the reports a user's word means; the nearest ones where it means none."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from understudy.core.errors import SimulationError

_SHOWN = 5


def chosen(word: str, names: Sequence[str], what: str) -> str:
    """The name that a word means: the same but for capitals, blanks and a full stop.

    Parameters
    ----------
    word : str
    names : sequence of str
        Of the drugs or events that are reported.
    what : str
        ``"drug"`` or ``"event"``, for the message.

    Raises
    ------
    SimulationError
        If it means none of them, with those that are nearest.

    Examples
    --------
    >>> chosen("headache", ["HEADACHE", "NAUSEA"], "event")
    'HEADACHE'
    """
    wanted = _plain(word)
    by_plain = {_plain(each): each for each in reversed(names)}
    if word in names:
        return word
    if wanted in by_plain:
        return by_plain[wanted]
    inside = sorted((each for each in by_plain if wanted and wanted in each), key=len)
    near = [by_plain[each] for each in dict.fromkeys([*get_close_matches(wanted, by_plain, 3, 0.6), *inside])]
    shown = ", ".join(near[:_SHOWN])
    raise SimulationError(
        f"no report has the {what} {word!r}",
        place=f"--{what}",
        repair=f"did you mean {shown}?"
        if near
        else f"the reports have {len(names):,} {what}s; look at their table",
    )


def _plain(text: str) -> str:
    return " ".join(text.upper().split()).rstrip(". ")
