"""Absorption profiles: past doses superpose, against numerical convolution; and what a problem is made of."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from dosing_table import dose, levels, patients, seen
from scipy.integrate import quad
from scipy.special import gammaln

from understudy.engine.problem import (
    OK,
    SENTENCES,
    Solution,
    Tolerances,
    initial_states,
    parameter_values,
    unroll_profiles,
    widen,
)
from understudy.engine.schedule import from_doses
from understudy.engine.simulate import simulate
from understudy.engine.timeline import DoseValues, build
from understudy.library.pk import compartments
from understudy.model.model import Model
from understudy.model.parts import Input

ENGINES = ["kernel", "reference"]
EXACT = Tolerances(1e-10, 1e-12)
KA, CL, V = 1.1, 4.0, 40.0


def density(time: float, mtt: float, n: float) -> float:
    """Savic's gamma density of arrival at the end of the transit compartments."""
    rate = (n + 1) / mtt
    return rate * np.exp(n * np.log(rate * time) - rate * time - gammaln(n + 1)) if time > 0 else 0.0


def bateman(time: float) -> float:
    """Concentration a time after a unit amount has reached the depot."""
    k = CL / V
    return KA / V / (KA - k) * (np.exp(-k * time) - np.exp(-KA * time)) if time > 0 else 0.0


def after_dose(time: float, mtt: float, n: float) -> float:
    """Concentration a time after a unit dose: the convolution of arrival and disposition."""
    if time <= 0:
        return 0.0
    peak = min(mtt * n / (n + 1), time)
    pieces = sorted({0.0, peak / 2, peak, min(2 * peak, time), time})
    return sum(
        quad(lambda s: density(s, mtt, n) * bateman(time - s), a, b, epsabs=1e-14, epsrel=1e-11, limit=300)[0]
        for a, b in pairwise(pieces)
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("mtt", "n"), [(1.5, 4.5), (6.0, 2.3), (3.0, 30.0), (2.0, 0.7)])
def test_overlapping_doses_against_convolution(engine, mtt, n):
    model = compartments(1, "transit").with_values(ka=KA, CL=CL, V=V, MTT=mtt, n=n)
    # The third dose is taken while most of the second is still under way.
    given = [(0.0, 100.0), (4.0, 50.0), (5.0, 200.0), (12.0, 75.0)]
    times = np.array([0.5, 2.0, 4.5, 6.0, 9.0, 12.5, 15.0, 24.0])
    records = patients(a=[*[dose(t, a) for t, a in given], seen(times)])
    found = levels(model, records, engine, tolerances=EXACT if engine == "kernel" else None)[0]
    wanted = [sum(a * after_dose(t - at, mtt, n) for at, a in given) for t in times]
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9 * max(wanted))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_dose_that_has_not_been_taken_does_nothing(engine):
    model = compartments(1, "transit")
    one = levels(model, patients(a=[dose(0.0, 100), seen([1.0, 5.9])]), engine)
    two = levels(model, patients(a=[dose(0.0, 100), dose(6.0, 100), seen([1.0, 5.9, 20.0])]), engine)
    np.testing.assert_allclose(two[0, :2], one[0], rtol=2e-7)


@pytest.mark.parametrize("engine", ENGINES)
def test_profile_doses_with_lag_bioavailability_and_repeats(engine):
    base = compartments(1, "transit").with_values(F=0.6)
    oral = base.inputs[0]
    lagged = Model(
        "lag",
        "h",
        base.parameters,
        base.states,
        base.rates,
        (Input("oral", "depot", lag=1.5, bioavailability=oral.bioavailability, profile=oral.profile),),
        base.outputs,
    )
    times = np.arange(2.0, 40, 3.1)
    repeated = levels(lagged, patients(a=[dose(0.0, 100, II=8, ADDL=3), seen(times)]), engine)
    written_out = [dose(1.5 + 8 * k, 60) for k in range(4)]
    wanted = levels(base.with_values(F=1.0), patients(a=[*written_out, seen(times)]), engine)
    np.testing.assert_allclose(repeated, wanted, rtol=2e-7)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("event", [3, 4])
def test_a_reset_forgets_doses_under_way(engine, event):
    model = compartments(1, "transit").with_values(MTT=6.0)
    reset = {"TIME": 3.0, "EVID": event, "AMT": 40.0 if event == 4 else 0.0}
    times = np.array([3.5, 6.0, 12.0])
    found = levels(model, patients(a=[dose(0.0, 100), reset, seen(times)]), engine)[0]
    fresh = patients(a=[dose(0.0, 40.0), seen(times - 3.0)])
    wanted = levels(model, fresh, engine)[0] if event == 4 else np.zeros(3)
    # The first value is a millionth of the peak, which the solver's absolute tolerance refers to.
    np.testing.assert_allclose(found, wanted, rtol=2e-7, atol=1e-10)


def mixed(time: float) -> float:
    """Concentration after 100 mg of which 80 are available: 56 through the depot, 24 within 2 h."""
    if time <= 0:
        return 0.0
    k, during = CL / V, min(time, 2.0)
    infused = 24 / 2.0 / CL * -np.expm1(-k * during) * np.exp(-k * (time - during))
    return 56 * bateman(time) + infused


@pytest.mark.parametrize("engine", ["closed_form", *ENGINES])
@pytest.mark.parametrize("how", ["regimen", "records", "records with RATE = -2"])
def test_mixed_absorption_is_two_inputs_of_one_name(engine, how):
    model = compartments(1, "mixed").with_values(ka=KA, CL=CL, V=V, Fz=0.3, D1=2.0, F=0.8)
    times = np.array([0.5, 1.5, 3.0, 9.0, 13.0, 15.0])
    if how == "regimen":
        found = simulate(model, regimen="100 mg every 12 h for 2 doses", times=times, engine=engine)[
            "Cp"
        ].values
    else:
        coded = {"RATE": -2} if "RATE" in how else {}
        records = patients(a=[dose(0.0, 100, II=12, ADDL=1, CMT="oral", **coded), seen(times, CMT="")])
        found = levels(model, records, engine)
    np.testing.assert_allclose(found[0], [mixed(t) + mixed(t - 12) for t in times], rtol=1e-7)


@pytest.mark.parametrize("engine", ["closed_form", *ENGINES])
@pytest.mark.parametrize("code", [-1, -2])
def test_modelled_rates_and_durations(engine, code):
    base = compartments(1, "iv").with_values(CL=CL, V=V)
    modelled = {-1: {"rate": "R1"}, -2: {"duration": "D1"}}[code]
    model = Model(
        "m",
        "h",
        {"CL": CL, "V": V, "R1": 20.0, "D1": 4.0, "F1": 0.8},
        base.states,
        base.rates,
        (Input("iv", "central", bioavailability="F1", **modelled),),
        base.outputs,
    )
    found = levels(model, patients(a=[dose(0.0, 100, RATE=code), seen([2.0, 4.0, 10.0])]), engine)[0]
    # 80 mg are available: at 20 mg/h for 4 h, or within 4 h at 20 mg/h.
    k = CL / V
    full = 20 / CL * -np.expm1(-k * np.array([2.0, 4.0, 4.0])) * np.exp(-k * np.array([0, 0, 6.0]))
    np.testing.assert_allclose(found, full, rtol=1e-7)


@pytest.mark.parametrize("engine", ["closed_form", *ENGINES])
def test_bioavailability_shortens_an_infusion_and_leaves_its_rate(engine):
    base = compartments(1, "iv").with_values(CL=CL, V=V)
    halved = Model(
        "m",
        "h",
        base.parameters,
        base.states,
        base.rates,
        (Input("iv", "central", bioavailability=0.5),),
        base.outputs,
    )
    found = levels(halved, patients(a=[dose(0.0, 100, RATE=10.0), seen([3.0, 5.0, 8.0])]), engine)
    wanted = levels(base, patients(a=[dose(0.0, 50, RATE=10.0), seen([3.0, 5.0, 8.0])]), "closed_form")
    np.testing.assert_allclose(found, wanted, rtol=1e-7)


def test_slots_for_as_many_doses_as_any_patient_takes():
    model = compartments(1, "transit")
    doses = pd.DataFrame({"id": ["a", "b", "b"], "time": [0.0, 0.0, 9.0], "amt": 100.0, "rate": 0.0})
    doses = doses.assign(ii=6.0, addl=[0, 2, 0], ss=0, route="oral")
    schedule = from_doses(doses, ["a", "b"], np.array([1.0]), np.array(False), model)
    none = np.zeros(schedule.dosed.size)
    values = DoseValues(none, none + 1, none * np.nan, none * np.nan)
    rows = schedule.patient
    line = build(schedule, values, np.array([0, 1]), np.array([True, False]), rows, rows)
    wide, slots = unroll_profiles(model, line)
    np.testing.assert_array_equal(slots, [[len(model.parameters), 4], [0, 0]])
    assert len(wide.parameters) == len(model.parameters) + 8
    table = widen(np.ones((2, len(model.parameters))), wide)
    assert table.shape == (2, len(wide.parameters))
    # Empty slots: no amount, at a time that never comes.
    np.testing.assert_array_equal(table[:, -8::2], 0.0)
    assert (table[:, -7::2] > 1e200).all()


def test_initial_states_follow_parameters():
    model = Model(
        "m",
        "h",
        {"kin": 2.0, "kout": 0.5},
        {"R": ("1", "base"), "A": "mg"},
        {"R": "kin - kout * R"},
        assignments={"base": "kin / kout", "moving": "R * 2"},
    )
    table = np.array([[2.0, 0.5], [3.0, 1.0]])
    np.testing.assert_array_equal(initial_states(model, table), [[4.0, 0.0], [3.0, 0.0]])
    assert set(parameter_values(model, table)) == {"kin", "kout", "base"}


def test_messages_of_a_solution():
    solution = Solution(
        np.zeros((0, 1)), np.array([0, 3]), np.array([np.nan, 2.5]), np.zeros(2, int), np.zeros(2, int)
    )
    assert solution.messages == ["", "a state became infinite or undefined (at time 2.5)"]
    assert SENTENCES[OK] == ""
    assert all(sentence and sentence[-1] != "." for code, sentence in SENTENCES.items() if code != OK)


def test_a_profile_uses_the_parameters_of_its_patient():
    table = pd.DataFrame({"MTT": [1.0, 5.0], "n": [2.0, 8.0]}, index=["a", "b"])
    together = simulate(compartments(1, "transit"), table, "100 mg every 6 h for 3 doses", [2.0, 20.0])[
        "Cp"
    ].values
    for k in range(2):
        model = compartments(1, "transit").with_values(**table.iloc[k].to_dict())
        alone = simulate(model, None, "100 mg every 6 h for 3 doses", [2.0, 20.0])["Cp"].values[0]
        np.testing.assert_array_equal(together[k], alone)
