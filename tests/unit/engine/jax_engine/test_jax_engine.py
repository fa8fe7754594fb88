"""The JAX engine: dosing rules, failures, networks; agreement over models is in tests/conformance."""

import importlib.util

import numpy as np
import pandas as pd
import pytest
from dosing_table import dose, levels, patients, seen
from jax_packages import import_jax

from understudy.core.errors import MissingExtraError, SimulationError
from understudy.engine.jax.jax_engine import _rank, _rounded
from understudy.engine.jax.jax_extra import require_jax
from understudy.engine.problem import Tolerances
from understudy.engine.simulate import simulate
from understudy.model.model import Model
from understudy.model.network import Network
from understudy.model.parts import Input, State

EXACT = Tolerances(relative=1e-10, absolute=1e-12)


def given(time: float, amount: float, **columns) -> dict:
    return dose(time, amount, **{"V": 20.0} | columns)


def looked(*times: float, volume: float = 20.0) -> list[dict]:
    return seen(times, V=volume)


TABLE = patients(
    bolus=[given(0, 100), given(5, 50, CMT="central"), looked(0, 1, 4, 6, 20)],
    infused=[given(0, 100, RATE=10, CMT="central"), given(4, 40, RATE=40, CMT="central"), looked(1, 4, 4.5, 12)],
    additional=[given(0, 20, ADDL=5, II=3), looked(0.1, 3, 3.1, 14, 18)],
    reset=[
        given(0, 100, ADDL=3, II=4), given(2, 100, RATE=10, CMT="central"), given(6, 0, EVID=3),
        looked(5, 6.5, 9), given(10, 30, EVID=4), looked(10.5, 16),
    ],
    steady=[given(0, 30, SS=1, II=6), looked(0, 1, 5)],
    steady_infusion=[given(0, 30, SS=1, II=6, RATE=4, CMT="central"), looked(0, 1, 5, 13)],
    added=[given(0, 100), given(3, 30, SS=2, II=6), looked(2, 3.5, 8)],
    modelled=[given(0, 100, RATE=-2, CMT="slow"), looked(1, 2.9, 5)],
    profiled=[given(0, 100, CMT="gamma"), given(4, 50, CMT="gamma"), looked(1, 3, 4.2, 6, 20)],
    changing=[given(0, 100), looked(1, 2), looked(3, 9, volume=31.0)],
)  # fmt: skip


@pytest.fixture(scope="module")
def jax():
    return import_jax()


def saturable(**changes) -> Model:
    return Model(
        "saturable", "h",
        {"ka": (1.0,), "V": (20.0,), "Vm": (8.0,), "Km": (2.0,), "lag": (0.4,), "D": (2.5,), "F": (0.8,)},
        {"depot": "mg", "central": "mg"},
        {"depot": "-ka * depot", "central": "ka * depot - Vm * C / (Km + C)"},
        inputs=(
            Input("oral", "depot", lag="lag", bioavailability="F"), Input("central", "central"),
            Input("slow", "central", duration="D"), Input("gamma", "depot", profile="4 * tad * exp(-2 * tad)"),
        ),
        assignments={"C": "central / V"}, outputs={"C": ("C", "mg/L")}, **changes,
    )  # fmt: skip


@pytest.mark.slow
def test_dosing_rules_agree_with_the_reference_engine(jax):
    found = levels(saturable(), TABLE, "jax", tolerances=EXACT)
    wanted = levels(saturable(), TABLE, "reference")
    assert np.isfinite(wanted).sum() > 35
    # Steady states are found to some 1e-8 by differences.
    assert found == pytest.approx(wanted, rel=1e-7, abs=1e-9, nan_ok=True)


def test_failures_are_values_and_leave_others_alone(jax):
    growth = Model("growth", "h", {"k": (1.0,), "start": (1.0,)}, {"x": ("1", "start")}, {"x": "k * x**2"},
                   outputs={"x": "x"})  # fmt: skip
    table = pd.DataFrame({"k": [0.1, 1.0, np.nan, 0.0], "start": [1.0, 1.0, 1.0, 2.0]})
    outcome = simulate(growth, table, times=[0.5, 2.0], engine="jax", tolerances=Tolerances(max_steps=2000))
    kernel = simulate(growth, table, times=[0.5, 2.0], engine="kernel", tolerances=Tolerances(max_steps=2000))
    messages = outcome.dataset["message"].values.tolist()
    assert messages == kernel.dataset["message"].values.tolist()
    assert [bool(message) for message in messages] == [False, True, True, False]
    # The solution is 1 / (1 / start - k t).
    assert outcome["x"].values[0] == pytest.approx([1 / 0.95, 1 / 0.8], rel=1e-7)
    assert np.isnan(outcome["x"].values[1:3]).all()
    assert outcome["x"].values[3].tolist() == [2.0, 2.0]
    # JAX stays as it was set.
    assert not jax.config.jax_enable_x64


@pytest.mark.slow
def test_too_many_steps_are_a_status(jax):
    decay = Model("decay", "h", {"k": 1.0}, {"A": "mg"}, {"A": "-k * A"}, outputs={"A": "A"})
    few = simulate(decay, None, "5 mg", [2.0], engine="jax", tolerances=Tolerances(max_steps=2))
    assert few.dataset["message"].values[0].startswith("the solver needed more steps than allowed")


def test_networks_are_those_of_the_kernel(jax):
    network = Network("uptake", inputs=2, width=4, depth=2, activation="softplus", output="softplus", seed=7)
    model = Model(
        "node", "h", {"V": (10.0,)}, {"A": "mg"}, {"A": "-uptake(A / V, t / 10) * A"},
        inputs={"iv": "A"}, outputs={"C": "A / V"}, networks=[network],
    )  # fmt: skip
    times = np.linspace(0, 9, 10)
    found = [
        simulate(model, None, "100 mg every 4 h for 2 doses", times, engine=engine, tolerances=EXACT)[
            "C"
        ].values
        for engine in ("jax", "kernel")
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-8)
    assert found[0][0, 3] < 9


def zero_order(stiff: bool) -> Model:
    """Elimination at a constant rate, which an empty compartment cannot keep up."""
    return Model(
        "zero-order elimination", "h", {"k0": (10.0, "mg/h")}, (State("A", "mg", nonnegative=True),), {"A": "-k0"},
        outputs={"A": ("A", "mg")}, stiff=stiff,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("stiff", [False, True])
def test_an_empty_compartment_loses_nothing(jax, stiff):
    times = np.linspace(0.5, 30, 60)
    # 100 mg last ten hours; the dose at 24 h does so again. An infusion slower than the loss leaves nothing.
    wanted = np.where(times < 24, np.maximum(100 - 10 * times, 0), np.maximum(100 - 10 * (times - 24), 0))
    regimens = {"100 mg every 24 h for 2 doses": wanted, "50 mg over 10 h": np.zeros(60)}
    for regimen, levels_wanted in regimens.items():
        found = (
            simulate(zero_order(stiff), None, regimen, times, engine="jax").raise_failures()["A"].values[0]
        )
        assert (found >= 0).all()
        # Tolerances are 1e-8 of the dose a step.
        assert found == pytest.approx(levels_wanted, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("stiff", [False, True])
def test_what_stays_above_zero_is_as_exact_as_without_the_declaration(jax, stiff):
    build = lambda held: Model(  # noqa: E731
        "fast loss", "h", {"k": 1e4},
        (State("A", "mg", initial=1, nonnegative=held), State("B", "mg", nonnegative=held)),
        {"A": "-0.1 * A", "B": "0.1 * A - k * B * sqrt(1 + B)"}, outputs={"B": "B"}, stiff=stiff,
    )  # fmt: skip
    times = np.linspace(1, 40, 14)
    exact = simulate(build(False), times=times, engine="reference")["B"].values
    found = simulate(build(True), times=times, engine="jax", tolerances=Tolerances(1e-7, 1e-9))["B"].values
    # Ten times the tolerance.
    assert found == pytest.approx(exact, rel=1e-6)


def test_events_of_the_solution_are_refused(jax):
    model = Model("tank", "h", {"k": 1}, {"A": "mg"}, {"A": "-k * A"}, outputs={"A": "A"},
                  events={"refill": ("A < 1", {"A": 10})})  # fmt: skip
    with pytest.raises(SimulationError, match="no events"):
        simulate(model, None, "5 mg", [1.0], engine="jax")


def test_a_missing_extra_is_named_with_its_pip_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="jax, diffrax, equinox are not installed") as caught:
        require_jax()
    assert caught.value.repair == "pip install 'understudy[jax]'"


def test_sizes_are_rounded_up_to_few():
    assert [_rounded(k) for k in (1, 2, 3, 4, 5, 7, 9, 13, 100)] == [1, 2, 3, 4, 6, 8, 12, 16, 128]
    sizes = {_rounded(k) for k in range(1, 1000)}
    assert len(sizes) <= 20
    assert all(_rounded(k) >= k for k in range(1, 1000))


def test_observations_between_two_events_are_counted():
    patient, after = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 1, 1, 2])
    assert _rank(patient, after).tolist() == [0, 0, 1, 0, 0]
