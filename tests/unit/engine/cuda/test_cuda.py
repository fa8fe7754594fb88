"""The CUDA engine without a device: its loop in Numba's simulator against the kernel, and what it refuses."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from understudy.core.errors import MissingExtraError, SimulationError
from understudy.engine.cuda import cuda
from understudy.engine.problem import OK, TOO_MANY_STEPS, Tolerances
from understudy.engine.simulate import simulate
from understudy.library.pk import compartments
from understudy.model.model import Model

# The same method with the same steps: only the order of additions differs. The issue asks for 1e-6.
RELATIVE = 1e-6
HAS_PACKAGE = importlib.util.find_spec("numba_cuda") is not None


@pytest.fixture(scope="module")
def simulated():
    """Results of the program that runs in the simulator."""
    program = Path(__file__).parent / "cuda_simulation.py"
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, str(program)], env=environment, capture_output=True, text=True)
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
    "failures",
    "too many steps",
]


@pytest.mark.parametrize("case", CASES)
def test_the_loop_gives_what_the_kernel_gives(simulated, case):
    found = simulated["cases"][case]
    assert found["difference"] <= RELATIVE
    assert found["same_places"]
    assert [code == OK for code in found["status"]] == [code == OK for code in found["wanted_status"]]
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
    assert set(simulated["cases"]) == {*CASES, "float32"}


@pytest.mark.parametrize("fault", ["BOLUS", "RATE", "STEADY", "REINITIALISE", "ADD", "B5"])
def test_a_fault_in_the_loop_is_seen(simulated, fault):
    assert simulated["planted"][fault] > 100 * RELATIVE


def test_the_error_of_32_bits_is_reported(simulated):
    # Steps are held to 1e-5, numbers are rounded to 6e-8.
    assert 1e-8 < simulated["cases"]["float32"]["rounding"] < 1e-4


def test_the_record_tells_engine_tolerance_and_rounding(simulated):
    record = simulated["record"]
    assert record["method"] == "cuda_float32"
    assert record["relative_tolerance"] == 1e-5
    assert 1e-9 < record["largest difference of 32 bits from 64 in a sample"] < 1e-4


DECAY = Model("decay", "h", {"k": 0.1}, {"A": "mg"}, {"A": "-k * A"}, outputs={"A": "A"})
STIFF = Model("stiff", "h", {"k": 0.1}, {"A": "mg"}, {"A": "-k * A"}, outputs={"A": "A"}, stiff=True)


@pytest.mark.parametrize("engine", ["cuda", "cuda_float32"])
def test_stiff_models_are_refused(engine):
    with pytest.raises(SimulationError, match="for non-stiff models"):
        simulate(STIFF, regimen="10 mg", engine=engine)


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


def device() -> bool:
    from numba import cuda as numba_cuda

    return HAS_PACKAGE and numba_cuda.is_available()


@pytest.mark.skipif(not device(), reason="there is no NVIDIA device with numba-cuda here")
@pytest.mark.parametrize(("engine", "most"), [("cuda", 1e-6), ("cuda_float32", 1e-3)])
def test_on_a_device(engine, most):
    model = compartments(2, "oral", elimination="michaelis_menten")
    regimen, times = "100 mg every 12 h for 4 doses", np.linspace(0.5, 60, 40)
    found, wanted = (
        simulate(model, regimen=regimen, times=times, engine=name) for name in (engine, "kernel")
    )
    for name in wanted.outputs:
        np.testing.assert_allclose(found[name].values, wanted[name].values, rtol=most)
