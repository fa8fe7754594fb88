"""The time loop: changes between methods, and lanes that know nothing of each other."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_rodas5p import ROBERTSON, VAN_DER_POL, fast_binding

from understudy.engine.parameters import parameter_rows
from understudy.engine.problem import EXPLICITLY, STIFFLY, TOO_MANY_STEPS, Solution, Tolerances
from understudy.engine.schedule import from_doses
from understudy.engine.simulate import simulate
from understudy.engine.solve import solve
from understudy.model.model import Model

NO_DOSE = pd.DataFrame({n: [] for n in ("id", "time", "amt", "rate", "ii", "addl", "ss", "route")})


def solution(model: Model, times: np.ndarray, columns: dict | None = None, **kwargs) -> Solution:
    columns = columns or {}
    count = len(next(iter(columns.values()), [0]))
    schedule = from_doses(NO_DOSE, [str(k) for k in range(count)], times, np.array(False), model)
    return solve(
        schedule, parameter_rows(model, schedule, columns), model.output_names, "kernel", **kwargs
    ).solution


@pytest.mark.parametrize(("model", "end"), [(ROBERTSON, 1e11), (VAN_DER_POL, 2000.0)])
def test_undeclared_stiffness_is_noticed(model, end):
    found = solution(replace(model, stiff=False), np.array([end]), tolerances=Tolerances(1e-6, 1e-16))
    assert found.method.tolist() == [EXPLICITLY | STIFFLY]
    # As exact as declared, in at most three times the steps, many of which are the cheaper explicit ones.
    declared = solution(model, np.array([end]), tolerances=Tolerances(1e-6, 1e-16))
    np.testing.assert_allclose(found.states, declared.states, rtol=1e-5)
    assert declared.method.tolist() == [STIFFLY]
    assert found.steps[0] < 3 * declared.steps[0]


def test_a_declared_model_is_never_solved_explicitly():
    model = Model("decay", "h", {"k": 1.0}, {"A": ("mg", 1)}, {"A": "-k * A"}, outputs={"A": "A"}, stiff=True)
    assert solution(model, np.linspace(0, 10, 5)).method.tolist() == [STIFFLY]


def test_the_explicit_method_takes_over_again_where_stiffness_ends():
    """Fast decay to a slow course which ends where the fast rate is switched off, and an oscillation is left."""
    model = Model(
        "switch",
        "s",
        {"fast": 1e5},
        {"x": ("1", 1), "y": ("1", 1), "v": ("1", 0)},
        {"x": "-where(t < 100, fast, 0) * (x - cos(y))", "y": "0.5 * v", "v": "-0.5 * y"},
        outputs={"x": "x", "y": "y"},
    )
    times = np.linspace(1, 200, 100)
    found = solution(model, times, tolerances=Tolerances(1e-8, 1e-10))
    assert found.method.tolist() == [EXPLICITLY | STIFFLY]
    np.testing.assert_allclose(found.states[:, 1], np.cos(0.5 * times), atol=1e-5)
    implicit = solution(replace(model, stiff=True), times, tolerances=Tolerances(1e-8, 1e-10))
    np.testing.assert_allclose(found.states[:, 0], implicit.states[:, 0], rtol=1e-5)


def test_one_stiff_patient_changes_nothing_for_the_others():
    """Every patient's numbers are the same bits alone as in company, whichever method the neighbours use."""
    times = np.array([0.5, 3.0, 30.0])
    model = replace(fast_binding(), stiff=False).with_values(koff=1e-3)
    columns = {"kon": 0.091 * np.logspace(0, 3, 19)}
    together = simulate(model, pd.DataFrame(columns), "350 mg", times, engine="kernel")
    for k in range(19):
        alone = simulate(model, pd.DataFrame({"kon": columns["kon"][[k]]}), "350 mg", times, engine="kernel")
        np.testing.assert_array_equal(alone["Cp"].values[0], together["Cp"].values[k])
    threads = simulate(model, pd.DataFrame(columns), "350 mg", times, engine="kernel", jobs=2)
    np.testing.assert_array_equal(threads["Cp"].values, together["Cp"].values)


def test_both_methods_are_used_in_one_batch():
    found = solution(
        replace(VAN_DER_POL, stiff=False),
        np.array([20.0]),
        {"mu": np.array([0.5, 1e3] * 8)},
        tolerances=Tolerances(1e-6, 1e-8),
    )
    assert found.method.tolist() == [EXPLICITLY, EXPLICITLY | STIFFLY] * 8


def test_a_patient_may_run_out_of_steps_by_either_method():
    for declared in (False, True):
        model, how = replace(VAN_DER_POL, stiff=declared), Tolerances(1e-8, 1e-10, max_steps=50)
        assert solution(model, np.array([2000.0]), tolerances=how).status.tolist() == [TOO_MANY_STEPS]


def test_the_record_says_which_methods_were_used():
    model = VAN_DER_POL
    patients = pd.DataFrame({"mu": [0.5, 1e3, 1e3]})
    settings = simulate(replace(model, stiff=False), patients, times=[20.0], engine="kernel").record.settings
    assert settings["patients, explicit method"] == 1
    assert settings["patients, explicit and implicit method"] == 2


@pytest.mark.parametrize("power", [0.5, 1.5, 4.2])
@pytest.mark.parametrize("stiff", [False, True])
def test_a_rise_from_nothing_like_a_power_of_time_begins(power, stiff):
    """A' = t^p from A = 0 is t^(p + 1) / (p + 1): relative to A itself no first step is short enough."""
    model = Model(
        "rise",
        "h",
        {"p": power},
        {"A": "1"},
        {"A": "where(t > 0, t, 0) ** p"},
        outputs={"A": "A"},
        stiff=stiff,
    )
    times = np.array([0.1, 1.0, 10.0])
    found = simulate(model, times=times, engine="kernel", tolerances=Tolerances(1e-8, 1e-10))
    wanted = times ** (power + 1) / (power + 1)
    # Ten times the tolerance.
    np.testing.assert_allclose(found.raise_failures()["A"].values[0], wanted, rtol=1e-7)


@pytest.mark.parametrize("inflow", [0.3, 0.7, 1.1])
def test_a_pulse_is_not_stepped_over_by_a_system_that_rests_but_for_rounding(inflow):
    """At rest at the start, where rates are not quite zero: a first step as long as they allow would miss the pulse."""
    model = Model(
        "pulse",
        "h",
        {"inflow": inflow, "k": 7.0},
        {"A": ("mg", "inflow / k")},
        {"A": "inflow - k * A + 100 * exp(-t / 0.02) * (1 - exp(-t / 0.25))"},
        outputs={"A": "A"},
    )
    a, b, times = 1 / 0.02, 1 / 0.02 + 1 / 0.25, np.array([0.25, 1.0, 10.0])
    # The difference of two exponentials that decay into the compartment.
    decay = lambda rate: (np.exp(-rate * times) - np.exp(-7 * times)) / (7 - rate)  # noqa: E731
    expected = inflow / 7 + 100 * (decay(a) - decay(b))
    # Ten times the solver's relative tolerance.
    np.testing.assert_allclose(solution(model, times).states[:, 0], expected, rtol=1e-7)
