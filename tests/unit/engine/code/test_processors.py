"""Whole models compiled for narrower and wider registers than this machine has: eight lanes, the same numbers."""

import ctypes
import platform

import llvmlite.binding as llvm
import numpy as np
import pytest

from understudy.core.expression import FUNCTIONS
from understudy.engine.code.codegen import LIBRARY, RIGHT_HAND_SIDE, right_hand_side
from understudy.engine.code.compiler import _machine
from understudy.engine.kernel.lanes import WIDTH
from understudy.engine.parameters import structural
from understudy.library.catalogue import model
from understudy.model.model import Model

pytestmark = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="these are the widths of x86-64 processors"
)
# With and without fused multiplication: roundings differ, over the few dozen operations of an equation.
RELATIVE = 1e-12
FEATURES = {"sse2": "", "avx2": "+avx2,+fma", "avx512": "+avx2,+fma,+avx512f,+avx512dq,+avx512vl"}
# Registers that code must use and those it must not.
REGISTERS = {"sse2": ("xmm", "ymm"), "avx2": ("ymm", "zmm"), "avx512": ("zmm", None)}
OF_ONE = [name for name, function in FUNCTIONS.items() if function.most == 1]
NAMES = ["two_compartment_oral", "turnover", "myelosuppression", "tmdd_full", "tmdd_quasi_steady_state"]


def everything() -> Model:
    """A model that uses each function of the language."""
    texts = [f"{name}(A / 10)" for name in OF_ONE] + ["max(A, t)", "where(A > 3, 1, t)", "A ** t"]
    rates = {"A": " + ".join(texts), "B": "-B ** 3 + A ** -0.5"}
    return Model("everything", "h", {"k": 1.0}, {"A": "1", "B": "1"}, rates)


MODELS = {"everything": everything, **{name: lambda name=name: structural(model(name)) for name in NAMES}}


@pytest.fixture(scope="module", params=FEATURES)
def processor(request):
    """Name of a processor that this machine can act as."""
    here = {name for name, on in llvm.get_host_cpu_features().items() if on}
    missing = {name for name in FEATURES[request.param].replace("+", "").split(",") if name} - here
    if missing:
        pytest.skip(f"this processor has no {', '.join(sorted(missing))}")
    return request.param


def machine_of(processor: str) -> llvm.TargetMachine:
    return llvm.Target.from_triple(_machine().triple).create_target_machine(
        cpu="x86-64", features=FEATURES[processor], opt=2, jit=True
    )


def compiled(mechanism: Model, processor: str) -> tuple[llvm.ExecutionEngine, str]:
    """The code of a model for a processor, and as assembly."""
    machine, module = machine_of(processor), llvm.parse_assembly(right_hand_side(mechanism))
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(module, passes)
    assembly = machine.emit_assembly(module)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine, assembly


def drawn(mechanism: Model) -> dict[str, np.ndarray]:
    """Times, states, parameters and infusion rates of eight patients."""
    rng = np.random.default_rng(9)
    values = np.array([p.value for p in mechanism.parameters])
    states, parameters = len(mechanism.states), np.exp(0.2 * rng.standard_normal((values.size, WIDTH)))
    infused = rng.uniform(0, 1, (states, WIDTH))
    return {
        "t": rng.uniform(0.5, 2.0, WIDTH),
        "y": rng.uniform(1.0, 9.0, (states, WIDTH)),
        "p": np.ascontiguousarray(values[:, None] * parameters),
        "r": infused,
    }


def wanted_rates(mechanism: Model, given: dict[str, np.ndarray]) -> np.ndarray:
    known = {"t": given["t"]}
    known |= dict(zip(mechanism.state_names, given["y"], strict=True))
    known |= dict(zip(mechanism.parameter_names, given["p"], strict=True))
    for item in mechanism.ordered_assignments:
        known[item.name] = item.expression.evaluate(known)
    return np.array([rate.evaluate(known) for rate in mechanism.rates]) + given["r"]


@pytest.mark.parametrize("name", MODELS)
def test_every_register_width_gives_the_same_rates(name, processor):
    mechanism = MODELS[name]()
    engine, assembly = compiled(mechanism, processor)
    used, unused = REGISTERS[processor]
    assert used in assembly
    assert unused is None or unused not in assembly
    given, found = drawn(mechanism), np.empty((len(mechanism.states), WIDTH))
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5)(engine.get_function_address(RIGHT_HAND_SIDE))
    call(*[array.ctypes.data for array in (*given.values(), found)])
    np.testing.assert_allclose(found, wanted_rates(mechanism, given), rtol=RELATIVE)


def test_every_function_that_is_called_lane_by_lane_is_in_the_model():
    assert {*LIBRARY} <= {*OF_ONE}
