"""Patients who fail, patients beside each other, threads, and the choice of an engine."""

import numpy as np
import pandas as pd
import pytest
from dosing_table import dose, patients, seen

from understudy.core.errors import SimulationError
from understudy.engine.problem import (
    BAD_PARAMETER,
    NOT_FINITE,
    STEP_COLLAPSED,
    TOO_MANY_STEPS,
    Tolerances,
)
from understudy.engine.simulate import simulate
from understudy.engine.solve import choose
from understudy.library.catalogue import model as library_model
from understudy.library.pk import compartments
from understudy.model.model import Model
from understudy.model.parts import Input

COUNT = 37  # four full blocks of eight and one of five


def population(model: Model, count: int = COUNT) -> pd.DataFrame:
    """Patients whose positive parameters differ by some 40 %."""
    rng = np.random.default_rng(5)
    columns = {
        p.name: p.value * np.exp(0.4 * rng.standard_normal(count)) for p in model.parameters if p.value > 0
    }
    return pd.DataFrame(columns, index=[f"p{k}" for k in range(count)])


# Engine, model and regimen: linear, saturated, several doses under way, and an explicit function of time.
CASES = {
    "closed form": ("closed_form", compartments(3, "lagged"), "100 mg every 12 h for 5 doses"),
    "kernel": ("kernel", compartments(2, "first_order", "parallel"), "100 mg every 12 h for 5 doses"),
    "kernel, profiles": ("kernel", compartments(1, "transit"), "100 mg every 3 h for 8 doses"),
    "kernel, steady state": (
        "kernel",
        compartments(1, "iv", "michaelis_menten").with_values(Vmax=60.0),
        "100 mg over 2 h every 12 h at steady state for 3 doses",
    ),
}
TIMES = np.linspace(0.25, 60, 31)


@pytest.fixture(scope="module", params=CASES)
def case(request):
    engine, model, regimen = CASES[request.param]
    table = population(model)

    def levels(chosen: pd.DataFrame, **options) -> np.ndarray:
        outcome = simulate(model, chosen, regimen, TIMES, engine=engine, **options).raise_failures()
        return outcome["Cp"].values

    return table, levels, levels(table)


def test_threads_change_no_bit(case):
    table, levels, found = case
    for jobs in (2, 3, 0):
        np.testing.assert_array_equal(levels(table, jobs=jobs), found)


def test_the_order_of_patients_changes_no_bit(case):
    table, levels, found = case
    order = np.random.default_rng(2).permutation(COUNT)
    np.testing.assert_array_equal(levels(table.iloc[order]), found[order])


def test_a_patient_alone_has_the_same_numbers_to_the_last_bit(case):
    table, levels, found = case
    for k in (0, 3, 8, COUNT - 1):
        np.testing.assert_array_equal(levels(table.iloc[[k]])[0], found[k])


def test_leaving_patients_out_changes_no_bit_of_the_others(case):
    table, levels, found = case
    kept = np.flatnonzero(np.arange(COUNT) % 3 != 1)
    np.testing.assert_array_equal(levels(table.iloc[kept]), found[kept])


@pytest.mark.parametrize("engine", ["closed_form", "kernel"])
def test_neighbours_with_other_schedules_change_no_bit(engine):
    model = compartments(2, "first_order")
    schedules = {
        "a": [dose(0.0, 100, II=12, ADDL=4), seen(TIMES)],
        "b": [dose(3.0, 700, CMT=2, RATE=50.0), dose(9.0, 20), seen(np.arange(1.0, 30, 0.3))],
        "c": [seen([5.0])],
        "d": [dose(0.0, 100, II=24, SS=1), {"TIME": 20.0, "EVID": 3}, seen([1.0, 19.0, 25.0])],
        "e": [dose(0.5, 10), seen([0.0, 0.5, 200.0])],
        "f": [dose(1.0, 1e-6, II=0.5, ADDL=60), seen(np.arange(0, 40, 0.1))],
        "g": [dose(0.0, 5), seen([1.0])],
        "h": [dose(0.0, 5), {"TIME": 2.0, "EVID": 4, "AMT": 30.0}, seen([1.0, 4.0])],
        "i": [dose(10.0, 50), seen(TIMES + 10)],
    }
    together = simulate(model, patients(**schedules), engine=engine)["Cp"].values
    for k, (name, events) in enumerate(schedules.items()):
        alone = simulate(model, patients(**{name: events}), engine=engine)["Cp"].values[0]
        np.testing.assert_array_equal(together[k][: alone.size], alone, err_msg=name)
        assert np.isnan(together[k][alone.size :]).all()


BLOW_UP = Model(
    "blow-up", "h", {"k": 1.0, "start": 0.1}, {"y": ("1", "start")}, {"y": "k * y ** 2"}, outputs={"y": "y"}
)
ROOT = Model(
    "root", "h", {"k": 1.0, "start": 4.0}, {"y": ("1", "start")}, {"y": "-k * sqrt(y)"}, outputs={"y": "y"}
)
FAST = Model(
    "fast", "h", {"w": 1.0}, {"y": ("1", 1), "v": ("1", 0)}, {"y": "w * v", "v": "-w * y"}, outputs={"y": "y"}
)

FAILURES = {
    # y(t) = 1 / (1 / start - t) has a pole at t = 2.
    "a solution that blows up": (BLOW_UP, {"start": 0.5}, {STEP_COLLAPSED, NOT_FINITE, TOO_MANY_STEPS}, 2.0),
    # The square root of a negative number, after y = (2 - t / 2)^2 has reached zero at t = 4.
    "a state that leaves its domain": (ROOT, {"k": 1.0}, {STEP_COLLAPSED, NOT_FINITE}, 4.0),
    "an undefined parameter": (BLOW_UP, {"k": np.nan}, {BAD_PARAMETER}, None),
    "an infinite parameter": (BLOW_UP, {"k": np.inf}, {BAD_PARAMETER}, None),
    "an undefined initial value": (BLOW_UP, {"start": np.nan}, {BAD_PARAMETER}, None),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("engine", ["kernel", "reference"])
def test_a_patient_who_fails_has_a_sentence_and_the_others_their_numbers(name, engine):
    model, wrong, codes, place = FAILURES[name]
    typical = {"k": 0.3, "start": 0.1} if model is BLOW_UP else {"k": 0.01, "start": 4.0}
    table = pd.DataFrame([typical] * 10, index=[f"p{k}" for k in range(10)]).astype(float)
    table["k"] *= np.linspace(0.9, 1.1, 10)
    table.loc["p4", list(wrong)] = list(wrong.values())
    if name == "a solution that blows up":
        table.loc["p4", "k"] = 1.0
    times = np.linspace(0.5, 6, 12)
    found = simulate(model, table, times=times, engine=engine)
    assert list(found.failures) == ["p4"]
    assert int(found.dataset["status"].values[4]) in codes
    assert found.failures["p4"]
    if place is not None:
        at = float(found.failures["p4"].split("at time ")[1].rstrip(")"))
        # The reference engine looks at a stretch when it is over.
        assert place - 0.01 <= at <= (place + 0.01 if engine == "kernel" else times[-1])
    others = table.drop("p4")
    alone = simulate(model, others, times=times, engine=engine)
    np.testing.assert_array_equal(found["y"].values[np.arange(10) != 4], alone["y"].values)
    assert np.isnan(found["y"].values[4]).all()


def test_too_many_steps_are_a_failure_of_that_patient():
    table = pd.DataFrame({"w": [1.0, 500.0, 2.0]}, index=["a", "b", "c"])
    found = simulate(FAST, table, times=[10.0, 20.0], engine="kernel", tolerances=Tolerances(max_steps=2000))
    assert list(found.failures) == ["b"]
    assert found.dataset["status"].values[1] == TOO_MANY_STEPS
    assert "more steps" in found.failures["b"]
    enough = simulate(FAST, table, times=[10.0, 20.0], engine="kernel")
    assert not enough.failures
    np.testing.assert_array_equal(found["y"].values[[0, 2]], enough["y"].values[[0, 2]])


@pytest.mark.parametrize("engine", ["closed_form", "kernel", "reference"])
def test_a_dose_that_becomes_infinite_is_a_failure_of_that_patient(engine):
    base = compartments(1, "iv")
    inputs = (Input("iv", "central", lag="lag"),)
    model = Model(
        "lag", "h", {"CL": 5.0, "V": 50.0, "lag": 0.0}, base.states, base.rates, inputs, outputs=base.outputs
    )
    table = pd.DataFrame({"lag": [0.5, np.inf, 1.0]}, index=["a", "b", "c"])
    found = simulate(model, table, "100 mg every 12 h for 2 doses", [1.0, 20.0], engine=engine)
    assert list(found.failures) == ["b"]
    assert found.dataset["status"].values[1] == BAD_PARAMETER
    assert (found["Cp"].values[[0, 2]] > 0).all()


@pytest.mark.parametrize("engine", ["kernel", "reference"])
def test_states_of_very_different_units_are_each_exact(engine):
    rates = {"A": "-k * A * A / (A + 1e-3)", "R": "0 * R * A"}
    model = Model("mixed", "h", {"k": 0.3}, {"A": "mg", "R": ("1", 1e9)}, rates, outputs={"A": "A"})
    alone = Model("alone", "h", {"k": 0.3}, {"A": "mg"}, {"A": rates["A"]}, outputs={"A": "A"})
    times = np.linspace(1, 60, 20)
    beside, wanted = (
        simulate(m, regimen="0.001 mg", times=times, engine=engine, tolerances=Tolerances(1e-9, 1e-12))[
            "A"
        ].values
        for m in (model, alone)
    )
    np.testing.assert_allclose(beside, wanted, rtol=1e-6)


CHAIN = [f"T{k}" for k in range(12)]


@pytest.mark.parametrize("regimen", ["100 mg", "100 mg over 2 h"])
def test_a_chain_that_rises_from_zero(regimen):
    # The last of twelve rises as the twelfth power of time, where every step size has the same relative error.
    flows = {"A": "-k * A", "T0": "k * (A - T0)"}
    flows |= {CHAIN[k]: f"k * ({CHAIN[k - 1]} - {CHAIN[k]})" for k in range(1, 12)}
    model = Model(
        "chain", "h", {"k": 2.0}, dict.fromkeys(["A", *CHAIN], "mg"), flows, outputs={"last": "T11"}
    )
    found, wanted = (
        simulate(model, regimen=regimen, times=[0.5, 2.0, 6.0, 15.0], engine=e)
        .raise_failures()["last"]
        .values
        for e in ("kernel", "reference")
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_the_closed_form_is_chosen_where_it_is_known():
    assert choose(compartments(2, "lagged")) == "closed_form"
    assert choose(compartments(2, "transit")) == "kernel"
    assert choose(compartments(1, "iv", "michaelis_menten")) == "kernel"
    assert choose(compartments(1, "iv"), "reference") == "reference"


def test_an_unknown_engine_and_one_that_cannot_do_the_model():
    with pytest.raises(
        SimulationError, match=r"unknown engine 'fast'[\s\S]*auto, closed_form, kernel, reference"
    ):
        simulate(compartments(1, "iv"), regimen="1 mg", times=[1.0], engine="fast")
    with pytest.raises(SimulationError, match="no closed form is known"):
        simulate(compartments(1, "transit"), regimen="1 mg", times=[1.0], engine="closed_form")


def test_doses_that_a_model_cannot_take_as_they_are_written():
    transit = compartments(1, "transit")
    with pytest.raises(SimulationError, match="absorption profile"):
        simulate(transit, patients(a=[dose(0.0, 100, RATE=10.0), seen([1.0])]))
    with pytest.raises(SimulationError, match="steady state is not known for an absorption profile"):
        simulate(transit, patients(a=[dose(0.0, 100, II=12, SS=1), seen([1.0])]))


def test_outputs_see_time_parameters_and_assignments():
    model = Model(
        "seen",
        "h",
        {"k": 0.1, "V": 10.0},
        {"A": "mg"},
        {"A": "-k * A"},
        outputs={"C": "conc", "clock": "t * 2", "both": "conc + bound"},
        assignments={"conc": "A / V", "bound": "conc * k"},
    )
    found = simulate(model, regimen="100 mg", times=[0.0, 5.0])
    level = 10 * np.exp([0.0, -0.5])
    np.testing.assert_allclose(found["C"].values[0], level, rtol=1e-12)
    np.testing.assert_allclose(found["clock"].values[0], [0.0, 10.0])
    np.testing.assert_allclose(found["both"].values[0], level * 1.1, rtol=1e-12)


def test_every_population_of_the_library_has_no_failure_in_its_variation():
    entry = "warfarin_pca"
    model = library_model(entry)
    etas = pd.DataFrame({name: np.linspace(-0.8, 0.8, 9) for name in model.eta_names}).assign(WT=70.0)
    assert not simulate(model, etas, "100 mg", [1.0, 24.0, 96.0]).failures
