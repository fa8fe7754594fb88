"""Motion: time derivatives of what is not a state, by the chain rule."""

from __future__ import annotations

from collections.abc import Collection

from understudy.core.grammar import TIME
from understudy.engine.jacobian import derivative
from understudy.formats.sbml import term
from understudy.formats.sbml.draft import Draft, as_expression
from understudy.formats.sbml.term import Tree


def add_rates(draft: Draft, but: Collection[str] = ()) -> None:
    """Give every name that stands for a derivative its equation.

    Parameters
    ----------
    draft : Draft
    but : collection of str
        Names without an equation yet: derivatives of what they enter wait.
    """
    while waiting := [
        of
        for of, name in list(draft.rate_names.items())
        if name not in draft.assigned and not draft.needs(rate_of(of, draft)) & {*but}
    ]:
        for of in waiting:
            draft.assigned[draft.rate_names[of]] = rate_of(of, draft)


def rate_of(name: str, draft: Draft) -> Tree:
    """The time derivative of a name, between events."""
    if name in draft.rates:
        return draft.rates[name]
    if name in draft.assigned:
        return rate_along(draft.assigned[name], draft, name)
    return term.number(1 if name == TIME else 0)


def rate_along(tree: Tree, draft: Draft, about: str) -> Tree:
    """The time derivative of a term: its derivative by each name in it, times that name's own."""
    expression = as_expression(tree, draft.place(about))
    parts = []
    for name in sorted(expression.names):
        if name != TIME and not draft.is_varying(term.name(name)):
            continue
        slope = derivative(expression, name).tree
        own = rate_of(name, draft)
        if term.is_number(own, 0) or _is_zero(slope):
            continue
        if name != TIME:
            own = term.name(draft.rate_name(name))
        parts.append(term.times(slope, own))
    return term.plus(*parts)


def _is_zero(tree: Tree) -> bool:
    return term.is_number(tree, 0) or term.is_number(tree, 0.0)
