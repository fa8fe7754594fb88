"""Lane sums: exponentials and their sums at `WIDTH` times at once, as vector instructions inside a Numba loop.

Arrays are given by the address of their first double, as Numba's ``array.ctypes.data``.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from understudy.engine.lanes import WIDTH
from understudy.engine.vector_math import vector_function

LANE_BYTES = 8 * WIDTH
_DOUBLES = ir.VectorType(ir.DoubleType(), WIDTH)


def _spread(builder: ir.IRBuilder, number: ir.Value) -> ir.Value:
    """A number in every lane."""
    lanes = builder.insert_element(
        ir.Constant(_DOUBLES, ir.Undefined), number, ir.Constant(ir.IntType(32), 0)
    )
    return builder.shuffle_vector(
        lanes, lanes, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    )


def _at(builder: ir.IRBuilder, address: ir.Value) -> ir.Value:
    return builder.inttoptr(address, _DOUBLES.as_pointer())


@intrinsic
def set_exponentials(typing_context, rate, times, result):
    """Write ``exp(-rate * times)``."""

    def generate(context, builder, signature, arguments):
        rate, times, result = arguments
        exponents = builder.fneg(
            builder.fmul(_spread(builder, rate), builder.load(_at(builder, times), align=8))
        )
        values = builder.call(vector_function(builder.module, "exp"), [exponents])
        builder.store(values, _at(builder, result), align=8)
        return context.get_dummy_value()

    return types.void(types.float64, types.intp, types.intp), generate


@intrinsic
def add_product(typing_context, factor, values, total):
    """Add ``factor * values`` to the total."""

    def generate(context, builder, signature, arguments):
        factor, values, total = arguments
        product = builder.fmul(
            _spread(builder, factor), builder.load(_at(builder, values), align=8), flags=("contract",)
        )
        place = _at(builder, total)
        builder.store(
            builder.fadd(builder.load(place, align=8), product, flags=("contract",)), place, align=8
        )
        return context.get_dummy_value()

    return types.void(types.float64, types.intp, types.intp), generate
