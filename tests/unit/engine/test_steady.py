"""Steady states against long dosing histories, and dosing that has none."""

import numpy as np
import pandas as pd
import pytest
from dosing_table import dose, levels, patients, seen

from understudy.engine.problem import NO_STEADY_STATE, Tolerances
from understudy.engine.simulate import simulate
from understudy.library.pk import compartments
from understudy.model.model import Model
from understudy.model.parts import Input

ENGINES = ["closed_form", "kernel", "reference"]
# The kernel's default, 1e-8 a step, adds up over a cycle; closed form and reference are closer.
RELATIVE = {"closed_form": 1e-10, "kernel": 2e-7, "reference": 1e-8}
II = 12.0


def lagged(lag: float) -> Model:
    """Two compartments, a lag into the central one."""
    base = compartments(2, "iv")
    return Model(
        base.name,
        "h",
        base.parameters,
        base.states,
        base.rates,
        (Input("iv", "central", lag=lag),),
        base.outputs,
    )


CYCLES = {
    "bolus": (compartments(2, "iv"), {}),
    "oral": (compartments(2, "first_order"), {}),
    "infusion": (compartments(2, "iv"), {"RATE": 40.0}),
    "infusion as long as the interval": (compartments(2, "iv"), {"RATE": 100 / II}),
    "infusion longer than the interval": (compartments(2, "iv"), {"RATE": 100 / 16.0}),
    "infusion of three intervals and a bit": (compartments(2, "iv"), {"RATE": 100 / 40.0}),
    "infusion of exactly two intervals": (compartments(2, "iv"), {"RATE": 100 / 24.0}),
    "lag": (lagged(3.0), {}),
    "lag longer than the interval": (lagged(29.0), {}),
    "lag of exactly the interval": (lagged(II), {}),
    "lagged infusion across the record": (lagged(9.0), {"RATE": 100 / 8.0}),
    "lag and infusion longer than the interval": (lagged(17.0), {"RATE": 100 / 27.0}),
}
LAST = 120  # doses; a slow half-life is 13 h, so what is missing is below 1e-30
AFTER = np.array([0.5, 2.9, 3.1, 6.0, 11.0, 12.5, 17.0, 23.0, 30.0, 37.0, 45.0, 70.0, 100.0])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CYCLES)
def test_a_steady_state_is_what_many_doses_lead_to(name, engine):
    model, columns = CYCLES[name]
    start = LAST * II
    many = patients(a=[dose(0.0, 100, II=II, ADDL=LAST, **columns), seen(start + AFTER)])
    at_once = patients(a=[dose(start, 100, II=II, SS=1, **columns), seen(start + AFTER)])
    wanted = levels(model, many, "closed_form")
    np.testing.assert_allclose(levels(model, at_once, engine), wanted, rtol=RELATIVE[engine])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_steady_state_goes_on_with_additional_doses(engine):
    model = lagged(17.0)
    times = np.arange(0.25, 80, 2.3)
    at_once = patients(a=[dose(0.0, 100, II=II, SS=1, ADDL=9, RATE=100 / 20.0), seen(times)])
    start = LAST * II
    many = patients(a=[dose(0.0, 100, II=II, ADDL=LAST + 9, RATE=100 / 20.0), seen(start + times)])
    wanted = levels(model, many, "closed_form")
    np.testing.assert_allclose(levels(model, at_once, engine), wanted, rtol=RELATIVE[engine])


@pytest.mark.parametrize("engine", ENGINES)
def test_bolus_in_one_compartment_is_a_geometric_series(engine):
    model = compartments(1, "iv")
    found = levels(model, patients(a=[dose(0.0, 100, II=II, SS=1), seen([0.0, 5.0])]), engine)[0]
    k = 5.0 / 50.0
    peak = 100 / 50 / -np.expm1(-k * II)
    np.testing.assert_allclose(found, [peak, peak * np.exp(-k * 5)], rtol=RELATIVE[engine])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_constant_infusion_has_run_for_ever_and_stops_at_its_record(engine):
    model = compartments(1, "iv")
    found = levels(model, patients(a=[dose(0.0, 0, RATE=20.0, SS=1), seen([0.0, 3.0])]), engine)[0]
    np.testing.assert_allclose(found, 20 / 5 * np.exp([0.0, -0.3]), rtol=RELATIVE[engine])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_second_steady_state_adds_to_the_first(engine):
    model = compartments(1, "first_order")
    morning, evening = dose(0.0, 100, II=24, SS=1), dose(0.0, 60, II=24, SS=1)
    shifted = dose(8.0, 60, II=24, SS=2)
    times = np.arange(8.5, 24.0, 1.5)
    both = levels(model, patients(a=[morning, shifted, seen(times)]), engine)
    first = levels(model, patients(a=[morning, seen(times)]), engine)
    second = levels(model, patients(a=[evening, seen(times - 8.0)]), engine)
    np.testing.assert_allclose(both, first + second, rtol=10 * RELATIVE[engine])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_first_steady_state_replaces_what_was_there(engine):
    model, times = compartments(2, "iv"), np.arange(30.0, 50, 3)
    alone = patients(a=[dose(30.0, 100, II=II, SS=1), seen(times)])
    after = patients(
        a=[
            dose(0.0, 700, RATE=10.0),
            dose(3.0, 500, II=7, ADDL=20),
            dose(30.0, 100, II=II, SS=1),
            seen(times),
        ]
    )
    np.testing.assert_allclose(
        levels(model, after, engine), levels(model, alone, engine), rtol=RELATIVE[engine]
    )


SATURATED = {
    "bolus": (compartments(1, "iv", "michaelis_menten"), {}),
    "oral, two compartments": (compartments(2, "first_order", "michaelis_menten"), {}),
    "infusion longer than the interval": (compartments(1, "iv", "michaelis_menten"), {"RATE": 100 / 14.0}),
}


@pytest.mark.parametrize("name", SATURATED)
def test_saturated_elimination_after_five_hundred_doses(name):
    # 100 mg in 12 h against at most 12 mg/h: two thirds of capacity.
    model, columns = SATURATED[name]
    model = model.with_values(Vmax=12.0, Km=2.0)
    times, exact = np.array([0.5, 3.0, 7.0, 11.5]), Tolerances(1e-10, 1e-12)
    many = patients(a=[dose(0.0, 100, II=II, ADDL=500, **columns), seen(500 * II + times)])
    at_once = patients(a=[dose(0.0, 100, II=II, SS=1, **columns), seen(times)])
    wanted = levels(model, many, "kernel", tolerances=exact)
    np.testing.assert_allclose(levels(model, at_once, "kernel", tolerances=exact), wanted, rtol=1e-7)
    np.testing.assert_allclose(levels(model, at_once, "reference"), wanted, rtol=1e-7)


def test_a_baseline_is_part_of_the_steady_state():
    # Production at 6 mg/h, so 60 mg without a dose.
    model = Model("endogenous", "h", {"k": 0.1}, {"A": ("mg", 60)}, {"A": "6 - k * A"}, outputs={"A": "A"})
    replaced = levels(model, patients(a=[dose(0.0, 100, II=II, SS=1), seen([0.0])]))
    added = levels(model, patients(a=[dose(0.0, 100, II=II, SS=2), seen([0.0])]))
    np.testing.assert_allclose(replaced, 60 + 100 / -np.expm1(-1.2), rtol=1e-9)
    np.testing.assert_allclose(added, replaced, rtol=1e-9)


@pytest.mark.parametrize("engine", ["kernel", "reference"])
def test_states_of_very_different_units(engine):
    # A drug of some 1e-3 beside a response of some 1e8: each is judged by its own size.
    model = Model(
        "mixed",
        "h",
        {"Vmax": 3e-4, "Km": 2e-3},
        {"A": "mg", "R": ("1", 1e9)},
        {"A": "-Vmax * A / (Km + A)", "R": "1e7 * (1 - 0.9 * A / (1e-3 + A)) - 0.01 * R"},
        outputs={"A": "A", "R": "R"},
    )
    at_once = patients(a=[dose(0.0, 2e-3, II=II, SS=1), seen([0.0, 5.0])])
    many = patients(a=[dose(0.0, 2e-3, II=II, ADDL=300), seen([300 * II, 300 * II + 5.0])])
    found = simulate(model, at_once, engine=engine).raise_failures()
    wanted = simulate(model, many, engine=engine).raise_failures()
    for name in ("A", "R"):
        np.testing.assert_allclose(found[name].values, wanted[name].values, rtol=2e-6)


NEVER_STEADY = {
    "more is given than can be eliminated": (
        compartments(1, "iv", "michaelis_menten").with_values(Vmax=8.0),
        dose(0.0, 100, II=II, SS=1),
    ),
    "a constant infusion above capacity": (
        compartments(1, "iv", "michaelis_menten").with_values(Vmax=8.0),
        dose(0.0, 0, RATE=9.0, SS=1),
    ),
    "nothing is eliminated": (compartments(2, "iv").with_values(CL=0.0), dose(0.0, 100, II=II, SS=1)),
    "a state that only collects": (
        Model(
            "area",
            "h",
            {"k": 0.1},
            {"A": "mg", "area": "mg*h"},
            {"A": "-k * A", "area": "A"},
            outputs={"A": "A"},
        ),
        dose(0.0, 100, II=II, SS=1),
    ),
}


@pytest.mark.parametrize("engine", ["auto", "kernel", "reference"])
@pytest.mark.parametrize("name", NEVER_STEADY)
def test_dosing_without_a_steady_state_is_a_status_with_a_sentence(name, engine):
    model, endless = NEVER_STEADY[name]
    good = [dose(0.0, 100), seen([1.0, 5.0])]
    found = simulate(model, patients(a=good, b=[endless, seen([1.0, 5.0])], c=good), engine=engine)
    assert list(found.failures) == ["b"]
    assert "no steady state" in found.failures["b"]
    assert found.dataset["status"].values.tolist() == [0, NO_STEADY_STATE, 0]
    assert np.isnan(found[found.outputs[0]].values[1]).all()
    alone = simulate(model, patients(a=good), engine=engine)
    first = found.outputs[0]
    np.testing.assert_array_equal(found[first].values[[0, 2]], alone[first].values[[0, 0]])


SATURABLE = Model(
    "saturable",
    "h",
    {"Vm": (5.0, "mg/h"), "Km": (10.0, "mg")},
    {"depot": "mg", "A": "mg"},
    {"depot": "-1[1/h] * depot", "A": "1[1/h] * depot - Vm * A / (Km + A)"},
    inputs={"oral": "depot", "iv": "A"},
    outputs={"A": ("A", "mg")},
)


@pytest.mark.parametrize(
    "regimen",
    [
        "120 mg iv every 24 h at steady state for 2 doses",
        "120 mg oral every 24 h at steady state for 2 doses",
        "60 mg iv over 6 h every 12 h at steady state for 2 doses",
    ],
)
def test_more_than_can_leave_has_no_steady_state(regimen):
    """5 mg/h come in. However large the state has become, it must not pass for steady."""
    capacity = np.array([0.5, 2.0, 4.0, 4.9, 5.1, 8.0])
    found = simulate(SATURABLE, pd.DataFrame({"Vm": capacity}), regimen, [24.0], engine="kernel")
    assert list(found.failures) == [0, 1, 2, 3]
    assert all("no steady state" in sentence for sentence in found.failures.values())
    steady, later = (
        simulate(SATURABLE, pd.DataFrame({"Vm": capacity[4:]}), asked, [time], engine="kernel")["A"].values
        for asked, time in (
            (regimen, 24.0),
            (regimen.replace(" at steady state for 2", " for 400"), 24.0 * 199),
        )
    )
    np.testing.assert_allclose(steady[1], later[1], rtol=1e-6)
