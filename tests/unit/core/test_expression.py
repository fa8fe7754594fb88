"""Equations evaluate as an independent evaluator says, combine, compare, and travel between processes."""

import copy
import math
import multiprocessing
import operator
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.errors import ExpressionError
from understudy.core.expression import FUNCTIONS, Expression

NAMES = {"a": 0.7, "b": -1.3, "c": 2.5}


def number(compute):
    """What float arithmetic gives, with infinity or not-a-number where Python would raise."""
    try:
        value = compute()
    except ZeroDivisionError:
        return None
    except (OverflowError, ValueError):
        return None
    return None if isinstance(value, complex) else float(value)


UNARY = {
    "exp": math.exp,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "expm1": math.expm1,
    "log1p": math.log1p,
    "sqrt": math.sqrt,
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "lgamma": math.lgamma,
    "expit": lambda x: 1 / (1 + math.exp(-x)),
    "logit": lambda x: math.log(x / (1 - x)),
}
BINARY = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "and": lambda x, y: bool(x) and bool(y),
    "or": lambda x, y: bool(x) or bool(y),
}

COMPARISONS = [BINARY[sign] for sign in ("<", "<=", ">", ">=", "==", "!=")]


def delicate(function, values):
    """Whether a rounding error in an argument could make the result jump."""
    if function in (math.floor, math.ceil):
        return abs(values[0] - round(values[0])) < 1e-6
    if function in COMPARISONS:
        return math.isclose(*values, rel_tol=1e-6, abs_tol=1e-9)
    return any(0 < abs(value) < 1e-9 for value in values)


def leaf():
    numbers = st.floats(0.01, 5).map(lambda x: (repr(x), x))
    return st.one_of(numbers, st.sampled_from(list(NAMES.items())), st.just(("pi", math.pi)))


def grow(inner):
    """Pairs of a text and the value Python gives it; None where the value is not a real number."""

    def value_of(function, *values):
        return None if None in values or delicate(function, values) else number(lambda: function(*values))

    def unary(name, x):
        return f"{name}({x[0]})", value_of(UNARY[name], x[1])

    def binary(sign, x, y):
        return f"({x[0]}) {sign} ({y[0]})", value_of(BINARY[sign], x[1], y[1])

    def select(x, y, z):
        return f"where({x[0]}, {y[0]}, {z[0]})", value_of(lambda p, q, r: q if p else r, x[1], y[1], z[1])

    def extremes(name, x, y, z):
        return f"{name}({x[0]}, {y[0]}, {z[0]})", value_of({"min": min, "max": max}[name], x[1], y[1], z[1])

    def negate(sign, x):
        function = {"-": operator.neg, "+": operator.pos, "not": operator.not_}[sign]
        return f"{sign} ({x[0]})", value_of(function, x[1])

    return st.one_of(
        st.builds(unary, st.sampled_from(list(UNARY)), inner),
        st.builds(binary, st.sampled_from(list(BINARY)), inner, inner),
        st.builds(select, inner, inner, inner),
        st.builds(extremes, st.sampled_from(["min", "max"]), inner, inner, inner),
        st.builds(negate, st.sampled_from(["-", "+", "not"]), inner),
    )


EQUATIONS = st.recursive(leaf(), grow, max_leaves=12)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(EQUATIONS)
def test_evaluation_agrees_with_pythons_floats(pair):
    text, expected = pair
    found = float(Expression(text).evaluate(NAMES))
    if expected is not None and math.isfinite(expected):
        # The functions of NumPy and of the C library differ in the last places, which nesting magnifies.
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_every_function_is_compared():
    assert {*UNARY, "min", "max", "where", "piecewise"} == set(FUNCTIONS)


@settings(max_examples=200, deadline=None)
@given(EQUATIONS)
def test_the_text_of_an_equation_reads_back_equal(pair):
    equation = Expression(pair[0])
    again = Expression(equation.text)
    assert again == equation
    np.testing.assert_equal(again.evaluate(NAMES), equation.evaluate(NAMES))


def test_arrays_broadcast():
    found = Expression("where(t < 2, a * t, b)").evaluate(
        {"t": np.arange(4.0), "a": np.array([[1.0], [2.0]]), "b": -1.0}
    )
    np.testing.assert_array_equal(found, [[0, 1, -1, -1], [0, 2, -1, -1]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("piecewise(1, a < 0, 2, a < 1, 3)", [1, 2, 3]),
        ("(a < 0) + (a < 1) + (a < 9)", [3, 2, 1]),
        ("-(a < 0)", [-1, 0, 0]),
        ("0 <= a < 1", [0, 1, 0]),
        ("not a < 0", [0, 1, 1]),
        ("(a < 0 or a > 1) * 5", [5, 0, 5]),
        ("a == 0.5", [0, 1, 0]),
        ("-2 ** 2 + a * 0", [-4, -4, -4]),
        ("2 ** -1 + a * 0", [0.5, 0.5, 0.5]),
        ("2 ** 3 ** 0.5 + a * 0", [2**3**0.5] * 3),
        ("1 / 2 + 0 * a", [0.5] * 3),
        ("1 - 2 - 3 + 0 * a", [-4] * 3),
        ("pi + 0 * a", [math.pi] * 3),
        ("a ** 2[kg]", [1, 0.25, 4]),
    ],
)
def test_meanings(text, expected):
    found = Expression(text).evaluate({"a": np.array([-1.0, 0.5, 2.0])})
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_what_is_undefined_is_not_a_number():
    values = {"x": np.array([-1.0, 0.0, 4.0])}
    np.testing.assert_array_equal(Expression("sqrt(x)").evaluate(values), [np.nan, 0, 2])
    np.testing.assert_array_equal(Expression("1 / x").evaluate(values), [-1, np.inf, 0.25])
    assert math.isnan(Expression("(-8) ** (1 / 3)").evaluate({}))
    assert Expression("9 ** 9 ** 9 ** 9").evaluate({}) == math.inf


def test_a_missing_value_is_named():
    with pytest.raises(ExpressionError, match="no value for b, c"):
        Expression("a + b * c").evaluate({"a": 1})


def test_names():
    assert Expression("exp(CL) * pi + t / 70[kg] + where(a < b, CL, 1)").names == {"CL", "t", "a", "b"}
    assert Expression(3).names == frozenset()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a+b*c", "a + (b * c)"),
        ("((a))", "a"),
        (" a\n+ b", "a + b"),
        ("(a ** b) ** c", "(a**b)**c"),
        ("70 [kg]", "70[kg]"),
        ("1e3", "1000.0"),
        (1.5, "1.5"),
        (np.float64(0.1), 0.1),
        (np.int32(3), 3),
        (-2, "-2"),
    ],
)
def test_equal_equations(one, other):
    assert Expression(one) == Expression(other)
    assert hash(Expression(one)) == hash(Expression(other))


def test_unequal_equations():
    assert Expression("a - (b - c)") != Expression("a - b - c")
    assert Expression("a") != "a"
    assert Expression("70[kg]") != Expression("70")


def test_python_operators_build_equations():
    a, v = Expression("A"), Expression("V1 + V2")
    assert a / v == Expression("A / (V1 + V2)")
    assert 2 * a - 1 == Expression("2 * A - 1")
    assert 1 - a == Expression("1 - A")
    assert 1 + a**2 == Expression("1 + A ** 2")
    assert 3 / a == Expression("3 / A")
    assert a + "B * C" == Expression("A + B * C")
    assert -v == Expression("-(V1 + V2)")
    assert (-a) ** 2 == Expression("(-A) ** 2")
    assert Expression(-2.0) ** 2 == Expression("(-2.0) ** 2")
    assert np.float64(0.5) * a == Expression("0.5 * A")


@settings(max_examples=100, deadline=None)
@given(EQUATIONS, EQUATIONS, st.sampled_from(["+", "-", "*", "/"]))
def test_combined_equations_have_combined_values(left, right, sign):
    function = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}[sign]
    one, other = Expression(left[0]), Expression(right[0])
    with np.errstate(all="ignore"):
        expected = function(np.float64(one.evaluate(NAMES)), np.float64(other.evaluate(NAMES)))
    np.testing.assert_equal(float(function(one, other).evaluate(NAMES)), float(expected))


def test_substitution():
    equation = Expression("exp(CL) * CL / V + 70[V]")
    assert equation.substitute({"CL": "a + b", "exp": "x"}) == Expression("exp(a + b) * (a + b) / V + 70[V]")
    assert equation.substitute({"V": 2}) == Expression("exp(CL) * CL / 2 + 70[V]")
    assert equation.substitute({"X": 2}) is equation
    assert equation.substitute({"CL": "V", "V": "CL"}) == Expression("exp(V) * V / CL + 70[V]")
    assert equation == Expression("exp(CL) * CL / V + 70[V]")


@settings(max_examples=100, deadline=None)
@given(EQUATIONS, EQUATIONS)
def test_substituting_is_evaluating_inside(outer, inner):
    replaced = Expression(outer[0]).substitute({"a": inner[0]}).evaluate(NAMES)
    value = Expression(inner[0]).evaluate(NAMES)
    np.testing.assert_equal(float(replaced), float(Expression(outer[0]).evaluate({**NAMES, "a": value})))


@pytest.mark.parametrize(
    "wrong", [None, True, 1j, math.inf, math.nan, np.float64("inf"), [1], b"a", {"a": 1}]
)
def test_what_is_no_equation(wrong):
    with pytest.raises(ExpressionError):
        Expression(wrong)


@pytest.mark.parametrize("used", [False, True])
def test_equations_can_be_copied_and_pickled(used):
    equation = Expression("CL / V * A + 70[kg]")
    if used:
        assert equation.names
        equation.evaluate({"CL": 1, "V": 2, "A": 3})
    for again in (pickle.loads(pickle.dumps(equation)), copy.copy(equation), copy.deepcopy(equation)):
        assert again == equation
        assert again.evaluate({"CL": 1.0, "V": 2.0, "A": 4.0}) == 72.0


def test_equations_travel_to_worker_processes():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        equation = Expression("2 * A")
        assert float(pool.submit(equation.evaluate, {"A": 21.0}).result(timeout=60)) == 42.0


def test_equations_are_immutable():
    with pytest.raises(AttributeError):
        Expression("a").text = "b"


def test_reading_and_importing_need_no_scipy():
    code = "import sys; from understudy.core.expression import Expression; Expression('lgamma(a)')"
    code += "; print({'scipy', 'sympy'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
