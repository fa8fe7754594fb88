"""Laws that any right simulation obeys, tried on dosing histories that hypothesis invents."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.data.records import Records
from understudy.engine.problem import Tolerances
from understudy.engine.simulate import simulate
from understudy.library.catalogue import model
from understudy.model.model import Model
from understudy.model.regimen import Regimen

FEW = settings(max_examples=25, deadline=None)
EXACT = Tolerances(relative=1e-10, absolute=1e-12)
TIMES = np.arange(0.5, 60.0, 3.7)

amounts = st.floats(1.0, 500.0)
moments = st.floats(0.0, 40.0).map(lambda t: round(t, 2))
rates = st.sampled_from([0.0, 5.0, 40.0])
doses = st.lists(st.tuples(moments, amounts, rates), min_size=1, max_size=4, unique_by=lambda dose: dose[0])
linear = st.sampled_from(["one_compartment_oral", "two_compartment_iv", "three_compartment_lag"])


def records(history, times=TIMES):
    """One patient's doses (time, amount, rate) and observation times."""
    given_doses = [{"TIME": t, "EVID": 1, "AMT": a, "RATE": r} for t, a, r in history]
    seen = [{"TIME": t, "EVID": 0, "AMT": 0.0, "RATE": 0.0} for t in times]
    frame = pd.DataFrame(sorted(given_doses + seen, key=lambda row: (row["TIME"], -row["EVID"])))
    return Records.from_frame(frame.assign(ID=1, DV=np.where(frame["EVID"] == 0, 1.0, np.nan)))


def levels(name, history, engine="auto"):
    found = simulate(
        model(name), records(history), engine=engine, tolerances=EXACT if engine == "kernel" else None
    )
    return found.raise_failures()["Cp"].values[0]


@FEW
@given(linear, doses)
@pytest.mark.parametrize("engine", ["closed_form", "kernel"])
def test_doses_superpose_in_linear_models(engine, name, history):
    together = levels(name, history, engine)
    apart = sum(levels(name, [dose], engine) for dose in history)
    np.testing.assert_allclose(together, apart, rtol=1e-7, atol=1e-9 * together.max())


@FEW
@given(linear, doses, st.floats(0.1, 10.0))
def test_levels_are_proportional_to_the_dose_in_linear_models(name, history, factor):
    # The rate is scaled too, so that the infusion lasts as long.
    scaled = [(t, a * factor, r * factor) for t, a, r in history]
    np.testing.assert_allclose(levels(name, scaled), factor * levels(name, history), rtol=1e-10, atol=1e-12)


@FEW
@given(linear, amounts, rates, st.integers(1, 5), st.floats(2.0, 10.0))
def test_additional_doses_are_repeated_doses(name, amount, rate, count, interval):
    short = {"ID": 1, "TIME": 0.0, "EVID": 1, "AMT": amount, "RATE": rate, "II": interval, "ADDL": count}
    seen = [{"ID": 1, "TIME": t, "EVID": 0, "DV": 1.0} for t in TIMES]
    frame = pd.DataFrame([short, *seen]).fillna({"AMT": 0, "RATE": 0, "II": 0, "ADDL": 0})
    compact = simulate(model(name), Records.from_frame(frame))["Cp"].values[0]
    written_out = levels(name, [(k * interval, amount, rate) for k in range(count + 1)])
    np.testing.assert_allclose(compact, written_out, rtol=1e-10, atol=1e-12)


@FEW
@given(doses, st.floats(1.0, 1000.0))
@pytest.mark.parametrize("name", ["two_compartment_oral", "one_compartment_oral_michaelis_menten"])
def test_a_later_start_shifts_everything(name, history, shift):
    found = levels(name, history, "kernel")
    later = simulate(
        model(name),
        records([(t + shift, a, r) for t, a, r in history], TIMES + shift),
        engine="kernel",
        tolerances=EXACT,
    )["Cp"].values[0]
    np.testing.assert_allclose(later, found, rtol=1e-6, atol=1e-8 * max(found.max(), 1e-12))


@FEW
@given(doses)
@pytest.mark.parametrize("engine", ["kernel", "reference"])
def test_what_went_in_is_there_or_was_eliminated(engine, history):
    # An eliminated amount is a third compartment that only receives.
    mass = Model(
        "mass balance",
        "h",
        {"ka": (0.7, "1/h"), "k": (0.2, "1/h")},
        {"depot": "mg", "central": "mg", "gone": "mg"},
        {"depot": "-ka * depot", "central": "ka * depot - k * central", "gone": "k * central"},
        {"oral": "depot"},
        {"total": ("depot + central + gone", "mg")},
    )
    found = simulate(mass, records(history), engine=engine, tolerances=EXACT)
    given_by = [
        sum(min(a, r * max(t - start, 0)) if r else a * (t >= start) for start, a, r in history)
        for t in TIMES
    ]
    np.testing.assert_allclose(found["total"].values[0], given_by, rtol=1e-7, atol=1e-7)


@FEW
@given(st.floats(0.5, 5.0), st.floats(0.1, 4.0), st.integers(2, 6))
def test_units_do_not_matter(dose, hours, count):
    in_days = Model(
        "the same in grams and days",
        "d",
        {"ka": (24.0, "1/d"), "CL": (48.0, "L/d"), "V": (20.0, "L")},
        {"depot": "g", "central": "g"},
        {"depot": "-ka * depot", "central": "ka * depot - CL / V * central"},
        {"oral": "depot"},
        {"Cp": ("central / V", "g/L")},
    )
    in_hours = Model(
        "in milligrams and hours",
        "h",
        {"ka": (1.0, "1/h"), "CL": (2.0, "L/h"), "V": (20.0, "L")},
        {"depot": "mg", "central": "mg"},
        {"depot": "-ka * depot", "central": "ka * depot - CL / V * central"},
        {"oral": "depot"},
        {"Cp": ("central / V", "mg/L")},
    )
    plan = Regimen.parse(f"{dose!r} g over {hours!r} h every 12 h for {count} doses")
    small = simulate(in_hours, regimen=plan, times=TIMES)["Cp"].values
    large = simulate(in_days, regimen=plan, times=TIMES / 24)["Cp"].values
    np.testing.assert_allclose(large * 1000, small, rtol=1e-9, atol=1e-12)
