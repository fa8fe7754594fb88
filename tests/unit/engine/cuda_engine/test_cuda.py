"""The CUDA engine without a device: its loop in Numba's simulator against the kernel, and what it refuses."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from understudy.core.errors import MissingExtraError, SimulationError
from understudy.engine.cuda import cuda, device_run
from understudy.engine.cuda.device_line import device_found
from understudy.engine.kernel.line import Found
from understudy.engine.problem import EXPLICITLY, OK, STIFFLY, TOO_MANY_STEPS, Tolerances
from understudy.engine.simulate import simulate
from understudy.model.model import Model

# The same method with the same steps: only the order of additions differs. The issue asks for 1e-6.
RELATIVE = 1e-6
HAS_PACKAGE = importlib.util.find_spec("numba_cuda") is not None


def in_simulator(program: str, *options: str) -> subprocess.CompletedProcess:
    """Run a program of this folder in the simulator, which must be switched on before Numba is imported."""
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(Path(__file__).parent / program), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def simulated():
    """Results of the program that runs in the simulator."""
    done = in_simulator("cuda_simulation.py")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


CASES = [
    "oral",
    "lag and bioavailability",
    "absorption profile",
    "baseline",
    "schedules",
    "parameters that change",
    "flow",
    "stiff",
    "found out to be stiff",
    "full TMDD",
    "pivots sought",
    "sensitivities, stiff",
    "sensitivities, lag",
    "failures",
    "too many steps",
]


@pytest.mark.parametrize("case", CASES)
def test_the_loop_gives_what_the_kernel_gives(simulated, case):
    found = simulated["cases"][case]
    assert found["difference"] <= RELATIVE
    assert found["same_places"]
    assert [code == OK for code in found["status"]] == [code == OK for code in found["wanted_status"]]
    assert found["method"] == found["wanted_method"]
    # Where nothing fails, the steps are the same ones.
    if not any(found["status"]):
        assert abs(found["steps"] - found["wanted_steps"]) <= 0.01 * found["wanted_steps"]


def test_statuses_are_told_apart(simulated):
    assert set(simulated["cases"]["too many steps"]["status"]) == {TOO_MANY_STEPS}
    well, blown, undefined, slow = simulated["cases"]["failures"]["status"]
    assert well == slow == OK
    assert blown != OK
    assert undefined == simulated["cases"]["failures"]["wanted_status"][2]


def test_every_case_was_run(simulated):
    assert set(simulated["cases"]) == {*CASES, "float32", "float32, stiff"}


def test_patients_that_turn_out_stiff_are_solved_by_both_methods(simulated):
    both = EXPLICITLY | STIFFLY
    assert simulated["cases"]["found out to be stiff"]["method"] == [EXPLICITLY, both, both]
    assert simulated["cases"]["full TMDD"]["method"] == [both]
    assert set(simulated["cases"]["stiff"]["method"]) == {STIFFLY}


@pytest.mark.parametrize("fault", ["BOLUS", "RATE", "STEADY", "REINITIALISE", "ADD", "B5", "A42"])
def test_a_fault_in_the_loop_is_seen(simulated, fault):
    assert simulated["planted"][fault] > 100 * RELATIVE


def test_the_error_of_32_bits_is_reported(simulated):
    # Steps are held to 1e-5, numbers are rounded to 6e-8.
    assert 1e-8 < simulated["cases"]["float32"]["rounding"] < 1e-4
    stiff = simulated["cases"]["float32, stiff"]
    assert 1e-8 < stiff["rounding"] < 1e-4
    assert stiff["method"] == stiff["wanted_method"]


# Without those that only take long.
QUICK = "not reference and not come_to_rest and not no_other_patient and not fair"


@pytest.mark.parametrize(
    ("chosen", "least"), [(QUICK, 30), pytest.param("not reference", 45, marks=pytest.mark.slow)]
)
def test_the_loop_passes_the_tests_of_events(chosen, least):
    """All of the kernel's own, in the simulator."""
    done = in_simulator("events_in_simulator.py", "-k", chosen)
    assert done.returncode == 0, done.stdout
    solved = int(re.search(r"solved by the device loop: (\d+)", done.stdout)[1])
    assert solved >= least


def test_the_record_tells_engine_tolerance_and_rounding(simulated):
    record = simulated["record"]
    assert record["method"] == "cuda_float32"
    assert record["relative_tolerance"] == 1e-5
    assert 1e-9 < record["largest difference of 32 bits from 64 in a sample"] < 1e-4


@pytest.mark.slow
def test_the_loop_passes_the_conformance_tests():
    """Those for a device, in the simulator, but for one that many patients make long there."""
    done = in_simulator("conformance_in_simulator.py", "-k", "not no_other_patient")
    assert done.returncode == 0, done.stdout


DECAY = Model("decay", "h", {"k": 0.1}, {"A": "mg"}, {"A": "-k * A"}, outputs={"A": "A"})
STIFF = replace(DECAY, stiff=True)
REFILLED = Model(
    "refilled", "h", {"k": 0.1}, {"A": "mg"}, {"A": "-k * A"}, outputs={"A": "A"}, events={"low": ("A < 1", {"A": 2})}
)  # fmt: skip


@pytest.mark.parametrize(
    ("model", "cause"), [(STIFF, "it is declared stiff"), (REFILLED, "states trigger events")]
)
def test_what_32_bits_do_not_suffice_for_is_refused(model, cause):
    with pytest.raises(SimulationError, match=f"numbers of 32 bits do not suffice for this model: {cause}"):
        simulate(model, regimen="10 mg", engine="cuda_float32")


def chain(count: int) -> Model:
    """States in a row."""
    names = [f"A{k}" for k in range(count)]
    rates = {name: f"{f'A{k - 1}' if k else '0'} - {name}" for k, name in enumerate(names)}
    return Model("chain", "h", {}, dict.fromkeys(names, "1"), rates, outputs={"last": names[-1]})


def test_models_too_large_for_a_thread_are_refused(monkeypatch):
    free = SimpleNamespace(get_memory_info=lambda: (np.inf, np.inf))
    monkeypatch.setattr("numba.cuda.current_context", lambda: free)
    assert device_run.bytes_of_thread(chain(260), 0, both=False) < device_run.MOST_BYTES
    device_run.refuse_large_threads(chain(260), 0, both=False)
    with pytest.raises(
        SimulationError, match=r"260 states, solved by both methods, need 5\d\d KiB in each thread"
    ):
        device_run.refuse_large_threads(chain(260), 0, both=True)


def test_models_too_large_for_all_threads_are_refused(monkeypatch):
    free = SimpleNamespace(get_memory_info=lambda: (2**30, 2**30))
    device = SimpleNamespace(MULTIPROCESSOR_COUNT=132, MAX_THREADS_PER_MULTIPROCESSOR=2048)
    monkeypatch.setattr("numba.cuda.current_context", lambda: free)
    monkeypatch.setattr("numba.cuda.get_current_device", lambda: device)
    device_run.refuse_large_threads(chain(3), 0, both=True)
    with pytest.raises(
        SimulationError, match=r"50 states, .* GiB for all threads of the device, which has 1.0 GiB"
    ):
        device_run.refuse_large_threads(chain(50), 0, both=True)


def test_too_little_memory_for_the_patients_is_an_error(monkeypatch):
    full = SimpleNamespace(get_memory_info=lambda: (10, 2**30))
    monkeypatch.setattr("numba.cuda.current_context", lambda: full)
    # No array of that size is made.
    states = np.broadcast_to(0.0, (2**27, 2))
    found = Found(states, *(np.zeros(0) for _ in range(4)))
    monkeypatch.setattr("numba.cuda.to_device", lambda array: array)
    with pytest.raises(SimulationError, match=r"need 2.0 GiB on the device, which has 0.0 GiB free"):
        device_found(found, np.float64, known=False)


@pytest.mark.skipif(HAS_PACKAGE, reason="numba-cuda is installed")
@pytest.mark.parametrize("engine", ["cuda", "cuda_float32"])
def test_without_the_package_the_error_names_the_pip_line(engine):
    with pytest.raises(MissingExtraError, match=r"pip install 'understudy\[cuda\]'"):
        simulate(DECAY, regimen="10 mg", engine=engine)


def test_without_a_device_the_error_says_so(monkeypatch):
    from numba import cuda as numba_cuda

    if numba_cuda.is_available():
        pytest.skip("there is a device")
    monkeypatch.setattr(cuda.importlib.util, "find_spec", lambda name: object())
    with pytest.raises(SimulationError, match="no NVIDIA device"):
        simulate(DECAY, regimen="10 mg", engine="cuda")


def test_tolerances_that_32_bits_cannot_keep_are_refused():
    with pytest.raises(SimulationError, match="cannot be kept with numbers of 32 bits"):
        cuda._refuse_tolerance(Tolerances(), 32)
    cuda._refuse_tolerance(Tolerances(), 64)
