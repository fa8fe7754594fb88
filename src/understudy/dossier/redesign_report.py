"""Redesign report: criteria of eligibility, what each contributes, and every combination of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from understudy.core.reported_number import ReportedNumber
from understudy.dossier.chapter import Chapter, Method, command_of, made_sections, sentences
from understudy.dossier.effect_texts import resampled_note
from understudy.dossier.figures import figure
from understudy.dossier.number import MISSING, figures, is_number, percent
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, section
from understudy.plot.forest import forest
from understudy.plot.label import sentence_case
from understudy.trials.condition import Condition
from understudy.trials.redesign.redesign import Redesign

if TYPE_CHECKING:
    import pandas as pd

PART = "redesign"
# Combinations on the page; the table has all.
_MOST_ROWS = 40


def chapter(found: Redesign) -> Chapter:
    """What the redesign says."""
    charts, settings = dict(_charts(found)), found.record.settings
    second = "second.toml" if found.tested else None
    command = command_of(
        found.trial, PART, second=second, arm=settings["arm"], resamples=settings["resamples"]
    )
    return Chapter(
        PART, "Other criteria", "redesigned", found.trial, summary(found), made_sections(_sections(found, charts)),
        charts, found.tables(), tuple(_numbers(found)), _METHODS, command, found.record,
    )  # fmt: skip


_METHODS = (
    Method(
        "contribution of a criterion", "Shapley values of the effect",
        source="Shapley 1953, doi:10.1515/9781400881970-018; Liu et al. 2021, doi:10.1038/s41586-021-03430-5",
    ),
    Method(
        "intervals", "percentile bootstrap of subjects, within arms", source="Efron 1979, doi:10.1214/aos/1176344552"
    ),
    Method("p, adjusted", "Holm's test", source="Holm 1979, Scand J Stat 6:65-70"),
)  # fmt: skip


def _numbers(found: Redesign) -> Iterator[ReportedNumber]:
    for _, row in found.combinations.iterrows():
        head = f"{found.measure} where criteria are: {row['criteria']}"
        yield ReportedNumber(
            head, row["effect"], low=row["low"], high=row["high"], level=0.95, source="bootstrap"
        )
        yield ReportedNumber(f"{head}: subjects", int(row["subjects"]), source="counted")
        yield ReportedNumber(
            f"{head}: subjects needed", row["subjects_needed"], source="power 80 %, two-sided 5 %"
        )
        if found.tested:
            yield ReportedNumber(
                f"{head}, in the second trial", row["second_effect"], low=row["second_low"],
                high=row["second_high"], level=0.95, source="bootstrap",
            )  # fmt: skip
    for _, row in found.contributions.iterrows():
        head = f"contribution of {row['criterion']} to the {found.measure}"
        yield ReportedNumber(
            head,
            row["effect"],
            low=row["low"],
            high=row["high"],
            level=0.95,
            source="Shapley value, bootstrap",
        )
        yield ReportedNumber(f"{head}: p, adjusted", row["p_adjusted"], source="Holm's test")


def summary(found: Redesign) -> tuple[str, ...]:
    """What criteria do, in sentences."""
    whole, last = found.combinations.iloc[0], found.combinations.iloc[-1]
    count = len(found.criteria)
    meet = "the criterion" if count == 1 else f"all {count} criteria"
    ends, head = (
        f"(95\xa0% bootstrap interval {_ends(whole)})",
        f"{sentence_case(found.measure)}{_compared(found)}",
    )
    told = [
        f"{head} {figures(whole['effect'])} {ends} in all {whole['subjects']:,} subjects; "
        f"{_effect(last)} in the {last['subjects']:,} ({percent(last['share'])}) who meet {meet}."
    ]
    clear = found.contributions[found.contributions["p_adjusted"] < 0.05]
    told.append(
        f"Beyond chance, after adjustment for their number, the effect is changed by: {', '.join(clear['criterion'])}."
        if len(clear)
        else "No criterion changes the effect beyond chance, after adjustment for their number."
    )
    return (*told, f"{sentence_case(found.notes[0])}.")


def _compared(found: Redesign) -> str:
    """The arms, where there are more than two."""
    if len(found.trial.arms) == 2:
        return ""
    return f", {found.record.settings['arm']} against {found.trial.control}:"


def _effect(row: pd.Series) -> str:
    return f"{figures(row['effect'])} ({_ends(row)})"


def _count(number: float) -> str:
    return f"{number:,.0f}" if is_number(number) else MISSING


def _ends(row: pd.Series) -> str:
    return f"{figures(row['low'])} to {figures(row['high'])}"


def _sections(found: Redesign, charts: dict[str, Figure]) -> Iterator[Section | None]:
    aside = resampled_note(found.trial, found.record.settings["arm"])
    rules = tuple(f"{each.name}: {Condition.of(each.rule)}" for each in found.trial.protocol.criteria)
    yield section("criteria", "Criteria", [Bullets(rules)])
    yield section(
        "contributions", "What each criterion contributes", [_contributions(found), *charts.values()]
    )
    yield section("combinations", "Combinations", [_combinations(found)])
    yield section("notes", "To be known", [Bullets(tuple(sentences((*found.notes, *aside))))])


def _contributions(found: Redesign) -> Table:
    columns = (
        Column("Criterion"), Column(f"Change of {found.measure}", numeric=True),
        Column("95\xa0% interval", numeric=True),
        Column("p", numeric=True), Column("p, adjusted", numeric=True), Column("Change of the pool", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (r["criterion"], figures(r["effect"]), f"{figures(r['low'])} to {figures(r['high'])}", figures(r["p"], 2),
         figures(r["p_adjusted"], 2), percent(r["share"]))
        for _, r in found.contributions.iterrows()
    )  # fmt: skip
    kind = "factors by which the ratio changes" if " ratio" in found.measure else "differences"
    return Table(
        columns, rows, caption=f"Shapley values, {kind}; p adjusted for all criteria by Holm's method."
    )


def _combinations(found: Redesign) -> Table:
    second = found.tested
    columns = [
        Column("Criteria"), Column("Subjects", numeric=True), Column("Share", numeric=True),
        Column("Events", numeric=True), Column(sentence_case(found.measure), numeric=True),
        Column("Subjects needed", numeric=True),
    ]  # fmt: skip
    columns += [Column("In the second trial", numeric=True)] if second else []
    safety = found.combinations["safety"].notna().any()
    columns += [Column("Harm, treated", numeric=True)] if safety else []
    rows = tuple(_row(r, second, safety) for _, r in found.combinations.head(_MOST_ROWS).iterrows())
    more = (
        f" The first {_MOST_ROWS} of {len(found.combinations)}."
        if len(found.combinations) > _MOST_ROWS
        else ""
    )
    caption = f"Subjects needed for a power of 80\xa0% if the effect is as estimated; level 5\xa0%, two-sided.{more}"
    return Table(tuple(columns), rows, caption=caption)


def _row(row: pd.Series, second: bool, safety: bool) -> tuple[str, ...]:
    cells = [
        row["criteria"], f"{row['subjects']:,}", percent(row["share"]), f"{row['events']:,}", _effect(row),
        _count(row["subjects_needed"]),
    ]  # fmt: skip
    if second:
        cells.append(
            f"{figures(row['second_effect'])} ({figures(row['second_low'])} to {figures(row['second_high'])})"
        )
    return (*cells, percent(row["safety"], 1)) if safety else tuple(cells)


def _charts(found: Redesign) -> Iterator[tuple[str, Figure]]:
    ratio = " ratio" in found.measure
    rows = found.contributions.rename(columns={"criterion": "label", "effect": "value"})
    title = f"Change of the {found.measure}" + (", factor" if ratio else "")
    caption = f"What each criterion contributes to the change of the {found.measure}, with 95\xa0% intervals."
    yield "contributions", figure(forest(rows, measure=title, ratio=ratio), f"{PART}-contributions", caption)
