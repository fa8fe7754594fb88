"""PTX of every library model: it is complete by itself and NVIDIA's assembler takes it."""

import re
import shutil
import subprocess

import pytest

from understudy.core.expression import FUNCTIONS
from understudy.engine.parameters import structural
from understudy.engine.ptx import right_hand_side_ptx
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


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("name", names())
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
@pytest.mark.parametrize("bits", [64, 32])
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
