"""Replay tables: effects, hypotheses and published numbers of a replayed trial, for its report."""

from __future__ import annotations

from understudy.dossier.number import compact, figures
from understudy.dossier.page import Column, Table
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.claims import Claims
from understudy.trials.effect import Effect
from understudy.trials.replay import Replay


def effects_block(found: Analysed) -> Table:
    """The effects on one endpoint."""
    columns = (
        Column("Arm"), Column("Against"), Column("Measure"), Column("Estimate", numeric=True),
        Column(f"{100 * found.effects[0].level:g}\xa0% interval", numeric=True), Column("Standard error", numeric=True),
        Column("p", numeric=True), Column("Subjects", numeric=True), Column("Events", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (e.arm, e.against, e.measure, _number(e.value), _interval(e),
         figures(e.standard_error, 4), figures(e.p_value, 3), f"{e.subjects:,}",
         "–" if e.events is None else f"{e.events:,}")
        for e in found.effects
    )  # fmt: skip
    return Table(
        columns, rows, caption=f"By {found.told}. Standard errors of ratios are of their logarithms."
    )


def _interval(effect: Effect) -> str:
    if effect.low != effect.low or effect.high != effect.high:
        return "–"
    return f"{_number(effect.low)} to {_number(effect.high)}"


def _number(value: float) -> str:
    return "∞" if value == float("inf") else figures(value, 4)


def hypotheses_block(found: Claims) -> Table:
    """Every hypothesis with its p values and what may be said."""
    columns = (
        Column("Hypothesis"), Column("Measure"), Column("Share of alpha", numeric=True), Column("p", numeric=True),
        Column("Adjusted p", numeric=True), Column(""),
    )  # fmt: skip
    rows = tuple(
        (each.name, each.effect.measure, figures(each.weight, 3), figures(each.p_value, 3),
         figures(each.adjusted, 3), each.verdict)
        for each in found.items
    )  # fmt: skip
    caption = (
        f"A hypothesis is shown where its adjusted p is {found.alpha:g} or less. Shares of alpha are those at the "
        "beginning, before any is handed on."
    )
    return Table(columns, rows, caption=caption)


def comparisons_block(found: Replay) -> Table | None:
    """Published numbers beside ours; None where none are given."""
    if not found.comparisons:
        return None
    several = len({each.endpoint for each in found.comparisons}) > 1 or bool(found.secondary)
    columns = (
        *((Column("Endpoint"),) if several else ()),
        Column("Arm"), Column("Number"), Column("Published", numeric=True), Column("Here", numeric=True), Column(""),
    )  # fmt: skip
    rows = tuple(
        (*((c.endpoint,) if several else ()), c.arm, c.what, compact(c.published), figures(c.ours, 5),
         "agrees" if c.agrees else "departs")
        for c in found.comparisons
    )  # fmt: skip
    return Table(columns, rows, caption="Numbers agree where ours rounds to the digits published.")
