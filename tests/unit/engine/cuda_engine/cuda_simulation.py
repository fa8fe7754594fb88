"""Run in Numba's CUDA simulator by test_cuda.py: dosing cases by the device loop and by the kernel, compared.

The simulator must be switched on before Numba is imported, so this is a program of its own. It prints JSON.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from dosing_table import dose, patients, seen

from understudy.engine.code import sparse_lu
from understudy.engine.code.compiler import _machine
from understudy.engine.code.invariant import with_invariants
from understudy.engine.cuda import cuda as engine
from understudy.engine.cuda import device_run, device_timeline, ptx
from understudy.engine.cuda.explicit_step import tsit5
from understudy.engine.kernel import kernel, rodas5p
from understudy.engine.problem import Problem, Solution, Tolerances
from understudy.engine.simulate import simulate
from understudy.engine.timeline import FLOW
from understudy.library.catalogue import model as library_model
from understudy.library.pk import compartments
from understudy.model.model import Model
from understudy.model.parts import Input

# Few: every thread of the simulator is a thread of Python.
THREADS = 4
KERNEL = kernel.solve
SATURABLE = Model(
    "saturable",
    "h",
    {"Vmax": 3.0, "Km": 5.0, "ka": 1.0, "lag": 0.0, "F": 1.0},
    {"D": "mg", "A": "mg"},
    {"D": "-ka * D", "A": "ka * D - Vmax * A / (Km + A)"},
    (Input("oral", "D", lag="lag", bioavailability="F"), Input("iv", "A")),
    {"A": "A"},
)
BASELINE = Model(
    "baseline",
    "h",
    {"k": 0.1, "base": 20.0},
    {"A": "mg", "R": ("1", "base")},
    {"A": "-k * A", "R": "base * k - k * R * (1 + A / (5 + A))"},
    outputs={"R": "R"},
)
BURSTING = Model("bursting", "h", {"a": 0.1}, {"A": ("1", 1.0)}, {"A": "a * A ** 2"}, outputs={"A": "A"})
ROBERTSON = Model(
    "robertson",
    "s",
    {"k1": 0.04, "k2": 3e7, "k3": 1e4},
    {"A": ("1", 1.0), "B": "1", "C": "1"},
    {"A": "-k1 * A + k3 * B * C", "B": "k1 * A - k3 * B * C - k2 * B ** 2", "C": "k2 * B ** 2"},
    outputs={"A": "A", "B": "B", "C": "C"},
    stiff=True,
)
# Stiff where binding is fast, which no declaration says.
BINDING = Model(
    "binding",
    "h",
    {"k": 1.0},
    {"D": "mg", "A": "mg", "B": "1"},
    {"D": "-D", "A": "D - 0.1 * A", "B": "k * (A - B) - B ** 2"},
    (Input("oral", "D"),),
    {"A": "A", "B": "B"},
)
# Full target-mediated disposition, binding a hundred times faster than in the library.
TMDD = library_model("tmdd_full")
TMDD = TMDD.with_values(kon=100 * TMDD.parameter("kon").value, koff=100 * TMDD.parameter("koff").value)
GRID = np.arange(0.0, 24.5, 3.0)
VARIED = pd.DataFrame({"Vmax": [3.0, 4.0, 2.0], "ka": [1.0, 0.5, 2.0]})


@cache
def on_processor(model: Model, name: str, bits: int = 64):
    """A function of a model: the code that becomes PTX, compiled for this processor."""
    module, machine = ptx._parsed(model, name, bits), _machine()
    module.triple = machine.triple
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    arrays = ptx.ARRAYS[name]
    numbers = [] if name in ("substitute", "speed") else [ctypes.c_double]
    result = ctypes.c_double if name == "speed" else ctypes.c_int32
    kind = ctypes.CFUNCTYPE(result, *numbers, *[ctypes.c_void_p] * arrays)
    call = kind(engine.get_function_address(ptx.symbol(name)))

    def function(*given):
        return call(*given[: len(numbers)], *[array.ctypes.data for array in given[len(numbers) :]])

    # The code lives as long as its engine.
    function.engine = engine
    return function


def on_simulator(problem: Problem, tolerances: Tolerances, jobs: int = 1) -> Solution:
    return engine.run(with_invariants(problem), tolerances, on_processor, threads=THREADS)


def on_simulator_float32(problem: Problem, tolerances: Tolerances, jobs: int = 1) -> Solution:
    return engine.run_float32(with_invariants(problem), tolerances, on_processor, threads=THREADS)


class Heard:
    """A solver that keeps what it found."""

    def __init__(self, solver: Callable):
        self.solver, self.found, self.problems = solver, [], []

    def __call__(self, problem: Problem, tolerances: Tolerances, jobs: int = 1) -> Solution:
        self.problems.append(problem)
        self.found.append(self.solver(problem, tolerances, jobs))
        return self.found[-1]


def heard_by(solver: Callable, *arguments, **options) -> Heard:
    """What `simulate` asks of a solver in the place of the kernel, and is given."""
    heard = Heard(solver)
    kernel.solve = heard
    try:
        simulate(*arguments, engine="kernel", **options)
    finally:
        kernel.solve = KERNEL
    return heard


def records():
    """Patients whose schedules have little in common."""
    return patients(
        boluses=[dose(0.0, 10, CMT=2, II=4, ADDL=2), seen([1.0, 4.0, 9.0, 13.0])],
        infusion=[dose(0.0, 30, RATE=5, CMT=2), seen([2.0, 6.0, 7.0])],
        steady=[dose(2.0, 10, II=12, SS=1, CMT=2), seen([2.0, 8.0, 14.0])],
        added=[dose(0.0, 5, CMT=2), dose(2.0, 4, II=12, SS=2, CMT=2), seen([1.0, 2.0, 3.0])],
        running=[dose(0.0, 30, RATE=2, II=12, SS=1, CMT=2), seen([1.0, 3.0, 5.0])],
        reset=[dose(0.0, 10, CMT=1), {"TIME": 5.0, "EVID": 3}, dose(6.0, 8, CMT=1), seen([4.0, 5.0, 7.0])],
        both=[dose(0.0, 10, CMT=1), dose(5.0, 20, EVID=4, CMT=2), seen([6.0, 8.0])],
        undosed=[seen([1.0])],
    )


def cases() -> dict[str, tuple]:
    transit = compartments(1, "transit", elimination="michaelis_menten")
    changing = patients(
        a=[dose(0.0, 10, CMT=2, Vmax=3.0), seen([1.0, 5.0], Vmax=3.0), seen([6.0, 12.0], Vmax=0.5)]
    )
    return {
        "oral": (SATURABLE, VARIED, "10 mg every 6 h for 3 doses", GRID),
        "lag and bioavailability": (
            SATURABLE,
            VARIED.assign(lag=1.3, F=0.7),
            "10 mg every 6 h for 3 doses",
            GRID,
        ),
        "absorption profile": (transit, None, "100 mg every 8 h for 2 doses", GRID),
        "baseline": (BASELINE, None, "50 mg", GRID),
        "schedules": (SATURABLE, records()),
        "parameters that change": (SATURABLE, changing),
        "failures": (
            BURSTING,
            pd.DataFrame({"a": [0.01, 0.1, np.nan, 0.02]}),
            None,
            GRID,
            Tolerances(1e-4, 1e-6),
        ),
        "stiff": (ROBERTSON, pd.DataFrame({"k1": [0.04, 0.03]}), None, np.array([0.4, 4.0, 40.0])),
        "found out to be stiff": (BINDING, pd.DataFrame({"k": [1.0, 300.0, 5000.0]}), "10 mg", GRID[:5]),
        "full TMDD": (TMDD, None, "350 mg", np.linspace(0, 504, 8)),
        "too many steps": (SATURABLE, VARIED, "10 mg", GRID, Tolerances(max_steps=5)),
    }


def compare(case: tuple, solver: Callable = on_simulator) -> dict:
    """A case by a solver and by the kernel."""
    *question, last = case
    options = {"tolerances": last} if isinstance(last, Tolerances) else {}
    question = question if options else case
    wanted = heard_by(KERNEL, *question, **options).found[-1]
    return difference(wanted, heard_by(solver, *question, **options).found[-1])


def with_flow() -> dict:
    """The second state moved by the slope of the first, as sensitivities are at times that move."""
    heard = heard_by(KERNEL, *cases()["oral"])
    problem = heard.problems[-1]
    line, kind = problem.timeline, problem.timeline.event_kind.copy()
    kind[1::3] = FLOW
    line = replace(line, event_kind=kind, event_target=np.zeros_like(kind), flow=np.array([[-0.3]]))
    problem = problem.replace(timeline=line)
    return difference(KERNEL(problem, Tolerances()), on_simulator(problem, Tolerances()))


def with_pivots_sought() -> dict:
    """An implicit step whose pivots are all taken to be unsafe."""
    case = cases()["stiff"]
    wanted, most = heard_by(KERNEL, *case).found[-1], sparse_lu.LARGEST_GROWTH
    sparse_lu.LARGEST_GROWTH = 0.0
    forget_code()
    found = heard_by(on_simulator, *case).found[-1]
    sparse_lu.LARGEST_GROWTH = most
    forget_code()
    return difference(wanted, found)


def forget_code() -> None:
    on_processor.cache_clear()
    device_run.kernel_for.cache_clear()


def with_sensitivities() -> dict:
    """States and sensitivities of a stiff model, and of one whose lag moves doses."""
    asked = (BINDING, pd.DataFrame({"k": [300.0]}), "10 mg", GRID[:3]), {"sensitivities": ["k"]}
    lagged = (SATURABLE, VARIED[:1].assign(lag=1.3), "10 mg", GRID[:3]), {"sensitivities": ["Vmax", "lag"]}
    return {
        name: difference(*(heard_by(solver, *case, **options).found[-1] for solver in (KERNEL, on_simulator)))
        for name, (case, options) in {
            "sensitivities, stiff": asked,
            "sensitivities, lag": lagged,
        }.items()
    }


def difference(wanted: Solution, found: Solution) -> dict:
    """Largest relative difference of the states, statuses and steps of both."""
    scale = np.nanmax(np.abs(wanted.states), axis=0) + 1e-300
    apart = np.abs(found.states - wanted.states)
    known = ~np.isnan(wanted.states)
    return {
        "difference": float((apart / (np.abs(wanted.states) + 1e-9 * scale))[known].max()),
        "same_places": bool((np.isnan(found.states) == np.isnan(wanted.states)).all()),
        "status": found.status.tolist(),
        "wanted_status": wanted.status.tolist(),
        "steps": int(found.steps.sum()),
        "wanted_steps": int(wanted.steps.sum()),
        "method": found.method.tolist(),
        "wanted_method": wanted.method.tolist(),
        "rounding": found.rounding,
    }


def recorded() -> dict:
    """Settings in the record of a simulation that names the engine."""
    engine.require_device = lambda: None
    engine.linked = on_processor
    found = simulate(SATURABLE, VARIED[:2], "10 mg", [1.0, 2.0], engine="cuda_float32")
    return dict(found.record.settings) | {"method": found.record.method}


def planted() -> dict[str, float]:
    """Differences with something wrong in the loop."""
    found = {}
    for name, value in (("BOLUS", -1), ("RATE", -1), ("STEADY", -1), ("REINITIALISE", -1), ("ADD", -1.0)):
        kept = getattr(device_timeline, name)
        setattr(device_timeline, name, value)
        found[name] = compare(cases()["schedules"])["difference"]
        setattr(device_timeline, name, kept)
    kept = tsit5.B5
    tsit5.B5 = kept * 1.001
    forget_code()
    found["B5"] = compare(cases()["oral"])["difference"]
    tsit5.B5 = kept
    kept = rodas5p.A[3, 1]
    rodas5p.A[3, 1] = kept * 1.1
    forget_code()
    found["A42"] = compare(cases()["full TMDD"])["difference"]
    rodas5p.A[3, 1] = kept
    return found


if __name__ == "__main__":
    np.seterr(all="ignore")
    results = {name: compare(case) for name, case in cases().items()}
    results["flow"] = with_flow()
    results["pivots sought"] = with_pivots_sought()
    results |= with_sensitivities()
    single = (*cases()["oral"], Tolerances(relative=1e-5, absolute=1e-7))
    results["float32"] = compare(single, on_simulator_float32)
    stiff = (*cases()["found out to be stiff"], Tolerances(relative=1e-5, absolute=1e-7))
    results["float32, stiff"] = compare(stiff, on_simulator_float32)
    print(json.dumps({"cases": results, "planted": planted(), "record": recorded()}))
