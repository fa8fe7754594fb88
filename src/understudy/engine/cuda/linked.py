"""Linked: the functions of a model, from PTX, as functions that a kernel can call."""

from __future__ import annotations

from functools import lru_cache

from understudy.engine.code.sparse_lu import SPEED, SUBSTITUTE
from understudy.engine.cuda.ptx import ARRAYS, ptx, symbol
from understudy.model.model import Model


@lru_cache(maxsize=512)
def linked(model: Model, name: str, bits: int = 64):
    """A function of a model, one of `ptx.FUNCTIONS`: its arguments are numbers and arrays in a thread's own memory."""
    from numba import cuda, float32, float64, types

    arrays = ARRAYS[name]
    # A time or a step comes before the arrays.
    numbers = 0 if name in (SUBSTITUTE, SPEED) else 1
    pointer, result = (
        types.CPointer({64: float64, 32: float32}[bits]),
        float64 if name == SPEED else types.int32,
    )
    code = cuda.PTXSource(ptx(model, name, bits).encode())
    signature = result(*[float64] * numbers, *[pointer] * arrays)
    function = cuda.declare_device(symbol(name), signature, link=code, abi="c")
    return {2: _of_two, 3: _of_three, 4: _of_four}[arrays](function)


def _of_two(function):
    from numba import cuda

    from understudy.engine.cuda.cuda_pointer import pointer_to

    @cuda.jit(device=True)
    def call(a, b):
        return function(pointer_to(a), pointer_to(b))

    return call


def _of_three(function):
    from numba import cuda

    from understudy.engine.cuda.cuda_pointer import pointer_to

    @cuda.jit(device=True)
    def call(number, a, b, c):
        return function(number, pointer_to(a), pointer_to(b), pointer_to(c))

    return call


def _of_four(function):
    from numba import cuda

    from understudy.engine.cuda.cuda_pointer import pointer_to

    @cuda.jit(device=True)
    def call(number, a, b, c, d):
        return function(number, pointer_to(a), pointer_to(b), pointer_to(c), pointer_to(d))

    return call
