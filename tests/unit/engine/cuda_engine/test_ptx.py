"""PTX of every library model: it is complete by itself and NVIDIA's assembler takes it."""

import ctypes
import re
import shutil
import subprocess
from itertools import product

import llvmlite.binding as llvm
import numpy as np
import pytest

from understudy.core.expression import FUNCTIONS
from understudy.engine.code import sparse_lu
from understudy.engine.code.compiler import _machine
from understudy.engine.cuda import ptx
from understudy.engine.cuda.ptx import elimination_of, symbol
from understudy.engine.kernel.rodas5p import GAMMA
from understudy.engine.parameters import structural
from understudy.library.catalogue import model, names
from understudy.model.event import Event
from understudy.model.model import Model

ASSEMBLER = shutil.which("ptxas")
needs_assembler = pytest.mark.skipif(ASSEMBLER is None, reason="NVIDIA's assembler ptxas is not on the PATH")


def assemble(code: str, folder) -> subprocess.CompletedProcess:
    (folder / "model.ptx").write_text(code)
    command = [ASSEMBLER, "-arch=sm_90", "-c", str(folder / "model.ptx"), "-o", str(folder / "model.cubin")]
    return subprocess.run(command, capture_output=True, text=True)


def everything() -> Model:
    """A model that uses each function of the language."""
    texts = [f"{name}(A)" for name, function in FUNCTIONS.items() if function.most == 1]
    texts += ["min(A, t)", "max(A, t)", "where(A > t, 1, t)", "piecewise(1, A < 1, 2, A < 2, 3)", "A ** t"]
    return Model("everything", "h", {}, {"A": "1"}, {"A": " + ".join(texts)})


# Functions of a model without events.
MECHANISM = ("right_hand_side", "jacobian", "factorise", "substitute", "speed")


def right_hand_side(mechanism: Model, bits: int = 64) -> str:
    return ptx.ptx(mechanism, "right_hand_side", bits)


def events() -> Model:
    """A model with events of all kinds."""
    refill = Event("refill", "A < low and t >= 2", {"A": "exp(A)"}, "lgamma(3 + A)", "sin(A)")
    spill = Event("spill", "not A < low", {"A": "low"})
    return Model("events", "h", {"low": 1.0}, {"A": "1"}, {"A": "-A"}, events=[refill, spill])


# In 32 bits some of them are enough: the printer is the same.
LIBRARY = [(name, 64) for name in names()] + [(name, 32) for name in names()[::5]]


@pytest.mark.parametrize(("name", "bits"), LIBRARY)
def test_library_models_need_nothing_from_outside(name, bits):
    mechanism = structural(model(name))
    for function in MECHANISM if bits == 64 else MECHANISM[:1]:
        code = ptx.ptx(mechanism, function, bits)
        # Only one function can be seen from outside.
        assert re.findall(r"\.visible .func.* (\w+)\(", code) == [symbol(function)]
        assert not re.findall(r"\.extern.*", code)


@pytest.mark.parametrize("bits", [64, 32])
def test_every_function_of_the_language(bits, tmp_path):
    for function in ("right_hand_side", "jacobian") if bits == 64 else ("right_hand_side",):
        code = ptx.ptx(everything(), function, bits)
        assert ".extern" not in code
        if ASSEMBLER:
            made = assemble(code, tmp_path)
            assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("function", ptx.FUNCTIONS)
def test_every_function_of_a_model_with_events(function, tmp_path):
    code = ptx.ptx(events(), function)
    assert ".extern" not in code
    if ASSEMBLER:
        made = assemble(code, tmp_path)
        assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("most_written_out", [0, 10**9])
def test_eliminations_written_out_and_looped(most_written_out, tmp_path, monkeypatch):
    monkeypatch.setattr(sparse_lu, "MOST_WRITTEN_OUT", most_written_out)
    for function in ("factorise", "substitute", "speed"):
        code = ptx.ptx.__wrapped__(structural(model("myelosuppression")), function)
        # Loops as short as these may be written out by the compiler after all, but for the longest.
        if function == "factorise":
            assert (".global" in code) == (most_written_out == 0)
        if ASSEMBLER:
            made = assemble(code, tmp_path)
            assert made.returncode == 0, made.stderr


@needs_assembler
@pytest.mark.parametrize("bits", [64, pytest.param(32, marks=pytest.mark.slow)])
def test_the_assembler_takes_all_library_models(bits, tmp_path):
    """All in one file, each under a name of its own: starting the assembler takes longest."""
    codes = []
    for k, (name, function) in enumerate(product(names(), MECHANISM if bits == 64 else MECHANISM[:1])):
        code = ptx.ptx(structural(model(name)), function, bits)
        head, body = code.split(".address_size 64")
        # Local names of one model may be those of another.
        codes.append(re.sub(r"\b(?:device|vector|one|factorise|substitute|speed)_", rf"f{k}_\g<0>", body))
        codes[-1] = codes[-1].replace("$L", f"$M{k}L")
    made = assemble(head + ".address_size 64" + "".join(codes), tmp_path)
    assert made.returncode == 0, made.stderr[:2000]


@needs_assembler
def test_the_assembler_refuses_what_is_wrong(tmp_path):
    code = right_hand_side(everything())
    assert assemble(code.replace("fma.rn.f64", "fma.rn.f65"), tmp_path).returncode != 0


def test_numbers_of_32_bits_have_no_64_bit_arithmetic_but_time_and_functions():
    plain = Model("m", "h", {"k": 1.0, "V": 2.0}, {"A": "mg"}, {"A": "-k * A / (V + A) + sqrt(A)"})
    assert ".f64" in right_hand_side(plain, 64)
    code = right_hand_side(plain, 32)
    assert not re.findall(r"(?:add|mul|fma|div|sqrt)\S*\.f64", code)
    assert "sqrt.rn.f32" in code


# Functions are good to 4 units; an equation has a few dozen operations, in 32 bits each good to 6e-8.
RELATIVE = {64: 1e-12, 32: 2e-5}


def on_processor(mechanism: Model, bits: int, given: dict[str, np.ndarray]) -> np.ndarray:
    """Rates by the code that becomes PTX, compiled for this processor instead."""
    module = ptx._parsed(mechanism, "right_hand_side", bits)
    module.triple = _machine().triple
    engine = llvm.create_mcjit_compiler(module, _machine())
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_double, *[ctypes.c_void_p] * 4)
    real = {64: np.float64, 32: np.float32}[bits]
    arrays = [np.ascontiguousarray(given[name], real) for name in ("y", "p", "r")]
    found = np.empty(len(mechanism.states), real)
    call = kind(engine.get_function_address(symbol("right_hand_side")))
    assert call(given["t"], *[array.ctypes.data for array in (*arrays, found)]) == 0
    return found.astype(float)


def rates(mechanism: Model, given: dict) -> tuple[np.ndarray, np.ndarray]:
    """Rates by evaluation, and the size of what is added up in them: the change with states 1 % larger."""

    def at(scale: float) -> np.ndarray:
        known = {"t": given["t"], **dict(zip(mechanism.parameter_names, given["p"], strict=True))}
        known |= dict(zip(mechanism.state_names, scale * given["y"], strict=True))
        for item in mechanism.ordered_assignments:
            known[item.name] = item.expression.evaluate(known)
        return np.array([float(rate.evaluate(known)) for rate in mechanism.rates]) + given["r"]

    exact = at(1.0)
    return exact, np.abs(exact) + 100 * np.abs(at(1.01) - exact) + given["r"]


@pytest.mark.parametrize(("name", "bits"), [("everything", 64), ("everything", 32), *LIBRARY])
def test_what_is_computed_is_what_the_model_says(name, bits):
    mechanism = everything() if name == "everything" else structural(model(name))
    rng = np.random.default_rng(2)
    count = len(mechanism.states)
    given = {"t": 1.25, "y": rng.uniform(0.1, 0.9, count), "r": rng.uniform(0, 1, count)}
    given["p"] = np.array([p.value for p in mechanism.parameters])
    exact, size = rates(mechanism, given)
    assert np.all(np.abs(on_processor(mechanism, bits, given) - exact) <= RELATIVE[bits] * size)


@pytest.mark.parametrize("name", names()[::5])
def test_an_implicit_step_s_equations_are_solved(name):
    """Jacobian, factors and solution by the code that becomes PTX, compiled for this processor, against NumPy's."""
    mechanism, step = structural(model(name)), 0.3
    rng, plan = np.random.default_rng(3), elimination_of(structural(model(name)))
    count = len(mechanism.states)
    y, p = rng.uniform(0.1, 0.9, count), np.array([q.value for q in mechanism.parameters], dtype=float)
    entries, by_time, factors = np.zeros(max(plan.rows.size, 1)), np.zeros(count), np.zeros(plan.room)
    call(mechanism, "jacobian", 1.25, y, p, entries, by_time)
    dense = np.zeros((count, count))
    dense[plan.rows, plan.columns] = entries[: plan.rows.size]
    np.testing.assert_allclose(dense, slopes(mechanism, y, p), rtol=1e-5, atol=1e-6 * np.abs(dense).max())
    assert call(mechanism, "factorise", step, entries, np.ones(count), factors) == 0
    right = rng.normal(size=count)
    found = right.copy()
    call(mechanism, "substitute", factors, found)
    matrix = np.eye(count) - step * GAMMA * dense
    # The matrices are well-conditioned: rounding, some hundred times.
    np.testing.assert_allclose(matrix @ found, right, rtol=1e-12, atol=1e-13)
    bound = np.abs(dense).sum(axis=1).max()
    np.testing.assert_allclose(call(mechanism, "speed", entries, np.ones(count)), bound, rtol=1e-14)


def call(mechanism: Model, function: str, *given: float | np.ndarray) -> float:
    """Call a function on this processor."""
    module = ptx._parsed(mechanism, function, 64)
    module.triple = _machine().triple
    engine = llvm.create_mcjit_compiler(module, _machine())
    engine.finalize_object()
    kinds = [ctypes.c_double if isinstance(item, float) else ctypes.c_void_p for item in given]
    result = ctypes.c_double if function == "speed" else ctypes.c_int32
    address = engine.get_function_address(symbol(function))
    values = [item if isinstance(item, float) else item.ctypes.data for item in given]
    return ctypes.CFUNCTYPE(result, *kinds)(address)(*values)


def slopes(mechanism: Model, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The Jacobian by central differences."""
    found, count = np.zeros((y.size, y.size)), y.size
    for k in range(count):
        step, sides = 1e-6 * np.eye(count)[k], []
        for moved in (y + step, y - step):
            out = np.zeros(count)
            call(mechanism, "right_hand_side", 1.25, moved, p, np.zeros(count), out)
            sides.append(out)
        found[:, k] = (sides[0] - sides[1]) / 2e-6
    return found
