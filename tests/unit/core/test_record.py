"""The record says what made a result; the same run again gives the same hash."""

import getpass
import json
import math
import platform
import time
from dataclasses import replace

import pytest

from understudy.core.errors import UnderstudyError
from understudy.core.record import Record, Stopwatch, versions


def record(**changes) -> Record:
    parts = dict(
        inputs={"levels.csv": "ab12"},
        model="c0ffee",
        seed=7,
        method="closed form",
        settings={"rtol": 1e-8, "limit": math.inf, "grid": (1, 2), "units": "mg/L"},
        citations=("Doe 1999", "Roe 2001", "Doe 1999"),
    )
    return Record.make("simulate", **{**parts, **changes})


def test_it_survives_json_and_files(tmp_path):
    made = record()
    assert Record.from_json(json.loads(json.dumps(made.to_json()))) == made
    made.write(tmp_path / "record.json")
    assert Record.read(tmp_path / "record.json") == made
    assert json.loads((tmp_path / "record.json").read_text())["hash"] == made.hash


def test_a_repeated_run_has_the_same_hash():
    watch = Stopwatch()
    with watch.stage("solve"):
        time.sleep(0.01)
    again = replace(
        record(stopwatch=watch),
        started="2000-01-01T00:00:00+00:00",
        duration_s=9.0,
        machine={"system": "other"},
    )
    assert again != record()
    assert again.hash == record().hash


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"levels.csv": "ab13"}},
        {"model": "c0ffef"},
        {"seed": 8},
        {"seed": None},
        {"method": "kernel"},
        {"settings": {"rtol": 1e-9}},
        {"citations": ("Doe 1999",)},
    ],
)
def test_anything_else_changes_the_hash(change):
    assert record(**change).hash != record().hash
    assert replace(record(), versions={"numpy": "0"}).hash != record().hash
    assert replace(record(), what="fit").hash != record().hash


def test_a_changed_record_is_noticed():
    data = record().to_json()
    with pytest.raises(UnderstudyError, match="changed after it was written"):
        Record.from_json({**data, "seed": 8})
    with pytest.raises(UnderstudyError, match="no field 'sead'"):
        Record.from_json({**data, "sead": 8})


def test_records_of_earlier_versions_with_fewer_fields_still_open():
    data = {"what": "simulate", "seed": 7, "started": "2000-01-01"}
    written = Record.from_json(data)
    assert (written.seed, written.model, written.stages) == (7, "", {})


def test_versions_are_those_installed():
    import numpy
    import xarray

    found = versions()
    assert found["numpy"] == numpy.__version__
    assert found["xarray"] == xarray.__version__
    assert found["python"] == platform.python_version()
    assert set(found) == {
        "python", "understudy", "numpy", "scipy", "numba", "llvmlite", "sympy", "pandas", "xarray"
    }  # fmt: skip


def test_it_holds_no_names_of_hosts_or_users():
    machine = record().machine
    assert set(machine) == {"system", "processor", "cpus"}
    assert machine["cpus"] >= 1
    assert not {platform.node(), getpass.getuser()} & set(map(str, machine.values()))


@pytest.mark.parametrize(
    "path", ["/home/x/levels.csv", r"C:\data\levels.csv", "~/levels.csv", r"\\host\levels.csv"]
)
def test_absolute_paths_are_refused(path):
    for change in ({"inputs": {path: "ab"}}, {"settings": {"files": [{"records": path}]}}):
        with pytest.raises(UnderstudyError, match="absolute path"):
            record(**change)


def test_the_stopwatch_adds_up():
    watch = Stopwatch()
    for _ in range(2):
        with watch.stage("solve"):
            time.sleep(0.02)
    with pytest.raises(ZeroDivisionError), watch.stage("fail"):
        raise ZeroDivisionError
    made = Record.make("simulate", stopwatch=watch)
    assert 0.04 <= made.stages["solve"] <= made.duration_s
    assert list(made.stages) == ["solve", "fail"]
    assert made.started.endswith("+00:00")
