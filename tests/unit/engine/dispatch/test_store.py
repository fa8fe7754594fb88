"""A store holds what a run gave, and whatever broke the run off, the same call goes on with it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from many_patients import QUESTION, REGIMEN, SATURABLE, TIMES, Lazy, needs_zarr, table, undisturbed

from understudy.core.errors import MissingExtraError, SimulationError
from understudy.core.result import Outcome
from understudy.engine.dispatch.settings import Dispatch
from understudy.engine.problem import Tolerances
from understudy.engine.simulate import simulate

pytestmark = needs_zarr
COUNT = 101
CUT = Dispatch("serial", chunk=20)


def run(path, patients=None, dispatch=CUT, **changes):
    asked = {"model": SATURABLE, "regimen": REGIMEN, "times": TIMES, **changes}
    return simulate(
        patients=table(0, COUNT) if patients is None else patients, to=path, dispatch=dispatch, **asked
    )


def assert_same(found, expected):
    xr.testing.assert_identical(found.dataset.load().drop_attrs(), expected.dataset.drop_attrs())
    assert found.outputs == expected.outputs
    assert found.units == expected.units
    assert found.failures == expected.failures
    assert found.record.hash == expected.record.hash


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A store that is whole, and is only read."""
    path = tmp_path_factory.mktemp("finished") / "run.zarr"
    run(path)
    return path


@pytest.mark.parametrize("dispatch", [CUT, Dispatch("threads", chunk=7), None])
def test_what_is_stored_is_what_is_simulated(dispatch, tmp_path):
    expected = undisturbed(COUNT)
    assert_same(run(tmp_path / "run.zarr", dispatch=dispatch, jobs=2), expected)
    assert_same(Outcome.open(tmp_path / "run.zarr"), expected)
    assert_same(Outcome.load(tmp_path / "run.zarr"), expected)


def test_other_tools_read_it(finished):
    plain = xr.open_dataset(finished, engine="zarr", consolidated=False)
    np.testing.assert_array_equal(plain["Cp"].values, undisturbed(COUNT)["Cp"].values)
    assert plain["Cp"].attrs["units"] == "mg/L"


def test_draws_and_numbers_as_names_are_stored(tmp_path):
    draws = table(20, 50).set_index([np.repeat(np.arange(10), 3), np.tile(range(3), 10)])
    found = run(tmp_path / "draws.zarr", draws, dispatch=Dispatch(chunk=4))
    assert_same(found, simulate(SATURABLE, draws, *QUESTION))


def test_summaries_read_from_disk(finished):
    stored, expected = run(finished), undisturbed(COUNT)
    xr.testing.assert_identical(stored.quantiles(), expected.quantiles())
    xr.testing.assert_identical(stored.moments(), expected.moments())
    xr.testing.assert_identical(stored.share_above("Cp", [1.0]), expected.share_above("Cp", [1.0]))
    assert repr(stored) == repr(expected)


def test_what_is_done_is_not_done_again(finished):
    first = Outcome.open(finished)
    told = []
    again = run(finished, dispatch="threads", progress=lambda *at: told.append(at))
    assert_same(again, undisturbed(COUNT))
    assert again.record == first.record, "chunks keep the size with which they were begun"
    assert told == []


class Stop(Exception):
    """Of a user who has seen enough."""


def test_a_run_that_is_broken_off_goes_on(tmp_path):
    def stop(stage, fraction):
        if fraction > 0.5:
            raise Stop

    with pytest.raises(Stop):
        run(tmp_path / "run.zarr", progress=stop)
    partial = Outcome.open(tmp_path / "run.zarr")
    assert partial.record is None
    done = undisturbed(COUNT).dataset.isel(patient=slice(0, 60)).drop_attrs()
    xr.testing.assert_identical(partial.dataset.drop_attrs(), done)
    found = run(tmp_path / "run.zarr")
    assert_same(found, undisturbed(COUNT))
    assert found.record.dispatch["resumed"] == 3


@pytest.mark.parametrize("variable", ["Cp", "status", "message", "patient", "chunk_record"])
def test_a_chunk_that_was_changed_on_disk_is_made_anew(variable, tmp_path):
    import zarr

    run(tmp_path / "run.zarr")
    array = zarr.open_group(tmp_path / "run.zarr")[variable]
    place = 1 if variable == "chunk_record" else 25
    array[place] = "changed" if array.dtype.kind not in "fi" else 1
    found = run(tmp_path / "run.zarr")
    assert_same(found, undisturbed(COUNT))
    assert found.record.dispatch["resumed"] == 5


def test_a_chunk_whose_file_is_gone_is_made_anew(tmp_path):
    run(tmp_path / "run.zarr")
    (tmp_path / "run.zarr" / "Cp" / "c" / "2" / "0").unlink()
    assert_same(run(tmp_path / "run.zarr"), undisturbed(COUNT))


def test_a_chunk_that_fails_leaves_the_others(tmp_path):
    class Broken(Lazy):
        mended = False

        def table(self, first, last):
            if last - first > 1 and first == 40 and not Broken.mended:
                raise OSError("the disk is gone")
            return table(first, last)

    with pytest.raises(SimulationError, match="1 of 6 chunks failed") as caught:
        run(tmp_path / "run.zarr", Broken(COUNT))
    assert "the others are kept in run.zarr" in caught.value.repair
    Broken.mended = True
    found = run(tmp_path / "run.zarr", Broken(COUNT))
    assert_same(found, undisturbed(COUNT))
    assert found.record.dispatch["resumed"] == 5


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"patients": table(1, COUNT + 1)}, "patients: '"),
        ({"patients": table(0, 50)}, "number of patients: 101 and 50"),
        ({"regimen": "50 mg every 12 h for 4 doses"}, "regimen: '"),
        ({"times": [0.0, 1.0]}, "times: '"),
        ({"tolerances": Tolerances(relative=1e-4)}, "tolerances: None and {"),
        ({"engine": "reference"}, "engine: 'auto' and 'reference'"),
        ({"before_dose": True}, "before_dose: False and True"),
    ],
)
def test_another_question_is_refused(changes, told, finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    with pytest.raises(SimulationError, match=r"run\.zarr holds another simulation") as caught:
        run(finished, **changes)
    assert told in caught.value.place
    assert "give another path" in caught.value.repair
    assert before == {path: path.stat().st_mtime_ns for path in finished.rglob("*")}, "nothing was touched"


def test_another_version_is_refused(finished, monkeypatch):
    monkeypatch.setattr("understudy.engine.dispatch.run.versions", lambda: {"numpy": "1.0"})
    with pytest.raises(SimulationError) as caught:
        run(finished)
    assert f"version of numpy: '{np.__version__}' and '1.0'" in caught.value.place


def test_larger_chunks_than_the_memory_allows_now(finished, monkeypatch):
    monkeypatch.setattr("understudy.engine.dispatch.footprint._PER_PATIENT", 10**8)
    with pytest.raises(SimulationError, match="hold no chunk"):
        run(finished, dispatch=Dispatch("serial"))


def test_paths_that_cannot_be(tmp_path, monkeypatch):
    with pytest.raises(SimulationError, match=r"unknown format '\.nc'"):
        run(tmp_path / "run.nc")
    with pytest.raises(SimulationError, match="there is no folder 'nowhere'"):
        run(tmp_path / "nowhere" / "run.zarr")
    undisturbed(5).save(tmp_path / "saved.zarr")
    (tmp_path / "empty.zarr").mkdir()
    for name in ("saved.zarr", "empty.zarr"):
        with pytest.raises(SimulationError, match="was not written chunk by chunk"):
            run(tmp_path / name)
    monkeypatch.setattr("understudy.engine.dispatch.store.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="zarr is not installed"):
        run(tmp_path / "run.zarr")


# A process that dies when something is called for the so-manieth time.
DIES = """
import os, signal, sys
sys.path.insert(0, {folder!r})
import zarr
from many_patients import QUESTION, SATURABLE, Lazy
from understudy.engine.dispatch import store
from understudy.engine.dispatch.settings import Dispatch
from understudy.engine.simulate import simulate

whole, called = {place}.{name}, []

def dying(*arguments):
    called.append(arguments)
    if len(called) == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*arguments)

{place}.{name} = dying
simulate(SATURABLE, Lazy({count}), *QUESTION, to={path!r}, dispatch=Dispatch({where!r}, chunk=20), jobs=2)
"""


@pytest.mark.parametrize("where", ["serial", pytest.param("threads", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("place", "name", "call", "done"),
    [
        # All of the fourth chunk is written, but not yet that it is.
        ("store", "_hash", 4, 3),
        # Of the first and of the fourth chunk two of six variables are written; nothing is there but a draft.
        pytest.param("zarr.Array", "__setitem__", 3, 0, marks=pytest.mark.slow),
        pytest.param("zarr.Array", "__setitem__", 21, 3, marks=pytest.mark.slow),
        pytest.param("os", "replace", 1, 0, marks=pytest.mark.slow),
    ],
)
def test_a_process_that_is_killed_goes_on_where_it_was(place, name, call, done, where, tmp_path):
    path = str(tmp_path / "run.zarr")
    told = {"place": place, "name": name, "call": call, "where": where, "path": path, "count": COUNT}
    script = DIES.format(folder=str(Path(__file__).parent), **told)
    died = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    found = simulate(SATURABLE, Lazy(COUNT), *QUESTION, to=path, dispatch=where, jobs=2)
    assert_same(found, undisturbed(COUNT))
    assert found.record.dispatch["resumed"] == done
    assert [file.name for file in tmp_path.iterdir()] == ["run.zarr"], "no draft is left"


@pytest.mark.slow
def test_a_process_that_is_killed_from_outside_at_any_moment(tmp_path):
    path = str(tmp_path / "run.zarr")
    told = {
        "place": "store",
        "name": "_hash",
        "call": -1,
        "where": "threads",
        "path": path,
        "count": 20 * COUNT,
    }
    script = DIES.format(folder=str(Path(__file__).parent), **told).replace(
        "Lazy(2020)", "Lazy(2020, delay=0.02)"
    )
    for seconds in (2.5, 3.0, 3.5, 4.0):
        running = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
        try:
            running.wait(seconds)
        except subprocess.TimeoutExpired:
            os.kill(running.pid, signal.SIGKILL)
        running.wait()
    found = simulate(SATURABLE, Lazy(20 * COUNT), *QUESTION, to=path, dispatch="serial")
    assert_same(found, undisturbed(20 * COUNT))
