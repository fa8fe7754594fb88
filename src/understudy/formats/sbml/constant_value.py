"""Constant value: the number that a term without change comes to."""

from __future__ import annotations

from understudy.formats.sbml.draft import Draft, as_expression
from understudy.formats.sbml.term import Tree


def constant_value(tree: Tree, draft: Draft) -> float | None:
    """The value of a term with the file's own numbers; None where it may change, or something has no value."""
    if draft.is_varying(tree):
        return None
    values: dict[str, float] = {}
    return (
        float(as_expression(tree, draft.place("")).evaluate(values))
        if _know(tree, draft, values, ())
        else None
    )


def _know(tree: Tree, draft: Draft, values: dict[str, float], within: tuple[str, ...]) -> bool:
    """Work out all names of a term; whether that went well."""
    expression = as_expression(tree, draft.place(""))
    for name in expression.names - values.keys():
        below = draft.assigned.get(name, draft.starts.get(name))
        if below is None or name in within or not _know(below, draft, values, (*within, name)):
            return False
        values[name] = float(as_expression(below, draft.place(name)).evaluate(values))
    return True
