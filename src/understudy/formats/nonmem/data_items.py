"""Data items: what $INPUT calls the columns, and which rows $DATA takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from understudy.formats.nonmem.stream_record import StreamRecord

# Items whose meaning is fixed. Those of the first group reach the records.
RECORDS_ITEMS = (
    "ID", "TIME", "DV", "AMT", "RATE", "II", "ADDL", "SS", "CMT", "EVID", "MDV", "DATE", "DAT1", "DAT2", "DAT3",
)  # fmt: skip
REFUSED_ITEMS = {
    "PCMT": "which compartment is predicted", "CALL": "how PK and ERROR are called", "CONT": "continued records",
    "L2": "measurements whose residual errors are correlated", "RPT_": "repeated records",
    "MRG_": "raw data items", "XVID1": "extra events", "XVID2": "extra events",
}  # fmt: skip
_DATES = ("DATE", "DAT1", "DAT2", "DAT3")
_DROPPED = ("DROP", "SKIP")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_SIGNS = r"\.(?:EQN|NEN|EQ|NE|GT|GE|LT|LE)\.|==|/=|<=|>=|<|>|="
_CONDITION = re.compile(rf"\s*([A-Za-z_]\w*)\s*({_SIGNS})\s*(\"[^\"]*\"|'[^']*'|[^\s,]+)\s*", re.IGNORECASE)
_OPTION = re.compile(
    r"""\s*(?:
      (?P<list>(?:IGN|ACC)[A-Z]*)\s*=?\s*\((?P<conditions>[^)]*)\)
    | (?P<ignore>IGN[A-Z]*)\s*=?\s*(?P<sign>'[^']'|"[^"]"|[^\s(])
    | (?P<null>NULL)\s*=\s*(?P<value>'[^']*'|"[^"]*"|\S+)
    | (?P<count>RECORDS|RECS|NRECS)\s*=\s*(?P<number>\w+)
    | (?P<without>NOWIDE|WIDE|REWIND|NOREWIND|NOOPEN|CHECKOUT|CHECKDATA|BLANKOK|PRED_IGNORE_DATA)\b
    | (?P<sized>LRECL|LAST20)\s*=\s*\w+
    )""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Item:
    """One column of the data.

    Parameters
    ----------
    names : tuple of str
        What the control stream may call it; empty for a column that is passed over.
    dropped : bool
    line : int
    """

    names: tuple[str, ...]
    dropped: bool
    line: int


@dataclass(frozen=True)
class Condition:
    """``label sign value`` of IGNORE or ACCEPT.

    Parameters
    ----------
    label, sign, value : str
        The sign as Python writes it, with ``text`` before it where cells are compared as text.
    """

    label: str
    sign: str
    value: str


@dataclass(frozen=True)
class DataOptions:
    """What $DATA says.

    Parameters
    ----------
    file : str
    ignore_sign : str
        Rows that begin with it are left out; ``@`` stands for any letter.
    ignore, accept : tuple of Condition
    null : float
        What a null item is.
    most : int or None
        Rows that are read.
    record : StreamRecord
    """

    file: str
    ignore_sign: str
    ignore: tuple[Condition, ...]
    accept: tuple[Condition, ...]
    null: float
    most: int | None
    record: StreamRecord


def read_items(records: Iterable[StreamRecord]) -> tuple[Item, ...]:
    """The columns that $INPUT names, in order.

    Examples
    --------
    >>> from understudy.formats.nonmem.stream_record import Line
    >>> record = StreamRecord("INPUT", 1, (Line(1, "ID TIME=HOUR DV WT=DROP"),), "run.ctl")
    >>> [(item.names, item.dropped) for item in read_items([record])][1:]
    [(('TIME', 'HOUR'), False), (('DV',), False), (('WT',), True)]
    """
    found: list[Item] = []
    seen: set[str] = set()
    for record in records:
        for line in record.lines:
            for word in re.sub(r"\s*=\s*", "=", line.text).replace(",", " ").split():
                found.append(_item(record, word, line.number))
                doubled = seen & set(found[-1].names)
                if doubled:
                    record.fail(f"{sorted(doubled)[0]} names two columns", "rename one of them", line.number)
                seen |= set(found[-1].names)
    return tuple(found)


def _item(record: StreamRecord, word: str, line: int) -> Item:
    parts = [part.upper() for part in word.split("=")]
    names = tuple(dict.fromkeys(part for part in parts if part not in _DROPPED))
    if len(parts) > 2 or not all(_LABEL.fullmatch(part) for part in parts):
        record.fail(f"{word[:40]!r} is no data item", "write NAME, NAME=OTHER or NAME=DROP", line)
    return Item(names, len(names) < len(parts), line)


def read_options(record: StreamRecord) -> DataOptions:
    """What a $DATA record says.

    Raises
    ------
    FormatError
        For an option that is not known, or one that cannot be translated.
    """
    file, rest = _file_name(record)
    sign, null, most = "#", 0.0, None
    lists: dict[str, list[Condition]] = {"I": [], "A": []}
    at = 0
    while rest[at:].strip(" ,"):
        found = _OPTION.match(rest, at) or _fail_option(record, rest[at:].strip())
        at = found.end()
        while at < len(rest) and rest[at] in " ,":
            at += 1
        if found["list"]:
            lists[found["list"][0].upper()] += _conditions(record, found["conditions"])
        elif found["ignore"]:
            sign = found["sign"].strip("'\"") or found["sign"]
        elif found["null"]:
            null = _null(record, found["value"].strip("'\""))
        elif found["count"] and found["number"].isdecimal():
            most = int(found["number"])
    if lists["I"] and lists["A"]:
        record.fail("both IGNORE=(…) and ACCEPT=(…)", "keep one of them")
    return DataOptions(file, sign, tuple(lists["I"]), tuple(lists["A"]), null, most, record)


def _file_name(record: StreamRecord) -> tuple[str, str]:
    found = re.match(r"\s*(?:\"([^\"]*)\"|'([^']*)'|(\S+))(.*)", record.text, re.DOTALL)
    name = found and (found[1] or found[2] or found[3])
    if not name:
        record.fail("no file is named", "write $DATA FILE")
    if name == "*":
        record.fail("the data of an earlier problem", "name the file")
    return name, found[4]


def _fail_option(record: StreamRecord, rest: str) -> NoReturn:
    number = next((line.number for line in record.lines if rest[:8] in line.text), record.number)
    known = "IGNORE, ACCEPT, NULL and RECORDS are understood"
    record.fail(
        f"{rest[:30]!r} of $DATA cannot be translated", f"read the file as it stands: {known}", number
    )


def _null(record: StreamRecord, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return record.fail(f"NULL={value[:20]} is no number", "write a number")


def _conditions(record: StreamRecord, text: str) -> list[Condition]:
    found, at = [], 0
    while text[at:].strip(" ,"):
        match = _CONDITION.match(text, at)
        if not match:
            record.fail(f"{text[at:].strip()[:40]!r} is no condition", "write LABEL.EQ.VALUE")
        label, sign, value = match.groups()
        found.append(Condition(label.upper(), _sign(sign.upper()), value.strip("'\"")))
        at = match.end()
        while at < len(text) and text[at] in ", ":
            at += 1
    return found


def _sign(sign: str) -> str:
    """EQ and NE compare text, all others numbers."""
    return {
        ".EQ.": "text==", "==": "text==", "=": "text==", ".NE.": "text!=", "/=": "text!=", ".EQN.": "==",
        ".NEN.": "!=", ".GT.": ">", ".GE.": ">=", ".LT.": "<", ".LE.": "<=",
    }.get(sign, sign)  # fmt: skip


COMPARE: dict[str, Callable] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


def known_names(items: Sequence[Item]) -> set[str]:
    """All names of data items that the code may use."""
    return {
        name for item in items if not item.dropped or set(item.names) & set(_DATES) for name in item.names
    }
