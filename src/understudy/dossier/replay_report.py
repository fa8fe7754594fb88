"""Replay report: the trial as it happened, analysed again, and set beside what was published."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.core.reported_number import ReportedNumber
from understudy.dossier.analysis_sources import analysis_methods
from understudy.dossier.chapter import Chapter, Method, command_of, made_sections, sentences, text_table
from understudy.dossier.effect_texts import effect_numbers, effect_sentence, effects_block
from understudy.dossier.page import Bullets, Figure, Section, Table, Text, section
from understudy.dossier.replay_charts import analysis_charts
from understudy.dossier.replay_tables import comparisons_block, hypotheses_block
from understudy.plot.label import sentence_case
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.description import outcome_tables
from understudy.trials.replay import Answer, Replay

PART = "replay"


def chapter(found: Replay) -> Chapter:
    """What the replay says."""
    charts = _charts(found)
    return Chapter(
        PART, "The trial as it happened", "replayed", found.trial, summary(found),
        made_sections(_sections(found, charts)),
        {name: drawn for each in charts for name, drawn in each.items()}, found.tables(),
        tuple(_numbers(found)), tuple(_methods(found)), command_of(found.trial, PART), found.record,
        " ".join(_effect_sentences(found)),
    )  # fmt: skip


def summary(found: Replay) -> tuple[str, ...]:
    """What the trial says, and whether that is what was published, in sentences."""
    told = _effect_sentences(found)
    told += [found.claims.sentence] if found.claims else []
    if found.agrees is not None:
        total, off = len(found.comparisons), len(found.departures)
        told.append(
            f"All {total} published numbers are found again."
            if found.agrees
            else f"{off} of {total} published numbers are not found again: see where the replay departs."
        )
    return tuple(told)


def _effect_sentences(found: Replay) -> list[str]:
    """The primary measure of each arm."""
    first, name = found.effects[0].measure, found.trial.protocol.endpoint.name
    return [effect_sentence(each, name) for each in found.effects if each.measure == first]


def _numbers(found: Replay) -> Iterator[ReportedNumber]:
    yield from effect_numbers(found.effects, found.trial.protocol.endpoint.name)
    for each in found.secondary:
        yield from effect_numbers(each.analysed.effects, each.name)
    for each in found.claims.items if found.claims else ():
        yield ReportedNumber(f"{each.name}: adjusted p", each.adjusted, source=found.claims.procedure)


def _methods(found: Replay) -> Iterator[Method]:
    for name in dict.fromkeys([found.primary.method, *(each.analysed.method for each in found.secondary)]):
        yield from analysis_methods(name)
    if found.trial.protocol.estimand.events:
        yield Method("estimand", "strategies for intercurrent events", source="ICH E9(R1), 2019")
    if found.claims:
        source = "Bretz, Maurer, Brannath and Posch 2009, doi:10.1002/sim.3495"
        yield Method("adjusted p values", found.claims.procedure, source=source)


def _sections(found: Replay, charts: list[dict[str, Figure]]) -> Iterator[Section | None]:
    question = found.trial.protocol.question
    estimand = Bullets(tuple(sentences(found.estimand)))
    yield section("estimand", "What is estimated", [Text(question) if question else None, estimand])
    remarks = tuple(sentences(found.primary.remarks))
    first = Bullets(remarks) if remarks else None
    yield section("effects", "Effects", [_effects(found.primary), first, *charts[0].values()])
    outcomes = outcome_tables(found.trial).items()
    tables = [text_table(table, f"{sentence_case(name)}, arm by arm.") for name, table in outcomes]
    yield section("outcomes", "Outcomes of each arm", tables)
    for k, (answer, drawn) in enumerate(zip(found.secondary, charts[1:], strict=True), 1):
        yield section(f"secondary-{k}", f"Secondary endpoint: {answer.name}", _answer(answer, drawn))
    claims = [Text(found.claims.sentence), hypotheses_block(found.claims)] if found.claims else []
    yield section("claims", "What may be claimed", claims)
    yield section("published", "Against what was published", [comparisons_block(found)])
    notes = tuple(sentences(found.notes))
    yield section("notes", "To be known", [Bullets(notes) if notes else None])


def _effects(found: Analysed) -> Table:
    return effects_block(found.effects, f"By {found.told}.")


def _answer(answer: Answer, charts: dict[str, Figure]) -> Iterator[Bullets | Table | Figure]:
    """What is said of a secondary endpoint; a single effect needs no chart beside its numbers."""
    same = ("population: ", "treatments: ", "endpoint: ")
    own = (each for each in answer.estimand if not each.startswith(same))
    yield Bullets(tuple(sentences((*own, *answer.analysed.remarks))))
    yield _effects(answer.analysed)
    single = len(answer.trial.arms) == 2
    yield from (drawn for name, drawn in charts.items() if not (single and name.endswith("effects")))


def _charts(found: Replay) -> list[dict[str, Figure]]:
    """Charts by name, of the primary and of each secondary endpoint."""
    own = dict(analysis_charts(found.trial, found.primary))
    others = enumerate(found.secondary, 1)
    return [own, *(dict(analysis_charts(each.trial, each.analysed, f"secondary-{k}-")) for k, each in others)]
