"""Twins report: a trial adjusted for what each patient would have come to on control."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from understudy.core.reported_number import ReportedNumber
from understudy.dossier.chapter import Chapter, Method, command_of, made_sections, sentences, text_table
from understudy.dossier.effect_texts import effect_numbers, effect_sentence, effects_block
from understudy.dossier.figures import figure
from understudy.dossier.number import figures, percent
from understudy.dossier.page import Bullets, Column, Figure, Section, Table, section
from understudy.plot.forest import forest
from understudy.plot.label import sentence_case
from understudy.trials.prognosis.twins import PrognosticTwins

if TYPE_CHECKING:
    import pandas as pd


PART = "twins"


def chapter(found: PrognosticTwins) -> Chapter:
    """What the score gains."""
    charts = dict(_charts(found))
    return Chapter(
        PART, "Digital twins", "adjusted for a prognostic score", found.trial, summary(found),
        made_sections(_sections(found, charts)), charts, found.tables(), tuple(_numbers(found)),
        tuple(_methods(found)), command_of(found.trial, PART, score="score.json"), found.record,
        " ".join([*_effect_sentences(found), *tuple(sentences(found.verdicts))[:1], _saved(found)]),
    )  # fmt: skip


def _numbers(found: PrognosticTwins) -> Iterator[ReportedNumber]:
    yield from effect_numbers(found.primary, found.trial.protocol.endpoint.name, found.method)
    low, high = found.r_squared_interval
    yield ReportedNumber(
        "r² of score and outcome within arms", found.r_squared, low=low, high=high,
        level=found.trial.protocol.analysis.level, source="Fisher's transformation",
    )  # fmt: skip
    yield ReportedNumber("r² in the history", found.score.r_squared, source="nested cross-validation")
    for _, row in found.comparison.dropna().iterrows():
        head = f"{found.primary[0].measure}, adjusted for {row['adjustment']}"
        yield ReportedNumber(
            head, row["value"], low=row["low"], high=row["high"], level=found.primary[0].level,
            error=row["standard_error"], source=found.method,
        )  # fmt: skip
        yield ReportedNumber(f"{head}: variance ratio", row["variance_ratio"], source=found.method)
    for _, row in found.size_table.iterrows():
        yield ReportedNumber(f"patients needed, {row['case']}", row["ratio"], source="γ² (1 - λ² r²)")


def _methods(found: PrognosticTwins) -> Iterator[Method]:
    source = "Schuler et al. 2022, doi:10.1515/ijb-2021-0072"
    yield Method("adjusted effects", found.method, source=source)
    yield Method("score", found.score.learner, "scikit-learn", source)
    yield Method("patients needed", "γ² (1 - λ² r²)", source=found.record.citations[-1])


def summary(found: PrognosticTwins) -> tuple[str, ...]:
    """The effect, what the score gained and what it would save, in sentences."""
    first, *others = sentences(found.verdicts)
    return (*_effect_sentences(found), first, _saved(found), *others)


def _effect_sentences(found: PrognosticTwins) -> list[str]:
    first, name = found.primary[0].measure, found.trial.protocol.endpoint.name
    return [effect_sentence(each, name) for each in found.primary if each.measure == first]


def _saved(found: PrognosticTwins) -> str:
    """Patients of the next trial."""
    history, cautious, own = found.size_table["ratio"]
    return (
        f"Adjusted for the score, a new trial of equal arms needs {percent(history)} of the patients if the score is "
        f"as good as in the history, {percent(cautious)} cautiously, {percent(own)} if it is as good as here."
    )


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
    estimand = Bullets(tuple(sentences(found.estimand))) if found.estimand else None
    effects = effects_block(found.primary, f"Adjusted for the prognostic score: {found.method}.")
    yield section("effects", "Effects", [estimand, effects])
    caption = (
        "Variance of the estimate (of its logarithm for a ratio) over that without adjustment. All analyses are of the "
        "same subjects; raw covariates are those that the score looks at, gaps filled in as the score has it."
    )
    table = comparison_texts(found).rename_axis("Adjusted for")
    yield section("comparison", "What the score gains", [*charts.values(), text_table(table, caption)])
    yield section("score", "The score", [Bullets(_score_facts(found))])
    yield section("sizes", "The next trial", [_sizes(found)])
    notes = tuple(sentences(found.notes))
    yield section("notes", "To be known", [Bullets(notes) if notes else None])


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
    yield "comparison", figure(chart, f"{PART}-comparison", caption)
