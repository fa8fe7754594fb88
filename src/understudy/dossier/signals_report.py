"""Signals report: pairs reported more often than expected, their course over time, and why they are no causes."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import join
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.masking import SMALLEST
from understudy.causal.signals.pair_trend import Trend
from understudy.causal.signals.signal_study import SignalStudy
from understudy.core.reported_number import ReportedNumber
from understudy.dossier.chapter import Chapter, Method, TableOf, made_sections, sentences
from understudy.dossier.figures import figure
from understudy.dossier.number import MISSING, figures
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, Text, section
from understudy.plot.forest import forest
from understudy.plot.reporting_trend import reporting_trend

if TYPE_CHECKING:
    import pandas as pd

PART = "signals"
_IN_FOREST, _IN_TABLE = 20, 50


def chapter(study: SignalStudy) -> Chapter:
    """What the reports say."""
    charts, found = dict(_charts(study)), study.signals
    of = TableOf("Signals of disproportionate reporting", f"{found.reports:,} reports", study.record.hash)
    return Chapter(
        PART, "Signals", "signals searched", of, study.sentences, made_sections(_sections(study, charts)), charts,
        study.tables(), tuple(_numbers(study)), tuple(_methods(study)), command(study), study.record,
    )  # fmt: skip


def command(study: SignalStudy) -> str:
    """The command that makes the study again."""
    asked, words = study.record.settings, ["understudy", "rwe", "signals", *study.record.inputs]
    for name, flag in (("drugs", "--drug"), ("events", "--event")):
        words += [each for value in asked[name] for each in (flag, value)]
    for name in ("comparator", "criteria", "by", "duplicates"):
        words += [f"--{name}", asked[name]] if asked[name] else []
    words += ["--strata", ",".join(asked["strata"])] if asked["strata"] else []
    words += ["--roles", ",".join(asked["roles"]) or "all"]
    words += ["--names", asked["drug_name"]] if asked["drug_name"] != "substance" else []
    words += [each for name, column in asked["columns"].items() for each in ("--column", f"{name}={column}")]
    words += [f"--{name}" for name in ("undated", "public") if asked[name]]
    return join([*words, "--out", PART])


def _methods(study: SignalStudy) -> Iterator[Method]:
    if study.signals.prior is not None:
        yield Method(
            "EBGM", "gamma-Poisson shrinker, prior by maximum likelihood; 5 % and 95 % quantiles",
            source="DuMouchel 1999, doi:10.1080/00031305.1999.10474456",
        )  # fmt: skip
    yield Method(
        "reporting odds ratio",
        "Mantel and Haenszel over strata" if study.signals.strata > 1 else "of fourfold tables",
        source="van Puijenbroek et al. 2002, doi:10.1002/pds.668",
    )
    yield Method(
        "information component",
        "exact quantiles of a gamma posterior",
        source="Norén, Hopstadius and Bate 2013, doi:10.1177/0962280211403604",
    )
    yield Method(
        "PRR, chi-square", "with Yates's correction", source="Evans et al. 2001, doi:10.1002/pds.677"
    )
    if study.cleaned.linkage is not None:
        yield Method(
            "duplicates", "hit-miss model, fitted by the EM algorithm",
            source="Norén et al. 2007, doi:10.1007/s10618-006-0052-8",
        )  # fmt: skip
    if study.onsets:
        yield Method(
            "time to onset", "Weibull distribution of times known to the day, maximum likelihood",
            source="Maignen, Hauben and Tsintis 2010, doi:10.2165/11532850-000000000-00000",
        )  # fmt: skip


def _numbers(study: SignalStudy) -> Iterator[ReportedNumber]:
    yield ReportedNumber("pairs that meet the criteria", study.signals.count, source="counted")
    for _, row in _visible(study).head(_IN_TABLE).iterrows():
        if study.signals.prior is not None:
            yield ReportedNumber(
                f"EBGM, {row['drug']} and {row['event']}", row["ebgm"], low=row["ebgm_low"], high=row["ebgm_high"],
                level=0.9, source="gamma-Poisson shrinker",
            )  # fmt: skip


def _visible(study: SignalStudy) -> pd.DataFrame:
    """Signals whose numbers may be seen; all pairs where they were asked for by name."""
    shown = study.signals.shown(study.public)
    shown = shown if study.signals.question.drugs else shown[shown["signal"]]
    return shown[shown["n"].notna()]


def _charts(study: SignalStudy) -> Iterator[tuple[str, Figure]]:
    rows = _visible(study).head(_IN_FOREST)
    name, low, high, words = _shown_measure(study)
    rows = rows[rows[name].astype(float).gt(0) & np.isfinite(rows[name].astype(float))]
    if len(rows):
        effects = rows.assign(
            label=rows["drug"].map(_short) + " / " + rows["event"].map(_short),
            value=rows[name].astype(float), low=rows[low].astype(float), high=rows[high].astype(float),
        )  # fmt: skip
        caption = (
            f"{words} of the {len(rows):,} first pairs, on a logarithmic axis. The dashed line is reporting as "
            "expected. It measures how often a pair is reported, not how often a drug causes an event."
        )
        yield "signals", figure(forest(effects, measure=words, ratio=True), "signals", caption)
    for number, each in enumerate(study.trends, 1):
        yield f"trend-{number}", _trend_figure(each, study.public, number)


def _shown_measure(study: SignalStudy) -> tuple[str, str, str, str]:
    if study.signals.prior is not None:
        return "ebgm", "ebgm_low", "ebgm_high", "EBGM with its 90\xa0% interval"
    return "ror", "ror_low", "ror_high", "Reporting odds ratio with its 95\xa0% interval"


def _short(text: str, most: int = 30) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _trend_figure(found: Trend, public: bool, number: int) -> Figure:
    change = found.change if found.change is not None and found.change.p_value < 0.05 else None
    caption = (
        f"{found.drug} and {found.event} by period of receipt. Above, the reporting odds ratio of each period and of "
        "all reports so far, with 95\xa0% intervals; below, reports."
    )
    if found.first_signal:
        caption += f" The lower limit of IC is above zero from {found.first_signal} on."
    if change is not None:
        caption += (
            f" Reports over expected ones changed most with {change.period}, from {figures(change.before)} to "
            f"{figures(change.after)} (p\xa0=\xa0{change.p_value:.2g}; dashed)."
        )
    chart = reporting_trend(found.shown(public), change=change.period if change is not None else "")
    return figure(chart, f"trend-{number}", caption)


def _sections(study: SignalStudy, charts: dict[str, Figure]) -> Iterator[Section | None]:
    yield section("signals", "Signals", [charts.get("signals"), _table(study), _prior(study)])
    trends = [each for name, each in charts.items() if name.startswith("trend")]
    yield section("trends", "Over time", [*trends, _onset_table(study)])
    yield section("reports", "The reports", [_cleaning(study), _findings(study)])
    yield section("notes", "To be known", [Bullets(tuple(sentences(study.notes)))])


def _table(study: SignalStudy) -> Table | None:
    rows = study.signals.shown(study.public)
    rows = rows if study.signals.question.drugs or study.signals.question.events else rows[rows["signal"]]
    if rows.empty:
        return None
    columns = (
        Column("Drug"), Column("Event"), Column("Reports", numeric=True), Column("Expected", numeric=True),
        Column("EBGM", numeric=True, group="EBGM"), Column("EB05 to EB95", numeric=True, group="EBGM"),
        Column("ROR", numeric=True, group="Reporting odds ratio"),
        Column("95\xa0% interval", numeric=True, group="Reporting odds ratio"), Column("IC025", numeric=True),
        Column("Signal"),
    )  # fmt: skip
    cells = tuple(
        (
            row["drug"], row["event"], count_text(row["n"]), figures(row["expected"]), figures(row["ebgm"]),
            _range(row, "ebgm"), ratio_text(row["ror"]), _range(row, "ror"), figures(row["ic_low"]),
            "yes" if row["signal"] else "no",
        )
        for _, row in rows.head(_IN_TABLE).iterrows()
    )  # fmt: skip
    more = (
        f" The first {_IN_TABLE} of {len(rows):,}; all are in tables/signals.csv."
        if len(rows) > _IN_TABLE
        else ""
    )
    return Table(columns, cells, f"Criteria: {study.signals.criteria.text}.{more}", "long")


def count_text(count: object) -> str:
    """A count as it may be seen; what is hidden is below five."""
    return f"<{SMALLEST}" if count is None or count != count else f"{int(count):,}"


def ratio_text(value: object) -> str:
    """A ratio, which is infinite where no other report has the event."""
    return "∞" if value == float("inf") else figures(value)


def _range(row: pd.Series, name: str) -> str:
    low, high = (figures(row[f"{name}_{end}"]) for end in ("low", "high"))
    return MISSING if MISSING in (low, high) else f"{low} to {high}"


def _prior(study: SignalStudy) -> Text | None:
    prior = study.signals.prior
    return None if prior is None else Text(f"{prior}.".replace("ShrinkagePrior", "Prior of EBGM"), "quiet")


def _onset_table(study: SignalStudy) -> Table | None:
    if not study.onsets:
        return None
    columns = (
        Column("Drug"), Column("Event"), Column("Reports with both dates", numeric=True),
        Column("Median days (quartiles)", numeric=True), Column("Weibull shape (95\xa0%)", numeric=True),
        Column("Hazard"),
    )  # fmt: skip
    rows = []
    for (drug, event), each in study.onsets.items():
        low, middle, high = each.quartiles
        rows.append((
            drug, event, f"{each.reports:,}", f"{middle:g} ({low:g} to {high:g})",
            f"{figures(each.shape)} ({figures(each.shape_low)} to {figures(each.shape_high)})", each.hazard,
        ))  # fmt: skip
    return Table(
        columns, tuple(rows), "Time from the start of the drug to the event; not corrected for truncation."
    )


def _cleaning(study: SignalStudy) -> Table:
    columns = (Column("Step"), Column("Left", numeric=True))
    return Table(columns, tuple((step, f"{left:,}") for step, left in study.cleaned.steps), "Reports.")


def _findings(study: SignalStudy) -> Bullets | None:
    found = study.signals.findings
    return Bullets(tuple(map(str, found))) if found else None
