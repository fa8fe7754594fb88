"""Twins report: a trial adjusted for its patients' prognosis, as one HTML page or a folder of page and tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.dossier.figures import figure
from understudy.dossier.number import figures, percent
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, Text, section
from understudy.dossier.trial_page import page, text_table, write_folder
from understudy.plot.forest import forest
from understudy.plot.label import sentence_case
from understudy.trials.prognosis.twins import PrognosticTwins

if TYPE_CHECKING:
    import pandas as pd


def render(found: PrognosticTwins) -> str:
    """The analysis as one HTML page that needs nothing else."""
    verb = "adjusted for a prognostic score"
    return page(found.trial, verb, _sections(found, dict(_charts(found))), summary(found))


def write(found: PrognosticTwins, folder: Path) -> tuple[Path, ...]:
    """Write the page, charts, tables and record; the files."""
    from understudy.trials.effect import effects_table

    tables = {
        "effects": effects_table(found.primary),
        "comparison": found.comparison,
        "twins": found.patients.reset_index(),
        "sizes": found.size_table,
    }
    return write_folder(folder, render(found), dict(_charts(found)), tables, found.record)


def summary(found: PrognosticTwins) -> tuple[str, ...]:
    """The effect and what the score gained, in sentences."""
    first = found.primary[0].measure
    told = [f"{sentence_case(str(each))}." for each in found.primary if each.measure == first]
    return (*told, *(f"{sentence_case(each)}." for each in found.verdicts))


def comparison_texts(found: PrognosticTwins) -> pd.DataFrame:
    """The first effect by what was adjusted for, as texts."""
    import pandas as pd

    rows = [_texts(row) for _, row in found.comparison.iterrows()]
    names = (
        "Columns",
        "Estimate",
        f"{100 * found.primary[0].level:g}\xa0% interval",
        "SE",
        "p",
        "Variance ratio",
    )
    return pd.DataFrame(rows, columns=list(names), index=found.comparison["adjustment"])


def _texts(row: pd.Series) -> list[str]:
    if row.isna().any():
        return [f"{row['columns']}", *["–"] * 5]
    interval = f"{figures(row['low'], 4)} to {figures(row['high'], 4)}"
    ends = figures(row["standard_error"], 3), figures(row["p"], 2), f"{row['variance_ratio']:.3f}"
    return [f"{row['columns']}", figures(row["value"], 4), interval, *ends]


def _sections(found: PrognosticTwins, charts: dict[str, Figure]) -> Iterator[Section | None]:
    estimand = Bullets(found.estimand) if found.estimand else None
    yield section(
        "effects",
        "Effects",
        [Text(f"Adjusted for the prognostic score: {found.method}."), estimand, _effects(found)],
    )
    caption = (
        "Variance of the estimate (of its logarithm for a ratio) over that without adjustment. All analyses are of the "
        "same subjects; raw covariates are those that the score looks at, gaps filled in as the score has it."
    )
    table = comparison_texts(found).rename_axis("Adjusted for")
    yield section("comparison", "What the score gains", [*charts.values(), text_table(table, caption)])
    yield section("score", "The score", [Bullets(_score_facts(found))])
    yield section("sizes", "The next trial", [_sizes(found)])
    notes = tuple(f"{sentence_case(each)}." for each in found.notes)
    yield section("notes", "To be known", [Bullets(notes) if notes else None])


def _effects(found: PrognosticTwins) -> Table:
    columns = (
        Column("Arm"), Column("Against"), Column("Measure"), Column("Estimate", numeric=True),
        Column(f"{100 * found.primary[0].level:g}\xa0% interval", numeric=True),
        Column("Standard error", numeric=True), Column("p", numeric=True), Column("Subjects", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (e.arm, e.against, e.measure, figures(e.value, 4), f"{figures(e.low, 4)} to {figures(e.high, 4)}",
         figures(e.standard_error, 4), figures(e.p_value, 3), f"{e.subjects:,}")
        for e in found.primary
    )  # fmt: skip
    return Table(columns, rows, caption="Standard errors of ratios are of their logarithms.")


def _score_facts(found: PrognosticTwins) -> tuple[str, ...]:
    score, (low, high) = found.score, found.r_squared_interval
    registered = found.trial.protocol.history and found.trial.protocol.history.score
    proof = (
        "as registered in the protocol"
        if registered
        else "which the protocol has not registered: the date is the file's own"
    )
    known = "by data" if score.other_people else "by name or by data"
    return (
        f"It foretells {score.endpoint} on control: {score.learner}, from {score.subjects:,} earlier patients.",
        f"Frozen {score.date} with the hash {score.hash}, {proof}.",
        f"Patients it learned from: hash {score.training[:12]}; none is a subject of this trial, {known}.",
        f"r² {score.r_squared:.3f} in nested cross-validation of the history; {found.r_squared:.3f} ({low:.3f} to "
        f"{high:.3f}) within the arms of this trial.",
        f"It looks at {', '.join(score.covariates)}.",
    )


def _sizes(found: PrognosticTwins) -> Table:
    columns = (Column("If"), Column("r²", numeric=True), Column("Patients needed", numeric=True))
    rows = tuple(
        (r["case"], f"{r['r_squared']:.3f}", percent(r["ratio"])) for _, r in found.size_table.iterrows()
    )
    return Table(
        columns, rows, caption="Patients of a trial of equal arms over those without adjustment, for the same power: "
        "γ² (1 - λ² r²).",
    )  # fmt: skip


def _charts(found: PrognosticTwins) -> Iterator[tuple[str, Figure]]:
    first = found.primary[0]
    rows = found.comparison.dropna().rename(columns={"adjustment": "label"})
    chart = forest(rows, measure=sentence_case(first.measure), ratio=first.is_ratio)
    caption = (
        f"{sentence_case(first.measure)} of {first.arm} against {first.against}, by what is adjusted for."
    )
    yield "comparison", figure(chart, "comparison", caption)
