"""Where an array lies, for functions that are linked into a CUDA kernel."""

from __future__ import annotations

from numba import types
from numba.cuda.extending import intrinsic


@intrinsic
def pointer_to(typing_context, array):
    """The address of an array's first element."""
    signature = types.CPointer(array.dtype)(array)

    def generate(context, builder, signature, arguments):
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return signature, generate
