"""Responders report: whether effects differ between subjects beyond chance, and how."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.core.reported_number import ReportedNumber
from understudy.dossier.chapter import Chapter, Method, command_of, made_sections, sentences
from understudy.dossier.figures import figure
from understudy.dossier.number import percent
from understudy.dossier.page import Bullets, Figure, Section, Text, section
from understudy.dossier.responders_tables import (
    calibration_table,
    coefficient_table,
    group_table,
    held_out_table,
    policy_table,
    rule_table,
    subgroup_table,
)
from understudy.plot.effect_calibration import effect_calibration
from understudy.plot.forest import forest
from understudy.plot.label import sentence_case
from understudy.trials.responders.responders import Responders

PART = "responders"
_SHOWN_RULES = 5


def chapter(found: Responders) -> Chapter:
    """Who responds."""
    charts = dict(_charts(found))
    command = command_of(
        found.trial, PART, arm=found.arm, copies=found.copies, level=found.level, learner=found.learner,
        method=found.method,
    )  # fmt: skip
    return Chapter(
        PART, "Who responds", "searched for responders", found.trial, summary(found),
        made_sections(_sections(found, charts)), charts, found.tables(), tuple(_numbers(found)),
        tuple(_methods(found)), command, found.record,
    )  # fmt: skip


def summary(found: Responders) -> tuple[str, ...]:
    """Whether effects differ, beside how often chance would say so; then how."""
    first, *between, chance = found.sentences
    return (f"{first} {chance}", *between)


def _methods(found: Responders) -> Iterator[Method]:
    code = "scikit-learn" if found.learner == "forest" else "understudy"
    learners = {
        "R": "Nie and Wager 2021, doi:10.1093/biomet/asaa076",
        "DR": "Kennedy 2023, doi:10.1214/23-EJS2157",
    }
    yield Method(
        "score", f"{found.method}-learner by {found.learner}, cross-fitted", code, learners[found.method]
    )
    if found.trial.protocol.endpoint.kind == "survival":
        yield Method(
            "times of the censored", "doubly robust, by inverse probability of censoring weights of each arm",
            source="Cui, Kosorok, Sverdrup, Wager and Zhu 2023, doi:10.1093/jrsssb/qkac001",
        )  # fmt: skip
    yield Method(
        "calibration", "best linear predictor; robust errors",
        source="Chernozhukov, Demirer, Duflo and Fernández-Val 2025, doi:10.3982/ECTA19303",
    )  # fmt: skip
    yield Method(
        "AUTOC, Qini", "rank-weighted effects; errors by halves of the subjects",
        source="Yadlowsky, Fleming, Shah, Brunskill and Wager 2025, doi:10.1080/01621459.2024.2393466",
    )  # fmt: skip
    yield Method(
        "policy", "mean of doubly robust scores of the treatments that other folds advise",
        source="Zhang, Tsiatis, Laber and Davidian 2012, doi:10.1111/j.1541-0420.2012.01763.x",
    )  # fmt: skip
    yield Method(
        "p", "the largest statistic in copies of the trial with permuted arms",
        source="Westfall and Young 1993, Resampling-Based Multiple Testing, Wiley",
    )  # fmt: skip
    yield Method(
        "false-discovery rate", "expected over seen number, from the copies",
        source="Storey and Tibshirani 2003, doi:10.1073/pnas.1530509100",
    )  # fmt: skip


def _numbers(found: Responders) -> Iterator[ReportedNumber]:
    chance, way = f"{found.copies:,} permuted copies", f"{found.method}-learner by {found.learner}"
    yield ReportedNumber("search as a whole: p", found.p, source=chance)
    yield ReportedNumber("score: p", found.p_score, source=chance)
    yield ReportedNumber("best rule: p, adjusted for all rules", found.p_rule, source=chance)
    for _, row in found.calibration.iterrows():
        yield _number(f"score: {row['measure']}", row, "value", "", way)
    for _, row in found.groups.iterrows():
        yield _number(f"{found.measure}, quarter {row['group']:.0f} of the score", row, "seen", "", way)
    for _, row in found.policy.iterrows():
        yield _number(f"value of the policy: {row['policy']}", row, "value", "value_", way)
        for against in ("nobody", "all"):
            if row["policy"] != f"treat {against}":
                head = f"{found.measure}, gain of the policy over treating {against}: {row['policy']}"
                yield _number(head, row, f"over_{against}", f"over_{against}_", way)
    for _, row in found.rules.iterrows():
        yield _number(f"{found.measure} where {row['rule']}", row, "inside", "inside_", way)
        yield _number(f"{found.measure} but where {row['rule']}", row, "outside", "outside_", way)
        yield ReportedNumber(f"rule {row['rule']}: p, adjusted", row["p"], source=chance)
        yield ReportedNumber(f"rule {row['rule']}: false-discovery rate", row["fdr"], source=chance)
    for _, row in found.held_out.iterrows():
        yield _number(f"{found.measure} {row['where']}", row, "effect", "", way)


def _number(head: str, row, value: str, limits: str, source: str) -> ReportedNumber:
    return ReportedNumber(
        head, row[value], low=row[f"{limits}low"], high=row[f"{limits}high"], level=0.95, source=source
    )


def _sections(found: Responders, charts: dict[str, Figure]) -> Iterator[Section | None]:
    yield section(
        "score", "The score", [calibration_table(found), charts.get("calibration"), group_table(found)]
    )
    yield section("policy", "Whom to treat", [policy_table(found)])
    yield section(
        "rules",
        "Rules",
        [
            _warning(found),
            rule_table(found),
            charts.get("rules"),
            held_out_table(found),
            subgroup_table(found),
        ],
    )
    yield section("covariates", "Covariates", [coefficient_table(found)])
    yield section("notes", "To be known", [Bullets(tuple(sentences(found.notes)))] if found.notes else [])


def _warning(found: Responders) -> Text | None:
    """That rules are no findings, where chance makes as good ones."""
    if found.rules.empty or found.p_rule <= found.level / 2:
        return None
    return Text(
        f"None of these is a finding: chance makes a best rule as good in {percent(found.p_rule)} of the copies."
    )


def _charts(found: Responders) -> Iterator[tuple[str, Figure]]:
    chart = effect_calibration(found.groups, measure=found.measure)
    yield "calibration", figure(
        chart, f"{PART}-calibration",
        "Effects in quarters of the score, seen with 95\xa0% intervals against foretold; higher is better. On the thin "
        "line they are equal; no effect is dashed.",
    )  # fmt: skip
    if len(found.rules):
        rows = found.subgroups.head(2 * _SHOWN_RULES)
        label = [
            r["rule"] if r["where"] == "inside" else f"not {_bracketed(r['rule'])}"
            for _, r in rows.iterrows()
        ]
        chart = forest(
            rows.assign(label=label, value=rows["effect"]), measure=sentence_case(found.measure), ratio=False
        )
        yield "rules", figure(
            chart, f"{PART}-rules",
            f"Effects in and out of the {len(rows) // 2} best rules, with 95\xa0% intervals; higher is better. They "
            "were chosen for their difference, which flatters it.",
        )  # fmt: skip


def _bracketed(rule: str) -> str:
    return f"({rule})" if " and " in rule else rule
