"""PTX: the functions of a model as assembly for NVIDIA devices, one patient a call.

They are those of `codegen`, `jacobian`, `sparse_lu` and `event_code`, printed at width 1. No C library and no libdevice
is called: every function is written out (`vector_math`, `device_math`), so that what it computes is known to the last
place.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import llvmlite.binding as llvm
from llvmlite import ir

from understudy.engine.code.codegen import RIGHT_HAND_SIDE, Printer, print_right_hand_side
from understudy.engine.code.device_math import device_function
from understudy.engine.code.event_code import CHANGES, CONDITIONS, DIFFERENCES, event_code
from understudy.engine.code.jacobian import JACOBIAN, jacobian, print_jacobian
from understudy.engine.code.pivots import Elimination, eliminate
from understudy.engine.code.sparse_lu import FACTORISE, SPEED, SUBSTITUTE, sparse_lu
from understudy.engine.code.vector_math import vector_function
from understudy.engine.kernel.rodas5p import GAMMA
from understudy.model.model import Model

_DOUBLE, _SINGLE = ir.DoubleType(), ir.FloatType()
_TRIPLE = "nvptx64-nvidia-cuda"
# The oldest devices that present tools still know. Newer ones run its code too: it is compiled again for each.
PROCESSOR = "sm_75"

# How a kernel calls each function, by the name it has in its own code. Kernels expect a number from all they call.
_AT_A_TIME = """
define i32 @{symbol}(double %t, {declared}) {{
  %at = alloca {number}
  {rounding}
  store {number} %time, ptr %at
  call void @{name}(ptr %at, {given})
  ret i32 0
}}
"""
_FACTORISE = """
define i32 @{symbol}(double %step, ptr %entries, ptr %scale, ptr %factors) {{
  %taken = alloca double
  %mark = alloca double
  store double %step, ptr %taken
  call void @{name}(ptr %entries, ptr %taken, ptr %scale, ptr %factors, ptr %mark)
  %found = load double, ptr %mark
  %unsafe = fcmp ogt double %found, 0.0
  %whole = zext i1 %unsafe to i32
  ret i32 %whole
}}
"""
_SUBSTITUTE = """
define i32 @{symbol}(ptr %factors, ptr %right) {{
  call void @{name}(ptr %factors, ptr %right)
  ret i32 0
}}
"""
_SPEED = """
define double @{symbol}(ptr %entries, ptr %scale) {{
  %room = alloca double
  call void @{name}(ptr %entries, ptr %scale, ptr %room)
  %found = load double, ptr %room
  ret double %found
}}
"""
_ELIMINATION = {FACTORISE: _FACTORISE, SUBSTITUTE: _SUBSTITUTE, SPEED: _SPEED}
# Arrays that each function is given.
ARRAYS = {
    RIGHT_HAND_SIDE: 4, JACOBIAN: 4, DIFFERENCES: 3, CONDITIONS: 3, CHANGES: 3, FACTORISE: 3, SUBSTITUTE: 2, SPEED: 2,
}  # fmt: skip
FUNCTIONS = tuple(ARRAYS)


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


@lru_cache(maxsize=512)
def ptx(model: Model, name: str, bits: int = 64) -> str:
    """PTX of a function of a model, one of `FUNCTIONS`, under the name that `symbol` says.

    All arrays are pointers to doubles, and lie as the function's own module says.

    - ``right_hand_side(t, y, p, r, dy)``, ``jacobian(t, y, p, j, dt)``, and ``differences``, ``conditions`` and
      ``changes(t, y, p, out)`` return zero; time is a number.
    - ``factorise(step, entries, scale, factors)`` returns 1 where the pivots are not safe, else 0; the step is a
      number.
    - ``substitute(factors, right)`` returns zero, ``speed(entries, scale)`` what it finds.

    Parameters
    ----------
    model : Model
        Without absorption profiles.
    name : str
    bits : {64, 32}
        Width of the numbers in arrays, 32 for the right-hand side only. Time has 64 bits always.

    Examples
    --------
    >>> decay = Model("decay", "h", {"k": 0.1}, {"A": "mg"}, {"A": "-k * A"})
    >>> [line for line in ptx(decay, "right_hand_side").splitlines() if ".visible" in line]
    ['.visible .func  (.param .b32 func_retval0) one_right_hand_side(']
    """
    module = _parsed(model, name, bits)
    machine = _machine()
    module.triple, module.data_layout = _TRIPLE, str(machine.target_data)
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(module, passes)
    return machine.emit_assembly(module)


def symbol(name: str) -> str:
    """What a function is called in PTX."""
    return f"one_{name}"


@lru_cache(maxsize=512)
def elimination_of(model: Model) -> Elimination:
    """How the equations of an implicit step of a model are solved."""
    slopes = jacobian(model)
    return eliminate(len(model.states), slopes.rows, slopes.columns)


def _parsed(model: Model, name: str, bits: int) -> llvm.ModuleRef:
    """The code of a function, all others hidden, so that only what it needs is kept."""
    module = llvm.parse_assembly(_code(model, name, bits) + _call(name, bits))
    for function in module.functions:
        if not function.is_declaration and function.name != symbol(name):
            function.linkage = llvm.Linkage.internal
    return module


def _code(model: Model, name: str, bits: int) -> str:
    kind = {64: _DevicePrinter, 32: _SinglePrinter}[bits]
    if name == RIGHT_HAND_SIDE:
        return str(print_right_hand_side(model, 1, kind).module)
    if name == JACOBIAN:
        return str(print_jacobian(model, 1, kind)[0].module)
    if name in _ELIMINATION:
        code = sparse_lu(elimination_of(model), GAMMA, 1)
        # In several parts it is too long to be one.
        return code if f"@{name}_1(" in code else code.replace(") noinline {", ") {")
    return event_code(model, 1, kind)


def _call(name: str, bits: int) -> str:
    if name in _ELIMINATION:
        return _ELIMINATION[name].format(symbol=symbol(name), name=name)
    arrays = [f"ptr %a{k}" for k in range(ARRAYS[name])]
    number = {64: "double", 32: "float"}[bits]
    rounding = "%time = fptrunc double %t to float" if bits == 32 else "%time = fadd double %t, -0.0"
    given = ", ".join(arrays)
    return _AT_A_TIME.format(
        symbol=symbol(name), name=name, declared=given, given=given, number=number, rounding=rounding
    )


def _machine() -> llvm.TargetMachine:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(_TRIPLE).create_target_machine(cpu=PROCESSOR, opt=3)
