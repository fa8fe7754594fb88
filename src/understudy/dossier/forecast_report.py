"""Forecast report: how a measure goes on from its first values, tried on subjects held out."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.core.reported_number import ReportedNumber
from understudy.dossier.chapter import Chapter, Method, command_of, made_sections, sentences
from understudy.dossier.figures import figure
from understudy.dossier.number import figures, percent
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, section
from understudy.plot.courses import courses
from understudy.plot.dot_intervals import dot_intervals
from understudy.plot.forest import forest
from understudy.plot.label import sentence_case, titled
from understudy.trials.forecast import SUBJECT, TrialForecast
from understudy.trials.forecasting.comparison import BASELINE

PART = "forecast"
# Subjects whose courses are shown: from the best foretold to the worst, evenly.
_SHOWN = 8


def chapter(found: TrialForecast) -> Chapter:
    """What the forecasts say."""
    charts = dict(_charts(found))
    return Chapter(
        PART, "How the measure goes on", "foretold", found.trial, found.sentences,
        made_sections(_sections(found, charts)), charts, found.tables(), tuple(_numbers(found)),
        tuple(_methods_used(found)), command_of(found.trial, PART), found.record,
    )  # fmt: skip


_SOURCES = {
    "own line": Method("own line", "a straight line through each history"),
    "mixed": Method(
        "mixed", "random intercept and slope, restricted maximum likelihood",
        source="Laird and Ware 1982, doi:10.2307/2529876",
    ),
    "boosted": Method(
        "boosted", "gradient-boosted trees of what a history shows", "scikit-learn",
        "Friedman 2001, doi:10.1214/aos/1013203451",
    ),
}  # fmt: skip


def _methods_used(found: TrialForecast) -> Iterator[Method]:
    yield Method(BASELINE, "the last known value stays")
    yield from (_SOURCES[name] for name in found.table().index if name != BASELINE)
    yield Method(
        "intervals", "cross-conformal, within subgroups, subjects as units",
        source="Dunn, Wasserman and Ramdas 2022, doi:10.1080/01621459.2022.2060112",
    )  # fmt: skip


def _numbers(found: TrialForecast) -> Iterator[ReportedNumber]:
    asked = found.trial.protocol.forecast
    for name, row in found.table().iterrows():
        held = {"unit": asked.unit, "source": "subjects held out"}
        yield ReportedNumber(f"mean absolute error, {name}", row["error"], **held)
        if name != BASELINE:
            yield ReportedNumber(
                f"difference of it from carrying forward, {name}", row["difference"], low=row["from"], high=row["to"],
                level=0.95, **held,
            )  # fmt: skip
        yield ReportedNumber(
            f"coverage of {100 * asked.level:g} % intervals, {name}", row["coverage"], error=row["coverage_error"],
            source="subjects held out",
        )  # fmt: skip


def _sections(found: TrialForecast, charts: dict[str, Figure]) -> Iterator[Section | None]:
    yield section("compared", "Methods compared", [_methods(found), charts.get("differences")])
    yield section("subgroups", "Subgroups", [charts["coverage"], _subgroups(found)])
    yield section("subjects", "Subjects", [charts["courses"]])
    yield section("notes", "To be known", [Bullets(tuple(sentences(found.notes)))])


def _held(row) -> str:
    return f"{100 * row['coverage']:.1f} ± {percent(row['coverage_error'], 1)}"


def _methods(found: TrialForecast) -> Table:
    columns = (
        Column("Method"), Column("Error", numeric=True), Column("Against carrying forward", numeric=True),
        Column("95\xa0% interval", numeric=True), Column("Coverage", numeric=True), Column("Width", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (
            str(name),
            figures(row["error"]),
            "" if name == BASELINE else figures(row["difference"]),
            "" if name == BASELINE else f"{figures(row['from'])} to {figures(row['to'])}",
            _held(row),
            figures(row["width"]),
        )
        for name, row in found.table().iterrows()
    )
    asked = found.trial.protocol.forecast
    unit = f", {asked.unit}" if asked.unit else ""
    caption = (
        f"Mean absolute error{unit}, averaged within, then over subjects, by models that did not know the subject; "
        f"coverage and width of {100 * asked.level:g}\xa0% conformal intervals, ± standard error."
    )
    return Table(columns, rows, caption=caption)


def _subgroups(found: TrialForecast) -> Table:
    columns = (
        Column("Method"), Column("Subgroup"), Column("Subjects", numeric=True), Column("Error", numeric=True),
        Column("Coverage", numeric=True), Column("Width", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (
            method,
            group,
            f"{row['patients']:.0f}",
            figures(row["error"]),
            _held(row),
            figures(row["width"]),
        )
        for (method, group), row in found.coverage().iterrows()
    )
    return Table(columns, rows, caption=f"By {found.trial.protocol.forecast.by}.")


def _charts(found: TrialForecast) -> Iterator[tuple[str, Figure]]:
    rows = found.table().drop(index=BASELINE).reset_index()
    if len(rows):
        rows = rows.rename(columns={"method": "label", "difference": "value", "from": "low", "to": "high"})
        unit = found.trial.protocol.forecast.unit
        title = titled("Difference of absolute errors from carrying forward", unit)
        chart = forest(rows, measure=title, ratio=False)
        yield (
            "differences",
            figure(chart, f"{PART}-differences", "Below zero a method is better than carrying forward."),
        )
    yield "coverage", _coverage(found)
    yield "courses", _courses(found)


def _coverage(found: TrialForecast) -> Figure:
    """All subjects first, then subgroups; of carrying forward and of the method that is best."""
    import pandas as pd

    methods, rows = dict.fromkeys((BASELINE, found.best)), []
    for method in methods:
        whole = found.table().loc[method]
        rows.append(("all", method, whole["coverage"], whole["coverage_error"]))
        rows += [
            (group, method, row["coverage"], row["coverage_error"])
            for group, row in found.coverage().loc[method].iterrows()
        ]
    frame = pd.DataFrame(rows, columns=["label", "series", "value", "error"])
    reach = 1.959964 * frame["error"].fillna(0.0)
    frame = frame.assign(low=(frame["value"] - reach).clip(0, 1), high=(frame["value"] + reach).clip(0, 1))
    level = found.comparison.level
    chart = dot_intervals(frame.drop(columns="error"), measure="Later values within their intervals", reference=level,
                          share=True)  # fmt: skip
    return figure(
        chart, f"{PART}-coverage",
        f"Coverage of the intervals by {found.trial.protocol.forecast.by}, with 95\xa0% intervals over "
        "subjects. Dashed: "
        f"what they were made for, {percent(level)}.",
    )  # fmt: skip


def _courses(found: TrialForecast) -> Figure:
    asked, history = found.trial.protocol.forecast, found.comparison.question.history
    error = found.comparison.errors(found.best)
    order = error.argsort(kind="stable")
    places = order[[round(k * (len(order) - 1) / (_SHOWN - 1)) for k in range(_SHOWN)]]
    shown = [str(name) for name in history.patients[places]]
    import pandas as pd

    known = pd.DataFrame(
        {
            SUBJECT: history.patients[history.patient].astype(str),
            "time": history.time,
            "value": history.measured(history.value),
        }
    )
    chart = courses(
        known, found.values().astype({SUBJECT: str}), measure=sentence_case(asked.name), unit=asked.unit,
        time_unit=found.trial.protocol.endpoint.unit, subjects=shown,
    )  # fmt: skip
    return figure(
        chart, f"{PART}-courses",
        f"From the subject foretold best, by {found.best}, to the one foretold worst: known values filled, later ones "
        f"hollow, forecasts with {100 * asked.level:g}\xa0% intervals.",
    )  # fmt: skip
