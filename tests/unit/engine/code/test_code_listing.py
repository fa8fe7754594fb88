"""Listings of generated code: they compute what the model says, and equal parts once."""

import numpy as np
import pytest

from understudy.core.expression import Expression
from understudy.engine.code.code_listing import list_jacobian, list_right_hand_side
from understudy.engine.code.jacobian import derivative
from understudy.engine.parameters import structural
from understudy.library.catalogue import model, names
from understudy.model.model import Model

# Powers are multiplied out and factors shared: roundings differ.
RELATIVE = 1e-11


def computed(lines: tuple[str, ...], values: dict) -> dict:
    """Every line's value, each from those before it."""
    known, found = dict(values), {}
    for line in lines:
        name, text = line.split(" = ", 1)
        found[name] = float(Expression(text).evaluate(known))
        if name.isidentifier():
            known[name] = found[name]
    return found


def given(mechanism: Model) -> dict:
    rng = np.random.default_rng(4)
    values = {p.name: p.value for p in mechanism.parameters} | {"t": 3.0}
    values |= {name: rng.uniform(0.5, 5.0) for name in mechanism.state_names}
    return values | {f"infused_{name}": rng.uniform() for name in mechanism.state_names}


def with_assignments(mechanism: Model, values: dict) -> dict:
    known = dict(values)
    for item in mechanism.ordered_assignments:
        known[item.name] = item.expression.evaluate(known)
    return known


@pytest.mark.parametrize("name", names())
def test_a_listing_computes_the_rates(name):
    mechanism = structural(model(name))
    values = given(mechanism)
    found, known = computed(list_right_hand_side(mechanism), values), with_assignments(mechanism, values)
    for state, rate in zip(mechanism.state_names, mechanism.rates, strict=True):
        wanted = float(rate.evaluate(known)) + values[f"infused_{state}"]
        assert found[f"d{state}/dt"] == pytest.approx(wanted, rel=RELATIVE, abs=1e-12)


EVERYTHING = Model(
    "everything",
    "h",
    {"a": 0.3, "x1": 2.0},
    {"A": "1", "B": "1"},
    {
        "A": "-(a - (A - B)) - a / (A / B) / (x1 * (a + B)) + (a - B) * -A + (-A) ** 2 + 2 ** -A",
        "B": "where(A > B and not (a < B or t >= 4), A ** a ** B, (A ** a) ** B) + (A != B) * abs(a - B) "
        "+ max(A, B, 3) + piecewise(1, A < 1, B, 0 < B < 9, 3) + 1e-300 * exp(-A / B) + lgamma(A) + expit(a)",
    },
)


def test_every_kind_of_instruction_reads_as_it_computes():
    values = given(EVERYTHING)
    found = computed(list_right_hand_side(EVERYTHING), values)
    for state, rate in zip(EVERYTHING.state_names, EVERYTHING.rates, strict=True):
        wanted = float(rate.evaluate(values)) + values[f"infused_{state}"]
        assert found[f"d{state}/dt"] == pytest.approx(wanted, rel=RELATIVE)


def test_names_of_the_model_are_not_taken():
    assert not any(line.startswith("x1 =") for line in list_right_hand_side(EVERYTHING))


def test_a_listing_of_the_jacobian_computes_it():
    rates = {"A": "-k * A ** 2 / (A + B)", "B": "k * A ** 2 / (A + B) - t * B ** 1.5"}
    mechanism = Model("m", "h", {"k": 0.4}, {"A": "1", "B": "1"}, rates)
    values = given(mechanism)
    found = computed(list_jacobian(mechanism), values)
    for state, rate in rates.items():
        for by in ("A", "B", "t"):
            wanted = float(derivative(Expression(rate), by).evaluate(values))
            assert found.get(f"d(d{state}/dt)/d{by}", 0.0) == pytest.approx(wanted, rel=RELATIVE)


def test_a_value_used_twice_is_named_and_computed_once():
    mechanism = Model("m", "h", {"k": 0.4}, {"A": "1", "B": "1"}, {"A": "exp(k * A)", "B": "-exp(k * A)"})
    assert list_right_hand_side(mechanism) == (
        "x1 = exp(k * A)",
        "dA/dt = x1 + infused_A",
        "dB/dt = -x1 + infused_B",
    )
