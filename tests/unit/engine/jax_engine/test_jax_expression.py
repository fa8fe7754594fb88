"""Equations as JAX operations against their evaluation by NumPy."""

import numpy as np
import pytest
from jax_packages import import_jax

from understudy.core.expression import Expression
from understudy.core.grammar import FUNCTIONS
from understudy.engine.jax.jax_expression import value

jax = import_jax()

VALUES = {"x": 0.3, "y": -1.7, "n": 3.0, "zero": 0.0}
OPERATIONS = [
    "x + y * n - x / n",
    "x ** n + x ** -2 + y ** 3 + n ** 0.5 + zero ** 0",
    "-x + +y",
    "2.5[mg/L] * pi",
    "x < n",
    "(x < n) + (x >= n) + (x == 0.3) + (x != 0.3)",
    "y < zero < x < n",
    "not (x < y) and (n > 2 or y > 0)",
    "where(x > y and n, x, y)",
    "piecewise(1, x > 1, 2, x > 0.2, 3)",
    "min(x, y, n) + max(x, y, n)",
]


@pytest.fixture(autouse=True)
def _doubles():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("text", OPERATIONS)
def test_operations_agree_with_numpy(text):
    equation = Expression(text)
    # Both work in doubles; powers may differ in the last digits.
    assert float(value(equation, VALUES)) == pytest.approx(float(equation.evaluate(VALUES)), rel=1e-14)


OF_ONE = [name for name, function in FUNCTIONS.items() if function.most == 1]


@pytest.mark.parametrize("name", OF_ONE)
def test_functions_agree_with_numpy(name):
    equation = Expression(f"{name}(x)")
    assert float(value(equation, VALUES)) == pytest.approx(float(equation.evaluate(VALUES)), rel=1e-13)


def test_every_function_is_known():
    assert {"min", "max", "where", "piecewise", *OF_ONE} == {*FUNCTIONS}


@pytest.mark.parametrize(
    ("text", "x", "slope"),
    [
        ("where(x > 0, log(x), 0)", 0.0, 0.0),
        ("where(x > 0, x ** 0.3, 2 * x)", 0.0, 2.0),
        ("piecewise(1 / x, x > 0, log(-x), x < 0, 5 * x)", 0.0, 5.0),
        ("where(x > 0, log(x), 0)", 2.0, 0.5),
        ("x ** 2", 0.0, 0.0),
    ],
)
def test_a_branch_that_is_not_taken_spoils_no_derivative(text, x, slope):
    function = lambda x: value(Expression(text), {"x": x})  # noqa: E731
    assert float(jax.grad(function)(x)) == slope
    assert float(jax.jvp(function, (x,), (1.0,))[1]) == slope


def test_values_have_64_bits():
    assert value(Expression("x + 1"), {"x": jax.numpy.asarray(0.1)}).dtype == np.float64
