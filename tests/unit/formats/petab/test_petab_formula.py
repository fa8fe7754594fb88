"""Formulae: precedence and functions as PEtab has them, and texts that are none."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.errors import ExpressionError, FormatError
from understudy.formats.petab.formula import identifiers, read_formula

VALUES = {"a": 2.0, "b": 3.0, "t": 5.0}


def value(text):
    return float(read_formula(text, {"a": "a", "b": "b"}.get).evaluate(VALUES))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-a^2", -4.0),
        ("2^3^2", 512.0),
        ("2^-1", 0.5),
        ("a**b", 8.0),
        ("a-b-1", -2.0),
        ("a/b/2", 1 / 3),
        ("2*-a", -4.0),
        ("- -a", 2.0),
        ("+a", 2.0),
        ("1.5e-3 + .5 + 2.", 2.5015),
        ("time * a", 10.0),
        ("a < b && !(a == b)", 1.0),
        ("1 + true", 2.0),
        ("false || a >= 2", 1.0),
        ("a > 1 < 2", 1.0),
        ("piecewise(1, a > b, 2, a < b, 3)", 2.0),
        ("log(8, 2)", 3.0),
        ("log(a)", math.log(2)),
        ("ln(a) + log10(100) + log2(8)", math.log(2) + 5),
        ("pow(a, b)", 8.0),
        ("sqrt(a + 2)", 2.0),
        ("sign(-a) + abs(-a)", 1.0),
        ("min(a, b) + max(a, b)", 5.0),
        ("arcsin(1) + asin(1)", math.pi),
        ("arctan(1)", math.pi / 4),
        ("arccosh(a)", math.acosh(2)),
        ("sec(a) * cos(a)", 1.0),
        ("coth(a)", 1 / math.tanh(2)),
        ("exp(inf)", math.inf),
        ("-inf", -math.inf),
        ("log(0)", -math.inf),
    ],
)
def test_values(text, expected):
    assert value(text) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "at its end, character 1"),
        ("a b", "at 'b', character 3"),
        ("(a", "at its end"),
        ("a +", "at its end"),
        ("a ; b", "at ';', character 3"),
        ("x + a", "'x' is not defined"),
        ("foo(a)", "'foo' is no function of PEtab"),
        ("sqrt(a, b)", "sqrt is given 2 arguments"),
        ("piecewise(a, b)", "piecewise is given 2 arguments"),
        ("__import__('os')", 'at "\'"'),
        ("a.b", "at '.', character 2"),
        ("(" * 500 + "a" + ")" * 500, "nested too deeply"),
        ("-" * 500 + "a", "nested too deeply"),
        ("a^" * 500 + "a", "nested too deeply"),
        ("a" * 200_000, "characters"),
    ],
)
def test_texts_that_are_no_formulae(text, told):
    with pytest.raises(FormatError) as caught:
        read_formula(text, {"a": "a", "b": "b"}.get)
    assert told in str(caught.value)


def test_identifiers():
    assert identifiers("exp(k*time)+S1^2*1e5") == {"k", "S1"}


@settings(max_examples=300, deadline=None)
@given(st.text("ab()+-*/^<>=!&|,.1e time piecewise", max_size=40))
def test_any_text_is_a_formula_or_an_error(text):
    try:
        value(text)
    except (FormatError, ExpressionError):
        return
