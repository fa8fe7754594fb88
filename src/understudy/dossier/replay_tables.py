"""Replay tables: hypotheses and published numbers of a replayed trial, for its report."""

from __future__ import annotations

from understudy.dossier.number import compact, figures
from understudy.dossier.page import Column, Table
from understudy.trials.claims import Claims
from understudy.trials.replay import Replay


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
