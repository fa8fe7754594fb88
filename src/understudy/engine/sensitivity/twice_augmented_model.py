"""Twice augmented model: a mechanism with its sensitivities and theirs as further states.

With sensitivities S_i in direction i, the second ones H_ij are the derivatives of S_i along j: their equations are
those of S_i, differentiated once more. As H_ij is H_ji, each pair of directions is there once, after the states of all
S. Of a linear model this is linear too, ``H_ij' = A H_ij + A_i S_j + A_j S_i + A_ij y + b_ij``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from understudy.core.expression import Expression
from understudy.engine.code.jacobian import _product
from understudy.engine.sensitivity.augmented_model import (
    AugmentedModel,
    InputSlopes,
    NamedSlopes,
    Slope,
    _expression,
    _total,
    augment,
)
from understudy.engine.sensitivity.directions import Direction
from understudy.model.model import Model
from understudy.model.parts import Assignment, Output, State

Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class TwiceAugmentedModel:
    """A model with its first and second sensitivities.

    Parameters
    ----------
    once : AugmentedModel
        With the first ones alone.
    twice : AugmentedModel
        With both. Its tangents, outputs and inputs are those of the second ones, one for each pair.
    pairs : tuple of (int, int)
        Numbers of two directions, the first not above the second.
    """

    once: AugmentedModel
    twice: AugmentedModel
    pairs: Pairs


def pairs_of(directions: int) -> Pairs:
    """All pairs of directions.

    Examples
    --------
    >>> pairs_of(2)
    ((0, 0), (0, 1), (1, 1))
    """
    return tuple((i, j) for i in range(directions) for j in range(i, directions))


@lru_cache(maxsize=128)
def augment_twice(model: Model, directions: tuple[Direction, ...], pairs: Pairs) -> TwiceAugmentedModel:
    """The model with a copy of its states for every direction, and for every pair of them.

    Parameters
    ----------
    model : Model
        Without absorption profiles.
    directions : tuple of Direction
    pairs : tuple of (int, int)

    Examples
    --------
    >>> decay = Model("decay", "h", {"k": (1, "1/h")}, {"A": "mg"}, {"A": "-k * A"}, outputs={"C": "A / 2"})
    >>> found = augment_twice(decay, (Direction(("k",), ("",)),), ((0, 0),)).twice
    >>> found.model.state_names, found.model.rates[2]
    (('A', 'd_A_0', 'dd_A_0_0'), Expression('-k * dd_A_0_0 + (-1.0 * d_A_0 + -1.0 * d_A_0)'))
    """
    once = augment(model, directions)
    return TwiceAugmentedModel(once, _Second(once, directions, pairs).made(), pairs)


class _Second:
    """Writes the equations of the second sensitivities down."""

    def __init__(self, once: AugmentedModel, directions: tuple[Direction, ...], pairs: Pairs):
        self.once, self.directions, self.pairs, model = once, directions, pairs, once.model
        equations = {item.name: item.expression for item in model.assignments}
        taken = {*model.parameter_names, *model.state_names, *model.output_names, *equations}
        self.slopes = NamedSlopes(equations, taken)
        self.names = model.state_names[: once.own]
        self.curves = tuple(tuple(self.slopes.free(f"dd_{s}_{i}_{j}") for s in self.names) for i, j in pairs)

    def made(self) -> AugmentedModel:
        model, own = self.once.model, self.once.own
        rates, initial = [], []
        for pair, (i, _) in enumerate(self.pairs):
            for place in range(own * (1 + i), own * (2 + i)):
                rates.append(self.along(model.rates[place].tree, pair) or Expression(0))
                initial.append(self.by_parameters(model.states[place].initial, pair) or Expression(0))
        inputs = tuple(map(self.input_slopes, self.once.inputs))
        outputs, derivatives = self.outputs()
        names = (name for names in self.curves for name in names)
        states = tuple(State(name, "1", value) for name, value in zip(names, initial, strict=True))
        assignments = tuple(Assignment(name, equation) for name, equation in self.slopes.added.items())
        wide = replace(
            model,
            states=(*model.states, *states),
            rates=(*model.rates, *rates),
            inputs=model.doses,
            outputs=(*model.outputs, *outputs),
            assignments=(*model.assignments, *assignments),
        )
        return AugmentedModel(wide, own, self.curves, derivatives, inputs)

    def along(self, tree: ast.expr, pair: int) -> Slope:
        """Derivative along the second direction of a pair of what the first one's sensitivities make."""
        i, j = self.pairs[pair]
        moving = zip(
            (*self.names, *self.once.tangents[i]), (*self.once.tangents[j], *self.curves[pair]), strict=True
        )
        terms = [_product(self.slopes.of(tree, state), ast.Name(speed)) for state, speed in moving]
        return _expression(
            _total([*terms[len(self.names) :], *terms[: len(self.names)], *self.terms(tree, j)])
        )

    def by_parameters(self, expression: Slope, pair: int) -> Slope:
        """The same of what depends on no state."""
        return (
            None
            if expression is None
            else _expression(_total(self.terms(expression.tree, self.pairs[pair][1])))
        )

    def terms(self, tree: ast.expr, j: int) -> Iterable[ast.expr | None]:
        direction = self.directions[j]
        for name, seed in zip(direction.parameters, direction.seeds, strict=True):
            slope = self.slopes.of(tree, name)
            yield _product(slope, ast.Name(seed)) if seed else slope

    def outputs(self) -> tuple[list[Output], dict[str, tuple[str, ...]]]:
        """The outputs that are second derivatives, and their names for each output."""
        made, names = [], {}
        for name, first in self.once.outputs.items():
            found = []
            for pair, (i, j) in enumerate(self.pairs):
                slope = self.along(self.once.model.output(first[i]).expression.tree, pair)
                found.append(Output(self.slopes.free(f"dd_{name}_{i}_{j}"), slope or Expression(0)))
            made += found
            names[name] = tuple(item.name for item in found)
        return made, names

    def input_slopes(self, first: InputSlopes) -> InputSlopes:
        fields = {
            field: tuple(self.by_parameters(told[i], pair) for pair, (i, _) in enumerate(self.pairs))
            for field, told in first.fields.items()
        }
        return InputSlopes(fields, (None,) * len(self.pairs), None)
