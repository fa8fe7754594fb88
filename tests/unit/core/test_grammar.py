"""Nothing but equations is read, quickly, and the caret stands under what is wrong."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.errors import ExpressionError
from understudy.core.grammar import FUNCTIONS, check_name, names_in, read


def refused(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        read(text)
    return caught.value


def caret(error: ExpressionError) -> tuple[str, int]:
    """What stands above the caret and after it, and the column of the caret in what is shown."""
    shown, pointer = error.place.strip("\n").split("\n")
    column = pointer.index("^")
    return shown[column:], column - 4


@pytest.mark.parametrize(
    ("text", "column", "cause"),
    [
        ("a +", 3, "not finished"),
        ("a+", 2, "not finished"),
        ("exp(", 3, "bracket has no partner"),
        ("(a", 0, "bracket has no partner"),
        ("a) + b", 1, "bracket has no partner"),
        ("a and", 5, "not finished"),
        ("1 + * b", 4, "not an equation"),
        ("a $ b", 2, "not an equation"),
        ("a b", 2, "not an equation"),
        ("70kg", 1, "not an equation"),
        ("C = A / V", 2, "without its left side"),
        ("a ^ b", 2, "^ is not an operator"),
        ("(a) % (b)", 4, "operator is not known"),
        ("x + a // b", 6, "operator is not known"),
        ("a@b", 1, "operator is not known"),
        ("a is b", 2, "comparison is not known"),
        ("a < b in c", 6, "comparison is not known"),
        ("1 + exp", 4, "exp is a function"),
        ("1 + True", 4, "not a number"),
        ("2 * 'a'", 4, "not a number"),
        ("1 + 2j", 4, "not a number"),
        ("1 + ...", 4, "not a number"),
        ("a + 1e999", 4, "too large"),
        ("a + " + "9" * 400, 4, "too large"),
        ("αβ + 1", 0, "cannot be a name"),
        ("1 + αβ", 4, "cannot be a name"),
        ("'ααα' if a else µ", 0, "not allowed"),
        ("ααα + [1]", 0, "cannot be a name"),
        ("a + [1]", 4, "not allowed"),
        ("a + b.c", 4, "not allowed"),
        ("a + f(b)", 4, "f is not a function"),
        ("a + exp(b, c)", 4, "exp takes 1 argument, not 2"),
        ("a + max(b)", 4, "max takes 2 to 64 arguments, not 1"),
        ("exp(x=1)", 0, "plain arguments"),
        ("exp(*a)", 0, "plain arguments"),
        ("piecewise(a, b, c, d)", 0, "last value"),
        ("a + b\0", 5, "not text"),
        ("a + b[kg]", 4, "only a number"),
        ("a + 70['kg']", 7, "do not hold a unit"),
        ("a + 70[kg, g]", 7, "do not hold a unit"),
        ("a + 70[kg + g]", 7, "do not hold a unit"),
        ("a + 70[f()]", 7, "do not hold a unit"),
        ("a + 70[1:2]", 7, "do not hold a unit"),
    ],
)
def test_the_caret_stands_under_what_is_wrong(text, column, cause):
    error = refused(text)
    assert cause in error.cause
    assert caret(error) == (text[column : column + 40].replace("\0", "\ufffd"), column)
    assert error.repair


def test_the_caret_is_right_far_into_a_long_text():
    text = "a + " * 60 + "b ^ c" + " + a" * 60
    shown, column = caret(refused(text))
    assert shown.startswith("^ c + a")
    assert column == 50


@pytest.mark.parametrize(
    "text",
    [
        "a.__class__",
        "().__class__.__bases__[0].__subclasses__()",
        "__import__('os').system('true')",
        "__builtins__",
        "exp.__globals__",
        "exp(a)(b)",
        "(lambda: 1)()",
        "lambda x: x",
        "[x for x in a]",
        "{x for x in a}",
        "{a: b}",
        "(x for x in a)",
        "f'{a}'",
        "f'{a.b}' + 1",
        "b'a'",
        "a if b else c",
        "(a := 1)",
        "(yield)",
        "(await a)",
        "a, b",
        "*a",
        "a; b",
        "a\nb",
        "import os",
        "del a",
        "print(a)",
        "eval('1')",
        "open('x')",
        "a[0]",
        "a[b]",
        "~a",
        "a << b",
        "a | b",
        "not",
        "None",
        "1__0",
        "0x",
        "\0",
        "a\0b",
        "",
        "   \n ",
        "# nothing",
        "\ud800",
    ],
)
def test_what_is_no_equation_is_refused(text):
    refused(text)


HUGE = {
    "long": "a" * 200_001,
    "long sum": "a" + "+a" * 90_000,
    "long power": "a" + "**a" * 60_000,
    "brackets": "(" * 100_000 + "a" + ")" * 99_999,
    "square brackets": "[" * 199_999,
    "calls": "exp(" * 40_000 + "a" + ")" * 39_999,
    "signs": "-" * 199_000 + "a",
    "nots": "not " * 49_000 + "a",
    "conditions": "a if b else " * 16_000 + "c",
    "lambdas": "lambda:" * 28_000 + "a",
    "attributes": "a" + ".a" * 99_000,
    "units": "1[" + "kg*" * 60_000 + "kg]",
    "deep units": "1[" + "(" * 150 + "kg" + ")" * 150 + "**-1" * 100 + "]",
    "digits": "9" * 199_000,
    "201 deep": "a" + "+a" * 200,
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_and_deep_texts_are_refused_quickly(name):
    start = time.process_time()
    error = refused(HUGE[name])
    assert time.process_time() - start < 2
    assert len(str(error)) < 500


def test_what_is_deep_but_allowed_is_read():
    assert list(names_in(read("a" + "+a" * 199))) == ["a"] * 200
    assert list(names_in(read("max(" + ", ".join(["a"] * 64) + ")"))) == ["a"] * 64
    assert len(list(names_in(read(" < ".join(["a"] * 10_000))))) == 10_000


@given(st.text(alphabet="abexp09.+-*/()[]<>=!,'\" \\\n_αµ^%", max_size=40))
def test_any_text_is_read_or_refused_with_an_expression_error(text):
    with contextlib.suppress(ExpressionError):
        names = set(names_in(read(text)))
        assert all(name in text for name in names)


@pytest.mark.parametrize(
    ("text", "repair"),
    [
        ("ln(a)", "write log(x)"),
        ("pow(a, b)", "write a ** b"),
        ("sqr(a)", "did you mean sqrt?"),
        ("Exp(a)", "did you mean exp?"),
        ("zzz(a)", "known functions: abs, acos"),
        ("a if b else c", "write where(condition, a, b)"),
        ("a ^ 2", "write ** for a power"),
    ],
)
def test_repairs(text, repair):
    assert repair in refused(text).repair


def test_names_leave_out_functions_constants_and_units():
    assert list(names_in(read("exp(CL) * pi + t / 70[kg] + where(a < b, CL, 1)"))) == [
        "CL",
        "t",
        "a",
        "b",
        "CL",
    ]


@pytest.mark.parametrize("name", ["CL", "eta_1", "_x", "T", "lambda_z"])
def test_names_that_can_be_used(name):
    assert check_name(name) == name
    assert list(names_in(read(name))) == [name]


@pytest.mark.parametrize(
    "name", ["", "1a", "a-b", "a b", "lambda", "α", "t", "pi", "exp", "__x", "a.b", 3, None]
)
def test_names_that_cannot_be_used(name):
    with pytest.raises(ExpressionError, match="cannot be a parameter name"):
        check_name(name, "parameter name")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_can_be_a_name(name):
    with pytest.raises(ExpressionError, match="means something else"):
        check_name(name)
