"""Replay report: a trial made again, as one HTML page, or as a folder of page, charts, tables and record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from understudy.dossier.page import Bullets, Figure, Section, Table, Text, section
from understudy.dossier.replay_charts import analysis_charts
from understudy.dossier.replay_tables import comparisons_block, effects_block, hypotheses_block
from understudy.dossier.trial_page import page, text_table, write_folder
from understudy.plot.label import sentence_case
from understudy.trials.description import baseline_table, outcome_tables
from understudy.trials.replay import Answer, Replay


def render(found: Replay) -> str:
    """The replay as one HTML page that needs nothing else."""
    return _page(found, _charts(found))


def _page(found: Replay, charts: list[dict[str, Figure]]) -> str:
    return page(found.trial, "replayed", _sections(found, charts), summary(found))


def write(found: Replay, folder: Path) -> tuple[Path, ...]:
    """Write the page, charts, tables and record; the files."""
    tables = {"effects": found.table(), **found.primary.tables}
    tables |= {
        f"secondary {k} {name}": table
        for k, each in enumerate(found.secondary, 1)
        for name, table in each.analysed.tables.items()
    }
    tables |= {"hypotheses": found.claims.table()} if found.claims else {}
    charts = _charts(found)
    drawn = {name: figure for each in charts for name, figure in each.items()}
    return write_folder(folder, _page(found, charts), drawn, tables, found.record)


def summary(found: Replay) -> tuple[str, ...]:
    """What the trial says, and whether that is what was published, in sentences."""
    first = found.effects[0].measure
    told = [f"{sentence_case(str(each))}." for each in found.effects if each.measure == first]
    told += [found.claims.sentence] if found.claims else []
    if found.agrees is not None:
        total, off = len(found.comparisons), len(found.departures)
        told.append(
            f"All {total} published numbers are found again."
            if found.agrees
            else f"{off} of {total} published numbers are not found again: see where the replay departs."
        )
    return tuple(told)


def _sections(found: Replay, charts: list[dict[str, Figure]]) -> Iterator[Section | None]:
    trial = found.trial
    question = Text(trial.protocol.question) if trial.protocol.question else None
    yield section("estimand", "What is estimated", [question, Bullets(found.estimand)])
    first = Bullets(found.primary.remarks) if found.primary.remarks else None
    yield section("effects", "Effects", [effects_block(found.primary), first, *charts[0].values()])
    for k, (answer, drawn) in enumerate(zip(found.secondary, charts[1:], strict=True), 1):
        yield section(f"secondary-{k}", f"Secondary endpoint: {answer.name}", _answer(answer, drawn))
    claims = [Text(found.claims.sentence), hypotheses_block(found.claims)] if found.claims else []
    yield section("claims", "What may be claimed", claims)
    yield section("published", "Against what was published", [comparisons_block(found)])
    flow = Bullets(tuple(f"{count:,} {step}" for step, count in trial.flow.items()))
    frames = [
        *(
            text_table(table, f"{sentence_case(name)} of each arm")
            for name, table in outcome_tables(trial).items()
        ),
        text_table(baseline_table(trial), "Before randomisation"),
    ]
    yield section("subjects", "Subjects", [flow, *frames])
    yield section("notes", "To be known", [Bullets(found.notes) if found.notes else None])
    yield section("makers", "Whose code did what", [Bullets(found.makers)])


def _answer(answer: Answer, charts: dict[str, Figure]) -> Iterator[Bullets | Table | Figure]:
    """What is said of a secondary endpoint; a single effect needs no chart beside its numbers."""
    same = ("population: ", "treatments: ", "endpoint: ")
    yield Bullets(
        (*(each for each in answer.estimand if not each.startswith(same)), *answer.analysed.remarks)
    )
    yield effects_block(answer.analysed)
    single = len(answer.trial.arms) == 2
    yield from (drawn for name, drawn in charts.items() if not (single and name.endswith("effects")))


def _charts(found: Replay) -> list[dict[str, Figure]]:
    """Charts by name, of the primary and of each secondary endpoint."""
    own = dict(analysis_charts(found.trial, found.primary))
    others = enumerate(found.secondary, 1)
    return [own, *(dict(analysis_charts(each.trial, each.analysed, f"secondary-{k}-")) for k, each in others)]
