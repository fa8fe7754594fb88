"""Draft: a model in the making, its equations gathered by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from understudy.core.errors import ExpressionError
from understudy.core.expression import Expression
from understudy.core.grammar import TIME, names_in
from understudy.formats.sbml.names import Names
from understudy.formats.sbml.place import Place
from understudy.formats.sbml.term import Tree


@dataclass(frozen=True)
class DraftEvent:
    """An event, its new values by the name of what they are for."""

    name: str
    trigger: Tree
    assignments: dict[str, Tree]
    delay: Tree
    priority: Tree | None
    persistent: bool
    initial_value: bool
    from_trigger_time: bool
    description: str
    place: Place


@dataclass(frozen=True)
class Zero:
    """A term that is zero at all times, and so determines one of the quantities in it.

    Parameters
    ----------
    tree : term
    place : Place
    may_determine : frozenset of str
        Names; empty where nothing is said.
    """

    tree: Tree
    place: Place
    may_determine: frozenset[str] = frozenset()


@dataclass
class Draft:
    """What a file says, by the names of equations.

    Parameters
    ----------
    names : Names
    starts : dict of str to term
        Values at the start, of all that no rule determines.
    assigned : dict of str to term
        Equations that hold at all times.
    rates : dict of str to term
        Time derivatives.
    constant : set of str
        What the file declares constant.
    events : list of DraftEvent
    places : dict of str to Place
        Where each name comes from.
    units, descriptions : dict of str to str
    """

    names: Names
    file: str
    starts: dict[str, Tree] = field(default_factory=dict)
    assigned: dict[str, Tree] = field(default_factory=dict)
    rates: dict[str, Tree] = field(default_factory=dict)
    constant: set[str] = field(default_factory=set)
    events: list[DraftEvent] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    # Names that stand for derivatives, by what they are of; and for terms some time ago.
    rate_names: dict[str, str] = field(default_factory=dict)
    delays: list[tuple[str, Tree, Tree, Place]] = field(default_factory=list)

    @property
    def changed(self) -> set[str]:
        """What events change."""
        return {name for event in self.events for name in event.assignments}

    def rate_name(self, of: str) -> str:
        """The name that stands for a derivative."""
        if of not in self.rate_names:
            self.rate_names[of] = self.names.fresh(f"{of}_rate")
        return self.rate_names[of]

    def place(self, name: str) -> Place:
        """Where a name comes from."""
        return self.places.get(name, Place(self.file))

    def needs(self, tree: Tree) -> set[str]:
        """Names that a term depends on, also by way of assignments."""
        waiting, found = [tree], set()
        while waiting:
            new = set(names_in(waiting.pop())) - found
            found |= new
            waiting.extend(self.assigned[name] for name in new if name in self.assigned)
        return found

    def is_varying(self, tree: Tree) -> bool:
        """Whether a term may change with time."""
        moving = {TIME, *self.rates, *self.changed, *self.rate_names.values()}
        return bool(self.needs(tree) & (moving | {each[0] for each in self.delays}))

    @property
    def determined(self) -> set[str]:
        """Names that something gives a value."""
        return {*self.starts, *self.rates, *self.assigned, TIME}

    def varying(self) -> set[str]:
        """All names that may change with time, at this stage."""
        users: dict[str, list[str]] = {}
        for name, tree in self.assigned.items():
            for used in set(names_in(tree)):
                users.setdefault(used, []).append(name)
        waiting = [
            TIME,
            *self.rates,
            *self.changed,
            *self.rate_names.values(),
            *(each[0] for each in self.delays),
        ]
        found = set(waiting)
        while waiting:
            new = [name for name in users.get(waiting.pop(), ()) if name not in found]
            found.update(new)
            waiting += new
        return found

    def essential(self) -> Iterator[tuple[str, Tree]]:
        """Equations that a simulation cannot do without, with what they are."""
        for name, tree in self.rates.items():
            yield f"the rate of {name}", tree
        for name, tree in self.starts.items():
            if name not in self.assigned:
                yield f"the value of {name} at the start", tree
        for event in self.events:
            for tree in (event.trigger, event.delay, event.priority, *event.assignments.values()):
                if tree is not None:
                    yield f"event {event.name}", tree


def substituted(tree: Tree, replacements: dict[str, Tree]) -> Tree:
    """A term with names replaced; the term given stays as it is."""
    if not set(names_in(tree)) & replacements.keys():
        return tree
    put = lambda part: substituted(part, replacements)  # noqa: E731
    if isinstance(tree, ast.Name):
        return replacements[tree.id]
    if isinstance(tree, ast.BinOp):
        return ast.BinOp(put(tree.left), tree.op, put(tree.right))
    if isinstance(tree, ast.UnaryOp):
        return ast.UnaryOp(tree.op, put(tree.operand))
    if isinstance(tree, ast.BoolOp):
        return ast.BoolOp(tree.op, [put(value) for value in tree.values])
    if isinstance(tree, ast.Compare):
        return ast.Compare(put(tree.left), tree.ops, [put(side) for side in tree.comparators])
    return ast.Call(tree.func, [put(argument) for argument in tree.args], [])


# Nodes of a term beyond which it is not written out any further.
_LARGEST = 100_000


def require_size(tree: Tree, place: Place) -> Tree:
    """A term that has not grown without end while equations were written out in it."""
    for count, _ in enumerate(ast.walk(tree)):
        if count > _LARGEST:
            raise place.refuse("written out, the equation has no end in sight", "write it in fewer steps")
    return tree


def as_expression(tree: Tree, place: Place) -> Expression:
    """A term as an equation.

    Raises
    ------
    FormatError
        Where it is longer or deeper than equations may be.
    """
    try:
        return Expression.from_tree(tree)
    except (ExpressionError, RecursionError) as error:
        cause = getattr(error, "cause", "the equation is nested too deeply")
        raise place.refuse(f"the equation cannot be used: {cause}", getattr(error, "repair", "")) from None
