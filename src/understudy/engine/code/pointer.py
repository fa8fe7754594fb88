"""Calling a compiled model from a Numba loop, through its address."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def call_right_hand_side(typing_context, address, t, y, p, r, dy):
    """Call ``right_hand_side(t, y, p, r, dy)`` at `address`; the others are addresses of arrays of doubles."""
    return types.void(*[types.intp] * 6), _call


@intrinsic
def call_readout(typing_context, address, t, y, p, out):
    """Call ``readout(t, y, p, out)`` at `address`; the others are addresses of arrays of doubles."""
    return types.void(*[types.intp] * 5), _call


@intrinsic
def call_factorise(typing_context, address, entries, step, scale, factors, unsafe):
    """Call ``factorise(entries, step, scale, factors, unsafe)`` of `sparse_lu` at `address`."""
    return types.void(*[types.intp] * 6), _call


@intrinsic
def call_substitute(typing_context, address, factors, right):
    """Call ``substitute(factors, right)`` of `sparse_lu` at `address`."""
    return types.void(*[types.intp] * 3), _call


@intrinsic
def call_speed(typing_context, address, entries, scale, fastest):
    """Call ``speed(entries, scale, fastest)`` of `sparse_lu` at `address`."""
    return types.void(*[types.intp] * 4), _call


def _call(context, builder, signature, arguments):
    """Code of a call of a function of pointers."""
    target, *arrays = arguments
    pointer = ir.DoubleType().as_pointer()
    function = ir.FunctionType(ir.VoidType(), [pointer] * len(arrays)).as_pointer()
    builder.call(builder.inttoptr(target, function), [builder.inttoptr(array, pointer) for array in arrays])
    return context.get_dummy_value()
