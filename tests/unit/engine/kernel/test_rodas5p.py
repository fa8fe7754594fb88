"""Rodas5P: its coefficients, the order it reaches, and events in stiff models.

How exactly it solves published problems is tested in `tests/reference/test_stiff_problems.py`.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from understudy.engine.code import sparse_lu as sparse_lu_module
from understudy.engine.code.codegen import RIGHT_HAND_SIDE, right_hand_side
from understudy.engine.code.compiler import address
from understudy.engine.code.jacobian import JACOBIAN, jacobian
from understudy.engine.code.pivots import eliminate
from understudy.engine.code.sparse_lu import FACTORISE, SPEED, SUBSTITUTE, sparse_lu
from understudy.engine.kernel import kernel, rodas5p, tsit5
from understudy.engine.kernel.lane_space import (
    FLOOR,
    IMPLICIT_STATE,
    SLOPE,
    STATE,
    STEP,
    STOP,
    TIME,
    make_space,
    row,
)
from understudy.engine.kernel.lanes import WIDTH
from understudy.engine.parameters import parameter_rows, structural
from understudy.engine.problem import NOT_FINITE, STEP_COLLAPSED, TOO_MANY_STEPS, Tolerances
from understudy.engine.schedule import from_doses
from understudy.engine.simulate import simulate
from understudy.engine.solve import solve
from understudy.library.catalogue import model as library_model
from understudy.library.catalogue import models
from understudy.library.pk import compartments
from understudy.model.model import Model

# Back in the usual form: gamma, alpha and the weights of Hairer and Wanner, IV.7. Coefficients of the size of 150 with
# 16 digits leave 12.
EXACT = 1e-12
STAGES = rodas5p.STAGES
SQUARE = np.zeros((2, STAGES, STAGES))
SQUARE[:, :, :-1] = rodas5p.A, rodas5p.C
GAMMAS = np.linalg.inv(np.eye(STAGES) / rodas5p.GAMMA - SQUARE[1])
ALPHAS = SQUARE[0] @ GAMMAS
LAST = np.eye(STAGES)[-1]
BETAS, WEIGHTS = ALPHAS + GAMMAS, SQUARE[0, -1] + LAST


def order_conditions(weights: np.ndarray) -> list[tuple[int, float, float]]:
    """Order, value and wanted value of each of the 17 conditions up to order 5 (Hairer and Wanner, IV.7)."""
    b, beta, one = weights @ GAMMAS, BETAS.sum(axis=1), np.ones(STAGES)
    a = ALPHAS.sum(axis=1)
    ab = ALPHAS @ beta
    return [
        (1, b @ one, 1),
        (2, b @ beta, 1 / 2),
        (3, b @ a**2, 1 / 3),
        (3, b @ (BETAS @ beta), 1 / 6),
        (4, b @ a**3, 1 / 4),
        (4, b @ (a * ab), 1 / 8),
        (4, b @ (BETAS @ a**2), 1 / 12),
        (4, b @ (BETAS @ BETAS @ beta), 1 / 24),
        (5, b @ a**4, 1 / 5),
        (5, b @ (a**2 * ab), 1 / 10),
        (5, b @ ab**2, 1 / 20),
        (5, b @ (a * (ALPHAS @ a**2)), 1 / 15),
        (5, b @ (a * (ALPHAS @ BETAS @ beta)), 1 / 30),
        (5, b @ (BETAS @ a**3), 1 / 20),
        (5, b @ (BETAS @ (a * ab)), 1 / 40),
        (5, b @ (BETAS @ BETAS @ a**2), 1 / 60),
        (5, b @ (BETAS @ BETAS @ BETAS @ beta), 1 / 120),
    ]


def test_every_stage_is_consistent():
    np.testing.assert_allclose(ALPHAS.sum(axis=1), rodas5p.NODE, atol=EXACT)
    np.testing.assert_allclose(GAMMAS.sum(axis=1), rodas5p.TIME_SLOPE, atol=EXACT)


def test_the_method_has_order_five():
    for order, value, wanted in order_conditions(WEIGHTS):
        assert value == pytest.approx(wanted, abs=EXACT), order


def test_the_embedded_method_has_order_four_and_no_more():
    conditions = order_conditions(WEIGHTS - LAST)
    for order, value, wanted in conditions:
        if order <= 4:
            assert value == pytest.approx(wanted, abs=EXACT), order
    assert max(abs(value - wanted) for order, value, wanted in conditions if order == 5) > 1e-4


def test_the_method_is_stiffly_accurate_and_damps_the_fastest_completely():
    b = WEIGHTS @ GAMMAS
    np.testing.assert_allclose(b, BETAS[-1], atol=EXACT)
    assert 1 - b @ np.linalg.solve(BETAS, np.ones(STAGES)) == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("x", [0.1, 0.37, 0.5, 0.81, 1.0])
def test_the_interpolant_has_order_four(x):
    weights = x * WEIGHTS + x * (1 - x) * (np.array([1, x, x**2]) @ rodas5p.DENSE)
    for order, value, wanted in order_conditions(weights):
        if order <= 4:
            # The interpolant's coefficients reach 80, and so do their rounding errors.
            assert value == pytest.approx(wanted * x**order, abs=100 * EXACT), order


SMOOTH = Model(
    "forced pendulum",
    "s",
    {"w": 2.0},
    {"x": ("1", 1), "v": ("1", 0)},
    {"x": "v + 0.1 * cos(t)", "v": "-w ** 2 * sin(x) - v ** 2 * t / 5"},
    outputs={"x": "x", "v": "v"},
)


def fixed_steps(model: Model, start: list[float], end: float, count: int) -> np.ndarray:
    """States after `count` equal steps."""
    right, slopes = right_hand_side(model), jacobian(model)
    code, partial = address(right, RIGHT_HAND_SIDE), address(slopes.code, JACOBIAN)
    space, n = make_space(len(start)), len(start) * WIDTH
    at = space.ctypes.data
    plan = eliminate(len(start), slopes.rows, slopes.columns)
    elimination = sparse_lu(plan, rodas5p.GAMMA)
    functions = [address(elimination, name) for name in (FACTORISE, SUBSTITUTE, SPEED)]
    implicit = rodas5p.make_implicit(plan, *functions)
    parameters = np.repeat([p.value for p in model.parameters], WIDTH)
    state = slice(row(n, STATE), row(n, STATE) + n)
    space[state] = np.repeat(start, WIDTH)
    space[row(n, FLOOR) : row(n, FLOOR) + n] = -np.inf
    space[STEP : STEP + WIDTH], space[STOP : STOP + WIDTH] = end / count, end
    for k in range(count):
        space[TIME : TIME + WIDTH] = k * end / count
        tsit5.derivative(code, at, n, parameters.ctypes.data, TIME, STATE, SLOPE)
        rodas5p.try_step(code, partial, space, n, parameters.ctypes.data, implicit, 1e-6, 1e-8)
        space[state] = space[row(n, IMPLICIT_STATE) : row(n, IMPLICIT_STATE) + n]
    return space[state].reshape(-1, WIDTH)[:, 0].copy()


def test_the_error_falls_with_the_fifth_power_of_the_step():
    exact = simulate(SMOOTH, times=[2.0], engine="reference")
    exact = np.array([exact[name].values.item() for name in ("x", "v")])
    counts = np.array([16, 32, 64, 128])
    errors = [np.abs(fixed_steps(SMOOTH, [1.0, 0.0], 2.0, n) - exact).max() for n in counts]
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert 4.7 < slope < 5.5


def stiff(name: str, values: dict, start: list[float], rates: list[str]) -> Model:
    states = {f"y{k + 1}": ("1", value) for k, value in enumerate(start)}
    return Model(
        name,
        "s",
        values,
        states,
        dict(zip(states, rates, strict=True)),
        outputs={s: s for s in states},
        stiff=True,
    )


ROBERTSON = stiff(
    "Robertson",
    {"a": 0.04, "b": 1e4, "c": 3e7},
    [1, 0, 0],
    ["-a * y1 + b * y2 * y3", "a * y1 - b * y2 * y3 - c * y2 ** 2", "c * y2 ** 2"],
)
VAN_DER_POL = stiff("Van der Pol", {"mu": 1e3}, [2, 0], ["y2", "mu * (1 - y1 ** 2) * y2 - y1"])


def count_steps(model: Model, times: np.ndarray, **kwargs) -> int:
    columns = ("id", "time", "amt", "rate", "ii", "addl", "ss", "route")
    schedule = from_doses(pd.DataFrame({n: [] for n in columns}), ["a"], times, np.array(False), model)
    return int(
        solve(schedule, parameter_rows(model, schedule, {}), ["y1"], "kernel", **kwargs).solution.steps[0]
    )


def test_a_stiff_course_takes_few_steps():
    # Eleven decades of time; an explicit method would need some 1e14 steps.
    assert 40 < count_steps(ROBERTSON, np.array([1e11]), tolerances=Tolerances(1e-6, 1e-16)) < 500


def test_observations_cost_no_steps():
    few, many = (count_steps(VAN_DER_POL, np.linspace(0, 100, n)[1:]) for n in (2, 500))
    assert few == many


def test_dense_output_is_as_good_as_the_steps():
    times, tolerances = np.linspace(0, 1000, 400), Tolerances(1e-6, 1e-10)
    found = simulate(VAN_DER_POL, times=times, engine="kernel", tolerances=tolerances)["y1"].values
    exact = simulate(VAN_DER_POL, times=times, engine="reference")["y1"].values
    # Between steps the interpolant is one order lower; the sharp turn near t = 807 lies between two observations.
    np.testing.assert_allclose(found, exact, rtol=1e-4)


def fast_binding() -> Model:
    """Target-mediated disposition with binding a thousand times faster, and its loss with it."""
    full = library_model("tmdd_full")
    values = {name: 1000 * full.parameter(name).value for name in ("kon", "koff")}
    return replace(full.with_values(**values), stiff=True)


REGIMENS = {
    "boluses": "350 mg every 504 h for 2 doses",
    "infusions": "350 mg over 24 h every 168 h for 3 doses",
    "steady state": "350 mg every 504 h at steady state for 2 doses",
    "infused at steady state": "100 mg over 2 h every 168 h at steady state for 2 doses",
}
TIMES = np.array([0.25, 1, 4, 12, 24, 25, 72, 168, 170, 336, 480, 506, 600, 1000])


@pytest.mark.parametrize("regimen", REGIMENS)
def test_fast_binding_agrees_with_the_reference(regimen):
    exact = simulate(fast_binding(), None, REGIMENS[regimen], TIMES, engine="reference").raise_failures()
    found = simulate(fast_binding(), None, REGIMENS[regimen], TIMES, engine="kernel").raise_failures()
    for name in ("Cp", "Ctot", "R"):
        wanted = exact[name].values
        np.testing.assert_allclose(found[name].values, wanted, rtol=1e-6, atol=1e-9 * np.abs(wanted).max())


def test_fast_binding_takes_few_steps():
    limit = Tolerances(1e-6, 1e-8, max_steps=450)
    assert not simulate(fast_binding(), None, "350 mg", TIMES, engine="kernel", tolerances=limit).failures


@pytest.mark.parametrize("model", [compartments(1, "transit"), compartments(2, "lagged", "parallel")])
def test_profiles_and_lags_agree_with_the_explicit_method(model):
    """Doses that enter by a profile make the rates depend on time, and on parameters that events change."""
    times = np.linspace(0.25, 60, 31)
    regimen = "100 mg every 5 h for 8 doses"
    plain, found = (
        simulate(replace(model, stiff=declared), None, regimen, times, engine="kernel")["Cp"].values
        for declared in (False, True)
    )
    np.testing.assert_allclose(found, plain, rtol=1e-6, atol=1e-9 * plain.max())


COUNT = 19


@pytest.fixture(scope="module")
def crowd():
    rng, model = np.random.default_rng(5), fast_binding()
    columns = {p.name: p.value * np.exp(0.4 * rng.standard_normal(COUNT)) for p in model.parameters}
    table = pd.DataFrame(columns, index=[f"p{k}" for k in range(COUNT)])

    def levels(chosen: pd.DataFrame, **options) -> np.ndarray:
        outcome = simulate(model, chosen, REGIMENS["infusions"], TIMES, engine="kernel", **options)
        return outcome.raise_failures()["R"].values

    return table, levels, levels(table)


def test_neither_threads_nor_neighbours_nor_order_change_a_bit(crowd):
    table, levels, found = crowd
    for jobs in (2, 3):
        np.testing.assert_array_equal(levels(table, jobs=jobs), found)
    order = np.random.default_rng(2).permutation(COUNT)
    np.testing.assert_array_equal(levels(table.iloc[order]), found[order])
    for k in (0, 3, 8, COUNT - 1):
        np.testing.assert_array_equal(levels(table.iloc[[k]])[0], found[k])


@pytest.fixture
def growth(monkeypatch):
    """Make pivots unsafe beyond a growth: 0 for all of them."""

    def set_to(limit: float) -> None:
        monkeypatch.setattr(sparse_lu_module, "LARGEST_GROWTH", limit)
        kernel._elimination.cache_clear()

    yield set_to
    kernel._elimination.cache_clear()


def test_sought_pivots_find_what_those_chosen_beforehand_find(growth):
    times, tolerances = np.logspace(-3, 3, 13), Tolerances(1e-6, 1e-10)
    wanted = simulate(ROBERTSON, times=times, engine="kernel", tolerances=tolerances)
    growth(0.0)
    found = simulate(ROBERTSON, times=times, engine="kernel", tolerances=tolerances)
    for name in wanted.outputs:
        # The same steps but for rounding, which an error estimate may pass on to the next step's length.
        np.testing.assert_allclose(found[name].values, wanted[name].values, rtol=1e-9)
        assert (found[name].values != wanted[name].values).any()


def test_a_neighbour_whose_pivots_are_sought_changes_no_bit(growth):
    table = pd.DataFrame({"mu": 1e3 * np.logspace(-2, 1, WIDTH)}, index=[f"p{k}" for k in range(WIDTH)])

    def levels(chosen: pd.DataFrame) -> np.ndarray:
        options = {"engine": "kernel", "tolerances": Tolerances(1e-5, 1e-8)}
        return simulate(VAN_DER_POL, chosen, times=[10.0, 1000, 2000], **options)["y2"].values

    never = levels(table)
    growth(0.0)
    always = levels(table)
    # Nothing may grow: in some patients pivots are sought at some steps, in others at all or at none.
    growth(1.0 + 1e-9)
    together = levels(table)
    assert ((together != never).any(axis=1) & (together != always).any(axis=1)).any()
    assert (together == never).all(axis=1).any()
    for k in range(WIDTH):
        np.testing.assert_array_equal(levels(table.iloc[[k]])[0], together[k])


BLOW_UP = Model(
    "blow-up", "h", {"k": 1.0}, {"y": ("1", 0.5)}, {"y": "k * y ** 2"}, outputs={"y": "y"}, stiff=True
)
ROOT = Model(
    "root", "h", {"k": 1.0}, {"y": ("1", 4.0)}, {"y": "-k * sqrt(y)"}, outputs={"y": "y"}, stiff=True
)


# y = 1 / (2 - t) has a pole at 2; y = (2 - t / 2)^2 is zero at 4, and no root is known beyond.
@pytest.mark.parametrize(("model", "place"), [(BLOW_UP, 2.0), (ROOT, 4.0)])
def test_a_patient_who_fails_has_a_sentence_and_the_others_their_numbers(model, place):
    table = pd.DataFrame({"k": np.linspace(0.1, 0.2, 10)}, index=[f"p{k}" for k in range(10)])
    alone = simulate(model, table.drop("p4"), times=np.linspace(0.5, 6, 12), engine="kernel")["y"].values
    table.loc["p4", "k"] = 1.0
    found = simulate(model, table, times=np.linspace(0.5, 6, 12), engine="kernel")
    assert list(found.failures) == ["p4"]
    assert int(found.dataset["status"].values[4]) in {STEP_COLLAPSED, NOT_FINITE}
    assert float(found.failures["p4"].split("at time ")[1].rstrip(")")) == pytest.approx(place, rel=1e-3)
    np.testing.assert_array_equal(np.delete(found["y"].values, 4, axis=0), alone)


def test_steps_are_limited():
    found = simulate(ROBERTSON, times=[1e11], engine="kernel", tolerances=Tolerances(max_steps=20))
    assert int(found.dataset["status"].values[0]) == TOO_MANY_STEPS


def test_a_slope_that_is_infinite_where_a_root_begins_is_no_failure():
    model = Model("filling", "h", {"k": 1.0}, {"y": "mg"}, {"y": "k - sqrt(y)"}, outputs={"y": "y"})
    times = np.linspace(0.1, 5, 20)
    found = simulate(replace(model, stiff=True), times=times, engine="kernel").raise_failures()["y"].values
    exact = simulate(model, times=times, engine="reference")["y"].values
    np.testing.assert_allclose(found, exact, rtol=1e-6)


@pytest.mark.parametrize("entry", models(), ids=lambda entry: entry.name)
def test_every_library_model_declared_stiff_agrees_with_the_explicit_method(entry):
    found, patient = library_model(entry.name), pd.DataFrame([entry.covariates], index=["typical"])
    inner = structural(found)
    declared = replace(inner, stiff=True)
    whole = declared if inner is found else replace(found, structural=declared)
    plain, implicit = (
        simulate(each, patient, entry.regimen, entry.times, engine="kernel").raise_failures()
        for each in (found, whole)
    )
    for name in plain.outputs:
        wanted = plain[name].values
        np.testing.assert_allclose(
            implicit[name].values, wanted, rtol=1e-6, atol=1e-9 * np.abs(wanted).max(), err_msg=name
        )
