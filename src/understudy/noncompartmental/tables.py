"""Tables: the findings of all intervals as rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.noncompartmental.analysis import Analysis
from understudy.noncompartmental.interval import Interval
from understudy.noncompartmental.profile import EXTRAVASCULAR, Profile
from understudy.noncompartmental.quantity import QUANTITIES, kind_units, quantity

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
_KINDS = {name: float for name in ("start", "end", "dose", "time", "value")} | {"in_slope": bool}
_ORDER = {name: place for place, name in enumerate(QUANTITIES)}


@dataclass(frozen=True, eq=False)
class Finding:
    """One interval of one profile, and its parameters."""

    profile: Profile
    interval: Interval
    analysis: Analysis


def collect(
    findings: Sequence[Finding],
    skipped: Sequence[tuple[str, str, str]],
    units: Mapping[str, tuple[str, str, str]],
    by: tuple[str, ...],
    categories: Mapping[str, Mapping[str, float]],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Parameters, notes, curves and lines; see `NCA`."""
    import pandas as pd

    words = {name: {number: word for word, number in codes.items()} for name, codes in categories.items()}
    known = {output: kind_units(*each) for output, each in units.items()}
    keys = ["id", "output", *by, "interval"]
    parameters = [
        row for each in findings for row in _parameters(each, by, words, known[each.profile.output])
    ]
    notes = [row for each in findings for row in _notes(each)]
    notes += [_note(name, output, "", text) for name, output, text in skipped]
    columns = (
        [
            *keys,
            "start",
            "end",
            "route",
            "dose",
            "parameter",
            "label",
            "code",
            "value",
            "unit",
            "status",
            "note",
        ],
        ["id", "output", "interval", "note"],
        ["id", "output", "interval", "time", "value", "in_slope"],
        ["id", "output", "interval", "time", "value"],
    )
    rows = (
        parameters,
        notes,
        [row for each in findings for row in _points(each)],
        [row for each in findings for row in _line(each)],
    )
    tables = (pd.DataFrame(each, columns=names) for each, names in zip(rows, columns, strict=True))
    # Of no rows pandas knows no kinds.
    return tuple(
        table.astype({name: kind for name, kind in _KINDS.items() if name in table}) for table in tables
    )


def _head(finding: Finding) -> Row:
    return {"id": finding.profile.id, "output": finding.profile.output, "interval": finding.interval.label}


def _parameters(
    finding: Finding,
    by: tuple[str, ...],
    words: Mapping[str, Mapping[float, str]],
    units: Mapping[str, tuple[str, float]],
) -> Iterator[Row]:
    interval, analysis = finding.interval, finding.analysis
    given = interval.doses[0].groups if interval.doses else finding.profile.groups
    groups = {name: words.get(name, {}).get(value, value) for name, value in zip(by, given, strict=True)}
    shared = _head(finding) | groups
    shared |= {"start": interval.start, "end": interval.end, "route": interval.route}
    shared |= {"dose": interval.amount if interval.doses else math.nan}
    for name in sorted(analysis.values, key=lambda each: (_ORDER.get(each, _ORDER["auctau"]), each)):
        about = quantity(name)
        unit, factor = units[about.kind]
        route = "EV" if interval.route == EXTRAVASCULAR else "IV"
        note = analysis.reasons.get(name, analysis.flags.get(name, ""))
        status = "missing" if name in analysis.reasons else "flagged" if name in analysis.flags else "ok"
        yield shared | {
            "parameter": name,
            "label": about.label,
            "code": about.code.replace("*", route),
            "value": analysis.values[name] * factor,
            "unit": unit,
            "status": status,
            "note": note,
        }


def _notes(finding: Finding) -> Iterator[Row]:
    """Each sentence once."""
    analysis, interval = finding.analysis, finding.interval
    texts = [analysis.problem] if analysis.problem else []
    texts += analysis.reasons.values()
    flags = analysis.flags
    # What is predicted has the doubts of what is observed, but for a last digit.
    shown = [
        flags[name] for name in flags if name == (twin := name.replace("_pred", "_obs")) or twin not in flags
    ]
    texts += [part for text in shown for part in text.split("; ")]
    for text in dict.fromkeys(texts):
        yield _note(finding.profile.id, finding.profile.output, interval.label, text)


def _note(name: str, output: str, interval: str, text: str) -> Row:
    return {"id": name, "output": output, "interval": interval, "note": text}


def _points(finding: Finding) -> Iterator[Row]:
    analysis = finding.analysis
    used = np.asarray(analysis.slope.times if analysis.slope else (), float)
    for time, value in zip(analysis.times, analysis.concentrations, strict=True):
        yield _head(finding) | {
            "time": finding.interval.start + time,
            "value": value,
            "in_slope": bool((used == time).any()),
        }


def _line(finding: Finding) -> Iterator[Row]:
    slope = finding.analysis.slope
    for time in (slope.times[0], slope.times[-1]) if slope else ():
        yield _head(finding) | {"time": finding.interval.start + time, "value": slope.at(time)}
