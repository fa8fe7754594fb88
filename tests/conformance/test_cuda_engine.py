"""The CUDA engine against the reference engine, where there is a device.

Every library model, stiff models, models whose states trigger events, sensitivities and steady states. A kernel is
compiled for each model, by some seconds: with pytest-xdist, ``-n 4`` has that done side by side.
"""

import importlib.util

import numpy as np
import pandas as pd
import pytest
from test_engines import ENTRIES, EXACT, errors, three_patients

from understudy.core.random import normals
from understudy.engine.code import sparse_lu
from understudy.engine.cuda import device_run, linked
from understudy.engine.cuda.ptx import ptx
from understudy.engine.problem import Tolerances
from understudy.engine.simulate import simulate
from understudy.library.catalogue import model
from understudy.model.event import Event
from understudy.model.model import Model
from understudy.model.parts import Input


def has_device() -> bool:
    if importlib.util.find_spec("numba_cuda") is None:
        return False
    from numba import cuda

    return cuda.is_available()


pytestmark = pytest.mark.skipif(not has_device(), reason="there is no NVIDIA device with numba-cuda here")
# Steps are held to 1e-5 there, and observations between them are read one order lower.
FLOAT32 = 1e-3
IN_32_BITS = set(list(ENTRIES)[::5])


@pytest.mark.parametrize("name", ENTRIES)
def test_cuda_agrees_with_the_reference_engine(name):
    entry, patients = ENTRIES[name], three_patients(ENTRIES[name])
    question = (model(name), patients, entry.regimen, entry.times)
    reference = simulate(*question, engine="reference")
    found = simulate(*question, engine="cuda", tolerances=EXACT)
    assert max(errors(found.raise_failures(), reference).values()) < 1, errors(found, reference)
    if name in IN_32_BITS:
        single = simulate(*question, engine="cuda_float32").raise_failures()
        for output in reference.outputs:
            wanted = reference[output].values
            assert np.abs(single[output].values - wanted).max() <= FLOAT32 * np.abs(wanted).max()


ROBERTSON = Model(
    "robertson",
    "s",
    {"k1": 0.04, "k2": 3e7, "k3": 1e4},
    {"A": ("1", 1.0), "B": "1", "C": "1"},
    {"A": "-k1 * A + k3 * B * C", "B": "k1 * A - k3 * B * C - k2 * B ** 2", "C": "k2 * B ** 2"},
    outputs={"A": "A", "B": "B", "C": "C"},
    stiff=True,
)
# Stiff where binding is fast.
BINDING = Model(
    "binding",
    "h",
    {"k": 1.0},
    {"D": "mg", "A": "mg", "B": "1"},
    {"D": "-D", "A": "D - 0.1 * A", "B": "k * (A - B) - B ** 2"},
    (Input("oral", "D"),),
    {"A": "A", "B": "B"},
)


def mixing(count: int) -> Model:
    """Substances each of which reacts with each, by rate constants of six decades: no entry of its Jacobian is zero."""
    names = [f"x{i}" for i in range(count)]
    speed = {
        (i, j): 10.0 ** (6 * ((7 * i + 3 * j) % count) / count - 3) for i in range(count) for j in range(i)
    }
    speed |= {(j, i): value for (i, j), value in speed.items()}
    rates = {
        f"x{i}": " + ".join(f"{speed[i, j]:.6g} * (x{j} - x{i} * (1 + x{i}))" for j in range(count) if j != i)
        for i in range(count)
    }
    starts = {name: ("1", 1.0 + k) for k, name in enumerate(names)}
    return Model("mixing", "h", {}, starts, rates, outputs={"first": "x0", "last": names[-1]})


def fast_binding() -> Model:
    """Full target-mediated disposition, binding a hundred times faster than in the library."""
    full = model("tmdd_full")
    return full.with_values(kon=100 * full.parameter("kon").value, koff=100 * full.parameter("koff").value)


STIFF = {
    "robertson": (ROBERTSON, pd.DataFrame({"k1": [0.04, 0.03]}), None, np.logspace(-1, 5, 13)),
    "binding": (BINDING, pd.DataFrame({"k": [1.0, 300.0, 1e3, 1e5]}), "10 mg", np.arange(1.0, 30)),
    "full TMDD": (fast_binding(), None, "350 mg every 504 h for 2 doses", np.linspace(1, 1008, 25)),
    # The equations of its implicit steps are solved by loops over tables.
    "mixing": (mixing(16), None, None, np.logspace(-4, 1, 11)),
}  # fmt: skip


@pytest.mark.parametrize("name", STIFF)
def test_stiff_models_agree_with_the_reference_engine(name):
    question = STIFF[name]
    reference = simulate(*question, engine="reference")
    found = simulate(*question, engine="cuda", tolerances=EXACT)
    assert max(errors(found.raise_failures(), reference).values()) < 1, errors(found, reference)


def test_patients_change_methods_as_they_do_in_the_kernel():
    question = (BINDING, *STIFF["binding"][1:])
    kernel, found = (simulate(*question, engine=name).record.settings for name in ("kernel", "cuda"))
    counted = [name for name in kernel if "method" in name]
    assert len(counted) == 2
    assert {name: found[name] for name in counted} == {name: kernel[name] for name in counted}


def test_a_patient_s_numbers_depend_on_no_other_patient():
    table = pd.DataFrame({"k": 10.0 ** (2.0 + normals(1, "binding", np.arange(2000), 1)[:, 0])})

    def levels(chosen: pd.DataFrame) -> np.ndarray:
        return (
            simulate(BINDING, chosen, "10 mg", [1.0, 5.0, 20.0], engine="cuda").raise_failures()["B"].values
        )

    found = levels(table)
    np.testing.assert_array_equal(levels(table.iloc[::-1]), found[::-1])
    np.testing.assert_array_equal(levels(table.iloc[7:8])[0], found[7])


def test_pivots_are_sought_where_those_chosen_beforehand_are_unsafe(monkeypatch):
    wanted = simulate(*STIFF["robertson"], engine="cuda")
    monkeypatch.setattr(sparse_lu, "LARGEST_GROWTH", 0.0)
    made = (ptx, linked.linked, device_run.kernel_for)
    for function in made:
        function.cache_clear()
    found = simulate(*STIFF["robertson"], engine="cuda").raise_failures()
    for function in made:
        function.cache_clear()
    for name in wanted.outputs:
        # The same steps but for rounding, which an error estimate may pass on to the next step's length.
        np.testing.assert_allclose(found[name].values, wanted[name].values, rtol=1e-9)
        assert (found[name].values != wanted[name].values).any()


BALL = Model(
    "ball", "s", {"g": 9.81, "e": 0.8}, {"h": ("1", 10), "v": "1"}, {"h": "v", "v": "-g"}, outputs={"h": "h", "v": "v"},
    events={"bounce": ("h <= 0 and v < 0", {"v": "-e * v"})},
)  # fmt: skip
# Doses by feedback, some of them late, cancelled, of equal and unequal priority, and a parameter that changes.
WARD = Model(
    "ward", "h", {"k": 0.3, "low": 2.0, "dose": 10.0}, {"A": ("1", 9.0), "n": "1", "late": "1"},
    {"A": "-k * A", "n": "0", "late": "-0.1 * late"}, outputs={"A": "A", "n": "n", "late": "late"},
    events=[
        Event("refill", "A < low", {"A": "A + dose", "n": "n + 1"}, delay="0.25", priority="1"),
        Event("count", "A < low", {"late": "late + A"}, delay="0.25", priority="2"),
        Event("cancelled", "A < low", {"n": "100"}, delay="2", persistent=False),
        Event("lower", "n >= 3", {"dose": "5"}),
        Event("toss", "t >= 7", {"late": "late + 1"}, priority="1", ties="random"),
        Event("again", "t >= 7", {"late": "late * 2"}, priority="1", ties="random"),
    ],
)  # fmt: skip
SWITCHED = Model(
    "switched", "h", {"fast": 1e4}, {"x": ("1", 0.0), "y": "1", "n": "1"},
    {"x": "1", "y": "fast * (cos(x) - y)", "n": "0"}, outputs={"y": "y", "n": "n"}, stiff=True,
    events={"crossed": ("y < 0", {"n": "n + 1"})},
)  # fmt: skip
EVENTS = {
    "ball": (BALL, pd.DataFrame({"e": [0.8, 0.6]}), None, np.linspace(0, 5, 21)),
    "ward": (WARD, pd.DataFrame({"k": [0.3, 0.5, 0.1]}), None, np.linspace(0, 24, 49) + 0.01),
    "stiff": (SWITCHED, None, None, np.linspace(0.1, 12, 20)),
}


@pytest.mark.parametrize("name", EVENTS)
def test_models_with_events_agree_with_the_reference_engine(name):
    question = EVENTS[name]
    reference = simulate(*question, engine="reference")
    found = simulate(*question, engine="cuda", tolerances=EXACT)
    assert max(errors(found.raise_failures(), reference).values()) < 1, errors(found, reference)


@pytest.mark.parametrize("name", ["two_compartment_lag_michaelis_menten", "full TMDD"])
def test_sensitivities_are_those_of_the_kernel(name):
    stiff = name == "full TMDD"
    asked = ["kon", "CL"] if stiff else ["Vmax", "tlag"]
    question = (
        fast_binding() if stiff else model(name),
        None,
        "100 mg every 24 h for 2 doses",
        [1.3, 9.0, 25.0, 40.0],
    )
    how = {"sensitivities": asked, "tolerances": Tolerances(1e-10, 1e-12)}
    wanted, found = (
        simulate(*question, engine=engine, **how).raise_failures() for engine in ("kernel", "cuda")
    )
    assert len(wanted.outputs) >= 1 + len(asked)
    for output in wanted.outputs:
        exact = wanted[output].values
        np.testing.assert_allclose(found[output].values, exact, rtol=1e-6, atol=1e-8 * np.abs(exact).max())


def test_steady_states_are_those_of_the_kernel():
    question = (
        model("two_compartment_oral_michaelis_menten"), None, "10 mg every 12 h at steady state", np.linspace(1, 24, 8)
    )  # fmt: skip
    wanted, found = (simulate(*question, engine=engine, tolerances=EXACT) for engine in ("kernel", "cuda"))
    assert max(errors(found.raise_failures(), wanted).values()) < 1
