"""The unit of an equation follows from the units of its names, or the equation is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.errors import UnitError
from understudy.core.expression import FUNCTIONS, Expression
from understudy.core.inferred_unit import unit_of
from understudy.core.units import factor

UNITS = {
    "CL": "L/h",
    "V": "L",
    "A": "mg",
    "B": "ug",
    "WT": "kg",
    "eta": "1",
    "k": "1/h",
    "t": "h",
    "p": "percent",
}
PLAIN = """
    exp expm1 log log1p log10 log2 sin cos tan asin acos atan sinh cosh tanh lgamma logit expit
"""
ALIKE = ["abs", "floor", "ceil", "min", "max"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-CL / V * A", "mg/h"),
        ("CL * (WT / 70[kg]) ** 0.75 * exp(eta)", "L/h"),
        ("A / V * 1000[ug/mg]", "ug/L"),
        ("A * k + 0", "mg/h"),
        ("0 + A * k", "mg/h"),
        ("0 - A", "mg"),
        ("sqrt(A ** 2 + 4[mg**2])", "mg"),
        ("A ** (1 / 3) * A ** (2 / 3)", "mg"),
        ("A ** -1", "1/mg"),
        ("exp(-k * t)", "1"),
        ("t * k", "1"),
        ("(A / 1[mg]) ** eta", "1"),
        ("where(A > 0, A / V, 0)", "mg/L"),
        ("piecewise(A, t < 2[h], 2 * A, t < 3[h] and A > 1[mg], 0)", "mg"),
        ("A > 3[mg] and not (t >= 1[h] or eta != 0)", "1"),
        ("min(A, 2[mg], max(A, 0))", "mg"),
        ("floor(t)", "h"),
        ("log(A / 1[mg])", "1"),
        ("pi * A", "mg"),
        ("2 ** 3 * WT", "kg"),
        ("p / 1[percent]", "1"),
    ],
)
def test_units_that_fit(text, expected):
    assert factor(unit_of(Expression(text), UNITS), expected) == 1.0


@pytest.mark.parametrize(
    "text", ["0", "0.0", "0 * A", "-0", "0 / A", "min(0, 0)", "where(eta > 0, 0, 0)", "sqrt(0)"]
)
def test_zero_fits_any_unit(text):
    assert unit_of(Expression(text), UNITS) is None


@pytest.mark.parametrize(
    ("text", "cause", "repair"),
    [
        ("A + V", "V, which meets A, is in L, should be in mg", "multiply by a quantity in mg/L"),
        ("A + B", "B, which meets A, is in ug, should be in mg", "multiply by 0.001[mg/ug]"),
        ("A - 1", "1 is a plain number, should be in mg", "such as 1[mg]"),
        ("2 - A", "2 is a plain number, should be in mg", "such as 2[mg]"),
        ("A > 3", "3 is a plain number, should be in mg", "3[mg]"),
        ("1[mg] < A < 3[ug]", "3[ug], which meets 1[mg], is in ug", "0.001"),
        ("exp(A)", "A, the argument of exp, is in mg, should have no unit", "A / 1[mg]"),
        ("log(A / V)", "A / V, the logarithm's argument, is in mg/L", "A / V / 1[mg/L]"),
        ("exp(A / B)", "is in mg/ug", ""),
        ("exp(p)", "is in percent", ""),
        ("WT ** eta", "WT, a base with a variable exponent, is in kg", "WT / 1[kg]"),
        ("2 ** A", "A is in mg", ""),
        ("where(A, A, A)", "A is in mg, should have no unit", ""),
        ("where(eta > 0, A, V)", "V, which meets A", ""),
        ("piecewise(A, eta > 0, V)", "V, which meets A", ""),
        ("piecewise(A, V, A)", "V is in L, should have no unit", ""),
        ("not A", "A is in mg", ""),
        ("A and eta", "A is in mg", ""),
        ("max(A, V)", "V, which meets A", ""),
        ("A + 1[mgg]", "unknown unit 'mgg'", "did you mean"),
        ("A + unknown", "the unit of unknown is not known", "declare it"),
    ],
)
def test_units_that_do_not_fit(text, cause, repair):
    with pytest.raises(UnitError) as caught:
        unit_of(Expression(text), UNITS)
    assert cause in caught.value.cause
    assert repair in caught.value.repair


@pytest.mark.parametrize("name", PLAIN.split())
def test_functions_of_plain_numbers_refuse_units(name):
    assert unit_of(Expression(f"{name}(eta)"), UNITS) == "1"
    with pytest.raises(UnitError, match="should have no unit"):
        unit_of(Expression(f"{name}(A)"), UNITS)


def test_every_function_has_its_rule():
    assert sorted([*PLAIN.split(), *ALIKE, "sqrt", "where", "piecewise"]) == sorted(FUNCTIONS)


def test_names_that_fit_any_unit():
    assert unit_of(Expression("A + nothing"), {**UNITS, "nothing": None}) == "mg"


@given(st.floats(-3, 3).map(lambda x: round(x, 2)), st.floats(-3, 3).map(lambda x: round(x, 2)))
def test_powers_add_up(a, b):
    text = f"A ** {a} * A ** {b} * A ** (1 - {a} - {b})"
    assert factor(unit_of(Expression(text), UNITS), "mg") == pytest.approx(1, rel=1e-12)
