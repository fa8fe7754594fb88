"""Outputs: what can be looked at of an SBML model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from understudy.core.expression import Expression
from understudy.model.parts import Output

if TYPE_CHECKING:
    from understudy.formats.sbml.content import Content
    from understudy.formats.sbml.unit_labels import UnitLabels


def outputs_of(content: Content, units: UnitLabels) -> tuple[Output, ...]:
    """Species, then all else that varies, then reactions; at last amounts or concentrations of species.

    A name is what the identifier means in the file's equations.
    """
    names = dict.fromkeys(_names(content))
    known = {*content.draft.starts, *content.draft.assigned, *content.draft.rates}
    return tuple(
        Output(name, Expression(name), units.of(name), content.draft.descriptions.get(name, ""))
        for name in names
        if name in known
    )


def _names(content: Content) -> Iterator[str]:
    draft = content.draft
    yield from (each.symbol for each in content.species.values())
    varying = draft.varying()
    quantities = [name for name in draft.places if name in varying or name in draft.assigned]
    others = {each.amount for each in content.species.values()} | {each.name for each in content.reactions}
    yield from (name for name in quantities if name not in others)
    yield from (each.name for each in content.reactions)
    for each in content.species.values():
        yield each.amount if each.amount != each.symbol else each.concentration or each.symbol
