"""Lane sums: exponentials, products and sums of `WIDTH` numbers at once, as vector instructions inside a Numba loop.

Numbers side by side are given by the address of the first, as Numba's ``array.ctypes.data``.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from understudy.engine.code.vector_math import vector_function
from understudy.engine.kernel.lanes import WIDTH

LANE_BYTES = 8 * WIDTH
_DOUBLES = ir.VectorType(ir.DoubleType(), WIDTH)
_FLAGS = ("contract",)


def _spread(builder: ir.IRBuilder, number: ir.Value) -> ir.Value:
    """A number in every lane."""
    lanes = builder.insert_element(
        ir.Constant(_DOUBLES, ir.Undefined), number, ir.Constant(ir.IntType(32), 0)
    )
    return builder.shuffle_vector(
        lanes, lanes, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    )


def _operation(first: types.Type, combine: Callable[..., ir.Value]):
    """What writes ``combine(builder, a, b, c)`` where c is; the first is an address too, or a number for all lanes."""

    @intrinsic
    def operation(typing_context, a, b, c):
        def generate(context, builder, signature, arguments):
            places = [builder.inttoptr(x, _DOUBLES.as_pointer()) for x in arguments[first == types.float64 :]]
            values = [builder.load(place, align=8) for place in places]
            given = [_spread(builder, arguments[0]), *values] if first == types.float64 else values
            builder.store(combine(builder, *given), places[-1], align=8)
            return context.get_dummy_value()

        return types.void(first, types.intp, types.intp), generate

    return operation


def _times(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    return builder.fmul(a, b, flags=_FLAGS)


def _plus(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    return builder.fadd(a, b, flags=_FLAGS)


def _exponential(builder: ir.IRBuilder, rate: ir.Value, time: ir.Value, _: ir.Value) -> ir.Value:
    return builder.call(vector_function(builder.module, "exp"), [builder.fneg(builder.fmul(rate, time))])


# c = exp(-a b), c = a b and c = c + a b, with a number a.
set_exponentials = _operation(types.float64, _exponential)
set_multiple = _operation(types.float64, lambda builder, a, b, c: _times(builder, a, b))
add_multiple = _operation(types.float64, lambda builder, a, b, c: _plus(builder, c, _times(builder, a, b)))
# c = a b, c = c + a b and c = (a + b) c, lane by lane.
set_product = _operation(types.intp, lambda builder, a, b, c: _times(builder, a, b))
add_product = _operation(types.intp, lambda builder, a, b, c: _plus(builder, c, _times(builder, a, b)))
scale_by_sum = _operation(types.intp, lambda builder, a, b, c: _times(builder, _plus(builder, a, b), c))
