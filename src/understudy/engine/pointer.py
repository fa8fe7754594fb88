"""Calling a compiled model from a Numba loop, through its address."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def call_right_hand_side(typing_context, address, t, y, p, r, dy):
    """Call ``right_hand_side(t, y, p, r, dy)`` at `address`; the others are addresses of arrays of doubles."""
    signature = types.void(*[types.intp] * 6)

    def generate(context, builder, signature, arguments):
        target, *arrays = arguments
        pointer = ir.DoubleType().as_pointer()
        function = ir.FunctionType(ir.VoidType(), [pointer] * 5).as_pointer()
        builder.call(
            builder.inttoptr(target, function), [builder.inttoptr(array, pointer) for array in arrays]
        )
        return context.get_dummy_value()

    return signature, generate
