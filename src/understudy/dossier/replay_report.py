"""Replay report: a trial made again, as one HTML page, or as a folder of page, charts, tables and record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from understudy.dossier.figures import figure
from understudy.dossier.number import compact, figures
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, Text, section
from understudy.dossier.trial_page import page, text_table, write_folder
from understudy.plot.forest import forest
from understudy.plot.label import sentence_case
from understudy.plot.survival import survival_curves
from understudy.trials.description import baseline_table, outcome_table
from understudy.trials.replay import Replay


def render(found: Replay) -> str:
    """The replay as one HTML page that needs nothing else."""
    return page(found.trial, "replayed", _sections(found, dict(_charts(found))), summary(found))


def write(found: Replay, folder: Path) -> tuple[Path, ...]:
    """Write the page, charts, tables and record; the files."""
    tables = {"effects": found.table(), **found.primary.tables}
    return write_folder(folder, render(found), dict(_charts(found)), tables, found.record)


def summary(found: Replay) -> tuple[str, ...]:
    """What the trial says, and whether that is what was published, in sentences."""
    first = found.effects[0].measure
    told = [f"{sentence_case(str(each))}." for each in found.effects if each.measure == first]
    if found.agrees is not None:
        total, off = len(found.comparisons), len(found.departures)
        told.append(
            f"All {total} published numbers are found again."
            if found.agrees
            else f"{off} of {total} published numbers are not found again: see where the replay departs."
        )
    return tuple(told)


def _sections(found: Replay, charts: dict[str, Figure]) -> Iterator[Section | None]:
    trial = found.trial
    question = Text(trial.protocol.question) if trial.protocol.question else None
    yield section("estimand", "What is estimated", [question, Bullets(found.estimand)])
    yield section("effects", "Effects", [_effects(found), *charts.values()])
    yield section("published", "Against what was published", [_comparisons(found)])
    flow = Bullets(tuple(f"{count:,} {step}" for step, count in trial.flow.items()))
    frames = [
        text_table(outcome_table(trial), "Outcome of each arm"),
        text_table(baseline_table(trial), "Before randomisation"),
    ]
    yield section("subjects", "Subjects", [flow, *frames])
    yield section("notes", "To be known", [Bullets(found.notes) if found.notes else None])


def _effects(found: Replay) -> Table:
    columns = (
        Column("Arm"), Column("Against"), Column("Measure"), Column("Estimate", numeric=True),
        Column(f"{100 * found.effects[0].level:g}\xa0% interval", numeric=True), Column("Standard error", numeric=True),
        Column("p", numeric=True), Column("Subjects", numeric=True), Column("Events", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (e.arm, e.against, e.measure, figures(e.value, 4), f"{figures(e.low, 4)} to {figures(e.high, 4)}",
         figures(e.standard_error, 4), figures(e.p_value, 3), f"{e.subjects:,}", f"{e.events:,}" if e.events else "–")
        for e in found.effects
    )  # fmt: skip
    return Table(
        columns, rows, caption=f"By {found.primary.told}. Standard errors of ratios are of their logarithms."
    )


def _comparisons(found: Replay) -> Table | None:
    if not found.comparisons:
        return None
    columns = (
        Column("Arm"), Column("Number"), Column("Published", numeric=True), Column("Here", numeric=True), Column(""),
    )  # fmt: skip
    rows = tuple(
        (c.arm, c.what, compact(c.published), figures(c.ours, 5), "agrees" if c.agrees else "departs")
        for c in found.comparisons
    )
    return Table(columns, rows, caption="Numbers agree where ours rounds to the digits published.")


def _charts(found: Replay) -> Iterator[tuple[str, Figure]]:
    endpoint = found.trial.protocol.endpoint
    if "survival" in found.primary.tables:
        chart = survival_curves(found.primary.tables["survival"], event=endpoint.name, unit=endpoint.unit)
        caption = f"Kaplan-Meier curves with pointwise limits; ticks are subjects last seen without {endpoint.name}."
        yield "survival", figure(chart, "survival", caption)
    first = found.effects[0]
    shown = [each for each in found.effects if each.measure == first.measure]
    rows = found.table().iloc[[found.effects.index(each) for each in shown]]
    rows = rows.assign(label=[f"{each.arm} against {each.against}" for each in shown])
    chart = forest(rows, measure=sentence_case(first.measure), ratio=first.is_ratio)
    yield "effects", figure(chart, "effects", f"{sentence_case(first.measure)} with intervals.")
