"""Calibrated twins report: the systematic error of twins, and what is left of their effects."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from understudy.causal.twins.calibrate import CalibratedTwins
from understudy.core.reported_number import ReportedNumber
from understudy.dossier.chapter import Chapter, Method, TableOf, made_sections, sentences, text_table
from understudy.dossier.figures import figure
from understudy.dossier.number import figures
from understudy.dossier.page import Bullets, Figure, Section, Table, section
from understudy.plot.forest import forest

PART = "calibrate-twins"
_SHOWN, _TOLD = 12, 3  # effects in the chart and in the summary; the table has them all


def chapter(found: CalibratedTwins) -> Chapter:
    """What the null contrasts say of the twins, and what is left of the others."""
    named, hashed = next(iter(found.record.inputs.items()))
    counted = f"{len(found.controls):,} null contrasts, {found.count:,} effects"
    charts = dict(_charts(found))
    return Chapter(
        PART, "Twins against null contrasts", "calibrated twins", TableOf(f"Twins of {named}", counted, hashed),
        (*_effects(found), *found.sentences), made_sections(_sections(found, charts)), charts,
        found.tables(), tuple(_numbers(found)), tuple(_methods()), _command(found, named), found.record,
    )  # fmt: skip


def _command(found: CalibratedTwins, named: str) -> str:
    from shlex import join

    words = ["understudy", "rwe", PART, named, "--measure", found.measure]
    return join([*words, "--threshold", f"{found.threshold:g}", "--level", f"{found.level:g}", "--out", PART])


def _methods() -> Iterator[Method]:
    yield Method(
        "systematic error",
        "normal distribution beside the contrasts' own errors, by maximum likelihood",
        source="Schuemie et al. 2014, doi:10.1002/sim.5925",
    )
    yield Method(
        "calibrated intervals",
        "mean taken off, variance added",
        source="Schuemie et al. 2018, doi:10.1073/pnas.1708282114",
    )


def _numbers(found: CalibratedTwins) -> Iterator[ReportedNumber]:
    source = "null contrasts"
    yield ReportedNumber("systematic error, mean", found.null.mean, source=source)
    yield ReportedNumber("systematic error, standard deviation", found.null.sd, source=source)
    yield ReportedNumber("expected absolute systematic error", found.ease, source=source)
    for name, share in found.check.items():
        yield ReportedNumber(f"null contrasts with zero in their interval, {name}", share, source="counted")
    if not found.blinded:
        for _, row in found.table().iterrows():
            yield ReportedNumber(
                f"{row['name']}, calibrated", row["calibrated_estimate"], "", row["calibrated_low"],
                row["calibrated_high"], found.level, row["calibrated_standard_error"], "calibrated twins",
            )  # fmt: skip


def _sections(found: CalibratedTwins, charts: dict[str, Figure]) -> Iterator[Section | None]:
    verdict = Bullets((f"{found.diagnostic}.",))
    yield section("diagnostic", "May the effects be seen?", [verdict])
    if not found.blinded and found.count:
        effects = text_table(_texts(found.table(), found.level), "As the twins have them, and calibrated.")
        yield section("effects", "Effects", [*charts.values(), effects])
    yield section("controls", "Null contrasts", [_controls(found)])
    notes = tuple(sentences(found.notes))
    yield section("notes", "To be known", [Bullets(notes) if notes else None])


def _controls(found: CalibratedTwins) -> Table | None:
    return text_table(
        _texts(found.controls, found.level),
        "Nothing is there to be found. Calibrated: by the systematic error of all other null contrasts.",
    )


def _texts(table: pd.DataFrame, level: float) -> pd.DataFrame:
    """Raw and calibrated estimates as texts."""
    percent = f"{100 * level:g}\xa0%"
    columns = {}
    for head, name in (("", "As the twins have it"), ("calibrated_", "Calibrated")):
        numbers = zip(
            table[f"{head}estimate"],
            table[f"{head}low"],
            table[f"{head}high"],
            table[f"{head}p"],
            strict=True,
        )
        columns[f"{name} ({percent})"] = [
            f"{figures(value, 3)} ({figures(low, 3)} to {figures(high, 3)})"
            for value, low, high, _ in numbers
        ]
    found = pd.DataFrame(columns).set_axis(table["name"].astype(str), axis=0)
    return found.assign(p=[figures(each, 2) for each in table["calibrated_p"]]).rename_axis("Contrast")


def _number(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def _effects(found: CalibratedTwins) -> Iterator[str]:
    """The first effects, in sentences."""
    if found.blinded:
        return
    ratio = found.measure == "log ratio"
    for _, row in found.table().head(_TOLD).iterrows():
        told = []
        for head in ("calibrated_", ""):
            values = np.array([row[f"{head}{each}"] for each in ("estimate", "low", "high")], float)
            value, low, high = (figures(each, 3) for each in (np.exp(values) if ratio else values))
            told.append(f"{value} ({100 * found.level:g} % interval {low} to {high})")
        what = "ratio" if ratio else "difference"
        yield f"{row['name']}: calibrated {what} {told[0]}; as the twins have it {told[1]}."


def _charts(found: CalibratedTwins) -> Iterator[tuple[str, Figure]]:
    if found.blinded or not found.count:
        return
    rows = []
    for _, row in found.table().head(_SHOWN).iterrows():
        for head, told in (("", "as the twin has it"), ("calibrated_", "calibrated")):
            values = [row[f"{head}{each}"] for each in ("estimate", "low", "high")]
            rows.append((f"{row['name']}, {told}", *values))
    frame = pd.DataFrame(rows, columns=["label", "value", "low", "high"])
    ratio = found.measure == "log ratio"
    if ratio:
        frame[["value", "low", "high"]] = np.exp(frame[["value", "low", "high"]])
    chart = forest(frame, measure="Ratio" if ratio else "Difference", ratio=ratio)
    more = f" The first {_SHOWN} of {found.count}." if found.count > _SHOWN else ""
    caption = f"Effects as the twins have them, and with their systematic error allowed for.{more}"
    yield "effects", figure(chart, f"{PART}-effects", caption)
