"""PTX of every library model: it is complete by itself and NVIDIA's assembler takes it."""

import ctypes
import re
import shutil
import subprocess

import llvmlite.binding as llvm
import numpy as np
import pytest

from understudy.core.expression import FUNCTIONS
from understudy.engine.code.compiler import _machine
from understudy.engine.cuda import ptx
from understudy.engine.cuda.ptx import right_hand_side_ptx
from understudy.engine.parameters import structural
from understudy.library.catalogue import model, names
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


# In 32 bits some of them are enough: the printer is the same.
LIBRARY = [(name, 64) for name in names()] + [(name, 32) for name in names()[::5]]


@pytest.mark.parametrize(("name", "bits"), LIBRARY)
def test_library_models_need_nothing_from_outside(name, bits):
    code = right_hand_side_ptx(structural(model(name)), bits)
    assert code.count(".visible .func  (.param .b32 func_retval0) right_hand_side(") == 1
    assert not re.findall(r"\.extern.*", code)


@pytest.mark.parametrize("bits", [64, 32])
def test_every_function_of_the_language(bits, tmp_path):
    code = right_hand_side_ptx(everything(), bits)
    assert ".extern" not in code
    if ASSEMBLER:
        made = assemble(code, tmp_path)
        assert made.returncode == 0, made.stderr


@needs_assembler
@pytest.mark.parametrize("bits", [64, pytest.param(32, marks=pytest.mark.slow)])
def test_the_assembler_takes_all_library_models(bits, tmp_path):
    """All in one file, each under a name of its own: starting the assembler takes longest."""
    codes = []
    for k, name in enumerate(names()):
        code = right_hand_side_ptx(structural(model(name)), bits).replace("right_hand_side", f"model_{k}")
        head, body = code.split(".address_size 64")
        # Local names of one model may be those of another.
        codes.append(
            body.replace("device_", f"device_{k}_")
            .replace("vector_", f"vector_{k}_")
            .replace("$L", f"$M{k}L")
        )
    made = assemble(head + ".address_size 64" + "".join(codes), tmp_path)
    assert made.returncode == 0, made.stderr[:2000]


@needs_assembler
def test_the_assembler_refuses_what_is_wrong(tmp_path):
    code = right_hand_side_ptx(everything())
    assert assemble(code.replace("fma.rn.f64", "fma.rn.f65"), tmp_path).returncode != 0


def test_numbers_of_32_bits_have_no_64_bit_arithmetic_but_time_and_functions():
    plain = Model("m", "h", {"k": 1.0, "V": 2.0}, {"A": "mg"}, {"A": "-k * A / (V + A) + sqrt(A)"})
    assert ".f64" in right_hand_side_ptx(plain, 64)
    code = right_hand_side_ptx(plain, 32)
    assert not re.findall(r"(?:add|mul|fma|div|sqrt)\S*\.f64", code)
    assert "sqrt.rn.f32" in code


# Functions are good to 4 units; an equation has a few dozen operations, in 32 bits each good to 6e-8.
RELATIVE = {64: 1e-12, 32: 2e-5}


def on_processor(mechanism: Model, bits: int, given: dict[str, np.ndarray]) -> np.ndarray:
    """Rates by the code that becomes PTX, compiled for this processor instead."""
    module = llvm.parse_assembly(ptx._code(mechanism, bits).replace(ptx._TRIPLE, _machine().triple))
    engine = llvm.create_mcjit_compiler(module, _machine())
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_double, *[ctypes.c_void_p] * 4)
    real = {64: np.float64, 32: np.float32}[bits]
    arrays = [np.ascontiguousarray(given[name], real) for name in ("y", "p", "r")]
    found = np.empty(len(mechanism.states), real)
    call = kind(engine.get_function_address("right_hand_side"))
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
