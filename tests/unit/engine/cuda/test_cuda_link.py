"""The whole kernel as machine code for a device, without one: compiled by NVIDIA's compiler, the model linked in."""

import importlib.util
import types

import pytest

from understudy.engine.cuda import cuda
from understudy.engine.cuda.ptx import right_hand_side_ptx
from understudy.engine.parameters import structural
from understudy.library.catalogue import model

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed"
)
PROCESSOR = (9, 0)


@pytest.fixture
def without_device(monkeypatch):
    """Device functions are compiled for a processor that is not here."""
    from numba.cuda import dispatcher

    stand_in = types.SimpleNamespace(compute_capability=PROCESSOR)
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: stand_in)


def signature(bits: int):
    from numba import float32, float64, int64
    from numba import types as kinds

    from understudy.engine.cuda.cuda_loop import DeviceFound, DeviceLine

    real = {64: float64, 32: float32}[bits]
    whole = {
        "event_start",
        "event_kind",
        "event_target",
        "seen_start",
        "seen_after",
        "first_row",
        "steady_row",
    }
    whole |= {"slots", "status", "steps"}
    time = {"event_time", "seen_time", "start_time", "failed_at"}
    tables = {"start", "initial", "steady", "table", "slots", "flow", "states"}

    def array(name: str):
        kind = int64 if name in whole else float64 if name in time else real
        return kinds.Array(kind, 2 if name in tables else 1, "C")

    line = kinds.NamedTuple([*map(array, DeviceLine._fields[:-1]), int64], DeviceLine)
    found = kinds.NamedTuple(list(map(array, DeviceFound._fields)), DeviceFound)
    return kinds.void(kinds.Array(int64, 1, "C"), float64, float64, int64, line, found)


def link(*codes: str) -> bytes:
    """Machine code of several pieces together."""
    linker = pytest.importorskip("cuda.bindings.nvjitlink", reason="NVIDIA's linker is not installed")
    handle = linker.create(1, ["-arch=sm_90"])
    for k, code in enumerate(codes):
        text = code.encode()
        linker.add_data(handle, linker.InputType.PTX, text, len(text), f"part {k}")
    linker.complete(handle)
    made = bytearray(linker.get_linked_cubin_size(handle))
    linker.get_linked_cubin(handle, made)
    return bytes(made)


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("name", ["myelosuppression", "one_compartment_oral"])
def test_kernel_and_model_link(without_device, name, bits):
    from numba import cuda as numba_cuda

    mechanism = structural(model(name))
    function = cuda.device_function.__wrapped__(mechanism, bits)
    kernel = cuda.kernel_for.__wrapped__(function, len(mechanism.states), len(mechanism.parameters), 1, bits)
    code, _ = numba_cuda.compile(kernel.py_func, signature(bits), device=False, cc=PROCESSOR, abi="numba")
    assert ".extern .func  (.param .b32 func_retval0) right_hand_side" in code
    assert link(code, right_hand_side_ptx(mechanism, bits))[:4] == b"\x7fELF"
    with pytest.raises(Exception, match=r"LINK|link|ERROR"):
        link(code)
