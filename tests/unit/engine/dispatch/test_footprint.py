"""Footprints: what simulations are measured to need is less than what is set aside, and not far less."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from many_patients import SATURABLE, needs_zarr, table

from understudy.engine.dispatch.footprint import PROGRAM, Footprint, patients_per_chunk, whole_lanes
from understudy.engine.dispatch.settings import Dispatch
from understudy.engine.simulate import simulate
from understudy.library.catalogue import model as library_model

COUNT = 400
LINEAR = pd.DataFrame({"CL": np.linspace(2, 9, COUNT)})
OFTEN = np.linspace(0.0, 48.0, 97)


@pytest.mark.parametrize(
    ("model", "patients", "regimen", "times", "doses"),
    [
        (SATURABLE, table(100, 100 + COUNT), "100 mg every 12 h for 4 doses", OFTEN, 4),
        (SATURABLE, table(100, 100 + COUNT), "100 mg every 12 h for 20 doses", [240.0], 20),
        (SATURABLE, table(100, 100 + COUNT), "100 mg every 12 h at steady state", OFTEN, 1),
        (library_model("two_compartment_oral"), LINEAR, "100 mg every 12 h for 4 doses", OFTEN, 4),
        (library_model("one_compartment_mixed"), LINEAR, "100 mg every 12 h for 40 doses", OFTEN[:5], 80),
    ],
)
def test_what_is_set_aside_is_enough(model, patients, regimen, times, doses):
    steady = "steady" in regimen
    footprint = Footprint.of(model, len(times), doses, len(model.outputs), steady=steady)
    simulate(model, patients[:8], regimen, times)  # what is compiled and imported is no patient's
    tracemalloc.start()
    simulate(model, patients, regimen, times)
    measured = tracemalloc.get_traced_memory()[1] / COUNT
    tracemalloc.stop()
    # Five times too much would make chunks, and all that is done once a chunk, five times as many.
    assert measured <= footprint.bytes <= 5 * measured


@pytest.mark.parametrize("regimen", ["100 mg every 12 h for 4 doses", "100 mg every 12 h at steady state"])
def test_what_is_set_aside_is_enough_for_sensitivities(regimen):
    by = ("V", "Vm", "Km")
    asked = {"regimen": regimen, "times": OFTEN, "sensitivities": by}
    footprint = Footprint.of(SATURABLE, OFTEN.size, 4, 4, steady="steady" in regimen, directions=3)
    simulate(SATURABLE, table(100, 108), **asked)
    tracemalloc.start()
    simulate(SATURABLE, table(100, 100 + COUNT), **asked)
    measured = tracemalloc.get_traced_memory()[1] / COUNT
    tracemalloc.stop()
    assert measured <= footprint.bytes <= 5 * measured


# Peak of resident memory in MB, of a run whose patients take some two gigabytes at once.
RUN = """
import re, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from many_patients import SATURABLE, Lazy
from understudy.engine.dispatch.settings import Dispatch
from understudy.engine.simulate import simulate
times = [0.25 * k for k in range(200)]
found = simulate(SATURABLE, Lazy(40_000), "100 mg every 12 h for 4 doses", times, {options})
assert found.patients.size == 40_000
# Of this program alone: what `getrusage` tells begins with the memory of the process that started it.
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6)
"""


@needs_zarr
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("where", ["serial", "threads"])
def test_a_process_keeps_to_its_memory(where, tmp_path):
    path = str(tmp_path / "run.zarr")

    def peak(options):
        script = RUN.format(folder=str(Path(__file__).parent), options=options)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        return float(done.stdout)

    # First, so that nothing is left to compile: a compiler needs memory of its own, once.
    assert peak("jobs=2") > 1000, "or the bound would prove nothing"
    assert peak(f"to={path!r}, jobs=2, dispatch=Dispatch({where!r}, memory='700 MB')") <= 700


def test_chunks_share_what_the_program_leaves():
    footprint = Footprint(rows=40, values=20, outputs=2)
    free = 1_000_000_000 - PROGRAM
    for at_once in (1, 2, 4):
        size = patients_per_chunk(footprint, Dispatch("threads", memory="1 GB"), at_once, held=0)
        assert size == whole_lanes(int(free / (at_once + 1) / footprint.bytes))
    held = patients_per_chunk(footprint, Dispatch("threads", memory="1 GB"), 1, held=free // 2)
    assert held == whole_lanes(int(free / 4 / footprint.bytes))


def test_a_chunk_of_ones_own_size_is_taken():
    assert patients_per_chunk(Footprint(40, 20, 2), Dispatch(chunk=123), 2, 0) == 123


def test_more_memory_makes_no_chunk_without_end():
    assert patients_per_chunk(Footprint(1, 1, 1), Dispatch(memory="1 TB"), 1, 0) == 2**15
    assert [whole_lanes(n) for n in (1, 7, 8, 15, 17)] == [1, 7, 8, 8, 16]
