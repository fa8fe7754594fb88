"""Switch states: equations that change their form at a time that moves, with states that say which form holds.

The comparison ``t < stop`` of a rate is read off a further state that is 0 before `stop` and is raised by 1 there. So
the change is a dose into that state, and moves with its time as a bolus does: the sensitivities change by
(f before - f after) d(stop). Several changes at one time follow one another, each with its own share.

Rozenvasser EN. General sensitivity equations of discontinuous systems. Automat Remote Control 1967;28:400-404.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from understudy.core.expression import Expression
from understudy.engine.events.break_point import Lines, switch_times
from understudy.engine.parameters import ParameterRows
from understudy.engine.problem import parameter_values
from understudy.engine.readout import known_values, needed_names
from understudy.engine.sensitivity.augmented_timeline import EventSlopes, Settings, rows_in_force
from understudy.engine.sensitivity.directions import free_name
from understudy.engine.sensitivity.held_comparison import HeldComparisons, hold_comparisons
from understudy.engine.timeline import BOLUS, BREAK, REINITIALISE, ROW, Timeline
from understudy.model.model import Model


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
    def names(self) -> tuple[str, ...]:
        """The states."""
        return self.model.state_names[len(self.model.states) - len(self.times) :]

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
    return SwitchStates(hold_comparisons(model, _Switches(Lines.of(model), states)), tuple(states), reasons)


class _Switches(HeldComparisons):
    def __init__(self, lines: Lines, states: Mapping[Expression, str]):
        super().__init__(states)
        self.lines = lines

    def held(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr | None:
        state = self.states.get(self.lines.meeting(left, right))
        if state is None:
            return None
        rise = self.lines.rise(left, right)
        if rise.names:
            # Sides that never meet, as one does not grow beside the other, are compared as ever.
            apart = Expression.from_tree(ast.BinOp(left, ast.Sub(), right))
            met = f"where({rise} > 0, {state} - 0.5, 0.5 - {state})"
            after = Expression(f"where({rise} == 0, {apart}, {met})")
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
