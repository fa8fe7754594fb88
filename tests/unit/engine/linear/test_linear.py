"""Which models are linear, and their matrices."""

import numpy as np
import pytest

from understudy.core.expression import Expression
from understudy.engine.linear.linear import affine_form, linear_system
from understudy.model.model import Model
from understudy.model.parts import Input

STATES = {"A": 0, "B": 1}


def model(rates: dict[str, str], **parts) -> Model:
    return Model("m", "h", {"k": 0.5, "q": 0.25, "V": 10.0}, dict.fromkeys(rates, "mg"), rates, **parts)


@pytest.mark.parametrize(
    "text",
    [
        "k * A",
        "-k * A + q",
        "A * k / V - (B - A) * q",
        "-(A - 2 * B) / (V + k)",
        "+A - -B",
        "(k + q) * (A + B + V)",
        "exp(k) * A + log(V)",
        "where(k > q, k, q) * A",
        "k * (q * (A - B) / V + 1) - A",
        "A + A",
        "0 * A",
    ],
)
def test_an_affine_equation_is_its_form(text):
    form = affine_form(Expression(text).tree, STATES)
    known = {"k": 0.7, "q": -0.3, "V": 12.0, "A": 3.1, "B": -1.7}
    total = sum(
        (term.evaluate(known) * known.get(name, 1.0) for name, term in form.items()), start=np.float64(0)
    )
    assert total == pytest.approx(Expression(text).evaluate(known), rel=1e-14)


@pytest.mark.parametrize(
    "text",
    [
        "A * B",
        "A ** 2",
        "A ** 1",
        "k / A",
        "exp(A)",
        "A / (V + B)",
        "max(A, 0)",
        "where(A > 1, k, q)",
        "A > 1",
    ],
)
def test_an_equation_that_is_not_affine_has_no_form(text):
    assert affine_form(Expression(text).tree, STATES) is None


def test_matrix_and_inflow_of_a_parameter_table():
    found = linear_system(model({"A": "-k * A", "B": "k * A - q * B + V"}))
    matrix, inflow = found.values(np.array([[0.5, 0.25, 10.0], [1.0, 2.0, 3.0]]))
    np.testing.assert_array_equal(matrix, [[[-0.5, 0], [0.5, -0.25]], [[-1, 0], [1, -2]]])
    np.testing.assert_array_equal(inflow, [[0, 10], [0, 3]])


def test_assignments_are_followed():
    by_name = model({"A": "-loss", "B": "loss - q * B"}, assignments={"loss": "rate * A", "rate": "k * 2"})
    matrix, _ = linear_system(by_name).values(np.array([[0.5, 0.25, 10.0]]))
    np.testing.assert_array_equal(matrix[0], [[-1.0, 0], [1.0, -0.25]])


@pytest.mark.parametrize("rate", ["-k * A * t", "-k * A + sin(t)", "-k * A * level"])
def test_rates_that_change_with_time_are_not_constant(rate):
    assert linear_system(model({"A": rate}, assignments={"level": "V * t"})) is None


def test_a_model_with_an_absorption_profile_is_not_linear():
    profiled = model({"A": "-k * A"}, inputs=(Input("oral", "A", profile="k * exp(-k * tad)"),))
    assert linear_system(profiled) is None
