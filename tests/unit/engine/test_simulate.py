"""The verb: what it takes, what it refuses, and what it gives back."""

import json

import numpy as np
import pandas as pd
import pytest
from dosing_table import dose, patients, seen

from understudy.core.errors import RegimenError, SimulationError, UnderstudyError, UnitError
from understudy.engine.simulate import default_times, simulate
from understudy.library.catalogue import model as library_model
from understudy.library.pk import compartments
from understudy.model.model import Model
from understudy.model.parts import Input
from understudy.model.regimen import Regimen

IV = compartments(1, "iv")  # CL 5 L/h, V 50 L
K = 0.1


def test_one_typical_patient_where_none_is_given():
    found = simulate(IV, regimen="100 mg", times=[0.0, 10.0])
    assert found.patients.tolist() == ["typical"]
    np.testing.assert_allclose(found["Cp"].values, [[2.0, 2.0 * np.exp(-1)]], rtol=1e-12)
    assert found.units == {"Cp": "mg/L"}
    assert found.time_unit == "h"


def test_the_typical_patient_of_a_population_has_the_reference_covariates():
    model = library_model("phenobarbital_neonates")
    typical = simulate(model, regimen="20 mg", times=[1.0])["Cp"].values
    table = pd.DataFrame({"WT": [1.3], "APGR": [7.0]})
    np.testing.assert_array_equal(simulate(model, table, "20 mg", [1.0])["Cp"].values, typical)


def test_patients_keep_their_names_and_order():
    table = pd.DataFrame({"CL": [5.0, 10.0, 2.0]}, index=["z", "a", "m"])
    found = simulate(IV, table, "100 mg", [10.0])
    assert found.patients.tolist() == ["z", "a", "m"]
    np.testing.assert_allclose(found["Cp"].values[:, 0], 2 * np.exp([-1.0, -2.0, -0.4]), rtol=1e-12)


def test_whole_numbers_stay_whole_numbers():
    found = simulate(IV, pd.DataFrame({"CL": [5.0, 10.0]}, index=[3, 1]), "100 mg", [10.0])
    assert found.patients.tolist() == [3, 1]


def test_draws_become_a_last_axis():
    index = pd.MultiIndex.from_product([["a", "b"], range(3)])
    table = pd.DataFrame({"CL": np.arange(1.0, 7.0)}, index=index)
    found = simulate(IV, table, "100 mg", [10.0, 20.0])
    assert found["Cp"].shape == (2, 2, 3)
    wanted = 2 * np.exp(-np.arange(1.0, 7.0).reshape(2, 1, 3) / 50 * np.array([10.0, 20.0])[None, :, None])
    np.testing.assert_allclose(found["Cp"].values, wanted, rtol=1e-12)


def test_uneven_draws():
    index = pd.MultiIndex.from_tuples([("a", 0), ("a", 1), ("b", 0)])
    with pytest.raises(SimulationError, match="uneven"):
        simulate(IV, pd.DataFrame({"CL": [1.0, 2.0, 3.0]}, index=index), "100 mg", [1.0])


def test_one_failed_draw_fails_its_patient():
    index = pd.MultiIndex.from_product([["a", "b"], range(2)])
    table = pd.DataFrame({"CL": [1.0, 2.0, np.nan, 4.0]}, index=index)
    found = simulate(IV, table, "100 mg", [1.0])
    assert list(found.failures) == ["b"]
    assert np.isfinite(found["Cp"].values[0]).all()
    assert np.isnan(found["Cp"].values[1]).all()


def test_a_regimen_may_be_text_or_made():
    text = "100 mg over 2 h every 12 h for 3 doses"
    first = simulate(IV, regimen=text, times=[1.0, 30.0])
    second = simulate(IV, regimen=Regimen.parse(text), times=[1.0, 30.0])
    np.testing.assert_array_equal(first["Cp"].values, second["Cp"].values)
    assert first.record.inputs == second.record.inputs


def test_doses_in_another_unit_and_times_in_another_unit():
    found = simulate(IV, regimen="0.1 g every 0.5 d for 3 doses", times=[30.0])
    wanted = simulate(IV, regimen="100 mg every 12 h for 3 doses", times=[30.0])
    np.testing.assert_allclose(found["Cp"].values, wanted["Cp"].values, rtol=1e-12)


def test_doses_by_weight_and_surface():
    table = pd.DataFrame({"WT": [10.0, 70.0], "BSA": [0.5, 2.0], "mass": [1.0, 2.0]})
    by_weight = simulate(IV, table, "2 mg/kg", [0.0])["Cp"].values[:, 0]
    by_surface = simulate(IV, table, "50 mg/m2", [0.0])["Cp"].values[:, 0]
    by_mass = simulate(IV, table, "2 mg/kg", [0.0], weight="mass")["Cp"].values[:, 0]
    np.testing.assert_allclose(
        [by_weight, by_surface, by_mass], np.array([[20, 140], [25, 100], [2, 4]]) / 50
    )


def test_an_open_regimen_ends_with_the_observations():
    found = simulate(IV, regimen="100 mg every 12 h", times=[30.0])["Cp"].values
    wanted = simulate(IV, regimen="100 mg every 12 h for 3 doses", times=[30.0])["Cp"].values
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_default_times_reach_one_interval_past_the_last_dose():
    found = simulate(IV, regimen="100 mg every 12 h for 3 doses")
    assert (found.times[0], found.times[-1], found.times.size) == (0.0, 36.0, 201)
    assert simulate(IV, regimen="100 mg").times[-1] == 24.0
    assert simulate(IV).times[-1] == 24.0
    assert default_times(pd.DataFrame({"time": [], "ii": [], "addl": []}))[-1] == 24.0


def test_no_dose_at_all():
    np.testing.assert_array_equal(simulate(IV, times=[0.0, 5.0])["Cp"].values, 0.0)


def test_times_before_the_first_dose_and_below_zero():
    found = simulate(IV, regimen="100 mg", times=[-5.0, 0.0, 10.0])["Cp"].values[0]
    np.testing.assert_allclose(found, [0.0, 2.0, 2 * np.exp(-1)], rtol=1e-12)


def test_times_in_any_order():
    found = simulate(IV, regimen="100 mg", times=[10.0, 1.0, 5.0, 1.0])
    np.testing.assert_array_equal(found.times, [10.0, 1.0, 5.0, 1.0])
    np.testing.assert_allclose(found["Cp"].values[0], 2 * np.exp(-K * found.times), rtol=1e-12)


def test_times_that_are_no_numbers():
    for times in ([1.0, np.nan], [np.inf], []):
        with pytest.raises(SimulationError, match="observation times"):
            simulate(IV, regimen="100 mg", times=times)


def test_only_the_outputs_that_are_asked_for():
    model = library_model("warfarin_pca")
    assert simulate(model, regimen="100 mg", times=[1.0], outputs=["PCA"]).outputs == ("PCA",)
    with pytest.raises(UnderstudyError, match="no output 'ABC'"):
        simulate(model, regimen="100 mg", times=[1.0], outputs=["ABC"])


REFUSED = {
    "an open regimen without an end": ({"regimen": "100 mg every 12 h"}, "has no end"),
    "an unknown route": ({"regimen": "100 mg oral", "times": [1.0]}, "no dose can enter 'oral'"),
    "a dose by weight without weights": ({"regimen": "2 mg/kg", "times": [1.0]}, "WT"),
    "a dose of another kind": ({"regimen": "100 mL", "times": [1.0]}, "mL"),
    "an empty population": ({"patients": pd.DataFrame({"CL": []}), "times": [1.0]}, "no patient"),
    "an unknown engine": ({"times": [1.0], "engine": "abacus"}, "unknown engine"),
    "a regimen nobody understands": ({"regimen": "100 mg evry 12 h", "times": [1.0]}, "evry"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_questions_that_cannot_be_asked(name):
    options, words = REFUSED[name]
    with pytest.raises((SimulationError, RegimenError, UnitError)) as caught:
        simulate(IV, **options)
    assert words in str(caught.value)
    assert caught.value.repair


def test_a_covariate_that_is_missing_is_named():
    model = library_model("phenobarbital_neonates")
    stripped = type(model)(
        model.name, model.structural, model.individual, model.fixed, model.random, model.residual,
        covariates=tuple(type(c)(c.name, c.unit) for c in model.covariates),
    )  # fmt: skip
    with pytest.raises(SimulationError, match="no value for the covariate WT"):
        simulate(stripped, pd.DataFrame({"APGR": [7.0]}), "20 mg", [1.0])


def test_a_model_without_outputs():
    with pytest.raises(SimulationError, match="no outputs"):
        simulate(Model("m", "h", {"k": 1.0}, {"A": "mg"}, {"A": "-k * A"}), times=[1.0])


def test_records_bring_their_own_doses_and_times():
    records = patients(a=[dose(0.0, 100), seen([1.0, 3.0])], b=[dose(2.0, 50), seen([2.0, 4.0, 9.0])])
    found = simulate(IV, records)
    assert found.patients.tolist() == ["a", "b"]
    assert found.times.shape == (2, 3)
    np.testing.assert_array_equal(found.times[0], [1.0, 3.0, np.nan])
    wanted = [[2 * np.exp(-0.1), 2 * np.exp(-0.3), np.nan], [1.0, np.exp(-0.2), np.exp(-0.7)]]
    np.testing.assert_allclose(found["Cp"].values, wanted, rtol=1e-12)


def test_records_with_a_regimen_lend_only_their_covariates():
    model = library_model("phenobarbital_neonates")
    rows = {"WT": 1.1, "APGR": 3.0}
    records = patients(a=[dose(0.0, 500, **rows), seen([1.0], **rows)])
    found = simulate(model, records, "20 mg/kg", [5.0])["Cp"].values
    wanted = simulate(model, pd.DataFrame([rows]), "20 mg/kg", [5.0])["Cp"].values
    np.testing.assert_array_equal(found, wanted)


def test_a_column_that_bears_a_parameters_name_is_no_parameter_of_a_population():
    model = library_model("phenobarbital_neonates")
    rows = {"WT": 1.1, "APGR": 3.0}
    bare = patients(a=[dose(0.0, 22, **rows), seen([1.0, 9.0], **rows)])
    extra = rows | {"CL": 99.0, "V": 1.0, "eta_CL": 2.0, "sigma2": 5.0}
    beside = patients(a=[dose(0.0, 22, **extra), seen([1.0, 9.0], **extra)])
    for question in ({}, {"regimen": "20 mg/kg", "times": [5.0, 9.0]}):
        with_columns, without = (
            simulate(model, records, **question)["Cp"].values for records in (beside, bare)
        )
        np.testing.assert_array_equal(with_columns, without)


def test_a_column_of_records_sets_a_parameter_of_a_mechanism():
    fast = patients(a=[dose(0.0, 100, CL=10.0), seen([5.0], CL=10.0)])
    assert simulate(IV, fast)["Cp"].values[0, 0] == pytest.approx(2 * np.exp(-1))


def test_the_outcome_tells_how_it_was_made():
    found = simulate(IV, regimen="100 mg", times=[1.0], engine="kernel")
    record = found.record
    assert record.method == "kernel"
    assert record.model == IV.hash
    assert record.settings["relative_tolerance"] == 1e-8
    exact = simulate(IV, regimen="100 mg", times=[1.0]).record
    assert exact.method == "closed_form"
    assert not exact.settings
    assert json.dumps(found.record.to_json())


def test_the_same_question_has_the_same_record():
    ask = lambda: simulate(IV, regimen="100 mg", times=[1.0]).record  # noqa: E731
    assert ask().hash == ask().hash
    other = simulate(IV.with_values(CL=6.0), regimen="100 mg", times=[1.0]).record
    assert other.hash != ask().hash


def test_several_routes_in_one_regimen():
    model = compartments(1, "first_order")
    both = simulate(model, regimen="50 mg iv and 100 mg oral", times=[1.0, 5.0])["Cp"].values
    first = simulate(model, regimen="50 mg iv", times=[1.0, 5.0])["Cp"].values
    second = simulate(model, regimen="100 mg oral", times=[1.0, 5.0])["Cp"].values
    np.testing.assert_allclose(both, first + second, rtol=1e-12)


def test_doses_into_states_of_different_units():
    model = Model(
        "two drugs",
        "h",
        {"k": K},
        {"A": "mg", "B": "ug"},
        {"A": "-k * A", "B": "-k * B"},
        inputs=(Input("first", "A"), Input("second", "B")),
        outputs={"A": ("A", "mg"), "B": ("B", "ug")},
    )
    found = simulate(model, regimen="5 mg via first and 5 mg via second", times=[0.0])
    assert found["A"].values[0, 0] == pytest.approx(5.0)
    assert found["B"].values[0, 0] == pytest.approx(5000.0)
