"""Augmented model: a mechanism whose further states are the sensitivities of the first ones.

With states y, rates f and a direction that moves the parameters at the speeds ds, the sensitivity S of y follows
S' = J S + (df/dp) ds, J the matrix of slopes of the rates by the states. It is written as ordinary equations, so every
solver solves it, and of a linear model it is linear. The states of direction 1 follow those of the model, then those
of direction 2, and so on.

Dickinson RP, Gelinas RJ. Sensitivity analysis of ordinary differential equation systems: a direct method. J Comput Phys
1976;21:123-143, doi:10.1016/0021-9991(76)90007-3.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from understudy.core.expression import Expression
from understudy.engine.code.jacobian import _number, _product, _Slopes, _sum
from understudy.engine.sensitivity.directions import Direction
from understudy.model.model import TIME_AFTER_DOSE, Model
from understudy.model.parts import Assignment, Input, Output, State

Slope = Expression | None
"""A derivative; None where it is zero everywhere."""


@dataclass(frozen=True, eq=False)
class InputSlopes:
    """Derivatives of what an input says, one for each direction.

    Parameters
    ----------
    fields : mapping of field to tuple of Slope
        Lag, bioavailability, rate and duration, those that the input has.
    density : tuple of Slope
        Of its absorption profile, as a function of time after dose.
    density_by_time : Slope
        The profile's derivative by time after dose.
    """

    fields: Mapping[str, tuple[Slope, ...]]
    density: tuple[Slope, ...]
    density_by_time: Slope


@dataclass(frozen=True, eq=False)
class AugmentedModel:
    """A model with its sensitivities as states and outputs.

    Parameters
    ----------
    model : Model
    own : int
        How many states are the mechanism's.
    tangents : tuple of tuples of str, shape (directions, own)
        The states that are sensitivities.
    outputs : mapping of output to tuple of str
        The outputs that are its derivatives, one for each direction.
    inputs : tuple of InputSlopes
    times : tuple of tuples of Slope, shape (times, directions)
        Derivatives of further equations of parameters.
    """

    model: Model
    own: int
    tangents: tuple[tuple[str, ...], ...]
    outputs: Mapping[str, tuple[str, ...]]
    inputs: tuple[InputSlopes, ...]
    times: tuple[tuple[Slope, ...], ...] = ()


@lru_cache(maxsize=128)
def augment(
    model: Model, directions: tuple[Direction, ...], times: tuple[Expression, ...] = ()
) -> AugmentedModel:
    """The model with a copy of its states for every direction.

    Parameters
    ----------
    model : Model
        Absorption profiles are left as they are: see `understudy.engine.sensitivity.profile_slopes`. So are events: see
        `understudy.engine.sensitivity.event_jump`.
    directions : tuple of Direction
    times : tuple of Expression
        Equations of parameters whose derivatives are wanted too.

    Examples
    --------
    >>> decay = Model("decay", "h", {"k": (1, "1/h")}, {"A": "mg"}, {"A": "-k * A"}, outputs={"C": "A / 2"})
    >>> found = augment(decay, (Direction(("k",), ("",)),))
    >>> found.model.state_names, found.model.rates[1], found.model.outputs[1].expression
    (('A', 'd_A_0'), Expression('-k * d_A_0 + -1.0 * A'), Expression('1.0 / 2 * d_A_0'))
    """
    return _Augmentation(model, directions).made(times)


class NamedSlopes(_Slopes):
    """Derivatives in which those of assignments have names that equations can use.

    Parameters
    ----------
    equations : mapping of name to Expression
    taken : set of str
        Names that new ones must differ from.
    """

    def __init__(self, equations: Mapping[str, Expression], taken: Iterable[str]):
        super().__init__(dict(equations))
        self.taken, self.added = set(taken), {}

    def free(self, wish: str) -> str:
        """A name that nothing has yet."""
        while wish in self.taken:
            wish += "_"
        self.taken.add(wish)
        return wish

    def put(self, wish: str, tree: ast.expr) -> str:
        """The name of a new assignment."""
        name = self.free(wish)
        self.added[name] = self.equations[name] = Expression.from_tree(tree)
        return name

    def named(self, wish: str, tree: ast.expr) -> ast.expr:
        """A tree as an assignment of its own, unless it is a name or a number already."""
        return tree if isinstance(tree, (ast.Name, ast.Constant)) else ast.Name(self.put(wish, tree))

    def of_name(self, used: str, name: str) -> ast.expr | None:
        if used == name:
            return _number(1.0)
        if used not in self.equations:
            return None
        if (used, name) not in self.known:
            slope = self.of(self.equations[used].tree, name)
            self.known[used, name] = None if slope is None else self.named(f"d_{used}_by_{name}", slope)
        return self.known[used, name]

    def by_parameters(self, tree: ast.expr, direction: Direction) -> ast.expr | None:
        """Derivative of a tree by the parameters that a direction moves, the states held."""
        parts = []
        for name, seed in zip(direction.parameters, direction.seeds, strict=True):
            slope = self.of(tree, name)
            parts.append(_product(slope, ast.Name(seed)) if seed else slope)
        return _total(parts)

    def along(self, tree: ast.expr, states: Mapping[str, str], direction: Direction) -> ast.expr | None:
        """Derivative of a tree along a direction; of each state its sensitivity is given."""
        parts = [_product(self.of(tree, state), ast.Name(tangent)) for state, tangent in states.items()]
        return _total([*parts, self.by_parameters(tree, direction)])


class _Augmentation:
    """Writes the equations down."""

    def __init__(self, model: Model, directions: tuple[Direction, ...]):
        self.model, self.directions = model, directions
        equations = {item.name: item.expression for item in model.assignments}
        taken = {*model.parameter_names, *model.state_names, *model.output_names, *equations}
        self.slopes = NamedSlopes(equations, taken)
        self.tangents = tuple(
            tuple(self.slopes.free(f"d_{state}_{m}") for state in model.state_names)
            for m in range(len(directions))
        )

    def made(self, times: tuple[Expression, ...]) -> AugmentedModel:
        model, count = self.model, len(self.directions)
        rates = [rate for m in range(count) for rate in self.rates(m)]
        initial = [
            self.along(state.initial, m, with_states=False) for m in range(count) for state in model.states
        ]
        inputs = tuple(map(self.input_slopes, model.doses))
        moved = tuple(tuple(self.along(time, m, with_states=False) for m in range(count)) for time in times)
        outputs, derivatives = self.outputs()
        added = zip((name for names in self.tangents for name in names), initial, strict=True)
        states = tuple(State(name, "1", value or Expression(0)) for name, value in added)
        assignments = tuple(Assignment(name, equation) for name, equation in self.slopes.added.items())
        wide = replace(
            model,
            states=(*model.states, *states),
            rates=(*model.rates, *rates),
            inputs=model.doses,
            outputs=(*model.outputs, *outputs),
            assignments=(*model.assignments, *assignments),
        )
        return AugmentedModel(wide, len(model.states), self.tangents, derivatives, inputs, moved)

    def rates(self, m: int) -> list[Expression]:
        """Rates of the sensitivities in one direction."""
        found = []
        for row, rate in enumerate(self.model.rates):
            terms = [self.slopes.by_parameters(rate.tree, self.directions[m])]
            for column, state in enumerate(self.model.state_names):
                # The matrix is the same for all directions: it is written once.
                slope = self.matrix_entry(row, column, rate.tree, state)
                terms.append(_product(slope, ast.Name(self.tangents[m][column])))
            found.append(_expression(_total(terms[1:] + terms[:1])) or Expression(0))
        return found

    def matrix_entry(self, row: int, column: int, tree: ast.expr, state: str) -> ast.expr | None:
        key = (f"rate {row}", state)
        if key not in self.slopes.known:
            slope = self.slopes.of(tree, state)
            simple = slope is None or (isinstance(slope, ast.UnaryOp) and isinstance(slope.operand, ast.Name))
            label = f"slope_{row}_{column}"
            self.slopes.known[key] = slope if simple else self.slopes.named(label, slope)
        return self.slopes.known[key]

    def along(self, expression: Expression, m: int, with_states: bool = True) -> Slope:
        """Derivative of an equation along a direction, that of the states included."""
        states = dict(zip(self.model.state_names, self.tangents[m], strict=True)) if with_states else {}
        return _expression(self.slopes.along(expression.tree, states, self.directions[m]))

    def outputs(self) -> tuple[list[Output], dict[str, tuple[str, ...]]]:
        """The outputs that are derivatives, and their names for each output."""
        made, names = [], {}
        for output in self.model.outputs:
            slopes = [self.along(output.expression, m) for m in range(len(self.directions))]
            found = [
                Output(self.slopes.free(f"d_{output.name}_{m}"), slope or Expression(0))
                for m, slope in enumerate(slopes)
            ]
            made += found
            names[output.name] = tuple(item.name for item in found)
        return made, names

    def input_slopes(self, entry: Input) -> InputSlopes:
        count = range(len(self.directions))
        fields = {
            field: tuple(self.along(told, m, with_states=False) for m in count)
            for field, told in entry.expressions.items()
        }
        density = fields.pop("profile", (None,) * len(self.directions))
        by_time = None
        if entry.profile is not None:
            by_time = _expression(self.slopes.of(entry.profile.tree, TIME_AFTER_DOSE))
        return InputSlopes(fields, density, by_time)


def _total(trees: Iterable[ast.expr | None]) -> ast.expr | None:
    """The sum of many trees, nested as little as can be."""
    found = [tree for tree in trees if tree is not None]
    if len(found) <= 2:
        return _sum(*found) if len(found) == 2 else (found[0] if found else None)
    half = len(found) // 2
    return _sum(_total(found[:half]), _total(found[half:]))


def _expression(tree: ast.expr | None) -> Slope:
    return None if tree is None else Expression.from_tree(tree)
