"""Responders report: whether effects differ between subjects beyond chance, and how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from understudy.core.reported_number import ReportedNumber
from understudy.dossier.chapter import Chapter, Method, command_of, made_sections, sentences
from understudy.dossier.figures import figure
from understudy.dossier.number import figures, percent
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, section
from understudy.plot.forest import forest
from understudy.plot.label import sentence_case
from understudy.trials.responders.responders import Responders

if TYPE_CHECKING:
    import pandas as pd


PART = "responders"


def chapter(found: Responders) -> Chapter:
    """Who responds."""
    charts = dict(_charts(found))
    command = command_of(found.trial, PART, arm=found.arm, copies=found.copies, level=found.level)
    return Chapter(
        PART, "Who responds", "searched for responders", found.trial, summary(found),
        made_sections(_sections(found, charts)), charts, found.tables(), tuple(_numbers(found)), _METHODS, command,
        found.record,
    )  # fmt: skip


def summary(found: Responders) -> tuple[str, ...]:
    """Whether effects differ, beside how often chance would say so; then how."""
    first, *between, chance = found.sentences
    return (f"{first} {chance}", *between)


_METHODS = (
    Method("score", "R-learner, cross-fitted", source="Nie and Wager 2021, doi:10.1093/biomet/asaa076"),
    Method(
        "p values", "the largest statistic in copies of the trial with permuted arms",
        source="Westfall and Young 1993, Resampling-Based Multiple Testing, Wiley",
    ),
)  # fmt: skip


def _numbers(found: Responders) -> Iterator[ReportedNumber]:
    chance = f"{found.copies:,} permuted copies"
    yield ReportedNumber("score: p", found.p_score, source=chance)
    yield ReportedNumber("best rule: p, adjusted for all rules", found.p_rule, source=chance)
    yield ReportedNumber("slope of seen on foretold effects", found.slope, source="R-learner")
    for _, row in found.groups.iterrows():
        head = f"{found.measure}, quarter {row['group']:.0f} of the score"
        yield ReportedNumber(
            head, row["seen"], low=row["low"], high=row["high"], level=0.95, source="R-learner"
        )
    for _, row in found.policy.iterrows():
        head = f"{found.measure}, gain of the policy: {row['policy']}"
        yield ReportedNumber(
            head, row["gain"], low=row["low"], high=row["high"], level=0.95, source="R-learner"
        )
    for _, row in found.rules.iterrows():
        yield ReportedNumber(f"{found.measure} where {row['rule']}", row["inside"], source="R-learner")
        yield ReportedNumber(f"{found.measure} but where {row['rule']}", row["outside"], source="R-learner")
        yield ReportedNumber(f"rule {row['rule']}: p, adjusted", row["p"], source=chance)


def _sections(found: Responders, charts: dict[str, Figure]) -> Iterator[Section | None]:
    yield section("score", "The score", [_groups(found), *charts.values(), _policy(found)])
    yield section("rules", "Rules", [_rules(found)])
    yield section("covariates", "Covariates", [_coefficients(found)])
    yield section("notes", "To be known", [Bullets(tuple(sentences(found.notes)))])


def _interval(row: pd.Series) -> str:
    return f"{figures(row['low'])} to {figures(row['high'])}"


def _groups(found: Responders) -> Table:
    columns = (
        Column("Quarter", numeric=True), Column("Subjects", numeric=True), Column("Foretold", numeric=True),
        Column("Seen", numeric=True), Column("95\xa0% interval", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (
            f"{r['group']:.0f}",
            f"{r['subjects']:.0f}",
            figures(r["foretold"]),
            figures(r["seen"]),
            _interval(r),
        )
        for _, r in found.groups.iterrows()
    )
    caption = (
        f"{sentence_case(found.measure)}, higher is better, as the score foretold it for subjects who had no part in "
        f"it, and as it was. Slope of seen on foretold {figures(found.slope)}; one would be perfect."
    )
    return Table(columns, rows, caption=caption)


def _policy(found: Responders) -> Table:
    columns = (
        Column("Policy"), Column("Treated", numeric=True), Column("Gain", numeric=True),
        Column("95\xa0% interval", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (r["policy"], percent(r["treated"]), figures(r["gain"]), _interval(r))
        for _, r in found.policy.iterrows()
    )
    return Table(
        columns, rows, caption="What a policy gains over treating nobody, averaged over all subjects."
    )


def _rules(found: Responders) -> Table:
    columns = (
        Column("Where"), Column("Subjects", numeric=True), Column("Effect there", numeric=True),
        Column("Elsewhere", numeric=True), Column("z", numeric=True), Column("p", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (
            r["rule"],
            f"{r['subjects']:,}",
            figures(r["inside"]),
            figures(r["outside"]),
            figures(r["z"]),
            figures(r["p"]),
        )
        for _, r in found.rules.iterrows()
    )
    return Table(
        columns,
        rows,
        caption=f"The best rules; p adjusted for all rules by {found.copies:,} permuted copies.",
    )


def _coefficients(found: Responders) -> Table:
    columns = (
        Column("Covariate"),
        Column("Change of effect", numeric=True),
        Column("z", numeric=True),
        Column("p", numeric=True),
    )
    rows = tuple(
        (r["covariate"], figures(r["effect"]), figures(r["z"]), figures(r["p"]))
        for _, r in found.coefficients.iterrows()
    )
    caption = (
        "For a standard deviation of the covariate; shrunk; p adjusted for all covariates by permuted copies."
    )
    return Table(columns, rows, caption=caption)


def _charts(found: Responders) -> Iterator[tuple[str, Figure]]:
    rows = found.groups.rename(columns={"seen": "value"})
    rows = rows.assign(label=[f"quarter {g}" for g in rows["group"]])
    chart = forest(rows, measure=sentence_case(found.measure), ratio=False)
    yield (
        "groups",
        figure(chart, f"{PART}-groups", "Effects in quarters of the score, the least favoured first."),
    )
