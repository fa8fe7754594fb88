"""Thetas: what $THETA says."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from understudy.formats.nonmem.parameter_words import MOST, Words
from understudy.formats.nonmem.stream_record import StreamRecord

# NONMEM's own infinity.
_INFINITE = 1_000_000.0


@dataclass(frozen=True)
class Theta:
    """One THETA.

    Parameters
    ----------
    number : int
        From 1.
    value, lower, upper : float
    fixed : bool
    label : str
        Name that the control stream gives it, empty for none.
    comment : str
        What stands after ``;`` on its line.
    line : int
    """

    number: int
    value: float
    lower: float = -math.inf
    upper: float = math.inf
    fixed: bool = False
    label: str = ""
    comment: str = ""
    line: int = 0


def read_thetas(records: Iterable[StreamRecord]) -> tuple[Theta, ...]:
    """Every THETA of a control stream.

    Raises
    ------
    FormatError
        For what is no THETA, or an initial value that is not between its bounds.

    Examples
    --------
    >>> from understudy.formats.nonmem.stream_record import Line
    >>> record = StreamRecord("THETA", 1, (Line(1, " (0, 3, 10)", "CL (L/h)"), Line(2, " 0.1 FIX")), "run.ctl")
    >>> [(each.value, each.upper, each.fixed, each.comment) for each in read_thetas([record])]
    [(3.0, 10.0, False, 'CL (L/h)'), (0.1, inf, True, '')]
    """
    found: list[Theta] = []
    for record in records:
        found += _record_thetas(record, len(found))
    return tuple(found)


def _record_thetas(record: StreamRecord, before: int) -> list[Theta]:
    words, found, labels, label = Words(record), [], [], ""
    while words.at < len(words.words):
        start, word = words.line, words.next()
        following = words.peek()
        if word == ",":
            continue
        if word == "(":
            theta = _bounded(words, start)
        elif word.upper() in ("FIX", "FIXED") and found:
            found[-1] = replace(found[-1], fixed=True)
            continue
        elif word.upper() in ("NAMES", "NAME") and following == "(":
            words.next()
            labels += [each.upper() for each in words.bracket() if each != ","]
            continue
        elif word.upper() in ("ABORT", "NOABORT", "NOABORTFIRST", "UNINT"):
            continue
        elif re.fullmatch(r"[A-Za-z_]\w*", word) and following == "=":
            words.next()
            label = word.upper()
            continue
        else:
            theta = Theta(0, words.number(word), line=start)
        found += [replace(theta, label=label)] * words.repeats()
        label = ""
    if len(found) + before > MOST:
        record.fail(f"there are more than {MOST} THETAs", "check the record")
    labels += [""] * (len(found) - len(labels))
    return [
        replace(
            each, number=before + k, label=each.label or labels[k - 1], comment=_comment(record, found, each)
        )
        for k, each in enumerate(found, 1)
    ]


def _comment(record: StreamRecord, found: Sequence[Theta], theta: Theta) -> str:
    """The comment on a line that holds one THETA alone."""
    alone = sum(each.line == theta.line for each in found) == 1
    return next((line.comment for line in record.lines if line.number == theta.line and alone), "")


def _bounded(words: Words, line: int) -> Theta:
    """``(low, initial, high FIX)``."""
    inside = words.bracket()
    fixed = any(word.upper() in ("FIX", "FIXED") for word in inside)
    values = [word for word in inside if word.upper() not in ("FIX", "FIXED", "UNINT")]
    parts = _values(values)
    if not 1 <= len(parts) <= 3 or any(part == "" for part in parts):
        words.record.fail(
            "there is no initial value between the bounds" if "" in parts else "this is no THETA",
            "write (low, initial, high), (low, initial) or (initial)",
            line,
        )
    numbers = [_bound(words, part) for part in parts]
    lower, value, upper = {
        1: (-math.inf, numbers[0], math.inf),
        2: (numbers[0], numbers[-1], math.inf),
        3: (numbers[0], numbers[len(numbers) // 2], numbers[-1]),
    }[len(numbers)]
    if not math.isfinite(value) or not lower <= value <= upper:
        words.record.fail(
            f"the initial value {value:g} is not between {lower:g} and {upper:g}",
            "correct one of the three",
            line,
        )
    return Theta(0, value, lower, upper, fixed or lower == upper, line=line)


def _values(words: Sequence[str]) -> list[str]:
    """Values between commas or spaces; two commas with nothing between leave an empty one."""
    found, after_comma = [], True
    for word in words:
        if word == ",":
            if after_comma:
                found.append("")
            after_comma = True
        else:
            found.append(word)
            after_comma = False
    return found


def _bound(words: Words, word: str) -> float:
    sign = -1.0 if word.startswith("-") else 1.0
    if word.upper().lstrip("+-") in ("INF", "INFINITY"):
        return sign * math.inf
    value = words.number(word)
    return sign * math.inf if abs(value) >= _INFINITE else value
