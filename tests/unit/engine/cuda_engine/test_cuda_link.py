"""Whole kernels as machine code for a device, without one: compiled by NVIDIA's compiler, the model linked in."""

import importlib.util
import types

import numpy as np
import pytest

from understudy.engine.cuda import device_line, device_run
from understudy.engine.cuda.linked import linked
from understudy.engine.cuda.ptx import FUNCTIONS
from understudy.engine.kernel import kernel
from understudy.engine.kernel.line import nothing_found
from understudy.engine.problem import Problem, Tolerances
from understudy.engine.simulate import simulate
from understudy.library.catalogue import model
from understudy.model.model import Model

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed"
)
PROCESSOR = (9, 0)
EVENTS = ("differences", "conditions", "changes")
IMPLICIT = ("jacobian", "factorise", "substitute", "speed")
TANK = Model(
    "tank", "h", {"low": (1, "mg"), "k": (1.0,)}, {"A": "mg"}, {"A": "-k * A"}, outputs={"A": "A"},
    events={"refill": ("A < low and t >= 2", {"A": 10}), "spill": ("not A < low", {"A": "low"})},
)  # fmt: skip


@pytest.fixture
def without_device(monkeypatch):
    """Device functions are compiled for a processor that is not here, and arrays stay where they are."""
    from numba.cuda import codegen, dispatcher

    stand_in = types.SimpleNamespace(compute_capability=PROCESSOR)
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: stand_in)
    monkeypatch.setattr(codegen.CUDACodeLibrary, "_ensure_cc", lambda library, cc: PROCESSOR)
    monkeypatch.setattr(device_line, "_on_device", list)


def problem_of(mechanism: Model) -> Problem:
    """What a solver is given for a dose."""
    asked = []

    def keep(problem: Problem, tolerances: Tolerances, jobs: int):
        asked.append(problem)
        return solve(problem, tolerances, jobs)

    solve, kernel.solve = kernel.solve, keep
    try:
        simulate(mechanism, regimen=None if mechanism is TANK else "10 mg", times=[0.1], engine="kernel")
    finally:
        kernel.solve = solve
    return asked[-1]


def signature(problem: Problem, bits: int):
    """Types of what `DeviceRun` launches a kernel with."""
    from numba.cuda.typing.typeof import Purpose, typeof

    real = device_run.REALS[bits]
    line = device_line.device_line(problem, real)
    found = device_line.device_found(nothing_found(problem), real)
    arguments = (np.zeros(1, np.int64), 1e-6, 1e-8, 1000, 0, 1, line, found)
    from numba import types as kinds

    return kinds.void(*[typeof(argument, Purpose.argument) for argument in arguments])


@pytest.mark.parametrize(
    ("name", "bits", "both"),
    [
        ("myelosuppression", 64, False),
        ("two_compartment_oral_michaelis_menten", 32, False),
        ("tmdd_full", 64, True),
        pytest.param("myelosuppression", 64, True, marks=pytest.mark.slow),
        pytest.param("tank", 64, False, marks=pytest.mark.slow),
        ("tank", 64, True),
    ],
)
def test_kernel_and_model_link(without_device, name, bits, both):
    """By Numba's own linker, as before a launch."""
    from numba.cuda import dispatcher

    problem = problem_of(TANK if name == "tank" else model(name))
    made = device_run.kernel_for.__wrapped__(linked, problem.model, len(problem.slots), bits, both)
    library = dispatcher._Kernel(made.py_func, signature(problem, bits).args).library
    needed = {"right_hand_side", *(IMPLICIT if both else ()), *(EVENTS if problem.model.events else ())}
    code = library.get_asm_str()
    assert {function for function in FUNCTIONS if f"one_{function}" in code} == needed
    assert bytes(library.get_cubin().code)[:4] == b"\x7fELF"
    library._cubin_cache.clear()
    library._linking_files.clear()
    with pytest.raises(Exception, match=r"LINK|link|ERROR"):
        library.get_cubin()
