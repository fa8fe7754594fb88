"""Delays: a term as it was some time ago, by following a copy of its cause that much later.

What a delayed term depends on, states with their rates and events, is copied, and the copy starts when the delay is
over: it is exactly what the original was. So it is done where the original does not itself depend on the delayed term;
delay differential equations proper are refused. Before the start states are what they are at the start, and time runs
on from below zero.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable
from dataclasses import replace

from understudy.core.grammar import TIME, names_in
from understudy.formats.sbml import term
from understudy.formats.sbml.constant_value import constant_value
from understudy.formats.sbml.draft import Draft, DraftEvent, require_size, substituted
from understudy.formats.sbml.motion import add_rates
from understudy.formats.sbml.place import Place
from understudy.formats.sbml.term import Tree


def write_out_delays(draft: Draft) -> None:
    """Give every name that stands for a delayed term its equation.

    Raises
    ------
    FormatError
        For delays that change with time, and for terms that depend on themselves some time ago.
    """
    waiting = list(draft.delays)
    if not waiting:
        return
    # Derivatives of what no delayed term enters are needed by copies.
    add_rates(draft, but={name for name, *_ in waiting})
    while waiting:
        pending = {name for name, *_ in waiting}
        ready = [each for each in waiting if not _cause(draft, [each[1], each[2]]) & pending]
        if not ready:
            raise waiting[0][3].refuse(
                "a quantity depends on itself some time ago (a delay differential equation)",
                "delays are supported where what is delayed does not depend on the delayed value",
            )
        for name, value, delay, place in ready:
            draft.delays.remove((name, value, delay, place))
            draft.assigned[name] = _Copy(draft, delay, place).of(value)
            draft.places[name] = place
        waiting = [each for each in waiting if each not in ready]
        add_rates(draft, but={name for name, *_ in waiting})


def _cause(draft: Draft, trees: Iterable[Tree]) -> set[str]:
    """All names that terms depend on, by way of equations, rates, starts and events."""
    waiting, found = list(trees), set()
    while waiting:
        new = draft.needs(waiting.pop()) - found
        found |= new
        for name in new:
            waiting += [table[name] for table in (draft.rates, draft.starts) if name in table]
            for event in draft.events:
                if name in event.assignments:
                    waiting += _equations(event)
    return found


def _equations(event: DraftEvent) -> list[Tree]:
    trees = [event.trigger, event.delay, event.priority, *event.assignments.values()]
    return [tree for tree in trees if tree is not None]


class _Copy:
    """The copy of what a delayed term depends on."""

    def __init__(self, draft: Draft, delay: Tree, place: Place):
        self.draft, self.delay, self.place = draft, delay, place
        self.named: dict[str, Tree] = {TIME: term.minus(term.name(TIME), delay)}
        self.copies: dict[str, str] = {}

    def of(self, value: Tree) -> Tree:
        """The term some time ago."""
        draft = self.draft
        if draft.is_varying(self.delay):
            if _is_state_free(draft, value):
                return self.at_other_time(value)
            raise self.place.refuse("the delay changes with time", "give a constant delay")
        length = constant_value(self.delay, draft)
        if length is None or not 0 <= length < math.inf:
            raise self.place.refuse(
                "the delay is negative, infinite or has no value", "give it a value from 0 on"
            )
        everything = _cause(draft, [value]) - {TIME}
        cause = {name for name in everything if self.moves(name)}
        for name in sorted(everything - cause - draft.assigned.keys()):
            # What stands still may have moved before the start.
            if TIME in draft.needs(draft.starts.get(name, term.number(0))):
                self.copies[name] = name
                self.named[name] = self.seen(name)
        for name in sorted(cause):
            self.copies[name] = draft.names.fresh(f"{name}_delayed")
            self.named[name] = self.seen(name)
        for name in sorted(cause):
            self.add(name)
        for event in list(draft.events):
            if cause & event.assignments.keys():
                self.add_event(event)
        return substituted(value, self.named)

    def at_other_time(self, value: Tree) -> Tree:
        """A function of time alone, at another time."""
        inside = {n: self.draft.assigned[n] for n in names_in(value) if n in self.draft.assigned}
        while inside:
            value = require_size(substituted(value, inside), self.place)
            inside = {n: self.draft.assigned[n] for n in names_in(value) if n in self.draft.assigned}
        return substituted(value, self.named)

    def moves(self, name: str) -> bool:
        return self.draft.is_varying(term.name(name))

    def seen(self, name: str) -> Tree:
        """What a name was: before the start what its initial assignment says, where that is a function of time."""
        draft, copy = self.draft, term.name(self.copies[name])
        start = draft.starts.get(name)
        if start is None or name in draft.assigned or TIME not in draft.needs(start):
            return copy
        if not _is_state_free(draft, start):
            raise self.place.refuse(f"what {name} was before the start depends on states")
        return term.call("where", self.before(), self.at_other_time(start), copy)

    def add(self, name: str) -> None:
        draft, new = self.draft, self.copies[name]
        draft.places[new] = self.place
        if name in draft.assigned:
            tree = substituted(draft.assigned[name], self.named)
            # States stand still before the start, whatever their rates are then.
            stood = any(label == name and of in draft.rates for of, label in draft.rate_names.items())
            draft.assigned[new] = term.call("where", self.before(), term.number(0), tree) if stood else tree
            return
        if name in draft.starts:
            # At the start both are the same.
            draft.starts[new] = draft.starts[name]
        if name in draft.rates:
            rate = substituted(draft.rates[name], self.named)
            draft.rates[new] = term.call("where", self.before(), term.number(0), rate)

    def before(self) -> Tree:
        """Whether the delay is not yet over."""
        return term.compare(ast.Lt(), term.name(TIME), self.delay)

    def add_event(self, event: DraftEvent) -> None:
        if event.priority is not None:
            raise self.place.refuse("what is delayed changes by an event that has a priority")
        put = lambda tree: substituted(tree, self.named)  # noqa: E731
        trigger = put(event.trigger)
        # Until the copy begins its trigger is what it was just before the start.
        gate = (
            term.some(trigger, self.before())
            if event.initial_value
            else term.every(trigger, term.opposite(self.before()))
        )
        targets = {
            self.copies[name]: put(tree) for name, tree in event.assignments.items() if name in self.copies
        }
        name = self.draft.names.fresh(f"{event.name}_delayed")
        self.draft.events.append(
            replace(event, name=name, trigger=gate, assignments=targets, delay=put(event.delay))
        )


def _is_state_free(draft: Draft, value: Tree) -> bool:
    """Whether a term is a function of time and constants alone."""
    return not draft.needs(value) & {*draft.rates, *draft.changed, *(name for name, *_ in draft.delays)}
