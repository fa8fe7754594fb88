"""Tsitouras' method: its coefficients, its interpolant, and the order it reaches."""

import numpy as np
import pandas as pd
import pytest

from understudy.engine.kernel import tsit5
from understudy.engine.parameters import parameter_rows
from understudy.engine.problem import Tolerances
from understudy.engine.schedule import from_doses
from understudy.engine.simulate import simulate
from understudy.engine.solve import solve
from understudy.model.model import Model

C = np.array([0.0, tsit5.C2, tsit5.C3, tsit5.C4, tsit5.C5, 1.0, 1.0])
A = np.zeros((7, 7))
for i in range(2, 7):
    for j in range(1, i):
        A[i - 1, j - 1] = getattr(tsit5, f"A{i}{j}")
B = np.array([getattr(tsit5, f"B{i}") for i in range(1, 7)] + [0.0])
A[6] = B
E = np.array([getattr(tsit5, f"E{i}") for i in range(1, 8)])
# The published coefficients have 16 digits and are of the size of 13.
EXACT = 1e-13


def order_conditions(weights: np.ndarray) -> list[tuple[int, float, float]]:
    """Order, value and wanted value of each of the 17 conditions up to order 5 (Hairer, Norsett, Wanner, II.2)."""
    b, one = weights, np.ones(7)
    ac = A @ C
    conditions = [
        (1, b @ one, 1),
        (2, b @ C, 1 / 2),
        (3, b @ C**2, 1 / 3),
        (3, b @ ac, 1 / 6),
        (4, b @ C**3, 1 / 4),
        (4, b @ (C * ac), 1 / 8),
        (4, b @ (A @ C**2), 1 / 12),
        (4, b @ (A @ ac), 1 / 24),
        (5, b @ C**4, 1 / 5),
        (5, b @ (C**2 * ac), 1 / 10),
        (5, b @ (C * (A @ C**2)), 1 / 15),
        (5, b @ (C * (A @ ac)), 1 / 30),
        (5, b @ ac**2, 1 / 20),
        (5, b @ (A @ C**3), 1 / 20),
        (5, b @ (A @ (C * ac)), 1 / 40),
        (5, b @ (A @ (A @ C**2)), 1 / 60),
        (5, b @ (A @ (A @ ac)), 1 / 120),
    ]
    return conditions


def test_every_stage_is_consistent():
    np.testing.assert_allclose(A.sum(axis=1), C, atol=EXACT)


def test_the_method_has_order_five():
    for order, value, wanted in order_conditions(B):
        assert value == pytest.approx(wanted, abs=EXACT), order


def test_the_embedded_method_has_order_four_and_no_more():
    conditions = order_conditions(B - E)
    for order, value, wanted in conditions:
        if order <= 4:
            assert value == pytest.approx(wanted, abs=EXACT), order
    assert max(abs(value - wanted) for order, value, wanted in conditions if order == 5) > 1e-4


def interpolant(theta: float) -> np.ndarray:
    """Weight of each stage a fraction theta into the step, in units of the step."""
    return theta * (tsit5.INTERPOLANT @ theta ** np.arange(4))


def test_the_interpolant_ends_where_the_step_ends():
    np.testing.assert_allclose(interpolant(1.0), B, atol=EXACT)
    np.testing.assert_array_equal(interpolant(0.0), 0)


@pytest.mark.parametrize("theta", [0.1, 0.37, 0.5, 0.81])
def test_the_interpolant_has_order_four(theta):
    for order, value, wanted in order_conditions(interpolant(theta)):
        if order <= 4:
            assert value == pytest.approx(wanted * theta**order, abs=EXACT), order


def test_the_interpolant_leaves_and_arrives_with_the_slope_of_the_solution():
    slope = lambda theta: tsit5.INTERPOLANT @ (np.arange(1, 5) * theta ** np.arange(4))  # noqa: E731
    np.testing.assert_allclose(slope(0.0), np.eye(7)[0], atol=EXACT)
    np.testing.assert_allclose(slope(1.0), np.eye(7)[6], atol=2 * EXACT)


PENDULUM = Model(
    "pendulum",
    "s",
    {"w": (2.0, "1")},
    {"x": ("1", 1), "v": ("1", 0)},
    {"x": "v", "v": "-w ** 2 * sin(x)"},
    outputs={"x": "x", "v": "v"},
)


@pytest.mark.parametrize("relative", [1e-4, 1e-6, 1e-8, 1e-10])
def test_the_error_follows_the_tolerance(relative):
    times = np.linspace(0.5, 20, 40)
    exact = simulate(PENDULUM, times=times, engine="reference")["x"].values
    found = simulate(PENDULUM, times=times, engine="kernel", tolerances=Tolerances(relative, relative))
    error = np.abs(found["x"].values - exact).max()
    # The tolerance is per step; over three periods the errors add up to some fifty of it.
    assert relative * 1e-3 < error < 200 * relative


def steps(times: np.ndarray, **kwargs) -> np.ndarray:
    schedule = from_doses(
        pd.DataFrame({n: [] for n in ("id", "time", "amt", "rate", "ii", "addl", "ss", "route")}),
        ["a"],
        times,
        np.array(False),
        PENDULUM,
    )
    rows = parameter_rows(PENDULUM, schedule, {})
    return solve(schedule, rows, ["x"], "kernel", **kwargs).solution.steps[0]


def test_observations_cost_no_steps():
    few, many = steps(np.array([20.0])), steps(np.linspace(0, 20, 1001))
    assert few == many > 10


def test_dense_output_is_as_good_as_the_steps():
    tolerances = Tolerances(1e-7, 1e-7)
    dense = simulate(PENDULUM, times=np.linspace(0, 20, 2001), engine="kernel", tolerances=tolerances)
    exact = simulate(PENDULUM, times=np.linspace(0, 20, 2001), engine="reference")
    assert np.abs(dense["x"].values - exact["x"].values).max() < 2e-5


def test_the_number_of_steps_grows_with_the_fifth_root_of_the_tolerance():
    loose, tight = (steps(np.array([50.0]), tolerances=Tolerances(r, r)) for r in (1e-5, 1e-10))
    assert 7 < tight / loose < 13
