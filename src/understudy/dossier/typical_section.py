"""Typical section: a mechanism's regimens in its typical patient, and its predictions beside measurements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from understudy.core.unit_label import unit_label
from understudy.dossier.figures import attainment_figure, figure
from understudy.dossier.number import figures, is_number, like, listed, percent
from understudy.dossier.page import Column, Figure, Section, Table, Text, section
from understudy.dossier.report_content import ReportContent
from understudy.plot.goodness_of_fit import prediction_errors
from understudy.plot.label import sentence_case
from understudy.plot.profile import by_regimen

if TYPE_CHECKING:
    import pandas as pd

MOST_OUTPUTS = 12


def check_section(content: ReportContent) -> Section | None:
    """Predictions beside what was measured.

    Parameters
    ----------
    content : ReportContent
        Of a typical patient.
    """
    frame = content.typical.check
    if not len(frame):
        return None
    told = (
        "Nothing was learned from the records: the mechanism, with its own parameters, was given the doses in them, "
        "and its predictions are set beside what was measured. This is an external check."
    )
    return section(
        "check", "Predictions against records", [Text(told), *_check_figures(content), _errors(content)]
    )


def _check_figures(content: ReportContent) -> Iterator[Figure]:
    frame = content.typical.check
    for output in dict.fromkeys(frame["output"]):
        rows = frame[frame["output"] == output]
        words, unit = content.described(output), content.unit(output)
        yield figure(
            prediction_errors(rows, output=words, unit=unit, time_unit=content.time_unit),
            f"check-{output}",
            f"{sentence_case(words)}: {len(rows):,} measurements against predictions, and errors over time. On the "
            "thin lines prediction and measurement are equal; an error is prediction minus measurement.",
        )


def _errors(content: ReportContent) -> Table:
    columns = (
        Column("Output"),
        Column("Unit"),
        Column("Measurements", numeric=True),
        Column("Patients", numeric=True),
        Column("Mean absolute error", numeric=True),
        Column("Root mean squared error", numeric=True),
        Column("Bias", numeric=True),
    )
    rows = tuple(
        (
            content.described(row["output"]),
            unit_label(content.unit(row["output"])),
            f"{row['n']:,}",
            f"{row['patients']:,}",
            figures(row["mae"]),
            figures(row["rmse"]),
            like(row["bias"], row["mae"]),
        )
        for _, row in content.typical.errors.iterrows()
    )
    return Table(columns, rows, "Errors of prediction. Bias is prediction minus measurement.")


def regimens_section(content: ReportContent) -> Section | None:
    """Every regimen against the target, and the course of every output.

    Parameters
    ----------
    content : ReportContent
        Of a typical patient.
    """
    return section(
        "attainment",
        "Regimens in the typical patient",
        [attainment_figure(content), _levels(content), _target_figure(content), *_other_outputs(content)],
    )


def _levels(content: ReportContent) -> Table:
    target, time = content.target, content.time_unit
    share, level = "Share of time", f"Level{_in(target.unit)}"
    columns = (
        Column("Regimen"),
        *(Column(word, numeric=True, group=share) for word in ("Below", "Within", "Above")),
        *(Column(word, numeric=True, group=level) for word in ("Mean", "Lowest", "Peak")),
        Column("Peak at", time, numeric=True, group=level),
        Column("At the end", numeric=True, group=level),
        Column("End", time, numeric=True),
    )
    shares = content.attainment.set_index("regimen")
    rows = tuple(_level_row(row, shares.loc[row["regimen"]]) for _, row in content.typical.levels.iterrows())
    return Table(
        columns,
        rows,
        f"The typical patient under each regimen: {content.described(target.output)}, target {content.range_text}.",
    )


def _in(unit: str) -> str:
    label = unit_label(unit)
    return f" ({label})" if label else ""


def _level_row(row: pd.Series, share: pd.Series) -> tuple[str, ...]:
    return (
        row["regimen"],
        *(percent(share[zone]) for zone in ("below", "within", "above")),
        *(figures(row[name]) for name in ("mean", "lowest", "peak", "peak_time", "last", "end")),
    )


def _target_figure(content: ReportContent) -> Figure:
    output, target = content.target.output, content.target
    frame = content.typical.courses
    chart = by_regimen(
        frame[frame["output"] == output],
        titles={output: content.described(output)},
        time_unit=content.time_unit,
        regimens=content.regimen_labels,
        target=(target.low, target.high),
    )
    caption = (
        f"{sentence_case(content.described(output))} over time under each regimen, in the typical patient. The shaded "
        f"band is the target, {content.range_text}."
    )
    return figure(chart, "course", caption)


def _other_outputs(content: ReportContent) -> Iterator[Figure]:
    frame = content.typical.courses
    others = [name for name in dict.fromkeys(frame["output"]) if name != content.target.output]
    shown = others[:MOST_OUTPUTS]
    if not shown:
        return
    chart = by_regimen(
        frame[frame["output"].isin(shown)],
        titles={name: content.described(name) for name in shown},
        time_unit=content.time_unit,
        regimens=content.regimen_labels,
    )
    more = f" {len(others) - len(shown)} more are in tables/courses.csv." if len(others) > len(shown) else ""
    yield figure(chart, "outputs", f"The model's other outputs under each regimen.{more}")


def typical_summary(content: ReportContent) -> tuple[str, ...]:
    """The sentences at the head of a mechanism's report."""
    from understudy.dossier.typical_content import NO_INTERVALS

    return tuple(text for text in (_best(content), NO_INTERVALS, _off(content)) if text)


def _best(content: ReportContent) -> str:
    rows = content.attainment
    most = rows["within"].max()
    best = rows["regimen"][rows["within"] == most].tolist()
    level, span = content.described(content.target.output), content.range_text
    if most == 0:
        return f"In the typical patient {level} is never within {span}, under no regimen of the {len(rows)} compared."
    if len(best) == len(rows) and len(rows) > 1:
        return f"In the typical patient {level} is within {span} for {percent(most)} of the time under every regimen."
    row = rows[rows["within"] == most].iloc[0]
    rest = f", with {percent(row['below'])} below and {percent(row['above'])} above" if len(best) == 1 else ""
    longest = "longest " if len(rows) > 1 else ""
    where = f"{longest}under {listed(best)}"
    return f"In the typical patient {level} is within {span} {where}: {percent(most)} of the time{rest}."


def _off(content: ReportContent) -> str:
    errors = content.typical.errors
    if not len(errors):
        return ""
    parts = [_off_by(row, content) for _, row in errors.iterrows() if is_number(row["mae"])]
    return f"Against the records its predictions are off by {listed(parts)}."


def _off_by(row: pd.Series, content: ReportContent) -> str:
    size = f"{figures(row['mae'], 2)} {unit_label(content.unit(row['output']))}".strip()
    measured = f"{row['n']:,} measurements of {content.described(row['output'])}"
    return f"{size} on average over {measured} (bias {like(row['bias'], row['mae'], 2)})"
