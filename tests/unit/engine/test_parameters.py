"""Parameters that differ between patients and change over time, against solutions made by hand."""

import numpy as np
import pandas as pd
import pytest
from dosing_table import dose, patients, seen
from scipy.integrate import quad

from understudy.core.errors import SimulationError
from understudy.engine.parameters import flatten, individual_values, parameter_rows, parameter_table
from understudy.engine.schedule import from_records
from understudy.engine.simulate import simulate
from understudy.model.model import Model
from understudy.model.population_model import Covariate, PopulationModel

RELATIVE = {"closed_form": 1e-12, "kernel": 1e-7, "reference": 1e-9}
DECAY = Model("decay", "h", {"k": 0.1}, {"A": "mg"}, {"A": "-k * A"}, outputs={"A": "A"})


def population(how: str = "locf", *others: Covariate) -> PopulationModel:
    """Elimination in proportion to a covariate that changes over time."""
    return PopulationModel(
        "p",
        DECAY,
        {"k": "k0 * C * exp(eta)"},
        {"k0": 0.05},
        {"eta": 0.09},
        covariates=(Covariate("C", interpolation=how), *others),
    )


# The covariate at the records: 1 from 0, 3 from 4, 2 from 10 on.
AT, VALUES = [0.0, 4.0, 10.0, 20.0], [1.0, 3.0, 2.0, 2.0]


def changing(times=AT, values=VALUES):
    first = dose(0.0, 100.0, C=values[0])
    rest = [{"TIME": t, "EVID": 0, "DV": 1.0, "C": v} for t, v in zip(times[1:], values[1:], strict=True)]
    return patients(a=[first, *rest])


def area(time: float, how: str) -> float:
    """Integral of the covariate from 0 to a time."""
    places, values = np.array(AT), np.array(VALUES)
    curve = {
        "locf": lambda t: values[np.searchsorted(places, t, side="right") - 1],
        "nocb": lambda t: values[np.searchsorted(places, t, side="left")],
        "linear": lambda t: np.interp(t, places, values),
    }[how]
    return quad(curve, 0, time, points=[p for p in places if 0 < p < time] or None, limit=200)[0]


WAYS = [(how, engine) for how in ("locf", "nocb", "linear") for engine in RELATIVE]
# Along straight lines the rates change with time, which no closed form knows.
WAYS.remove(("linear", "closed_form"))


@pytest.mark.parametrize(("how", "engine"), WAYS)
def test_a_covariate_that_changes_is_carried_as_it_says(how, engine):
    found = simulate(population(how), changing(), engine=engine).raise_failures()["A"].values[0]
    wanted = [100 * np.exp(-0.05 * area(t, how)) for t in AT[1:]]
    np.testing.assert_allclose(found, wanted, rtol=RELATIVE[engine])


def test_straight_lines_are_left_to_an_engine_that_can_follow_them():
    auto, kernel = (
        simulate(population("linear"), changing(), engine=e)["A"].values for e in ("auto", "kernel")
    )
    np.testing.assert_array_equal(auto, kernel)


@pytest.mark.parametrize(("how", "expected"), [("locf", 1.0), ("nocb", 3.0), ("linear", 2.5)])
def test_between_two_records_the_covariate_is_what_its_interpolation_says(how, expected):
    # Seen through an output at a time that is no record of its own: three quarters of the way from 0 to 4.
    seen_by = Model(
        "seen", "h", {"k": 0.1, "cov": 0.0}, {"A": "mg"}, {"A": "-k * A + cov"}, outputs={"A": "A"}
    )
    model = PopulationModel(
        "p", seen_by, {"cov": "C"}, covariates=(Covariate("C", interpolation=how),), fixed={"none": 0.0}
    )
    # With k = 0 the state is the covariate's integral: its increase over a short time shows the value there.
    records = changing([0.0, 4.0], [1.0, 3.0])
    schedule = from_records(records, seen_by)
    columns = {"C": np.array([1.0, 3.0])[schedule.record], "k": np.array([0.0])}
    rows = parameter_rows(model, schedule, columns)
    values = dict(zip(rows.model.parameter_names, rows.table[rows.interval_row[0]], strict=True))
    rates = [a for a in rows.model.ordered_assignments if a.name == "C"]
    value = rates[0].expression.evaluate(values | {"t": 3.0}) if rates else values["cov"]
    assert value == pytest.approx(expected)


def test_at_a_record_its_own_value_holds():
    # Bioavailability at the dose record and outputs at the observation use the row's own covariate.
    base = Model(
        "f",
        "h",
        {"k": 0.0, "F": 1.0, "V": 1.0},
        {"A": "mg"},
        {"A": "-k * A"},
        inputs=(),
        outputs={"C": "A / V"},
    )
    model = PopulationModel("p", base, {"V": "C"}, {"x": 1.0}, covariates=(Covariate("C"),))
    found = simulate(model, changing())["C"].values[0]
    np.testing.assert_allclose(found, [100 / 3, 100 / 2, 100 / 2], rtol=1e-12)


def test_two_covariates_with_different_interpolation():
    model = PopulationModel(
        "p",
        DECAY,
        {"k": "0.05 * C + 0.01 * D"},
        {"x": 1.0},
        covariates=(Covariate("C", interpolation="linear"), Covariate("D", interpolation="nocb")),
    )
    first = dose(0.0, 100.0, C=1.0, D=5.0)
    records = patients(a=[first, {"TIME": 4.0, "EVID": 0, "DV": 1.0, "C": 3.0, "D": 9.0}])
    found = simulate(model, records, engine="kernel")["A"].values[0]
    assert found == pytest.approx(100 * np.exp(-0.05 * 8 - 0.01 * 9 * 4), rel=1e-7)


def test_random_effects_and_covariates_of_several_patients():
    table = pd.DataFrame({"C": [1.0, 2.0], "eta": [0.0, 0.5]}, index=["a", "b"])
    found = simulate(population("locf"), table, "100 mg", [10.0])["A"].values[:, 0]
    np.testing.assert_allclose(found, 100 * np.exp(-0.5 * np.array([1.0, 2.0 * np.exp(0.5)])), rtol=1e-12)


def test_values_of_individuals_and_what_overrides_them():
    model = population("locf", Covariate("D", reference=1.0))
    values = individual_values(model, {"C": np.array([1.0, 2.0])}, 2)
    np.testing.assert_allclose(values["k"], [0.05, 0.1])
    np.testing.assert_array_equal(values["eta"], [0.0, 0.0])
    np.testing.assert_array_equal(values["D"], [1.0, 1.0])
    overridden = individual_values(model, {"C": np.array([1.0, 2.0]), "k": np.array([7.0, 8.0])}, 2)
    np.testing.assert_array_equal(overridden["k"], [7.0, 8.0])
    np.testing.assert_array_equal(parameter_table(model, {"C": np.array([1.0, 2.0])}, 2), [[0.05], [0.1]])


def test_a_covariate_without_a_value_is_an_error_that_names_it():
    with pytest.raises(SimulationError, match="no value for the covariate C") as caught:
        simulate(population("locf"), None, "100 mg", [1.0])
    assert "give a column C" in caught.value.repair


def test_constant_covariates_make_one_row_a_patient():
    records = patients(
        a=[dose(0.0, 100.0, C=2.0), seen([1.0, 2.0], C=2.0)], b=[dose(0.0, 1.0, C=3.0), seen([5.0], C=3.0)]
    )
    schedule = from_records(records, DECAY)
    rows = parameter_rows(
        population("locf"), schedule, {"C": records.table["C"].to_numpy(float)[schedule.record]}
    )
    assert len(rows.table) == 2
    np.testing.assert_array_equal(rows.point_row, [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(rows.interval_row, rows.point_row)


def test_a_linear_covariate_becomes_part_of_the_mechanism():
    schedule = from_records(changing(), DECAY)
    rows = parameter_rows(population("linear"), schedule, {"C": np.array(VALUES)})
    assert {"C_level", "C_slope"} <= set(rows.model.parameter_names)
    assert "C" in {item.name for item in rows.model.assignments}
    columns = {name: rows.table[:, k] for k, name in enumerate(rows.model.parameter_names)}
    first = rows.interval_row[0]
    assert columns["C_slope"][first] == pytest.approx(0.5)
    assert columns["C_level"][first] == pytest.approx(1.0)
    last = rows.interval_row[-1]
    assert (columns["C_level"][last], columns["C_slope"][last]) == (2.0, 0.0)


def test_a_flat_model_gives_the_same_numbers():
    table = pd.DataFrame({"C": [1.0, 2.0], "eta": [0.0, 0.5]}, index=["a", "b"])
    model = population("locf")
    nested = simulate(model, table, "100 mg", [1.0, 10.0])["A"].values
    flat = simulate(flatten(model), table, "100 mg", [1.0, 10.0])["A"].values
    np.testing.assert_allclose(flat, nested, rtol=1e-14)


def test_rows_follow_a_finer_schedule():
    from understudy.engine.schedule import on_grid
    from understudy.engine.solve import solve

    schedule = from_records(changing(), DECAY)
    rows = parameter_rows(population("locf"), schedule, {"C": np.array(VALUES)})
    grid = np.array([1.0, 3.9, 4.0, 4.1, 12.0])
    wide, origin = on_grid(schedule, grid)
    answer = solve(wide, rows.carried(origin, wide.observed), ["A"])
    wanted = [100 * np.exp(-0.05 * area(t, "locf")) for t in grid]
    np.testing.assert_allclose(answer.outputs["A"], wanted, rtol=1e-12)
