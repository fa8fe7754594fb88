"""Compiled right-hand sides against `Expression.evaluate`, function by function, number by number."""

import ctypes
import itertools

import numpy as np
import pytest

from understudy.core.expression import FUNCTIONS, Expression
from understudy.engine.code.codegen import RIGHT_HAND_SIDE, right_hand_side
from understudy.engine.code.compiler import address
from understudy.engine.kernel.lanes import WIDTH
from understudy.model.model import Model

# Numbers on which functions turn, end, or overflow.
SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 1e-8, -1e-8, 1e-300, 3.7, -3.7, 25.0, 710.0, -750.0, 1e17, -1e17]
)
SPECIAL = np.append(SPECIAL, [np.inf, -np.inf, np.nan])
# The C library's and NumPy's functions are each good to a unit in the last place or two.
RELATIVE, ABSOLUTE = 2e-15, 1e-300


def compiled(
    texts: list[str], values: dict[str, np.ndarray], assignments: dict[str, str] | None = None
) -> np.ndarray:
    """Values of equations at every row of `values` by machine code, shape (equations, rows)."""
    names = [name for name in values if name != "t"]
    states = {f"s{k}": "1" for k in range(len(texts))}
    rates = dict(zip(states, texts, strict=True))
    model = Model("m", "h", dict.fromkeys(names, 0.0), states, rates, assignments=assignments or {})
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5)(
        address(right_hand_side(model), RIGHT_HAND_SIDE)
    )
    rows = len(next(iter(values.values())))
    found = np.empty((len(texts), rows))
    for first in range(0, rows, WIDTH):
        take = np.minimum(np.arange(first, first + WIDTH), rows - 1)
        t = np.ascontiguousarray(values.get("t", np.zeros(rows))[take])
        p = np.ascontiguousarray([values[name][take] for name in names])
        y, r, dy = np.zeros((len(texts), WIDTH)), np.zeros((len(texts), WIDTH)), np.empty((len(texts), WIDTH))
        function(*[array.ctypes.data for array in (t, y, p, r, dy)])
        found[:, take] = dy
    return found


def assert_same(texts: list[str], values: dict[str, np.ndarray], absolute: float = ABSOLUTE) -> None:
    found = compiled(texts, values)
    for text, column in zip(texts, found, strict=True):
        wanted = np.broadcast_to(np.asarray(Expression(text).evaluate(values), float), column.shape)
        np.testing.assert_allclose(column, wanted, rtol=RELATIVE, atol=absolute, err_msg=text)


def grid(*names: str) -> dict[str, np.ndarray]:
    """Every combination of the special numbers."""
    return dict(zip(names, np.array(list(itertools.product(SPECIAL, repeat=len(names)))).T, strict=True))


def drawn(*names: str, low: float = -4.0, high: float = 4.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    return {name: rng.uniform(low, high, 400) for name in names}


OF_ONE = [name for name, function in FUNCTIONS.items() if function.most == 1]


@pytest.mark.parametrize("name", OF_ONE)
def test_functions_of_one_number(name):
    # logit and lgamma go through zero by cancellation, where they are known to a rounding of 1 or 2.
    absolute = {"logit": 2e-16, "lgamma": 4e-16}.get(name, ABSOLUTE)
    special = grid("x")["x"]
    # Minus infinity is a point between poles, where libraries differ.
    assert_same([f"{name}(x)"], {"x": special[special != -np.inf] if name == "lgamma" else special}, absolute)
    assert_same([f"{name}(x)"], drawn("x"), absolute)
    assert_same([f"{name}(x)"], drawn("x", low=1e-6, high=1 - 1e-6), absolute)


def test_every_function_of_the_language_is_tested_here():
    assert set(FUNCTIONS) == {*OF_ONE, "min", "max", "where", "piecewise"}


OPERATORS = ["x + y", "x - y", "x * y", "x / y", "-x", "+x", "x ** y", "2 ** x", "x ** 2.5", "abs(x) ** y"]
POWERS = [f"x ** {n}" for n in (0, 1, 2, 3, 5, 7, 16, 17, -1, -2, -3, 30)]


@pytest.mark.parametrize("text", OPERATORS)
def test_operators(text):
    assert_same([text], grid("x", "y"))
    assert_same([text], drawn("x", "y"))


@pytest.mark.parametrize("text", POWERS)
def test_whole_powers_are_good_to_their_multiplications(text):
    values = drawn("x")
    found, wanted = compiled([text], values)[0], Expression(text).evaluate(values)
    # Squaring doubles what was rounded before: up to sixteen roundings of 1.1e-16.
    np.testing.assert_allclose(found, wanted, rtol=16 * 1.2e-16)


def test_a_square_root_written_as_a_power():
    # The power of minus infinity is infinite, its square root undefined: no state can tell.
    values = {name: x[x != -np.inf] for name, x in grid("x").items()}
    assert_same(["x ** 0.5"], values)
    assert_same(["x ** 0.5"], drawn("x", low=0.0))


CONDITIONS = [
    *[f"x {sign} y" for sign in ("<", "<=", ">", ">=", "==", "!=")],
    "x < y < 1",
    "0 <= x <= y",
    "x and y",
    "x or y",
    "not x",
    "x > 0 and y > 0",
    "x > 0 or not y > 0",
    "not (x < y and y != 2)",
    "(x > 0) + (y > 0) + (x == y)",
    "2 * (x < y) - 1",
]
CHOICES = [
    "where(x < y, x, y)",
    "where(x, y, -1)",
    "where(x > 0, log(x), exp(x))",
    "where(x > 0, where(y > 0, 1, 2), where(y > x, 3, x))",
    "where(not (x > 1 or y < 0), x + y, x - y)",
    "piecewise(1, x < 0, 2, x < 1, 3)",
    "piecewise(x, y > 1, y, x > 1, where(x == y, 5, 6))",
    "piecewise(x, x < y, 7)",
    "min(x, y)",
    "max(x, y)",
    "min(x, y, 1)",
    "max(x, 0, y, -x)",
    "max(min(x, 2), min(y, 2))",
]


@pytest.mark.parametrize("text", [*CONDITIONS, *CHOICES])
def test_conditions_and_choices(text):
    assert_same([text], grid("x", "y"))


def test_time_constants_units_and_several_equations_at_once():
    values = drawn("x", "y", "t", low=0.1)
    assert_same(["x * t", "pi * x", "(x / 70[kg]) ** 0.75", "sin(2 * pi * t / 24[h])"], values)


def test_a_large_equation():
    text = " + ".join(f"exp(-{k}.5 * x) * sin({k} * y) / (1 + x ** {k % 5 + 1})" for k in range(60))
    values = drawn("x", "y", low=0.1)
    found, wanted = compiled([text], values)[0], Expression(text).evaluate(values)
    # Fused multiply-add rounds once where NumPy rounds twice: differences of rounding size of the terms.
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-15)


def test_assignments_are_followed_and_computed_once():
    texts, values = ["a * x", "a + b"], drawn("x", "y", low=0.1)
    assignments = {"b": "a * 2", "a": "exp(x) / y"}
    found = compiled(texts, values, assignments)
    a = np.exp(values["x"]) / values["y"]
    np.testing.assert_allclose(found, [a * values["x"], 3 * a], rtol=RELATIVE)
    model = Model(
        "m",
        "h",
        {"x": 1.0, "y": 1.0},
        {"s": "1", "u": "1"},
        {"s": "a * x", "u": "a + b"},
        assignments=assignments,
    )
    assert right_hand_side(model).count('call <8 x double> @"vector_exp"') == 1


def test_equal_subexpressions_are_printed_once():
    model = Model(
        "m", "h", {"x": 1.0}, {"s": "1", "u": "1"}, {"s": "sqrt(x + 1) * 2", "u": "sqrt(x + 1) / (x + 1)"}
    )
    code = right_hand_side(model)
    assert code.count('call <8 x double> @"llvm.sqrt') == 1
    assert code.count("fadd") == 3  # x + 1, and the infusion rate of each state


def test_states_and_infusion_rates():
    model = Model("m", "h", {"k": 0.5}, {"A": "mg", "B": "mg"}, {"A": "-k * A", "B": "k * A - t * B"})
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5)(
        address(right_hand_side(model), RIGHT_HAND_SIDE)
    )
    rng = np.random.default_rng(3)
    t, y, p, r = rng.random(8), rng.random((2, 8)), rng.random((1, 8)), rng.random((2, 8))
    dy = np.empty((2, 8))
    function(*[array.ctypes.data for array in (t, y, p, r, dy)])
    wanted = [-p[0] * y[0] + r[0], p[0] * y[0] - t * y[1] + r[1]]
    np.testing.assert_allclose(dy, wanted, rtol=RELATIVE)


def test_a_lane_never_sees_its_neighbours():
    values = {"x": np.array([2.0, np.nan, np.inf, -1.0, 0.0, 1e300, -np.inf, 5.0])}
    text = "exp(-x) + sqrt(x) + where(x > 1, log(x), x ** 3)"
    together = compiled([text], values)[0]
    apart = [compiled([text], {"x": np.full(8, x)})[0, 0] for x in values["x"]]
    np.testing.assert_array_equal(together, apart)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_other_widths_give_the_same_numbers(width):
    rates = {
        "A": "-k * A ** 0.75 + exp(-t) * tan(t)",
        "B": "where(A > 1, k * A, log(B)) - max(B, t) + sinh(B)",
    }
    model = Model("m", "h", {"k": 0.5}, {"A": "mg", "B": "mg"}, rates)
    rng = np.random.default_rng(3)
    shapes = {"t": 1, "y": 2, "p": 1, "r": 2}
    eight = [rng.random((count, 8)) * 2 for count in shapes.values()]
    wanted, found = np.empty((2, 8)), np.empty((2, 8))
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5)
    kind(address(right_hand_side(model), RIGHT_HAND_SIDE))(*[a.ctypes.data for a in (*eight, wanted)])
    function = kind(address(right_hand_side(model, width), RIGHT_HAND_SIDE))
    for first in range(0, 8, width):
        part = [np.ascontiguousarray(a[:, first : first + width]) for a in (*eight, np.zeros((2, 8)))]
        function(*[a.ctypes.data for a in part])
        found[:, first : first + width] = part[-1]
    np.testing.assert_array_equal(found, wanted)
    assert ("x double>" in right_hand_side(model, width)) == (width > 1)
