"""Equations as JAX operations: checked trees are walked while JAX traces, and networks become Equinox's.

Everything that comes out can be differentiated. A branch that is not taken must not spoil a derivative: backwards, zero
times infinity is not a number, so the names in a branch are cut off from their derivatives where it is not taken.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import reduce
from math import prod
from typing import Any

from understudy.core.expression import CONSTANTS, TIME, Expression
from understudy.core.grammar import names_in
from understudy.model.model import Model
from understudy.model.network import Network

Values = Mapping[str, Any]

_SAME_NAME = (
    *("exp", "expm1", "log", "log1p", "log10", "log2", "sqrt", "abs", "floor", "ceil"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh"),
)
_SPECIAL = {"lgamma": "gammaln", "logit": "logit", "expit": "expit"}
_COMPARE = {
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}
_BINARY = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}
# Whole powers up to this are multiplied out, which also holds at and below zero.
_LARGEST_POWER = 16


def value(expression: Expression, values: Values) -> Any:
    """Value of an equation as a JAX number.

    Parameters
    ----------
    expression : Expression
    values : mapping of name to JAX number

    Examples
    --------
    >>> float(value(Expression("2 * x ** 2"), {"x": 3.0}))
    18.0
    """
    return _number(_value(expression.tree, values))


def with_assignments(model: Model, values: Values) -> dict[str, Any]:
    """The same values and those of the model's assignments for which everything is known, networks included."""
    known = dict(values)
    outputs, inner = _calls(model)
    for item in model.ordered_assignments:
        if item.name in outputs:
            network, arguments = outputs[item.name]
            if known.keys() >= {*arguments}:
                known[item.name] = apply_network(network, [known[name] for name in arguments], known)
        elif item.name not in inner and item.expression.names <= known.keys():
            known[item.name] = value(item.expression, known)
    return known


def rates(model: Model, time: Any, states: Any, parameters: Any) -> Any:
    """Time derivatives of the states, shape (states,), from arrays of shapes (states,) and (parameters,)."""
    import jax.numpy as jnp

    known = everything(model, time, states, parameters)
    return jnp.stack([jnp.asarray(value(rate, known), float) for rate in model.rates])


def everything(model: Model, time: Any, states: Any, parameters: Any) -> dict[str, Any]:
    """Every name of a model with its value at one time."""
    known = {name: parameters[k] for k, name in enumerate(model.parameter_names)}
    known |= {name: states[k] for k, name in enumerate(model.state_names)}
    return with_assignments(model, known | {TIME: time})


def apply_network(network: Network, arguments: Sequence[Any], values: Values) -> Any:
    """What an Equinox multilayer perceptron with the network's weights makes of the arguments."""
    import jax.numpy as jnp

    perceptron = multilayer_perceptron(network, jnp.stack([values[name] for name in network.weight_names]))
    return perceptron(jnp.stack([jnp.asarray(x, float) for x in arguments]))


def multilayer_perceptron(network: Network, weights: Any) -> Any:
    """An ``equinox.nn.MLP`` with given weights.

    Parameters
    ----------
    network : Network
    weights : array, shape (weights,)
        In the order of ``network.weight_names``.
    """
    import equinox
    import jax

    functions = {
        "identity": lambda x: x,
        "tanh": jax.numpy.tanh,
        "relu": jax.nn.relu,
        "softplus": jax.nn.softplus,
    }
    empty = equinox.filter_eval_shape(
        equinox.nn.MLP, network.inputs, "scalar", network.width, network.depth, functions[network.activation],
        functions[network.output], key=jax.random.key(0),
    )  # fmt: skip
    leaves, start = [], 0
    for layer in empty.layers:
        for shape in (layer.weight.shape, layer.bias.shape):
            size = prod(shape)
            leaves.append(weights[start : start + size].reshape(shape))
            start += size
    return equinox.tree_at(
        lambda m: [x for layer in m.layers for x in (layer.weight, layer.bias)], empty, leaves
    )


def _calls(model: Model) -> tuple[dict[str, tuple[Network, list[str]]], set[str]]:
    """Assignments that are a network's output, with its arguments, and those that are its hidden units."""
    outputs, inner = {}, set()
    names = {item.name for item in model.assignments}
    for network in model.networks:
        for call in network.calls_among(names):
            outputs[call] = network, network.argument_names(call)
            inner |= network.hidden_names(call)
    return outputs, inner


def _value(tree: ast.expr, values: Values) -> Any:
    import jax.numpy as jnp

    if isinstance(tree, ast.Constant):
        return float(tree.value)
    if isinstance(tree, ast.Subscript):
        return _value(tree.value, values)
    if isinstance(tree, ast.Name):
        return CONSTANTS[tree.id] if tree.id in CONSTANTS else values[tree.id]
    if isinstance(tree, ast.BinOp):
        return _operation(tree, values)
    if isinstance(tree, ast.UnaryOp):
        return _unary(tree, values)
    if isinstance(tree, ast.Call):
        return _call(tree.func.id, tree.args, values)
    if isinstance(tree, ast.BoolOp):
        combine = jnp.logical_and if isinstance(tree.op, ast.And) else jnp.logical_or
        return reduce(combine, [_condition(part, values) for part in tree.values])
    sides = [_number(_value(part, values)) for part in (tree.left, *tree.comparators)]
    holds = [getattr(jnp, _COMPARE[type(op)])(*sides[k : k + 2]) for k, op in enumerate(tree.ops)]
    return reduce(jnp.logical_and, holds)


def _number(found: Any) -> Any:
    """1 where true and 0 where false."""
    import jax.numpy as jnp

    return jnp.where(found, 1.0, 0.0) if _is_truth(found) else found


def _condition(tree: ast.expr, values: Values) -> Any:
    found = _value(tree, values)
    return found if _is_truth(found) else found != 0.0


def _is_truth(found: Any) -> bool:
    return getattr(getattr(found, "dtype", None), "kind", "") == "b"


def _operation(tree: ast.BinOp, values: Values) -> Any:
    import jax.numpy as jnp

    left = _number(_value(tree.left, values))
    if not isinstance(tree.op, ast.Pow):
        return getattr(jnp, _BINARY[type(tree.op)])(left, _number(_value(tree.right, values)))
    exponent = _literal(tree.right)
    if exponent is not None and exponent == int(exponent) and abs(exponent) <= _LARGEST_POWER:
        return jnp.asarray(left, float) ** int(exponent)
    return jnp.sqrt(left) if exponent == 0.5 else jnp.power(left, _number(_value(tree.right, values)))


def _literal(tree: ast.expr) -> float | None:
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        inner = _literal(tree.operand)
        return None if inner is None else -inner
    return float(tree.value) if isinstance(tree, ast.Constant) else None


def _unary(tree: ast.UnaryOp, values: Values) -> Any:
    import jax.numpy as jnp

    if isinstance(tree.op, ast.Not):
        return jnp.logical_not(_condition(tree.operand, values))
    inside = _number(_value(tree.operand, values))
    return -inside if isinstance(tree.op, ast.USub) else inside


def _call(name: str, arguments: Sequence[ast.expr], values: Values) -> Any:
    import jax.numpy as jnp
    from jax.scipy import special

    if name == "where":
        return _choose([arguments[1], arguments[0], arguments[2]], values)
    if name == "piecewise":
        return _choose(arguments, values)
    numbers = [_number(_value(argument, values)) for argument in arguments]
    if name in ("min", "max"):
        return reduce(jnp.minimum if name == "min" else jnp.maximum, numbers)
    function = getattr(jnp, name) if name in _SAME_NAME else getattr(special, _SPECIAL[name])
    return function(numbers[0])


def _choose(arguments: Sequence[ast.expr], values: Values) -> Any:
    """``value, condition, value, condition, …, otherwise``: the first true condition wins."""
    import jax.numpy as jnp

    if len(arguments) == 1:
        return _number(_value(arguments[0], values))
    holds = _condition(arguments[1], values)
    here = _number(_value(arguments[0], _only_where(holds, arguments[:1], values)))
    otherwise = _choose(arguments[2:], _only_where(jnp.logical_not(holds), arguments[2:], values))
    return jnp.where(holds, here, otherwise)


def _only_where(holds: Any, trees: Sequence[ast.expr], values: Values) -> dict[str, Any]:
    """The same values, whose derivatives count only where a condition holds."""
    import jax.numpy as jnp
    from jax.lax import stop_gradient

    used = {name for tree in trees for name in names_in(tree)}
    return {name: jnp.where(holds, x, stop_gradient(x)) for name, x in values.items() if name in used}
