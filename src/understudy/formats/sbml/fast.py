"""Fast reactions: at equilibrium at every moment.

A fast reaction (Levels 1, 2 and 3 Version 1) moves its species at once until its rate is zero. What it leaves
unchanged, such as the sum of the two species of an isomerisation, is followed through time instead; one species of
each fast reaction then follows from the rate's being zero. Nothing is approximated. Rates must be linear in the
amounts, with constant coefficients, and lead to an equilibrium; all else is refused.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.formats.sbml import term
from understudy.formats.sbml.constant_value import constant_value
from understudy.formats.sbml.draft import Draft, DraftEvent, Zero
from understudy.formats.sbml.reactions import Reaction
from understudy.formats.sbml.solution import expanded, slope_of
from understudy.formats.sbml.term import Tree

if TYPE_CHECKING:
    from understudy.formats.sbml.content import Content

_Changes = dict[str, float]


def settle_fast_reactions(content: Content) -> None:
    """Put what fast reactions conserve in place of their species, and their equilibria among the equations.

    Raises
    ------
    FormatError
        For fast reactions whose equilibrium cannot be written down.
    """
    draft = content.draft
    fast = [reaction for reaction in content.reactions if reaction.fast and _moves(reaction)]
    if not fast:
        return
    if draft.delays:
        raise draft.delays[0][3].refuse(
            "delay is not supported beside fast reactions, which change the past at the start"
        )
    changes = [_numbers(reaction, draft) for reaction in fast]
    _require_equilibrium(fast, changes, draft)
    for amount in dict.fromkeys(name for row in changes for name in row):
        draft.rates.setdefault(amount, term.number(0))
    pivots = []
    for k, reaction in enumerate(fast):
        pivot = _pivot(reaction, changes[k])
        pivots.append(pivot)
        _eliminate(pivot, changes, k, draft, reaction)
        del draft.rates[pivot]
    content.algebraic += [
        Zero(draft.assigned[reaction.name], reaction.place, frozenset(pivots)) for reaction in fast
    ]


def _moves(reaction: Reaction) -> bool:
    return any(not term.is_number(change, 0) for change in reaction.changes.values())


def _numbers(reaction: Reaction, draft: Draft) -> _Changes:
    """By how much a unit of extent changes each amount."""
    numbers = {}
    for amount, tree in reaction.changes.items():
        value = constant_value(tree, draft)
        if value is None or not math.isfinite(value):
            raise reaction.place.refuse(
                "the stoichiometry of a fast reaction changes with time", "declare the reaction not fast"
            )
        if value:
            numbers[amount] = value
    return numbers


def _require_equilibrium(fast: list[Reaction], changes: list[_Changes], draft: Draft) -> None:
    """How each fast rate answers to each fast extent must be known, constant, and lead back to zero."""
    matrix = np.zeros((len(fast), len(fast)))
    for i, reaction in enumerate(fast):
        for amount in dict.fromkeys(name for row in changes for name in row):
            slope = _slope(reaction, amount, draft)
            for k, row in enumerate(changes):
                matrix[i, k] += slope * row.get(amount, 0.0)
    if not (np.linalg.eigvals(matrix).real < 0).all():
        raise fast[0].place.refuse(
            "the fast reactions lead to no equilibrium that can be found", "declare them not fast"
        )


def _slope(reaction: Reaction, amount: str, draft: Draft) -> float:
    tree = expanded(draft.assigned[reaction.name], amount, draft, reaction.place)
    if amount not in draft.needs(tree):
        return 0.0
    slope = slope_of(tree, amount, draft, reaction.place)
    value = None if slope is None else constant_value(slope, draft)
    if value is None or not math.isfinite(value):
        raise reaction.place.refuse(
            f"the rate of the fast reaction is not linear in {amount} with a constant coefficient",
            "declare the reaction not fast, with a large rate constant",
        )
    return value


def _pivot(reaction: Reaction, changes: _Changes) -> str:
    """The amount that follows from the equilibrium: the one that the reaction moves most."""
    return max(changes, key=lambda name: abs(changes[name]))


def _eliminate(pivot: str, changes: list[_Changes], k: int, draft: Draft, reaction: Reaction) -> None:
    """Replace every other amount that a reaction moves by what it does not move."""
    own = changes[k]
    for amount, change in list(own.items()):
        if amount == pivot:
            continue
        ratio = term.number(change / own[pivot])
        kept = draft.names.fresh(f"{amount}_conserved")
        share = term.times(ratio, term.name(pivot))
        draft.rates[kept] = _less(draft.rates.pop(amount), ratio, draft.rates[pivot])
        start = draft.starts.pop(amount, term.number(0))
        draft.starts[kept] = _less(start, ratio, draft.starts.get(pivot, term.number(0)))
        draft.assigned[amount] = term.plus(term.name(kept), share)
        draft.events = [_event(each, amount, pivot, kept, ratio) for each in draft.events]
        for row in changes[k + 1 :]:
            moved = row.pop(amount, 0.0) - change / own[pivot] * row.get(pivot, 0.0)
            if abs(moved) > 1e-12:
                row[kept] = moved
    draft.events = [_without(each, pivot) for each in draft.events]
    for row in changes[k + 1 :]:
        row.pop(pivot, None)
        if not row:
            raise reaction.place.refuse("fast reactions depend on one another", "keep one of them fast")


def _less(left: Tree, ratio: Tree, right: Tree) -> Tree:
    return term.minus(left, term.times(ratio, right)) if not term.is_number(right, 0) else left


def _event(event: DraftEvent, amount: str, pivot: str, kept: str, ratio: Tree) -> DraftEvent:
    """An event that sets an amount sets what is conserved; the equilibrium follows at once."""
    given = event.assignments
    if amount not in given and pivot not in given:
        return event
    if event.from_trigger_time and not term.is_number(event.delay, 0):
        raise event.place.refuse(
            "a delayed event sets species of fast reactions", "set useValuesFromTriggerTime to false"
        )
    new = {name: tree for name, tree in given.items() if name != amount}
    new[kept] = _less(given.get(amount, term.name(amount)), ratio, given.get(pivot, term.name(pivot)))
    return replace(event, assignments=new)


def _without(event: DraftEvent, pivot: str) -> DraftEvent:
    return replace(event, assignments={n: t for n, t in event.assignments.items() if n != pivot})
