"""Assembly: a complete draft as a model."""

from __future__ import annotations

import ast
import math
from functools import cached_property

from understudy.core.expression import Expression
from understudy.formats.sbml import term
from understudy.formats.sbml.content import Content
from understudy.formats.sbml.draft import DraftEvent, as_expression
from understudy.formats.sbml.outputs import outputs_of
from understudy.formats.sbml.place import Place
from understudy.formats.sbml.start import Starts
from understudy.formats.sbml.term import Tree
from understudy.formats.sbml.unit_labels import UnitLabels
from understudy.model.event import Event
from understudy.model.model import Model
from understudy.model.parts import Assignment, Input, Parameter, State


def assemble(content: Content) -> Model:
    """The model of a draft in which every quantity is determined."""
    return _Assembly(content).model()


class _Assembly:
    """Puts a draft together."""

    def __init__(self, content: Content):
        self.content, self.draft = content, content.draft
        self.units = UnitLabels(content)
        self.changed = self.draft.changed
        self.starts = Starts(self.draft)
        self.parameters: list[Parameter] = []
        self.states: list[State] = []
        self.rates: list[Expression] = []
        self.constants: list[Assignment] = []

    def model(self) -> Model:
        draft = self.draft
        quantities = [name for name in (*draft.starts, *draft.rates) if name not in draft.assigned]
        for name in dict.fromkeys(quantities):
            self.add(name)
        for label, name in [*self.starts.parameters.items()]:
            value = draft.starts[label].value
            self.parameters.append(
                Parameter(name, float(value), self.units.of(label), f"{label} at the start")
            )
        self.constants += [
            Assignment(name, as_expression(tree, Place(draft.file)))
            for name, tree in self.starts.named.items()
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
        moves = name in draft.rates or name in self.changed
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

    @cached_property
    def needed_at_start(self) -> dict[str, str]:
        """What events change and other values at the start depend on."""
        for name in [*self.draft.starts]:
            if name not in self.draft.assigned:
                self.starts.value(name)
        return self.starts.parameters

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


def _finite(tree: Tree | None) -> float | None:
    """The value of a plain number; None for anything else."""
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        inner = _finite(tree.operand)
        return None if inner is None else -inner
    if isinstance(tree, ast.Constant) and math.isfinite(tree.value):
        return float(tree.value)
    return None
