"""Labels: names that stand for numbers, ``THETA(CL)``, as $ABBREVIATED, $THETA, $OMEGA and $SIGMA declare them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from understudy.formats.nonmem.effect_blocks import Block
from understudy.formats.nonmem.parameter_words import MOST
from understudy.formats.nonmem.stream_record import StreamRecord
from understudy.formats.nonmem.thetas import Theta

_REPLACE = re.compile(
    r"REPLACE\s+(THETA|ETA|EPS|ERR)\(([\w\s,]+)\)\s*=\s*(THETA|ETA|EPS|ERR)\(([\w\s,]+)\)", re.IGNORECASE
)
_PLAIN = re.compile(r"REPLACE\s+([A-Za-z]\w*)\s*=\s*(THETA|ETA|EPS|ERR)\((\d+)\)", re.IGNORECASE)
_HARMLESS = re.compile(
    r"(COMRES|COMSAV|DERIV2|DERIV1|DES|PROTECT|NOFASTDER|FASTDER|CHECKMU|NOCHECKMU)(\s*=\s*\w+)?",
    re.IGNORECASE,
)


def code_labels(
    abbreviated: Iterable[StreamRecord],
    thetas: Sequence[Theta],
    omega: Sequence[Block],
    sigma: Sequence[Block],
) -> tuple[dict[tuple[str, str], int], dict[str, str]]:
    """Number that each label stands for, by kind and label; and names that stand for a parameter by themselves.

    Raises
    ------
    FormatError
        For what $ABBREVIATED says beyond that.
    """
    found = {("THETA", theta.label): theta.number for theta in thetas if theta.label}
    for kind, blocks in (("ETA", omega), ("EPS", sigma)):
        for block in blocks:
            found |= {(kind, label): block.first + k for k, label in enumerate(block.labels) if label}
    plain: dict[str, str] = {}
    for record in abbreviated:
        for line in record.lines:
            _read_line(record, line.text.strip(), line.number, found, plain)
    return found, plain


def _read_line(record: StreamRecord, text: str, line: int, found: dict, plain: dict) -> None:
    while text:
        match = _REPLACE.match(text) or _PLAIN.match(text) or _HARMLESS.match(text)
        if not match:
            record.fail(
                f"{text[:40]!r} of $ABBREVIATED cannot be translated", "write the code without it", line
            )
        if match.re is _REPLACE:
            kind = "EPS" if match[1].upper() == "ERR" else match[1].upper()
            names, numbers = _words(match[2]), _numbers(record, match[4], line)
            if len(names) != len(numbers):
                told = f"{len(names)} names stand for {len(numbers)} numbers: {match[0][:60]}"
                record.fail(told, "write as many numbers as names", line)
            found |= {(kind, name): number for name, number in zip(names, numbers, strict=True)}
        elif match.re is _PLAIN:
            kind = "EPS" if match[2].upper() == "ERR" else match[2].upper()
            plain[match[1].upper()] = f"{kind}{int(match[3])}"
        text = text[match.end() :].lstrip(" ,")


def _words(text: str) -> list[str]:
    return text.upper().replace(",", " ").split()


def _numbers(record: StreamRecord, text: str, line: int) -> list[int]:
    """``1,2,5`` or ``1 to 4``, also ``1 to 7 by 2``."""
    words = _words(text)
    if all(word.isdecimal() for word in words):
        return [int(word) for word in words]
    run = re.fullmatch(r"(\d+) TO (\d+)(?: BY (\d+))?", " ".join(words))
    if not run or int(run[3] or 1) == 0:
        record.fail(
            f"{text.strip()[:40]!r} of $ABBREVIATED cannot be translated",
            "write numbers: 1,2 or 1 to 4",
            line,
        )
    return list(range(int(run[1]), min(int(run[2]), MOST) + 1, int(run[3] or 1)))
