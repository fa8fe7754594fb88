"""Start: values at time zero in terms of what does not change."""

from __future__ import annotations

import ast

from understudy.core.grammar import TIME, names_in
from understudy.formats.sbml import term
from understudy.formats.sbml.draft import Draft, substituted
from understudy.formats.sbml.term import Tree

# A value at the start that is longer than this gets a name, so that equations that use it do not grow without end.
_LONGEST = 120


class Starts:
    """Values at the start, each worked out once.

    Parameters
    ----------
    draft : Draft
    """

    def __init__(self, draft: Draft):
        self.draft = draft
        self.changed, self.varying = draft.changed, draft.varying()
        self.moving = {*draft.rates, *self.changed}
        self.known: dict[str, Tree] = {}
        self.under_way: list[str] = []
        # Named values at the start, that become assignments; and parameters of what events change.
        self.named: dict[str, Tree] = {}
        self.parameters: dict[str, str] = {}

    def of(self, tree: Tree) -> Tree:
        """A term as it is at the start."""
        return substituted(tree, {name: self.of_name(name) for name in set(names_in(tree))})

    def of_name(self, name: str) -> Tree:
        """What a name is at the start: itself where it does not change."""
        if name == TIME:
            return term.number(0)
        if name not in self.known:
            self.known[name] = self._work_out(name)
        return self.known[name]

    def value(self, name: str) -> Tree | None:
        """The value at the start of something that no rule determines; None where nothing is said."""
        given = self.draft.starts.get(name)
        return None if given is None else self._guarded(name, given)

    def _work_out(self, name: str) -> Tree:
        if name in self.draft.assigned:
            if name not in self.varying:
                return term.name(name)
            return self._short(name, self._guarded(name, self.draft.assigned[name]))
        if name not in self.moving or name not in self.draft.starts:
            return term.name(name)
        if name in self.changed and isinstance(self.draft.starts[name], ast.Constant):
            # A number that users may change: what depends on it at the start follows.
            self.parameters[name] = self.draft.names.fresh(f"{name}_start")
            return term.name(self.parameters[name])
        return self._short(name, self._guarded(name, self.draft.starts[name]))

    def _guarded(self, name: str, tree: Tree) -> Tree:
        if name in self.under_way:
            circle = " → ".join([*self.under_way[self.under_way.index(name) :], name])
            raise self.draft.place(name).refuse(
                f"values at the start depend on one another: {circle}", "break the circle"
            )
        self.under_way.append(name)
        found = self.of(tree)
        self.under_way.pop()
        return found

    def _short(self, name: str, tree: Tree) -> Tree:
        if len(ast.unparse(tree)) <= _LONGEST:
            return tree
        label = self.draft.names.fresh(f"{name}_start")
        self.named[label] = tree
        return term.name(label)
