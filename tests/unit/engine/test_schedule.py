"""Schedules: who is dosed and looked at when, in the order in which it takes effect."""

import numpy as np
import pandas as pd
import pytest
from dosing_table import dose, levels, patients, seen

from understudy.core.errors import SimulationError
from understudy.engine.schedule import (
    DOSE,
    OBSERVE,
    RESET_AND_DOSE,
    find_inputs,
    from_doses,
    from_records,
    on_grid,
)
from understudy.engine.simulate import simulate
from understudy.library.pk import compartments
from understudy.model.model import Model
from understudy.model.parts import Input

ORAL = compartments(2, "first_order")
PLAIN = Model("plain", "h", {"k": 0.1}, {"A": "mg", "B": "mg"}, {"A": "-k * A"}, outputs={"A": "A"})


def doses(**columns) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    empty = {"rate": 0.0, "ii": 0.0, "addl": 0, "ss": 0, "route": ""}
    return frame.assign(**{name: value for name, value in empty.items() if name not in frame})


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("", [0]),
        ("0", [0]),
        ("oral", [0]),
        ("iv", [1]),
        ("depot", [0]),
        ("central", [1]),
        ("1", [0]),
        ("2", [1]),
    ],
)
def test_where_a_dose_enters(target, expected):
    np.testing.assert_array_equal(find_inputs(target, ORAL), expected)


@pytest.mark.parametrize("target", ["nasal", "3", "4", "-1", "peripheral"])
def test_where_no_dose_can_enter(target):
    with pytest.raises(SimulationError, match="no dose can enter") as caught:
        find_inputs(target, ORAL)
    assert "oral, iv" in caught.value.repair


def test_without_inputs_every_state_takes_doses():
    assert [find_inputs(name, PLAIN)[0] for name in ("", "A", "B", "2")] == [0, 0, 1, 1]


def test_both_inputs_of_one_name_take_the_dose():
    np.testing.assert_array_equal(find_inputs("oral", compartments(1, "mixed")), [0, 1])


def test_observations_before_and_after_doses_of_the_same_time():
    table = doses(id=["a", "a"], time=[0.0, 6.0], amt=[10.0, 20.0])
    before = from_doses(table, ["a"], np.array([0.0, 6.0]), np.array(True), PLAIN)
    after = from_doses(table, ["a"], np.array([0.0, 6.0]), np.array(False), PLAIN)
    np.testing.assert_array_equal(before.event, [OBSERVE, DOSE, OBSERVE, DOSE])
    np.testing.assert_array_equal(after.event, [DOSE, OBSERVE, DOSE, OBSERVE])
    np.testing.assert_array_equal(after.observed, [False, True, False, True])


def test_each_patient_has_its_own_rows():
    table = doses(id=["b", "b", "c"], time=[0.0, 2.0, 1.0], amt=[1.0, 2.0, 3.0])
    schedule = from_doses(table, ["a", "b", "c"], np.array([0.5, 5.0]), np.array(False), PLAIN)
    np.testing.assert_array_equal(schedule.start, [0, 2, 6, 9])
    np.testing.assert_array_equal(schedule.patient, [0, 0, 1, 1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(schedule.amount[schedule.event == DOSE], [1, 2, 3])
    np.testing.assert_array_equal(schedule.begin, [0, 0, 0])


def test_a_modelled_duration_is_used_unless_a_rate_is_given():
    model = compartments(1, "zero_order")
    table = doses(id=["a", "a"], time=[0.0, 9.0], amt=[10.0, 10.0], rate=[0.0, 4.0], route=["oral", "oral"])
    schedule = from_doses(table, ["a"], np.array([1.0]), np.array(False), model)
    np.testing.assert_array_equal(schedule.rate[schedule.event == DOSE], [-2.0, 4.0])


@pytest.mark.parametrize(
    ("columns", "rate"),
    [
        ({}, -2.0),
        ({"CMT": "oral"}, -2.0),
        ({"CMT": "0"}, -2.0),
        ({"CMT": "1"}, 0.0),
        ({"CMT": "central"}, 0.0),
        ({"CMT": "1", "RATE": -2}, -2.0),
        ({"CMT": "oral", "RATE": 5}, 5.0),
        ({"CMT": "iv"}, 0.0),
    ],
)
def test_a_route_enters_as_it_says_and_a_compartment_as_rate_says(columns, rate):
    model = compartments(1, "zero_order")
    observed = {"CMT": "1"} if "CMT" in columns else {}
    schedule = from_records(patients(a=[dose(0.0, 100, **columns), seen([1.0], **observed)]), model)
    assert schedule.rate[0] == rate


def test_records_and_regimen_of_a_zero_order_dose_agree():
    model = compartments(1, "zero_order")
    by_records = levels(model, patients(a=[dose(0.0, 100), seen([1.0, 5.0])]))
    by_regimen = simulate(model, regimen="100 mg", times=[1.0, 5.0])["Cp"].values
    np.testing.assert_array_equal(by_records, by_regimen)


def test_a_dose_split_over_inputs_is_one_record():
    records = patients(a=[dose(0.0, 100, EVID=4, CMT="oral"), seen([1.0], CMT="")])
    schedule = from_records(records, compartments(1, "mixed"))
    np.testing.assert_array_equal(schedule.event, [RESET_AND_DOSE, DOSE, OBSERVE])
    np.testing.assert_array_equal(schedule.record, [0, 0, 1])
    # The state is seen after both parts.
    np.testing.assert_array_equal(schedule.observed, [False, True, True])


def test_copies_are_laid_end_to_end():
    schedule = from_records(
        patients(a=[dose(0.0, 1), seen([1.0])], b=[dose(3.0, 2), seen([4.0, 5.0])]), PLAIN
    )
    twice = schedule.repeat(2)
    assert twice.patients == ("a", "b", "a", "b")
    np.testing.assert_array_equal(twice.start, [0, 2, 5, 7, 10])
    np.testing.assert_array_equal(twice.time, np.tile(schedule.time, 2))
    np.testing.assert_array_equal(twice.begin, [0, 3, 0, 3])


def test_a_grid_keeps_the_doses_and_changes_what_is_seen():
    schedule = from_records(
        patients(a=[dose(2.0, 1), seen([5.0])], b=[dose(0.0, 2), seen([1.0, 4.0])]), PLAIN
    )
    wide, origin = on_grid(schedule, np.array([0.0, 2.0, 9.0]))
    np.testing.assert_array_equal(wide.time, [0, 2, 2, 5, 9, 0, 0, 1, 2, 4, 9])
    np.testing.assert_array_equal(wide.observed, [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    np.testing.assert_array_equal(wide.amount, [0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(origin, [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    # The first patient is looked at before its own first record: its states begin there.
    np.testing.assert_array_equal(wide.begin, [0.0, 0.0])


def test_a_grid_of_each_patient_its_own():
    schedule = from_records(patients(a=[dose(0.0, 1), seen([5.0])], b=[dose(0.0, 2), seen([1.0])]), PLAIN)
    wide, _ = on_grid(schedule, np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.testing.assert_array_equal(wide.time[wide.observed], [1, 2, 3, 4])


def test_on_a_grid_the_same_numbers():
    records = patients(a=[dose(0.0, 100, II=12, ADDL=3), seen([3.0, 30.0])])
    schedule = from_records(records, ORAL)
    from understudy.engine.parameters import parameter_rows
    from understudy.engine.solve import solve

    rows = parameter_rows(ORAL, schedule, {})
    wide, origin = on_grid(schedule, np.array([3.0, 12.0, 30.0]))
    found = solve(wide, rows.carried(origin, wide.observed), ["Cp"]).outputs["Cp"]
    wanted = simulate(ORAL, regimen="100 mg every 12 h for 4 doses", times=[3.0, 12.0, 30.0])["Cp"].values[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("engine", ["closed_form", "kernel", "reference"])
def test_before_the_first_dose_states_have_their_initial_values(engine):
    model = Model("m", "h", {"k": 0.1}, {"A": ("mg", 5.0)}, {"A": "-k * A"}, outputs={"A": "A"})
    # Records begin at 2; a regimen begins at 0 whatever is seen first.
    records = patients(a=[seen([2.0, 4.0]), dose(6.0, 100), seen([6.0])])
    expected = 5 * np.exp([0.0, -0.2, -0.4]) + np.array([0, 0, 100])
    np.testing.assert_allclose(levels(model, records, engine)[0], expected, rtol=1e-7)
    found = simulate(model, times=[2.0, 4.0], engine=engine)["A"].values[0]
    np.testing.assert_allclose(found, 5 * np.exp([-0.2, -0.4]), rtol=1e-7)


def test_inputs_may_share_a_state():
    model = Model(
        "m",
        "h",
        {"k": 0.1},
        {"A": "mg"},
        {"A": "-k * A"},
        inputs=(Input("slow", "A", lag=2.0), Input("fast", "A")),
        outputs={"A": "A"},
    )
    records = patients(a=[dose(0.0, 10, CMT="slow"), dose(0.0, 5, CMT="fast"), seen([1.0, 2.0], CMT="")])
    np.testing.assert_allclose(
        levels(model, records)[0], [5 * np.exp(-0.1), 5 * np.exp(-0.2) + 10], rtol=1e-12
    )


def test_looks_may_be_asked_for_in_any_order():
    table = doses(id=["a", "b"], time=[2.0, 0.0], amt=1.0)
    times, before = np.array([[3.0, 2.0, 2.0], [1.0, 0.0, 0.5]]), np.array([False, True, False])
    schedule = from_doses(table, ["a", "b"], times, before, PLAIN)
    np.testing.assert_array_equal(schedule.time, [2, 2, 2, 3, 0, 0, 0.5, 1])
    np.testing.assert_array_equal(schedule.record, [1, -1, 2, 0, 4, -1, 5, 3])
    np.testing.assert_array_equal(schedule.start, [0, 4, 8])
