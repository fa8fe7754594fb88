"""PTX: a model's right-hand side as assembly for NVIDIA devices, one patient a call.

The equations are those of `codegen`, printed at width 1. No C library and no libdevice is called: every function
is written out (`vector_math`, `device_math`), so that what it computes is known to the last place.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import llvmlite.binding as llvm
from llvmlite import ir

from understudy.core.expression import TIME
from understudy.engine.code.codegen import RIGHT_HAND_SIDE, Printer, print_rates
from understudy.engine.code.device_math import device_function
from understudy.engine.code.vector_math import vector_function
from understudy.model.model import Model

_DOUBLE, _SINGLE = ir.DoubleType(), ir.FloatType()
_TRIPLE = "nvptx64-nvidia-cuda"
# The oldest devices that present tools still know. Newer ones run its code too: it is compiled again for each.
PROCESSOR = "sm_75"


class _DevicePrinter(Printer):
    """Prints without calls to any library."""

    intrinsics: Mapping[str, str] = {"sqrt": "sqrt", "abs": "fabs", "floor": "floor", "ceil": "ceil"}

    def elementary(self, name: str, *values: ir.Value) -> ir.Value:
        return self.called(name, vector_function(self.module, name, 1), values)

    def library(self, name: str, value: ir.Value) -> ir.Value:
        return self.called(name, device_function(self.module, name, _DOUBLE), (value,))

    def called(self, name: str, function: ir.Function, values: tuple[ir.Value, ...]) -> ir.Value:
        return self.once(
            (name, *(v.get_reference() for v in values)), lambda: self.builder.call(function, values)
        )


class _SinglePrinter(_DevicePrinter):
    """Prints 32-bit arithmetic. Functions are computed in 64 bits and rounded: there are few of them."""

    number_type = _SINGLE
    alignment = 4

    def called(self, name: str, function: ir.Function, values: tuple[ir.Value, ...]) -> ir.Value:
        def make() -> ir.Value:
            wide = [self.builder.fpext(value, _DOUBLE) for value in values]
            return self.builder.fptrunc(self.builder.call(function, wide), _SINGLE)

        return self.once((name, *(v.get_reference() for v in values)), make)


@lru_cache(maxsize=128)
def right_hand_side_ptx(model: Model, bits: int = 64) -> str:
    """PTX of ``right_hand_side(t, y, p, r, dy)``, a function that returns zero, a 32-bit integer.

    Parameters
    ----------
    model : Model
        Without absorption profiles.
    bits : {64, 32}
        Width of its numbers: a time by value, then pointers to states, parameters, infusion rates, and the derivatives
        to be written. Time has 64 bits always.

    Examples
    --------
    >>> decay = Model("decay", "h", {"k": 0.1}, {"A": "mg"}, {"A": "-k * A"})
    >>> [line for line in right_hand_side_ptx(decay).splitlines() if ".func" in line]
    ['.visible .func  (.param .b32 func_retval0) right_hand_side(']
    """
    module = llvm.parse_assembly(_code(model, bits))
    machine = _machine()
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(module, passes)
    return machine.emit_assembly(module)


def _code(model: Model, bits: int) -> str:
    kind, number = {64: (_DevicePrinter, _DOUBLE), 32: (_SinglePrinter, _SINGLE)}[bits]
    module, pointer = ir.Module(name="understudy"), ir.PointerType()
    module.triple = _TRIPLE
    # Kernels expect a number from every function they call.
    status = ir.IntType(32)
    function = ir.Function(module, ir.FunctionType(status, [_DOUBLE, *[pointer] * 4]), RIGHT_HAND_SIDE)
    builder = ir.IRBuilder(function.append_basic_block())
    time, y, p, r, dy = function.args
    slot = builder.alloca(number)
    builder.store(time if bits == 64 else builder.fptrunc(time, number), slot)
    places = {TIME: (slot, 0)}
    places |= {name: (y, k) for k, name in enumerate(model.state_names)}
    places |= {name: (p, k) for k, name in enumerate(model.parameter_names)}
    equations = {item.name: item.expression for item in model.assignments}
    print_rates(kind(module, builder, places, equations, 1), model, r, dy)
    builder.ret(status(0))
    return str(module)


def _machine() -> llvm.TargetMachine:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(_TRIPLE).create_target_machine(cpu=PROCESSOR, opt=3)
