"""Side states: on which side of its limit a comparison of a rate is, kept by events.

The comparison ``A < 5`` of a rate may change wherever the solution leads. It is read off a further state, which one
event sets to 1 when the comparison becomes true, and another to 0 when it becomes false. So a step of the rate is a
jump at an event, see `event_jump`.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import lru_cache

from understudy.core.expression import TIME, Expression
from understudy.engine.events.break_point import Lines
from understudy.engine.readout import needed_names
from understudy.engine.sensitivity.directions import free_name
from understudy.engine.sensitivity.held_comparison import HeldComparisons, hold_comparisons
from understudy.engine.sensitivity.rate_step import has_step
from understudy.model.event import Event
from understudy.model.model import Model

# Before all else that is executed at the time, save what only keeps values.
_EARLY = Expression(1e200)


@lru_cache(maxsize=128)
def with_side_states(model: Model, moved: frozenset[str], held: frozenset[str]) -> Model:
    """A model in which comparisons of rates whose time no formula gives are read off states.

    These are comparisons that states enter and at which the rates have a step, and those that time enters, otherwise
    than along a straight line, and parameters `moved`. Comparisons of the states `held` stay.

    Examples
    --------
    >>> model = Model("m", "h", {"k": 0.1}, {"A": "mg"}, {"A": "where(A < 5, 1, k) - min(A, 9)"})
    >>> found = with_side_states(model, frozenset({"k"}), frozenset())
    >>> found.rates[0], [str(event) for event in found.events]
    (Expression('where(side_0 > 0.5, 1, k) - min(A, 9)'), ['when A < 5, side_0 = 1', 'when not A < 5, side_0 = 0'])
    """
    reader = _Sides(model, moved, held)
    wide = hold_comparisons(model, reader)
    events = [event for k, key in enumerate(reader.states) for event in reader.events(k, key)]
    return replace(wide, events=(*events, *model.events)) if events else model


class _Sides(HeldComparisons):
    def __init__(self, model: Model, moved: frozenset[str], kept: frozenset[str]):
        super().__init__({})
        self.model, self.moved, self.kept, self.lines = model, moved, kept, Lines.of(model)

    def held(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr | None:
        comparison = Expression.from_tree(ast.Compare(left, [op], [right]))
        if not self.moves(comparison) or self.lines.meeting(left, right) is not None:
            return None
        if comparison not in self.states:
            name = free_name(f"side_{len(self.states)}", self.model, self.states.values())
            self.states[comparison] = name
        return Expression(f"{self.states[comparison]} > 0.5").tree

    def moves(self, comparison: Expression) -> bool:
        names = needed_names(self.model, [comparison])
        if names & self.kept:
            return False
        if names & {*self.model.state_names}:
            return has_step(self.model, comparison)
        return TIME in names and bool(names & self.moved)

    def events(self, k: int, comparison: Expression) -> list[Event]:
        state, taken = self.states[comparison], {event.name for event in self.model.events}
        found = []
        for name, trigger, value in (("is", f"{comparison}", 1), ("is_not", f"not {comparison}", 0)):
            name = f"{name}_{k}"
            while name in taken:
                name += "_"
            found.append(
                Event(
                    name,
                    trigger,
                    {state: value},
                    priority=_EARLY,
                    initial_value=False,
                    from_trigger_time=False,
                )
            )
        return found
