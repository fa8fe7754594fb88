"""Outcomes keep units and failures, and come back from files as they were."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
import xarray as xr

from understudy.core.errors import MissingExtraError, SimulationError
from understudy.core.record import Record
from understudy.core.result import Outcome

needs_zarr = pytest.mark.skipif(find_spec("zarr") is None, reason="zarr is not installed")

RECORD = Record.make("simulate", model="c0ffee", seed=3, citations=("Müller 1999 → Å",))


def outcome(**changes) -> Outcome:
    parts = dict(
        patients=["ann", "bob", "cid"],
        times=[0.0, 1.0, 2.0, 4.0],
        outputs={"C": (np.arange(12.0).reshape(3, 4), "mg/L"), "E": (np.ones((3, 4)), "percent")},
        time_unit="hours",
        status=[0, 2, 0],
        messages=["", "step size fell below 1e-12 h → stiff", ""],
        record=RECORD,
    )
    return Outcome.build(**{**parts, **changes})


def own_times(**changes) -> Outcome:
    times = [[0.0, 1.0, np.nan], [0.5, 2.0, 3.0]]
    outputs = {"C": ([[1.0, 2.0, np.nan], [3.0, 4.0, 5.0]], "mg/L")}
    return Outcome.build([7, 2**40], times, outputs, "h", **changes)


def with_draws() -> Outcome:
    return Outcome.build([1, 2], [0.0, 1.0], {"C": (np.arange(40.0).reshape(2, 2, 10), "mg/L")}, "h")


def test_what_was_built_can_be_asked_for():
    made = outcome()
    assert made.outputs == ("C", "E")
    assert made.units == {"C": "mg/L", "E": "percent"}
    assert made.time_unit == "hours"
    assert made.record == RECORD
    assert made["C"].dims == ("patient", "time")
    assert made["C"].attrs["units"] == "mg/L"
    assert float(made["C"].sel(patient="cid", time=4.0)) == 11.0
    assert made.dataset["status"].dtype == np.int8
    assert own_times().record is None


def test_an_unknown_output_names_the_known_ones():
    with pytest.raises(SimulationError, match="no output 'X'") as caught:
        outcome()["X"]
    assert caught.value.repair == "outputs: C, E"


def test_failed_patients_have_no_values():
    made = outcome()
    assert np.isnan(made["C"].sel(patient="bob")).all()
    assert made.failures == {"bob": "step size fell below 1e-12 h → stiff"}
    stayed = made.succeeded()
    assert list(stayed.patients) == ["ann", "cid"]
    assert stayed.failures == {}
    assert stayed.raise_failures() is stayed


def test_failures_can_be_raised():
    with pytest.raises(SimulationError, match="1 of 3 patients failed") as caught:
        outcome().raise_failures()
    assert "patient bob: step size fell" in str(caught.value)
    many = Outcome.build(range(40), [0.0], {"C": (np.ones((40, 1)), "1")}, "h", np.ones(40), ["no"] * 40)
    with pytest.raises(SimulationError, match="and 30 more"):
        many.raise_failures()


@pytest.mark.parametrize("ending", ["nc", pytest.param("zarr", marks=needs_zarr)])
@pytest.mark.parametrize("read", [Outcome.load, Outcome.open])
@pytest.mark.parametrize("made", [outcome, own_times, with_draws])
def test_files_give_back_what_was_saved(made, read, ending, tmp_path):
    before = made()
    before.save(tmp_path / f"outcome.{ending}")
    after = read(tmp_path / f"outcome.{ending}")
    xr.testing.assert_equal(after.dataset, before.dataset)
    assert after.patients.dtype.kind == before.patients.dtype.kind
    assert after.units == before.units
    assert after.time_unit == before.time_unit
    assert after.failures == before.failures
    assert after.record == before.record
    assert repr(after) == repr(before)


def test_a_file_is_the_same_each_time(tmp_path):
    for name in ("outcome.nc", "again.nc"):
        outcome().save(tmp_path / name)
    assert (tmp_path / "again.nc").read_bytes() == (tmp_path / "outcome.nc").read_bytes()


def test_a_tidy_table():
    frame = outcome().to_frame()
    assert list(frame.columns) == ["patient", "time", "output", "value", "unit"]
    assert len(frame) == 24
    row = frame[(frame.patient == "cid") & (frame.time == 1.0) & (frame.output == "C")]
    assert row[["value", "unit"]].values.tolist() == [[9.0, "mg/L"]]


def test_a_tidy_table_leaves_out_times_that_are_no_times():
    frame = own_times().to_frame()
    assert frame[["patient", "time", "value"]].values.tolist() == [
        [7, 0.0, 1.0], [7, 1.0, 2.0], [2**40, 0.5, 3.0], [2**40, 2.0, 4.0], [2**40, 3.0, 5.0]
    ]  # fmt: skip


def test_a_tidy_table_of_draws():
    frame = with_draws().to_frame()
    assert len(frame) == 40
    row = frame[(frame.patient == 2) & (frame.time == 1.0) & (frame.draw == 4)]
    assert row.value.tolist() == [34.0]


def test_quantiles_are_of_those_who_succeeded():
    found = outcome().quantiles([0.0, 0.5, 1.0])
    np.testing.assert_array_equal(found["C"].sel(time=1.0), [1.0, 5.0, 9.0])
    assert found["C"].attrs["units"] == "mg/L"
    assert found["C"].dims == ("quantile", "time")
    np.testing.assert_array_equal(with_draws().quantiles([0.5])["C"].values, [[14.5, 24.5]])


def test_moments_are_of_those_who_succeeded():
    found = outcome().moments()
    np.testing.assert_array_equal(found["C"].sel(time=1.0), [5.0, np.std([1.0, 9.0], ddof=1)])
    assert found["C"].attrs["units"] == "mg/L"
    alone = Outcome.build([1], [0.0], {"C": ([[3.0]], "1")}, "h").moments()["C"].values
    np.testing.assert_array_equal(alone, [[3.0], [np.nan]])


def test_shares_above_thresholds():
    found = outcome().share_above("C", [8.5, 1.0])
    np.testing.assert_array_equal(found.sel(time=1.0), [0.5, 0.5])
    assert found.dims == ("threshold", "time")
    assert found.attrs["units"] == "1"
    with pytest.raises(SimulationError, match="no output 'X'"):
        outcome().share_above("X", [1.0])


def test_summaries_do_not_depend_on_the_times_worked_on_at_once(monkeypatch):
    values = np.random.default_rng(1).lognormal(size=(1000, 7))
    made = Outcome.build(range(1000), range(7), {"C": (values, "1")}, "h", np.arange(1000) % 10 == 0)
    at_once = made.quantiles([0.05, 0.5]), made.moments(), made.share_above("C", [1.0])
    kept = values[np.arange(1000) % 10 != 0]
    np.testing.assert_array_equal(at_once[0]["C"], np.quantile(kept, [0.05, 0.5], axis=0))
    monkeypatch.setattr("understudy.core.summary._BLOCK", 2 * 8 * 1000)
    apart = made.quantiles([0.05, 0.5]), made.moments(), made.share_above("C", [1.0])
    for one, other in zip(at_once, apart, strict=True):
        xr.testing.assert_identical(one, other)


def test_a_large_outcome_is_not_read_for_a_glance(monkeypatch):
    monkeypatch.setattr("understudy.core.result._QUICK", 8 * 11)
    assert "C [mg/L]: 12 values" in repr(outcome())


@pytest.mark.parametrize(
    ("made", "probabilities", "cause"),
    [
        (own_times, [0.5], "times of their own"),
        (outcome, [1.5], "no probabilities"),
        (lambda: outcome(status=[1, 1, 1]), [0.5], "no patient succeeded"),
    ],
)
def test_quantiles_that_make_no_sense(made, probabilities, cause):
    with pytest.raises(SimulationError, match=cause):
        made().quantiles(probabilities)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"patients": ["ann", "ann", "bob"]}, "ann appears twice"),
        ({"times": [0.0, 1.0]}, r"output C have the shape \(3, 4\)"),
        ({"times": np.zeros((2, 4))}, "times have the shape"),
        ({"status": [0, 1]}, "status have the shape"),
        ({"messages": ["x"]}, "messages have the shape"),
        ({"outputs": {"status": (np.ones((3, 4)), "1")}}, "cannot be called 'status'"),
    ],
)
def test_arrays_that_do_not_fit(changes, cause):
    with pytest.raises(SimulationError, match=cause):
        outcome(**changes)


def test_built_arrays_are_copies():
    values = np.ones((3, 4))
    made = outcome(outputs={"C": (values, "mg/L")})
    values[:] = 5
    assert float(made["C"].max()) == 1.0


def test_files_that_cannot_be(tmp_path, monkeypatch):
    with pytest.raises(SimulationError, match=r"unknown format '\.csv'"):
        outcome().save(tmp_path / "outcome.csv")
    with pytest.raises(SimulationError, match="does not exist"):
        Outcome.load(tmp_path / "none.nc")
    monkeypatch.setattr("understudy.core.dataset_file.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="zarr is not installed") as caught:
        outcome().save(tmp_path / "outcome.zarr")
    assert "pip install zarr" in caught.value.repair
    monkeypatch.setattr("understudy.core.dataset_file._LARGEST_VARIABLE", 95)
    with pytest.raises(SimulationError, match="C is too large for netCDF 3"):
        outcome().save(tmp_path / "outcome.nc")


def test_it_reads_well():
    assert repr(outcome()) == (
        "Outcome: 3 patients × 4 times (0 to 4 hours)\n"
        "  C [mg/L]: median 5.5, range 0 to 11\n"
        "  E [percent]: median 1, range 1 to 1\n"
        "  1 failed: bob"
    )
    assert "2 patients × 2 times (0 to 1 h) × 10 draws" in repr(with_draws())
    assert "C [mg/L]: no values" in repr(own_times(status=[1, 1], messages=["a", "b"]))


def test_importing_it_does_not_import_xarray_or_pandas():
    import subprocess

    code = (
        "import sys, understudy.core.result; print({'xarray', 'pandas', 'pint', 'sympy'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
