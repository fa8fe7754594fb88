"""Translation: from an SBML document to a model."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from typing import Any

from understudy.core.grammar import names_in
from understudy.formats.sbml import term
from understudy.formats.sbml.algebraic import solve_algebraic
from understudy.formats.sbml.assembly import assemble
from understudy.formats.sbml.content import Content
from understudy.formats.sbml.delays import write_out_delays
from understudy.formats.sbml.draft import Draft
from understudy.formats.sbml.fast import settle_fast_reactions
from understudy.formats.sbml.motion import add_rates
from understudy.formats.sbml.term import Tree
from understudy.model.model import Model


def translate(document: Any, file: str) -> Model:
    """The model of a document.

    Parameters
    ----------
    document : libsbml.SBMLDocument
        Flat, as `open_document` gives it.
    file : str
        What messages call the file.

    Raises
    ------
    FormatError
        For what cannot be translated faithfully, with element and line.
    """
    return completed(Content(document.getModel(), file))


def completed(content: Content) -> Model:
    """The model of what was read, whose draft is completed on the way.

    Raises
    ------
    FormatError
        As `translate` does.
    """
    draft = content.draft
    _add_reactions(content)
    for species in content.species.values():
        species.link(draft)
    _refuse_circles(draft)
    settle_fast_reactions(content)
    solve_algebraic(content)
    write_out_delays(draft)
    add_rates(draft)
    _refuse_circles(draft)
    _drop_undetermined(draft)
    return assemble(content)


def _add_reactions(content: Content) -> None:
    """What reactions do to species, as rates."""
    for reaction in content.reactions:
        if reaction.fast:
            continue
        for amount, coefficient in reaction.changes.items():
            change = _signed(coefficient, term.name(reaction.name))
            content.draft.rates[amount] = term.plus(content.draft.rates.get(amount, term.number(0)), change)


def _signed(coefficient: Tree, rate: Tree) -> Tree:
    if isinstance(coefficient, ast.UnaryOp) and isinstance(coefficient.op, ast.USub):
        return term.negative(term.times(coefficient.operand, rate))
    return term.times(coefficient, rate)


def _refuse_circles(draft: Draft) -> None:
    graph = {name: set(names_in(tree)) & draft.assigned.keys() for name, tree in draft.assigned.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        told = f"circular assignments: {' → '.join(circle)}"
        raise draft.place(circle[0]).refuse(told, "break the circle") from None


def _drop_undetermined(draft: Draft) -> None:
    """Leave out equations without a value that nothing needs; refuse those that something needs."""
    known = draft.determined
    while lost := [name for name, tree in draft.assigned.items() if _missing(tree, known)]:
        for name in lost:
            del draft.assigned[name]
        known -= {*lost}
    for where, tree in draft.essential():
        missing = _missing(tree, known)
        if missing:
            raise draft.place(missing[0]).refuse(
                f"{missing[0]} has no value, and {where} needs it", "give it a value"
            )


def _missing(tree: Tree, known: set[str]) -> list[str]:
    return sorted(name for name in set(names_in(tree)) if name not in known)
