"""Event jump: what an event does to the sensitivities, as further new values of the event.

An event is executed at the time t, which moves by dt along a direction. With states y that become h(t, y, p), rates f
before and f+ after it, the sensitivities S become

    S+ = (dh/dy) S + dh/dp + (dh/dt + (dh/dy) f - f+) dt.

An event fires where a difference g(t, y, p) passes through zero, which moves by

    dt = -((dg/dy) S + dg/dp) / (dg/dt + (dg/dy) f),

or because something else happens at that time, and then moves with that. From firing to execution its delay is added to
the time, and to how the time moves.

Rozenvasser EN. General sensitivity equations of discontinuous systems. Automat Remote Control 1967;28:400-404. Hiskens
IA, Pai MA. Trajectory sensitivity analysis of hybrid systems. IEEE Trans Circuits Syst I 2000;47:204-220,
doi:10.1109/81.828574.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from understudy.core.expression import TIME, Expression
from understudy.engine.code.jacobian import _product
from understudy.engine.readout import needed_names
from understudy.engine.sensitivity.augmented_model import AugmentedModel, NamedSlopes, _total
from understudy.engine.sensitivity.directions import Direction
from understudy.engine.sensitivity.event_state import NO_TIME, OVERLAPS, WAITS, EventStates, is_staged
from understudy.model.event import Event
from understudy.model.model import Model
from understudy.model.parts import Assignment

# A difference is passing through zero where it is smaller than this part of what it is made of and of how it moves:
# crossings are found to a few roundings.
_AT_ZERO = 1e-9
# It only touches zero if it would turn back within this part of what it is made of, or if its speed is this part of
# what the speed is made of, by rounding.
_SHALLOW, _STILL = 1e-12, 1e-7
# What records the values at firing comes before all that is executed at that time.
_FIRST = Expression(1e300)
# Two times are the same within this part.
_SAME = 1e-13


@lru_cache(maxsize=128)
def with_jumps(
    model: Model, augmented: AugmentedModel, states: EventStates, directions: tuple[Direction, ...]
) -> Model:
    """An augmented model whose events also change the sensitivities.

    Parameters
    ----------
    model : Model
        That of `augmented`, absorption profiles written out.
    augmented : AugmentedModel
    states : EventStates
        Of the model that was augmented.
    directions : tuple of Direction
    """
    return _Jumps(model, augmented, states, directions).made()


class _Jumps:
    def __init__(self, model, augmented, states, directions):
        self.model, self.states, self.directions = model, states, directions
        self.own = model.state_names[: augmented.own]
        self.rates = dict(zip(self.own, model.rates[: augmented.own], strict=True))
        self.tangents = [dict(zip(self.own, names, strict=True)) for names in augmented.tangents]
        equations = {item.name: item.expression for item in model.assignments}
        taken = {*model.parameter_names, *model.state_names, *model.output_names, *equations}
        self.slopes = NamedSlopes(equations, taken)
        moving = {name: rate for name, rate in self.rates.items() if rate.text != "0"}
        self.speeds = {name: self.put(f"speed_{name}", rate.tree) for name, rate in moving.items()}
        self.used = needed_names(model, moving.values())

    def made(self) -> Model:
        firings = [self.firing(event) for event in self.model.events if is_staged(event, self.model)]
        events = (*firings, *map(self.execution, self.model.events))
        added = tuple(Assignment(name, equation) for name, equation in self.slopes.added.items())
        return replace(self.model, events=events, assignments=(*self.model.assignments, *added))

    def put(self, wish: str, tree: ast.expr | str) -> str:
        """The name of a new equation."""
        return self.slopes.put(wish, Expression(tree).tree if isinstance(tree, str) else tree)

    # Derivatives of equations: each is the name of an equation, "0" where it is zero everywhere.

    def named(self, wish: str, tree: ast.expr | None) -> str:
        return "0" if tree is None else self.put(wish, tree)

    def along(self, wish: str, tree: ast.expr, m: int) -> str:
        """How fast an equation moves with direction `m`, at a time that stays."""
        return self.named(wish, self.slopes.along(tree, self.tangents[m], self.directions[m]))

    def speed(self, wish: str, tree: ast.expr) -> str:
        """How fast an equation changes with time."""
        parts = [_product(self.slopes.of(tree, name), ast.Name(speed)) for name, speed in self.speeds.items()]
        return self.named(wish, _total([self.slopes.of(tree, TIME), *parts]))

    def size(self, wish: str, tree: ast.expr) -> str:
        """How large the parts are that an equation is made of."""
        names = (TIME, *self.own)
        parts = [_product(self.slopes.of(tree, name), ast.Name(name)) for name in names]
        return self.named(wish, _total([ast.Call(ast.Name("abs"), [part], []) for part in parts if part]))

    # When an event is set off.

    def times(self, event: Event) -> tuple[list[str], str]:
        """How the time of firing moves with each direction, and a condition for that it has no derivative."""
        instant = self.states.instant
        caused = self.put(f"caused_{event.name}", f"where(abs({instant} - t) <= {_SAME} * abs(t), 1, 0)")
        moved = [f"where({caused} > 0, {tangents[instant]}, 0)" for tangents in self.tangents]
        lost = f"where({caused} > 0, 0, 1)"
        for k, tree in enumerate(reversed([*_differences(event.trigger.tree, self.slopes.equations)])):
            label = f"{event.name}_{k}"
            speed = self.speed(f"rise_{label}", tree)
            if speed == "0":
                continue
            crosses, flat = self.crossing(label, tree, speed)
            lost = self.put(f"lost_{label}", f"where({crosses} > 0, {flat}, {lost})")
            for m, other in enumerate(moved):
                slope = f"where({flat} > 0, 0, -{self.along(f'move_{label}_{m}', tree, m)} / {speed})"
                moved[m] = self.put(f"time_{label}_{m}", f"where({crosses} > 0, {slope}, {other})")
        return moved, lost

    def crossing(self, label: str, tree: ast.expr, speed: str) -> tuple[str, str]:
        """Whether a difference is at zero, and whether it only touches it."""
        value, size = self.put(f"watched_{label}", tree), self.size(f"size_{label}", tree)
        rise = ast.Name(speed)
        bend, scale = self.speed(f"bend_{label}", rise), self.size(f"size_of_rise_{label}", rise)
        near = self.put(
            f"at_zero_{label}", f"where(abs({value}) <= {_AT_ZERO} * ({size} + abs({speed} * t)), 1, 0)"
        )
        touches = (
            f"{speed} * {speed} <= {_SHALLOW} * abs({bend}) * {size} or abs({speed}) <= {_STILL} * {scale}"
        )
        return near, self.put(f"flat_{label}", f"where({touches}, 1, 0)")

    # What it does.

    def firing(self, event: Event) -> Event:
        """An event beside another that keeps, at the very firing, what its execution will need."""
        awaited, moved = self.states.awaited[event.name], {}
        times, lost = self.times(event)
        times = [self.put(f"fired_{event.name}_{m}", time) for m, time in enumerate(times)]
        overlaps = f"{awaited} > 0" if event.persistent else "0 > 1"
        new = {awaited: f"where({lost} > 0, {NO_TIME}, where({overlaps}, {OVERLAPS}, {WAITS}))"}
        due = ast.BinOp(ast.Name(TIME), ast.Add(), event.delay.tree)
        kept = {awaited: due} | {
            self.states.held[event.name, item.name]: item.expression.tree
            for item in event.assignments
            if event.from_trigger_time
        }
        for state, tree in kept.items():
            new.setdefault(state, self.put(f"value_{state}", tree))
            rise = self.speed(f"speed_of_{state}", tree)
            for m, time in enumerate(times):
                moved[self.tangents[m][state]] = (
                    f"{self.along(f'slope_{state}_{m}', tree, m)} + {rise} * {time}"
                )
        name = self.slopes.free(f"{event.name}_fires")
        return Event(
            name, event.trigger, new | moved, priority=_FIRST, initial_value=event.initial_value,
        )  # fmt: skip

    def execution(self, event: Event) -> Event:
        """The event itself, with what it does to the sensitivities."""
        fault, label = self.states.fault, event.name
        if is_staged(event, self.model):
            awaited = self.states.awaited[label]
            times, code = [tangents[awaited] for tangents in self.tangents], f"max({awaited} - {WAITS}, 0)"
            book = {awaited: "0"}
        else:
            times, lost = self.times(event)
            times = [self.put(f"executed_{label}_{m}", time) for m, time in enumerate(times)]
            code, book = f"where({lost} > 0, {NO_TIME - WAITS}, 0)", {}
        code = self.put(f"fault_of_{label}", code)
        book |= {self.states.instant: "t", fault: f"where({fault} > 0, {fault}, {code})"}
        when = self.tangents[0][fault]
        book[when] = f"where({fault} > 0, {when}, where({code} > 0, t, 0))"
        book |= {
            tangents[self.states.instant]: time for tangents, time in zip(self.tangents, times, strict=True)
        }
        values = self.new_values(event)
        new = {name: tree for name, tree in values.items()} | book | self.jumps(event, values, times)
        return replace(
            event, assignments=tuple(Assignment(*item) for item in new.items()), from_trigger_time=False
        )

    def new_values(self, event: Event) -> dict[str, str]:
        """Names of what the targets become."""
        held = {name: self.states.held.get((event.name, name)) for name in event.targets}
        return {
            item.name: held[item.name] or self.put(f"new_{item.name}_by_{event.name}", item.expression.tree)
            for item in event.assignments
        }

    def jumps(self, event: Event, values: Mapping[str, str], times: list[str]) -> dict[str, str]:
        """New values of the sensitivities."""
        after, found = self.speeds_after(event, values), {}
        for state in self.own:
            if state not in values and state not in after:
                continue
            later = after.get(state, self.speeds.get(state, "0"))
            if state in values:
                tree = ast.Name(values[state])
                before = self.speed(f"change_of_{state}_at_{event.name}", tree)
            else:
                tree, before = ast.Name(state), self.speeds.get(state, "0")
            jump = self.put(f"jump_of_{state}_at_{event.name}", f"{before} - {later}")
            for m, time in enumerate(times):
                slope = self.along(f"slope_of_{state}_at_{event.name}_{m}", tree, m)
                found[self.tangents[m][state]] = f"{slope} + {jump} * {time}"
        return found

    def speeds_after(self, event: Event, values: Mapping[str, str]) -> dict[str, str]:
        """Rates after an event, of the states whose rate it changes."""
        names = dict(values)
        for item in self.model.ordered_assignments:
            if item.name in self.used and item.expression.names & names.keys():
                names[item.name] = self.put(
                    f"{item.name}_after_{event.name}", item.expression.substitute(names).tree
                )
        return {
            state: self.put(f"speed_{state}_after_{event.name}", rate.substitute(names).tree)
            for state, rate in self.rates.items()
            if rate.names & names.keys()
        }


def _differences(tree: ast.expr, equations: Mapping[str, Expression]) -> Iterator[ast.expr]:
    """What passes through zero where a condition may change, with all that its equations compare or round."""
    if isinstance(tree, ast.Name) and tree.id in equations:
        yield from _differences(equations[tree.id].tree, equations)
    elif isinstance(tree, ast.Compare):
        sides = [tree.left, *tree.comparators]
        yield from (ast.BinOp(left, ast.Sub(), right) for left, right in pairwise(sides))
        for side in sides:
            yield from _differences(side, equations)
    elif isinstance(tree, ast.Call):
        if tree.func.id in ("floor", "ceil"):
            nearest = ast.Call(ast.Name("floor"), [ast.BinOp(tree.args[0], ast.Add(), ast.Constant(0.5))], [])
            yield ast.BinOp(tree.args[0], ast.Sub(), nearest)
        for part in tree.args:
            yield from _differences(part, equations)
    elif isinstance(tree, (ast.BoolOp, ast.BinOp, ast.UnaryOp)):
        for part in ast.iter_child_nodes(tree):
            if isinstance(part, ast.expr):
                yield from _differences(part, equations)
