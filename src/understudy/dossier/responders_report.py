"""Responders report: whether effects differ between subjects beyond chance, and how."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.dossier.figures import figure
from understudy.dossier.number import figures, percent
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, section
from understudy.dossier.trial_page import page, write_folder
from understudy.plot.forest import forest
from understudy.plot.label import sentence_case
from understudy.trials.responders.responders import Responders

if TYPE_CHECKING:
    import pandas as pd


def render(found: Responders) -> str:
    """The finding as one HTML page that needs nothing else."""
    return page(found.trial, "searched for responders", _sections(found), found.sentences)


def write(found: Responders, folder: Path) -> tuple[Path, ...]:
    """Write the page, charts, tables and record; the files."""
    tables = {name: getattr(found, name) for name in ("groups", "rules", "coefficients", "policy")}
    tables["scores"] = found.scores.reset_index()
    return write_folder(folder, render(found), dict(_charts(found)), tables, found.record)


def _sections(found: Responders) -> Iterator[Section | None]:
    charts = dict(_charts(found))
    yield section("score", "The score", [_groups(found), *charts.values(), _policy(found)])
    yield section("rules", "Rules", [_rules(found)])
    yield section("covariates", "Covariates", [_coefficients(found)])
    yield section("notes", "To be known", [Bullets(tuple(f"{sentence_case(each)}." for each in found.notes))])


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
    yield "groups", figure(chart, "groups", "Effects in quarters of the score, the least favoured first.")
