"""A run in chunks gives, bit for bit, what a simulation of all patients at once gives."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from many_patients import QUESTION, REGIMEN, SATURABLE, TIMES, Lazy, table, undisturbed

from understudy.core.errors import RegimenError, SimulationError
from understudy.data.records import Records
from understudy.engine.dispatch.settings import Dispatch
from understudy.engine.simulate import simulate
from understudy.library.catalogue import model as library_model
from understudy.library.pk import compartments
from understudy.population.virtual import VirtualPopulation, virtual_patients

COUNT = 101  # no multiple of the solver's eight


def assert_same(found, expected):
    xr.testing.assert_identical(found.dataset.drop_attrs(), expected.dataset.drop_attrs())
    assert found.outputs == expected.outputs
    assert found.units == expected.units
    assert found.failures == expected.failures
    assert found.record.hash == expected.record.hash


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("where", ["serial", "threads"])
@pytest.mark.parametrize("chunk", [13, 64, None])
def test_chunks_and_threads_change_nothing(where, chunk, jobs):
    found = simulate(SATURABLE, table(0, COUNT), *QUESTION, dispatch=Dispatch(where, chunk=chunk), jobs=jobs)
    assert_same(found, undisturbed(COUNT))
    assert found.failures.keys() == {"p17", "p67"}


@pytest.mark.parametrize(
    "engine", ["auto", "matrix_exponential", "kernel", pytest.param("reference", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("regimen", ["100 mg every 12 h for 3 doses", "100 mg every 12 h at steady state"])
def test_chunks_of_one_patient_change_nothing_on_any_engine(engine, regimen):
    model = compartments(2, "first_order")
    drawn = np.exp(0.3 * np.random.default_rng(2).normal(size=(5, len(model.parameters))))
    values = drawn * [parameter.value for parameter in model.parameters]
    patients = pd.DataFrame(values, columns=model.parameter_names)
    asked = (model, patients, regimen, [1.0, 5.0, 11.0])
    for chunk in (1, 4):
        found = simulate(*asked, engine=engine, dispatch=Dispatch(chunk=chunk))
        assert_same(found, simulate(*asked, engine=engine))


def test_a_dose_spread_by_transit_compartments():
    model = library_model("one_compartment_transit")
    patients = pd.DataFrame({"CL": np.linspace(2, 9, 11)})
    asked = (model, patients, "100 mg every 12 h for 3 doses", [1.0, 20.0, 40.0])
    assert_same(simulate(*asked, dispatch=Dispatch(chunk=3)), simulate(*asked))


def test_patients_with_draws_stay_whole():
    index = pd.MultiIndex.from_product([["a", "b", "c", "d", "e"], range(3)])
    patients = table(20, 35).set_index(index)
    asked = (SATURABLE, patients, *QUESTION)
    found = simulate(*asked, dispatch=Dispatch(chunk=2))
    assert found["Cp"].dims == ("patient", "time", "draw")
    assert_same(found, simulate(*asked))
    with pytest.raises(SimulationError, match="draws are uneven"):
        simulate(SATURABLE, patients.iloc[:-1], *QUESTION, dispatch=Dispatch(chunk=2))


def test_times_that_follow_from_the_doses():
    asked = (SATURABLE, table(0, 5), REGIMEN)
    assert_same(simulate(*asked, dispatch=Dispatch(chunk=2)), simulate(*asked))


def test_numbers_as_names_stay_numbers():
    patients = table(0, 5).set_axis([5, 3, 9, 1, 7])
    found = simulate(SATURABLE, patients, *QUESTION, dispatch=Dispatch(chunk=2))
    assert found.patients.tolist() == [5, 3, 9, 1, 7]


def test_one_typical_patient():
    assert_same(
        simulate(SATURABLE, None, *QUESTION, dispatch="threads"), simulate(SATURABLE, None, *QUESTION)
    )


def test_patients_with_records_of_their_own():
    rows = {"ID": [1, 1, 1, 2, 2], "TIME": [0, 1, 5, 0, 3], "AMT": [100, 0, 0, 50, 0]}
    frame = pd.DataFrame({**rows, "DV": [np.nan, 1.0, 1.0, np.nan, 1.0]})
    records = Records.from_frame(frame, units={"TIME": "h", "AMT": "mg", "DV": "mg/L"})
    found = simulate(SATURABLE, records, dispatch=Dispatch(chunk=1))
    assert_same(found, simulate(SATURABLE, records))
    assert found.record.dispatch["chunks"] == 1, "what is read from records shapes the mechanism of all"


def test_patients_who_are_made_when_their_turn_comes():
    found = simulate(SATURABLE, Lazy(COUNT), *QUESTION, dispatch=Dispatch(chunk=20))
    assert_same(found, undisturbed(COUNT))
    assert_same(simulate(SATURABLE, Lazy(COUNT), *QUESTION), undisturbed(COUNT))


def test_a_virtual_population_is_its_patients():
    model = library_model("phenobarbital_neonates")
    real = pd.DataFrame({"WT": [1.0, 2.0, 3.0], "APGR": [1.0, 5.0, 9.0]})
    everyone = VirtualPopulation(model, real, count=40, seed=3)
    asked = ("20 mg/kg then 2.5 mg/kg every 12 h for 4 doses", [1.0, 30.0])
    expected = simulate(model, virtual_patients(model, real, 40, seed=3), *asked)
    assert_same(simulate(model, everyone, *asked, dispatch=Dispatch(chunk=16)), expected)
    assert_same(simulate(model, everyone, *asked), expected)


def test_a_source_that_makes_others_than_it_is_asked_for():
    class Wrong(Lazy):
        def table(self, first, last):
            return table(first, last + 1)

    with pytest.raises(SimulationError, match="the source made 11 patients"):
        simulate(SATURABLE, Wrong(20), *QUESTION, dispatch=Dispatch(chunk=10))


def test_the_record_tells_of_chunks_and_its_hash_does_not():
    found = simulate(SATURABLE, table(0, COUNT), *QUESTION, dispatch=Dispatch("serial", chunk=25))
    told = {"where": "serial", "chunks": 5, "patients_per_chunk": 25, "resumed": 0}
    assert found.record.dispatch == told
    other = dataclasses.replace(found.record, dispatch={})
    assert other.hash == found.record.hash
    assert undisturbed(COUNT).record.dispatch == {}


def test_progress_is_told():
    told = []
    simulate(
        SATURABLE,
        table(0, 40),
        *QUESTION,
        dispatch=Dispatch("serial", chunk=10),
        progress=lambda *at: told.append(at),
    )
    assert told == [("Simulating 40 patients", part) for part in (0, 0.25, 0.5, 0.75, 1)]


def test_a_bar_goes_to_standard_error(capsys):
    simulate(SATURABLE, table(0, 40), *QUESTION, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Simulating 40 patients" in shown.err
    assert "100%" in shown.err


def test_a_wrong_question_is_told_as_it_is():
    with pytest.raises(SimulationError, match="unknown engine 'magic'"):
        simulate(SATURABLE, table(0, 5), *QUESTION, engine="magic", dispatch="threads")
    with pytest.raises(RegimenError, match="WT"):
        simulate(SATURABLE, table(0, 5), "1 mg/kg", TIMES, dispatch="threads")
    sized = table(0, 9).assign(WT=[70.0] * 7 + [-1.0, 70.0])
    with pytest.raises(RegimenError, match="p7"):
        simulate(SATURABLE, sized, "1 mg/kg", TIMES, dispatch=Dispatch(chunk=3))


def test_a_chunk_that_keeps_failing_names_its_patients():
    class Broken(Lazy):
        def table(self, first, last):
            if last - first > 1 and first == 20:
                raise OSError("the disk is gone")
            return table(first, last)

    with pytest.raises(SimulationError, match="1 of 4 chunks failed") as caught:
        simulate(SATURABLE, Broken(40), *QUESTION, dispatch=Dispatch(chunk=10, retries=1))
    assert "patients p20 to p29 (numbers 20 to 29): OSError: the disk is gone" in caught.value.place


def test_memory_that_does_not_suffice():
    with pytest.raises(SimulationError, match="hold no patient") as caught:
        simulate(SATURABLE, table(0, 5), *QUESTION, dispatch=Dispatch(memory="0.1 GB"))
    least = caught.value.repair.split()[1]
    assert (
        simulate(SATURABLE, table(0, 5), *QUESTION, dispatch=Dispatch(memory=f"{least} MB")).patients.size
        == 5
    )
    with pytest.raises(SimulationError, match="hold no chunk"):
        simulate(SATURABLE, table(0, 5), *QUESTION, dispatch=Dispatch(chunk=10**7))
