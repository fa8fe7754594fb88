"""Derivatives of equations and compiled Jacobians against differences, function by function, model by model."""

import ctypes

import numpy as np
import pytest
from scipy.special import digamma

from understudy.core.expression import FUNCTIONS, Expression
from understudy.engine.code.codegen import RIGHT_HAND_SIDE, right_hand_side
from understudy.engine.code.compiler import address
from understudy.engine.code.jacobian import JACOBIAN, derivative, jacobian
from understudy.engine.kernel.lanes import WIDTH
from understudy.engine.parameters import structural
from understudy.library.catalogue import model as library_model
from understudy.library.catalogue import names
from understudy.model.model import Model

# Central differences over 1e-5 have errors of 1e-10 from the curve and 1e-11 from rounding, times its size.
STEP, DIFFERENCE = 1e-5, 1e-7
POINTS = np.array([0.11, 0.37, 0.63, 0.89])

EQUATIONS = [
    *(f"{name}(x)" for name, function in FUNCTIONS.items() if function.most == 1),
    "x + 2 * x - y",
    "-x * +y",
    "x / y + y / x",
    "(x * y) / (1 + x * y)",
    "x ** 2 + x ** 3 - x ** -2 + x ** 0.5 + 2 ** x + x ** y + y ** x",
    "(x / 2[kg]) ** 2[kg]",
    "where(x > 0.5, x ** 2, y * x)",
    "piecewise(x ** 2, x < 0.2, 3 * x, x < 0.5 and y > 0, sin(x), x < 0.7, -x)",
    "where(y > 5, x, 0)",
    "min(x, y, x ** 2)",
    "max(x * x, y, 0.5)",
    "abs(x - 0.5)",
    "floor(3 * x) + ceil(2 * x) + x",
    "(x > 0.5) * x + (not x > 0.5) * x ** 2",
    "exp(-x ** 2) * tanh(sin(x) / (1 + x))",
]


@pytest.mark.parametrize("text", EQUATIONS)
def test_a_derivative_is_the_limit_of_differences(text):
    equation, values = Expression(text), {"y": 0.42}
    at = lambda x: np.broadcast_to(equation.evaluate(values | {"x": x}), x.shape)  # noqa: E731
    slope = np.broadcast_to(derivative(equation, "x").evaluate(values | {"x": POINTS}), POINTS.shape)
    difference = (at(POINTS + STEP) - at(POINTS - STEP)) / (2 * STEP)
    # Third derivatives of these equations reach 1e5 near zero, over which a difference is off by 1e-5 of the slope.
    np.testing.assert_allclose(slope, difference, rtol=1e-7, atol=1e-8)


def test_what_a_name_does_not_enter_has_no_slope():
    for text in ("y ** 2", "x > 3", "floor(x)", "3", "pi * y", "where(x > 3, y, 2)"):
        assert derivative(Expression(text), "x") == Expression(0), text


def test_a_branch_not_taken_does_no_harm():
    slope = derivative(Expression("where(x > 0, log(x), x)"), "x")
    np.testing.assert_array_equal(slope.evaluate({"x": np.array([-1.0, 0.0, 4.0])}), [1, 1, 0.25])


def test_a_power_of_zero_has_a_slope():
    slope = derivative(Expression("x ** g / (c ** g + x ** g)"), "x")
    assert slope.evaluate({"x": 0.0, "g": 2.5, "c": 3.0}) == 0
    assert slope.evaluate({"x": 0.0, "g": 1.0, "c": 3.0}) == pytest.approx(1 / 3)


def test_the_slope_of_the_logarithm_of_the_gamma_function_is_digamma():
    x = np.array([1e-3, 0.1, 1, 1.5, 2, 9.7, 150, 1e6, -0.3, -1.5, -7.2])
    found = derivative(Expression("lgamma(x)"), "x").evaluate({"x": x})
    np.testing.assert_allclose(found, digamma(x), rtol=1e-13, atol=1e-13)


def call(code: str, name: str, *arrays: np.ndarray) -> None:
    ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5)(address(code, name))(*[a.ctypes.data for a in arrays])


def slopes(model: Model, t: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The compiled Jacobian as a full matrix (states, states, 8), and the derivatives by time (states, 8)."""
    made, size = jacobian(model), len(model.states)
    entries, by_time, full = (
        np.empty((made.rows.size, WIDTH)),
        np.empty((size, WIDTH)),
        np.zeros((size, size, WIDTH)),
    )
    call(made.code, JACOBIAN, t, y, p, entries, by_time)
    full[made.rows, made.columns] = entries
    return full, by_time


def rates(model: Model, t: np.ndarray, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    found = np.empty(y.shape)
    call(right_hand_side(model), RIGHT_HAND_SIDE, t, np.ascontiguousarray(y), p, np.zeros(y.shape), found)
    return found


def differences(model: Model, t: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size, full = len(y), np.zeros((len(y), *y.shape))
    for k in range(size):
        step = STEP * np.eye(size)[k][:, None] * y[k]
        full[:, k] = (rates(model, t, y + step, p) - rates(model, t, y - step, p)) / (2 * STEP * y[k])
    later, earlier = rates(model, t + STEP, y, p), rates(model, t - STEP, y, p)
    return full, (later - earlier) / (2 * STEP)


@pytest.mark.parametrize("name", names())
def test_every_library_model_has_the_jacobian_of_its_rates(name):
    model = structural(library_model(name))
    if not model.states:
        pytest.skip("the model has no states")
    rng = np.random.default_rng(11)
    t = rng.uniform(1, 5, WIDTH)
    y = np.ascontiguousarray(rng.uniform(0.2, 5, (len(model.states), WIDTH)))
    typical = np.array([[parameter.value] for parameter in model.parameters])
    p = np.ascontiguousarray(np.where(typical == 0, 0.1, typical) * rng.uniform(0.8, 1.2, (1, WIDTH)))
    found, wanted = slopes(model, t, y, p), differences(model, t, y, p)
    size = np.abs(rates(model, t, y, p)).max()
    assert np.isfinite(wanted[0]).all()
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-6, atol=DIFFERENCE * size)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-6, atol=DIFFERENCE * size)


def test_assignments_that_use_one_another_are_followed():
    model = Model(
        "chain",
        "h",
        {"k": 2.0},
        {"A": "1", "B": "1"},
        {"A": "-flow * t", "B": "flow - drag"},
        assignments={"flow": "k * level ** 2", "level": "A / (1 + B)", "drag": "max(level, flow)"},
    )
    rng = np.random.default_rng(3)
    t, y, p = rng.uniform(1, 2, WIDTH), rng.uniform(0.5, 3, (2, WIDTH)), np.full((1, WIDTH), 2.0)
    for found, wanted in zip(slopes(model, t, y, p), differences(model, t, y, p), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-8)


def test_only_entries_that_can_differ_from_zero_are_kept():
    size = 40
    states = {f"s{k}": "1" for k in range(size)}
    equations = {f"s{k}": f"s{k - 1} - s{k}" if k else "-s0" for k in range(size)}
    found = jacobian(Model("chain", "h", {}, states, equations))
    wanted = {(k, k) for k in range(size)} | {(k, k - 1) for k in range(1, size)}
    assert set(zip(found.rows.tolist(), found.columns.tolist(), strict=True)) == wanted
