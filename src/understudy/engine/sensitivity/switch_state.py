"""Switch states: equations that change their form at a time that moves, with states that say which form holds.

The comparison ``t < stop`` of a rate is read off a further state that is 0 before `stop` and is raised by 1 there. So
the change is a dose into that state, and moves with its time as a bolus does: the sensitivities change by
(f before - f after) d(stop). Several changes at one time follow one another, each with its own share.

Rozenvasser EN. General sensitivity equations of discontinuous systems. Automat Remote Control 1967;28:400-404.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

from understudy.core.expression import Expression
from understudy.engine.events.break_point import Lines, switch_times
from understudy.engine.problem import parameter_values
from understudy.engine.readout import known_values, needed_names
from understudy.engine.sensitivity.augmented_timeline import EventSlopes, Settings, rows_in_force
from understudy.engine.sensitivity.directions import free_name
from understudy.engine.parameters import ParameterRows
from understudy.engine.timeline import BOLUS, BREAK, REINITIALISE, ROW, Timeline
from understudy.model.model import Model
from understudy.model.parts import Assignment, State


@dataclass(frozen=True, eq=False)
class SwitchStates:
    """A model with a state for every moving time at which an equation changes its form.

    Parameters
    ----------
    model : Model
        Its last states are these.
    times : tuple of Expression
        When each of them is raised.
    reasons : tuple of int
        Their places among the `switch_times` of the model without such states.
    """

    model: Model
    times: tuple[Expression, ...]
    reasons: tuple[int, ...]

    @property
    def places(self) -> np.ndarray:
        """Where the states are in the model."""
        return len(self.model.states) - len(self.times) + np.arange(len(self.times))

    def values(self, rows: ParameterRows) -> np.ndarray:
        """When each state is raised, shape (parameter rows, states)."""
        known = parameter_values(rows.model, rows.table)
        columns = [np.broadcast_to(time.evaluate(known), len(rows.table)) for time in self.times]
        return np.stack(columns, axis=1).astype(float) if columns else np.zeros((len(rows.table), 0))


@lru_cache(maxsize=128)
def with_switch_states(model: Model, moved: frozenset[str]) -> SwitchStates:
    """A model in which the comparisons of rates that parameters `moved` move are read off states.

    Examples
    --------
    >>> pump = Model("pump", "h", {"stop": (3, "h")}, {"A": "mg"}, {"A": "where(t < stop, 1, 0) - A"})
    >>> found = with_switch_states(pump, frozenset({"stop"}))
    >>> found.model.rates, found.model.state_names, found.times
    ((Expression('where(after_0 - 0.5 < 0, 1, 0) - A'), Expression('0')), ('A', 'after_0'), (Expression('stop'),))
    """
    times = switch_times(model)
    reasons = tuple(k for k, time in enumerate(times) if needed_names(model, [time]) & moved)
    if not reasons:
        return SwitchStates(model, (), ())
    states = {times[k]: free_name(f"after_{place}", model) for place, k in enumerate(reasons)}
    reader = _Reader(Lines.of(model), states)
    changed = {item.name: reader.read(item.expression) for item in model.assignments}
    # Outputs and triggers go on to look at the clock: what they see at the very time stays as it is.
    names = {
        item.name: free_name(f"{item.name}_by_state", model)
        for item in model.assignments
        if _depends(model, item.name, {name for name, new in changed.items() if new != _of(model, name)})
    }
    added = tuple(Assignment(new, changed[name].substitute(names)) for name, new in names.items())
    wide = replace(
        model,
        states=(*model.states, *(State(name, "1", Expression(0)) for name in states.values())),
        rates=(
            *(reader.read(rate).substitute(names) for rate in model.rates),
            *[Expression(0)] * len(states),
        ),
        assignments=(*model.assignments, *added),
        inputs=model.doses,
    )
    return SwitchStates(wide, tuple(states), reasons)


def _of(model: Model, name: str) -> Expression:
    return next(item.expression for item in model.assignments if item.name == name)


def _depends(model: Model, name: str, changed: set[str]) -> bool:
    return name in changed or bool(needed_names(model, [_of(model, name)]) & changed)


class _Reader(ast.NodeTransformer):
    """Replaces comparisons by what states say of them."""

    def __init__(self, lines: Lines, states: Mapping[Expression, str]):
        self.lines, self.states = lines, states

    def read(self, expression: Expression) -> Expression:
        return Expression.from_tree(self.visit(copy.deepcopy(expression.tree)))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        sides = pairwise([node.left, *node.comparators])
        parts = [self.part(left, op, right) for op, (left, right) in zip(node.ops, sides, strict=True)]
        return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)

    def part(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr:
        state = self.states.get(self.lines.meeting(left, right))
        if state is None:
            return ast.Compare(self.visit(left), [op], [self.visit(right)])
        rise = self.lines.rise(left, right)
        if rise.names:
            after = Expression(f"where({rise} > 0, {state} - 0.5, 0.5 - {state})")
        else:
            after = Expression(f"{state} - 0.5" if rise.evaluate({}) > 0 else f"0.5 - {state}")
        return ast.Compare(after.tree, [op], [ast.Constant(0)])


def raise_switches(
    timeline: Timeline, slopes: EventSlopes, switches: SwitchStates, rows: ParameterRows, by: tuple
) -> tuple[Timeline, EventSlopes]:
    """Break points as doses into the switch states, and how their times move.

    Parameters
    ----------
    timeline : Timeline
    slopes : EventSlopes
    switches : SwitchStates
    rows : ParameterRows
        Of the augmented model.
    by : tuple of tuples of Expression or None, shape (switches, directions)
        Derivatives of the times.
    """
    kind, target, value = (
        column.copy() for column in (timeline.event_kind, timeline.event_target, timeline.event_value)
    )
    state, moved, row = slopes.state.copy(), slopes.time.copy(), rows_in_force(timeline)
    for place, reason, slope in zip(switches.places, switches.reasons, by, strict=True):
        here = np.flatnonzero((timeline.event_kind == BREAK) & (timeline.event_target == reason))
        kind[here], value[here] = BOLUS, 1.0
        target[here] = state[here] = place
        told = [expression for expression in slope if expression is not None]
        known = known_values(rows, row[here], timeline.event_time[here], told)
        for m, expression in enumerate(slope):
            if expression is not None:
                moved[here, m] = expression.evaluate(known)
    changed = replace(timeline, event_kind=kind, event_target=target, event_value=value)
    return changed, replace(slopes, state=state, time=moved)


def start_switches(
    start: np.ndarray, timeline: Timeline, switches: SwitchStates, rows: ParameterRows
) -> None:
    """Write into the states at patients' starts, shape (patients, states), which switches are behind them."""
    begin = timeline.start_time[:, None]
    start[:, switches.places] = switches.values(rows)[timeline.first_row] <= begin


def switch_settings(timeline: Timeline, switches: SwitchStates, rows: ParameterRows) -> Settings:
    """Switch states put right where parameters change, or all begins anew."""
    event = np.flatnonzero(np.isin(timeline.event_kind, (ROW, REINITIALISE)))
    behind = switches.values(rows)[rows_in_force(timeline)[event]] <= timeline.event_time[event, None]
    count = len(switches.times)
    return Settings(
        np.repeat(event, count), np.tile(switches.places, event.size), behind.ravel().astype(float)
    )
