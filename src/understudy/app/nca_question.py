"""NCA question: options of `understudy nca` as arguments of the function."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from understudy.app.named_value import named_texts
from understudy.core.errors import UnderstudyError
from understudy.data.cells import MISSING, numbers
from understudy.data.layout import nearest
from understudy.data.records import Records
from understudy.data.sheet import read_sheet
from understudy.noncompartmental.nca import nca
from understudy.noncompartmental.result import NCA
from understudy.noncompartmental.rules import NCARules

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SPAN = re.compile(rf"\s*({_NUMBER})\s*(?:-|–|to)\s*({_NUMBER}|inf|∞)\s*")


@dataclass(frozen=True)
class NCAOptions:
    """The options as they were typed."""

    units: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    route: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    lloq: str = ""
    intervals: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()
    tau: float | None = None
    steady_state: float | None = None
    nominal_time: str = ""
    area: str = "lin up/log down"
    blq: str = "keep,drop,keep"
    slope: tuple[str, ...] = ()
    slope_exclude: tuple[str, ...] = ()
    include_cmax: bool = False


def answer(file: Path, options: NCAOptions) -> NCA:
    """The analysis of a file.

    Raises
    ------
    DataError, UnderstudyError
        See `nca`; also for options that cannot be read.
    """
    columns = named_texts(options.columns, "--columns")
    words = _words(file, options.by, columns)
    units = named_texts(options.units, "--units")
    records = Records.read_csv(file, units=units, columns=columns, categories=words)
    return nca(
        records,
        route=_by_name(options.route, "--route") or "extravascular",
        outputs=options.outputs or None,
        by=[name.lower() if name.upper() in ("OCC", "CMT") else name for name in options.by],
        categories=words,
        lloq=_limits(options.lloq),
        intervals=[_span(text, "--interval") for text in options.intervals] or None,
        partial=[_span(text, "--partial") for text in options.partial],
        tau=options.tau,
        steady_state=options.steady_state,
        nominal_time=options.nominal_time or None,
        slope_points=_times(options.slope, "--slope"),
        slope_exclude=_times(options.slope_exclude, "--slope-exclude"),
        rules=NCARules(area=options.area, blq=_blq(options.blq), include_cmax=options.include_cmax),
    )


def _words(file: Path, by: Iterable[str], columns: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Numbers for the words in group columns that hold words."""
    by = tuple(by)
    if not by:
        return {}
    sheet = read_sheet(file, "C", ",")
    found: dict[str, dict[str, float]] = {}
    for name in by:
        written = columns.get(name, name)
        if written not in sheet.header:
            raise UnderstudyError(
                f"{file.name} has no column {written!r}", place="--by", repair=nearest(written, sheet.header)
            )
        cells = sheet.columns[sheet.header.index(written)]
        known = sorted({str(cell).strip() for cell in cells} - MISSING)
        if known and numbers(known)[1].any():
            found[name] = {word: float(place) for place, word in enumerate(known)}
    return found


def _by_name(items: Iterable[str], option: str) -> str | dict[str, str]:
    """One word for all, or one for each name; empty where nothing is given."""
    items = tuple(items)
    if len(items) == 1 and "=" not in items[0]:
        return items[0]
    return named_texts(items, option)


def _limits(text: str) -> float | dict[str, float] | None:
    if not text:
        return None
    if "=" not in text:
        return _number(text, "--lloq")
    return {name: _number(value, "--lloq") for name, value in named_texts([text], "--lloq").items()}


def _span(text: str, option: str) -> tuple[float, float]:
    found = _SPAN.fullmatch(text)
    if not found:
        raise UnderstudyError(
            f"{text!r} is no interval", place=option, repair=f"write {option} 0-24 or 0-inf"
        )
    return float(found[1]), math.inf if found[2] in ("inf", "∞") else float(found[2])


def _times(items: Iterable[str], option: str) -> dict[str, list[float]]:
    """Patient and times of ``1=9/12/24``."""
    return {
        name: [_number(each, option) for each in text.split("/")]
        for name, text in named_texts(items, option).items()
    }


def _blq(text: str) -> tuple[str | float, ...]:
    return tuple(
        part if part in ("keep", "drop") else _number(part, "--blq")
        for part in (each.strip() for each in text.split(","))
    )


def _number(text: str, option: str) -> float:
    if not re.fullmatch(_NUMBER, text.strip()):
        raise UnderstudyError(f"{text!r} is no number", place=option, repair="write a number")
    return float(text)
