"""Reactions: how they move species, with local parameters and stoichiometries of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from understudy.formats.sbml import term
from understudy.formats.sbml.place import Place, label
from understudy.formats.sbml.term import Tree

if TYPE_CHECKING:
    from understudy.formats.sbml.content import Content


@dataclass(frozen=True)
class Reaction:
    """A reaction: its rate's name, and by how much its extent changes each species' amount.

    Parameters
    ----------
    name : str
    changes : dict of str to term
        By the name of the amount.
    fast : bool
    place : Place
    """

    name: str
    changes: dict[str, Tree]
    fast: bool
    place: Place


def read_reactions(content: Content) -> list[Reaction]:
    """The reactions of a model; their rates go into the draft."""
    found = []
    for k in range(content.model.getNumReactions()):
        element = content.model.getReaction(k)
        name, place = content.draft.names[element.getId()], content.place(element)
        content.draft.places[name] = place
        content.draft.descriptions[name] = label(element)
        changes: dict[str, Tree] = {}
        for sign, item in _participants(element):
            _add_change(content, changes, sign, item)
        content.draft.assigned[name] = _law(content, element, changes)
        # Level 3 Version 2 has no fast reactions any more.
        old = (element.getLevel(), element.getVersion()) < (3, 2)
        found.append(Reaction(name, changes, bool(old and element.getFast()), place))
    return found


def _participants(element: Any) -> Iterator[tuple[int, Any]]:
    yield from ((-1, element.getReactant(k)) for k in range(element.getNumReactants()))
    yield from ((1, element.getProduct(k)) for k in range(element.getNumProducts()))


def _add_change(content: Content, changes: dict[str, Tree], sign: int, item: Any) -> None:
    species = content.species.get(item.getSpecies())
    if species is None:
        raise content.place(item).refuse(f"the species {item.getSpecies()!r} is not defined", "define it")
    coefficient = _stoichiometry(content, item)
    if species.constant and not species.is_boundary:
        raise content.place(item).refuse(
            f"the reaction changes {species.identifier}, which is constant",
            "declare it not constant, or at the boundary",
        )
    if species.is_fixed:
        return
    if coefficient is None:
        raise content.place(item).refuse("the stoichiometry has no value", "give it one")
    change = term.times(coefficient, species.factor)
    change = change if sign > 0 else term.negative(change)
    changes[species.amount] = term.plus(changes.get(species.amount, term.number(0)), change)


def _stoichiometry(content: Content, item: Any) -> Tree | None:
    """The stoichiometry of one participant; None where it has no value."""
    draft = content.draft
    value = None
    if item.getLevel() > 2:
        if item.isSetStoichiometry():
            value = term.number(item.getStoichiometry())
    else:
        value = term.over(term.number(item.getStoichiometry()), term.number(item.getDenominator()))
        if item.isSetStoichiometryMath():
            value = content.read(item.getStoichiometryMath()) or value
    if not item.isSetId():
        return value
    name = draft.names[item.getId()]
    draft.places[name] = content.place(item)
    if item.getLevel() > 2 and item.getConstant():
        draft.constant.add(name)
    if item.getLevel() < 3 and item.isSetStoichiometryMath():
        draft.assigned[name] = value
    elif value is not None:
        draft.starts[name] = value
    elif not _is_determined(content.model, item.getId()):
        return None
    return term.name(name)


def _is_determined(model: Any, identifier: str) -> bool:
    return model.getInitialAssignmentBySymbol(identifier) is not None or (
        model.getRuleByVariable(identifier) is not None
    )


def _law(content: Content, element: Any, changes: dict[str, Tree]) -> Tree:
    law = element.getKineticLaw()
    if law is None or not law.isSetMath():
        if changes and not content.lawless:
            raise content.place(element).refuse(
                "the reaction has no kinetic law", "give it one: how fast it goes is not known"
            )
        return term.number(0)
    local = {}
    for parameter in _local_parameters(law):
        name = content.draft.names.fresh(f"{content.draft.names[element.getId()]}_{parameter.getId()}")
        local[parameter.getId()] = term.name(name)
        content.draft.constant.add(name)
        content.draft.places[name] = content.place(parameter)
        content.draft.descriptions[name] = label(parameter)
        if parameter.isSetValue():
            content.draft.starts[name] = term.number(parameter.getValue())
    return content.read(law, local)


def _local_parameters(law: Any) -> Iterator[Any]:
    if law.getLevel() > 2:
        yield from (law.getLocalParameter(k) for k in range(law.getNumLocalParameters()))
    else:
        yield from (law.getParameter(k) for k in range(law.getNumParameters()))
