"""Replay charts: what an analysis of a trial found, drawn: curves over time, wins, effects with intervals."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.dossier.figures import figure
from understudy.dossier.page import Figure
from understudy.plot.forest import forest
from understudy.plot.label import sentence_case
from understudy.plot.rising_curves import rising_curves
from understudy.plot.survival import survival_curves
from understudy.plot.wins import wins
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.effect import effects_table
from understudy.trials.trial import Trial


def analysis_charts(trial: Trial, found: Analysed, prefix: str = "") -> Iterator[tuple[str, Figure]]:
    """Charts of one endpoint by their names, which begin with `prefix`."""
    endpoint, tables = trial.protocol.endpoint, found.tables
    if "survival" in tables:
        chart = survival_curves(tables["survival"], event=endpoint.name, unit=endpoint.unit)
        caption = f"Kaplan-Meier curves with pointwise limits; ticks are subjects last seen without {endpoint.name}."
        yield f"{prefix}survival", figure(chart, f"replay-{prefix}survival", caption)
    if "incidence" in tables:
        yield from _incidence(trial, found, prefix)
    if "mean numbers" in tables:
        rows = tables["mean numbers"].rename(columns={"mean": "value"})
        title = f"Mean number of events: {endpoint.name}"
        caption = f"Mean cumulative number of events of a subject, {endpoint.name}, with pointwise limits."
        chart = rising_curves(rows, title=title, unit=endpoint.unit)
        yield f"{prefix}mean-numbers", figure(chart, f"replay-{prefix}mean-numbers", caption)
    if "wins" in tables:
        yield from _wins(trial, found, prefix)
    yield from _effects(found, prefix)


def _incidence(trial: Trial, found: Analysed, prefix: str) -> Iterator[tuple[str, Figure]]:
    """The first cause's cumulative incidence."""
    first = next(iter(trial.protocol.endpoint.causes))
    rows = found.tables["incidence"]
    rows = rows[rows["name"] == first].rename(columns={"incidence": "value"})
    if len(rows):
        caption = f"Cumulative incidence of {first} (Aalen-Johansen), other causes competing, with pointwise limits."
        chart = rising_curves(
            rows, title=f"Probability of {first}", unit=trial.protocol.endpoint.unit, share=True
        )
        yield f"{prefix}incidence", figure(chart, f"replay-{prefix}incidence", caption)


def _wins(trial: Trial, found: Analysed, prefix: str) -> Iterator[tuple[str, Figure]]:
    for k, arm in enumerate(trial.arms[1:], 1):
        rows = found.tables["wins"][found.tables["wins"]["arm"] == arm]
        tied = float(rows["tie_share"].sum())
        name = f"{prefix}wins-{k}" if len(trial.arms) > 2 else f"{prefix}wins"
        caption = (
            f"Pairs of a subject on {arm} and one on {trial.control} that each outcome decides, the gravest first; "
            f"{100 * tied:.1f}\xa0% of pairs no outcome decides."
        )
        chart = wins(rows[rows["endpoint"] != "none"], treated=arm, control=trial.control)
        yield name, figure(chart, f"replay-{name}", caption)


def _effects(found: Analysed, prefix: str) -> Iterator[tuple[str, Figure]]:
    first = found.effects[0]
    shown = [each for each in found.effects if each.measure == first.measure]
    rows = effects_table(shown).assign(label=[f"{each.arm} against {each.against}" for each in shown])
    chart = forest(rows, measure=sentence_case(first.measure), ratio=first.is_ratio)
    caption = f"{sentence_case(first.measure)} with {100 * first.level:g}\xa0% intervals."
    yield f"{prefix}effects", figure(chart, f"replay-{prefix}effects", caption)
