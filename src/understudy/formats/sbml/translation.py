"""Translation: from an SBML document to a model."""

from __future__ import annotations

import ast
import math
from typing import Any

from understudy.core.expression import Expression
from understudy.formats.sbml import term
from understudy.formats.sbml.algebraic import solve_algebraic
from understudy.formats.sbml.content import Content
from understudy.formats.sbml.delays import write_out_delays
from understudy.formats.sbml.draft import Draft, DraftEvent, as_expression
from understudy.formats.sbml.fast import settle_fast_reactions
from understudy.formats.sbml.motion import add_rates
from understudy.formats.sbml.outputs import outputs_of
from understudy.formats.sbml.place import Place
from understudy.formats.sbml.start import Starts
from understudy.formats.sbml.term import Tree
from understudy.formats.sbml.unit_labels import UnitLabels
from understudy.model.event import Event
from understudy.model.model import Model, ordered
from understudy.model.parts import Assignment, Input, Parameter, State


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
    content = Content(document.getModel(), file)
    draft = content.draft
    _add_reactions(content)
    for species in content.species.values():
        species.link(draft)
    settle_fast_reactions(content)
    solve_algebraic(content)
    write_out_delays(draft)
    add_rates(draft)
    return _Assembly(content).model()


def _add_reactions(content: Content) -> None:
    """What reactions do to species, as rates."""
    for reaction in content.reactions:
        if reaction.fast:
            continue
        for amount, coefficient in reaction.changes.items():
            change = _signed(coefficient, term.name(reaction.name))
            content.draft.rates[amount] = term.plus(
                content.draft.rates.get(amount, term.number(0)), change
            )


def _signed(coefficient: Tree, rate: Tree) -> Tree:
    if isinstance(coefficient, ast.UnaryOp) and isinstance(coefficient.op, ast.USub):
        return term.negative(term.times(coefficient.operand, rate))
    return term.times(coefficient, rate)


class _Assembly:
    """Puts a draft together."""

    def __init__(self, content: Content):
        self.content, self.draft = content, content.draft
        self.units = UnitLabels(content)
        self.starts = Starts(self.draft)
        self.parameters: list[Parameter] = []
        self.states: list[State] = []
        self.rates: list[Expression] = []
        self.constants: list[Assignment] = []

    def model(self) -> Model:
        draft = self.draft
        self.refuse_circles()
        self.drop_undetermined()
        quantities = [name for name in (*draft.starts, *draft.rates) if name not in draft.assigned]
        for name in dict.fromkeys(quantities):
            self.add(name)
        for label, name in [*self.starts.parameters.items()]:
            value = draft.starts[label].value
            self.parameters.append(Parameter(name, float(value), self.units.of(label), f"{label} at the start"))
        self.constants += [
            Assignment(name, as_expression(tree, Place(draft.file))) for name, tree in self.starts.named.items()
        ]
        assignments = (*self.constants, *self.assignments())
        element = self.content.model
        return Model(
            name=element.getName() or element.getId() or draft.file,
            time_unit=self.units.time,
            parameters=tuple(self.parameters),
            states=tuple(self.states),
            rates=tuple(self.rates),
            inputs=self.inputs(),
            outputs=outputs_of(self.content, self.units),
            assignments=assignments,
            events=tuple(self.event(item) for item in draft.events if item.assignments),
            units_are_labels=True,
        )

    def add(self, name: str) -> None:
        """One quantity that no rule determines, as a parameter, a state or an equation of parameters."""
        draft, start = self.draft, self.starts.value(name)
        moves = name in draft.rates or name in draft.changed
        unit, text = self.units.of(name), draft.descriptions.get(name, "")
        if moves and (name in draft.rates or self.is_state(name, start)):
            if name in self.starts.parameters or start is None:
                start = self.starts.of_name(name) if start is not None else start
            initial = term.number(math.nan) if start is None else start
            self.states.append(State(name, unit, as_expression(initial, draft.place(name)), text))
            rate = draft.rates.get(name, term.number(0))
            self.rates.append(as_expression(rate, draft.place(name)))
        elif (value := _finite(start)) is not None:
            self.parameters.append(Parameter(name, value, unit, text))
        elif start is not None:
            self.constants.append(Assignment(name, as_expression(start, draft.place(name)), "", text))

    def is_state(self, name: str, start: Tree | None) -> bool:
        """Whether what events change must be a state: where its start is no plain number, or something needs it."""
        return _finite(start) is None or name in self.needed_at_start

    @property
    def needed_at_start(self) -> dict[str, str]:
        """What events change and other values at the start depend on."""
        if not hasattr(self, "_needed"):
            for name in [*self.draft.starts]:
                if name not in self.draft.assigned:
                    self.starts.value(name)
            self._needed = self.starts.parameters
        return self._needed

    def assignments(self) -> list[Assignment]:
        draft = self.draft
        return [
            Assignment(name, as_expression(tree, draft.place(name)), "", draft.descriptions.get(name, ""))
            for name, tree in draft.assigned.items()
        ]

    def event(self, item: DraftEvent) -> Event:
        express = lambda tree: as_expression(tree, item.place)  # noqa: E731
        for name in item.assignments:
            if name in self.draft.assigned:
                raise item.place.refuse(
                    f"the event changes {name}, which a rule determines", "change what the rule depends on"
                )
        return Event(
            item.name,
            express(item.trigger),
            {name: express(tree) for name, tree in item.assignments.items()},
            express(item.delay),
            None if item.priority is None else express(item.priority),
            item.persistent,
            item.initial_value,
            item.from_trigger_time,
            item.description,
            "random" if item.priority is not None else "definition",
        )

    def inputs(self) -> tuple[Input, ...]:
        """Doses enter what reactions can move."""
        states = {state.name for state in self.states}
        species = [each for each in self.content.species.values() if each.carrier in states]
        return tuple(Input(each.symbol, each.carrier) for each in species if not each.is_fixed)

    def refuse_circles(self) -> None:
        from understudy.core.errors import ModelError

        items = [Assignment(name, as_expression(tree, self.draft.place(name))) for name, tree in self.draft.assigned.items()]
        try:
            ordered(items, self.draft.file)
        except ModelError as error:
            first = error.cause.partition(": ")[2].partition(" → ")[0]
            raise self.draft.place(first).refuse(error.cause, "break the circle") from None

    def drop_undetermined(self) -> None:
        """Leave out equations that nothing needs and that have no value; refuse those that something needs."""
        draft = self.draft
        known = {*draft.starts, *draft.rates, "t"}
        while True:
            lost = {
                name: missing
                for name, tree in draft.assigned.items()
                if (missing := {n for n in set(_names(tree)) if n not in known and n not in draft.assigned})
            }
            if not lost:
                break
            for name in lost:
                del draft.assigned[name]
        known |= draft.assigned.keys()
        for where, tree in self.essential():
            missing = sorted(set(_names(tree)) - known)
            if missing:
                raise self.draft.place(missing[0]).refuse(
                    f"{missing[0]} has no value, and {where} needs it", "give it a value"
                )

    def essential(self):
        """Equations that a simulation cannot do without."""
        draft = self.draft
        for name, tree in draft.rates.items():
            yield f"the rate of {name}", tree
        for name, tree in draft.starts.items():
            if name not in draft.assigned:
                yield f"the value of {name} at the start", tree
        for event in draft.events:
            trees = [event.trigger, event.delay, event.priority, *event.assignments.values()]
            for tree in trees:
                if tree is not None:
                    yield f"event {event.name}", tree


def _names(tree: Tree):
    from understudy.core.grammar import names_in

    return names_in(tree)


def _finite(tree: Tree | None) -> float | None:
    """The value of a plain number; None for anything else."""
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        inner = _finite(tree.operand)
        return None if inner is None else -inner
    if isinstance(tree, ast.Constant) and math.isfinite(tree.value):
        return float(tree.value)
    return None
