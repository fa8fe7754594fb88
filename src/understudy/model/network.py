"""Network: a small neural network as a term of equations, for neural ordinary differential equations.

As in Bräm et al. 2024, J Pharmacokinet Pharmacodyn 51:123-140, doi:10.1007/s10928-023-09886-4 (PMID 37837491), networks
have few inputs and few units, so that their weights can be parameters like any other: estimated, given random effects,
stored with the model. A call in an equation is written out as assignments, ``tanh`` of sums, so that every engine and
every reader of models can do with them what they do with any equation.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from understudy.core.errors import ModelError
from understudy.core.expression import Expression, check_name
from understudy.core.grammar import FUNCTIONS, Function, read
from understudy.core.random import uniforms
from understudy.model.parts import Assignment, Parameter

Activation = Literal["identity", "tanh", "relu", "softplus"]

# Sums stay within the depth that equations may have.
_MOST_UNITS, _MOST_LAYERS = 64, 8
_FUNCTIONS = {
    "identity": "{x}",
    "tanh": "tanh({x})",
    "relu": "max({x}, 0)",
    "softplus": "max({x}, 0) + log1p(exp(-abs({x})))",
}


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron that equations of a model can call.

    Parameters
    ----------
    name : str
        What equations call it by.
    inputs : int
        Numbers it takes.
    width, depth : int
        Units of a hidden layer, and hidden layers.
    activation : {"tanh", "relu", "softplus", "identity"}
        Of hidden units.
    output : {"identity", "softplus", "relu", "tanh"}
        Applied to the sum that comes out; ``softplus`` keeps it positive.
    unit : str
        Of what comes out.
    input_units : tuple of str
        Of what goes in; without unit where empty.
    seed : int
        Weights that a model does not give start as random numbers of this seed, uniform within plus and minus one over
        the square root of a layer's inputs.
    description : str

    Raises
    ------
    ModelError
        For sizes or functions that no network has.

    Examples
    --------
    >>> Network("uptake", width=2).weight_names
    ('uptake_w1_1_1', 'uptake_w1_2_1', 'uptake_b1_1', 'uptake_b1_2', 'uptake_w2_1_1', 'uptake_w2_1_2', 'uptake_b2_1')
    """

    name: str
    inputs: int = 1
    width: int = 8
    depth: int = 1
    activation: Activation = "tanh"
    output: Activation = "identity"
    unit: str = "1"
    input_units: tuple[str, ...] = ()
    seed: int = 0
    description: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "network name")
        object.__setattr__(self, "input_units", tuple(self.input_units) or ("1",) * self.inputs)
        sizes = (("inputs", _MOST_UNITS), ("width", _MOST_UNITS), ("depth", _MOST_LAYERS))
        for field, most in sizes:
            if not 1 <= getattr(self, field) <= most:
                raise ModelError(
                    f"{field} of network {self.name} is {getattr(self, field)}", repair=f"choose 1 to {most}"
                )
        for field in ("activation", "output"):
            if getattr(self, field) not in get_args(Activation):
                raise ModelError(
                    f"{field} of network {self.name} is {getattr(self, field)!r}",
                    repair=f"choose of {', '.join(get_args(Activation))}",
                )
        if len(self.input_units) != self.inputs:
            raise ModelError(
                f"network {self.name} has {self.inputs} inputs and {len(self.input_units)} input units",
                repair="give one unit an input, or none",
            )

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """Units and inputs of each layer, the last one's single unit included."""
        sizes = (self.inputs, *[self.width] * self.depth, 1)
        return tuple(zip(sizes[1:], sizes[:-1], strict=True))

    @property
    def weight_names(self) -> tuple[str, ...]:
        """Names of the parameters: layer by layer its weights, unit by unit, then its biases."""
        return tuple(name for name, _, _ in self._weights())

    def parameters(self) -> tuple[Parameter, ...]:
        """The weights at their start."""
        rows = list(self._weights())
        drawn = uniforms(self.seed, f"network {self.name}", [0], len(rows))[0]
        return tuple(
            Parameter(name, (2 * u - 1) / fan_in**0.5, unit, f"weight of network {self.name}")
            for (name, fan_in, unit), u in zip(rows, drawn.tolist(), strict=True)
        )

    def _weights(self) -> Iterable[tuple[str, int, str]]:
        """Name, inputs of its layer and unit of each weight."""
        for layer, (units, fan_in) in enumerate(self.layers, 1):
            out = self.unit if self._is_linear_in_the_end and layer == len(self.layers) else "1"
            for unit in range(1, units + 1):
                for k in range(1, fan_in + 1):
                    per = f"{out}/({self.input_units[k - 1]})" if layer == 1 else out
                    yield f"{self.name}_w{layer}_{unit}_{k}", fan_in, "1" if per == "1/(1)" else per
            for unit in range(1, units + 1):
                yield f"{self.name}_b{layer}_{unit}", fan_in, out

    @property
    def _is_linear_in_the_end(self) -> bool:
        return self.output == "identity"

    def argument_names(self, call: str) -> list[str]:
        """Names of the assignments that hold a call's arguments."""
        return [f"{call}_x{k}" for k in range(1, self.inputs + 1)]

    def hidden_names(self, call: str) -> set[str]:
        """Names of the assignments that hold a call's hidden units."""
        return {
            f"{call}_h{layer}_{unit}"
            for layer in range(1, self.depth + 1)
            for unit in range(1, self.width + 1)
        }

    def call_name(self, k: int) -> str:
        """Name of the assignment that holds the network's ``k``-th call."""
        return f"{self.name}_of_{k}"

    def calls_among(self, names: Iterable[str]) -> list[str]:
        """Those of some assignments' names that hold a call of this network."""
        names, calls = set(names), []
        while self.call_name(len(calls) + 1) in names:
            calls.append(self.call_name(len(calls) + 1))
        return calls

    def written_out(self, call: str, arguments: Iterable[Expression]) -> tuple[Assignment, ...]:
        """A call as assignments: arguments, hidden units and what comes out.

        Examples
        --------
        >>> for item in Network("f", width=1).written_out("f_of_1", [Expression("A / V")]):
        ...     print(item.name, "=", item.expression)
        f_of_1_x1 = A / V
        f_of_1_h1_1 = tanh(f_w1_1_1 * f_of_1_x1 + f_b1_1)
        f_of_1 = f_w2_1_1 * f_of_1_h1_1 + f_b2_1
        """
        before = self.argument_names(call)
        items = [Assignment(name, item) for name, item in zip(before, arguments, strict=True)]
        for layer in range(1, self.depth + 1):
            names = [f"{call}_h{layer}_{unit}" for unit in range(1, self.width + 1)]
            for unit, name in enumerate(names, 1):
                items.append(Assignment(name, _activated(self.activation, self._sum(layer, unit, before))))
            before = names
        result = _activated(self.output, self._sum(self.depth + 1, 1, before))
        scaled = result if self._is_linear_in_the_end or self.unit == "1" else f"({result}) * 1[{self.unit}]"
        return (*items, Assignment(call, scaled))

    def _sum(self, layer: int, unit: int, before: list[str]) -> str:
        terms = [f"{self.name}_w{layer}_{unit}_{k} * {name}" for k, name in enumerate(before, 1)]
        return " + ".join([*terms, f"{self.name}_b{layer}_{unit}"])


def _activated(function: str, x: str) -> str:
    return _FUNCTIONS[function].format(x=x if function == "identity" else f"({x})")


class Calls:
    """Reads equations that call networks, and writes the calls out.

    Parameters
    ----------
    networks : tuple of Network
    names : iterable of str
        Assignments that are there already, calls among them.
    """

    def __init__(self, networks: tuple[Network, ...], names: Iterable[str]):
        self.networks = {network.name: network for network in networks}
        names = set(names)
        self.counts = {network.name: len(network.calls_among(names)) for network in networks}
        self.known: dict[str, str] = {}
        self.assignments: list[Assignment] = []

    def read(self, given: Any) -> Any:
        """The same parts of a model, with every call in equations given as text replaced by its assignment's name."""
        if isinstance(given, Mapping):
            return {name: self._row(row) for name, row in given.items()}
        return tuple(self._text(item) for item in given)

    def _row(self, row: Any) -> Any:
        if isinstance(row, (tuple, list)):
            return (self._text(row[0]), *row[1:])
        return self._text(row)

    def _text(self, text: Any) -> Any:
        if not isinstance(text, str):
            return text
        own = {name: Function(item.inputs, item.inputs) for name, item in self.networks.items()}
        return ast.unparse(_WithoutCalls(self).visit(read(text, {**FUNCTIONS, **own})))

    def name_of(self, network: Network, arguments: list[ast.expr]) -> str:
        """Name of the assignment that holds a call; equal calls share one."""
        text = ast.unparse(ast.Call(ast.Name(network.name), arguments, []))
        if text not in self.known:
            self.counts[network.name] += 1
            self.known[text] = network.call_name(self.counts[network.name])
            expressions = [Expression.from_tree(argument) for argument in arguments]
            self.assignments.extend(network.written_out(self.known[text], expressions))
        return self.known[text]


class _WithoutCalls(ast.NodeTransformer):
    def __init__(self, calls: Calls):
        self.calls = calls

    def visit_Call(self, node: ast.Call) -> ast.expr:
        arguments = [self.visit(argument) for argument in node.args]
        network = self.calls.networks.get(node.func.id)
        return (
            ast.Name(self.calls.name_of(network, arguments))
            if network
            else ast.Call(node.func, arguments, [])
        )

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        return node
