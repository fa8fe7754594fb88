"""Operations on eight lanes, written into Numba's loops as LLVM vectors.

Numba's own loops over small arrays are slowed down by checks whether arrays overlap. An operation says what is to be
done with the vectors and rows of a working space (see `lane_space`); it is printed where it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from understudy.engine.kernel.lane_space import ROWS_BEGIN
from understudy.engine.kernel.lanes import WIDTH as W

_DOUBLE, _WORD, _BIT = ir.DoubleType(), ir.IntType(64), ir.IntType(1)
_VECTOR, _WORDS, _BITS = (ir.VectorType(kind, W) for kind in (_DOUBLE, _WORD, _BIT))
# Fusing a multiplication with an addition rounds once instead of twice; nothing else is loosened.
_FLAGS = ("contract",)
# x^(-1/5) from the bits of x: 6/5 of the exponent's bias, less what makes the first guess right on average.
_ROOT_GUESS = int(1.2 * (1023 - 0.0450465) * 2**52)


class Vector:
    """Eight doubles, or eight truth values, under construction."""

    __slots__ = ("builder", "value")

    def __init__(self, builder: ir.IRBuilder, value: ir.Value):
        self.builder, self.value = builder, value

    def _of(self, other: float | Vector) -> ir.Value:
        return other.value if isinstance(other, Vector) else ir.Constant(_VECTOR, [float(other)] * W)

    def _do(self, operation: str, other: float | Vector, turned: bool = False) -> Vector:
        pair = (self._of(other), self.value) if turned else (self.value, self._of(other))
        return Vector(self.builder, getattr(self.builder, operation)(*pair, flags=_FLAGS))

    def __add__(self, other: float | Vector) -> Vector:
        return self._do("fadd", other)

    def __sub__(self, other: float | Vector) -> Vector:
        return self._do("fsub", other)

    def __mul__(self, other: float | Vector) -> Vector:
        return self._do("fmul", other)

    def __truediv__(self, other: float | Vector) -> Vector:
        return self._do("fdiv", other)

    def __radd__(self, other: float) -> Vector:
        return self._do("fadd", other, turned=True)

    def __rsub__(self, other: float) -> Vector:
        return self._do("fsub", other, turned=True)

    def __rtruediv__(self, other: float) -> Vector:
        return self._do("fdiv", other, turned=True)

    __rmul__ = __mul__

    def _test(self, sign: str, other: float | Vector) -> Vector:
        return Vector(self.builder, self.builder.fcmp_ordered(sign, self.value, self._of(other)))

    def __lt__(self, other: float | Vector) -> Vector:
        return self._test("<", other)

    def __le__(self, other: float | Vector) -> Vector:
        return self._test("<=", other)

    def __gt__(self, other: float | Vector) -> Vector:
        return self._test(">", other)

    def __ge__(self, other: float | Vector) -> Vector:
        return self._test(">=", other)

    def same(self, other: float | Vector) -> Vector:
        """Truth values of equality."""
        return self._test("==", other)

    def undefined(self) -> Vector:
        """Truth values of not being a number."""
        return Vector(self.builder, self.builder.fcmp_unordered("uno", self.value, self.value))

    def __and__(self, other: Vector) -> Vector:
        return Vector(self.builder, self.builder.and_(self.value, other.value))

    def __or__(self, other: Vector) -> Vector:
        return Vector(self.builder, self.builder.or_(self.value, other.value))

    def __invert__(self) -> Vector:
        return Vector(self.builder, self.builder.not_(self.value))

    def where(self, condition: Vector, other: float | Vector) -> Vector:
        """This where the condition holds, else `other`."""
        return Vector(self.builder, self.builder.select(condition.value, self.value, self._of(other)))

    def __abs__(self) -> Vector:
        bits = self.builder.bitcast(self.value, _WORDS)
        kept = self.builder.and_(bits, ir.Constant(_WORDS, [2**63 - 1] * W))
        return Vector(self.builder, self.builder.bitcast(kept, _VECTOR))

    def largest(self, other: float | Vector) -> Vector:
        """The larger of two; `other` where this is not a number."""
        return self.where(self > other, other)

    def least(self, other: float | Vector) -> Vector:
        """The smaller of two; `other` where this is not a number."""
        return self.where(self < other, other)

    def as_number(self) -> Vector:
        """1 for true, 0 for false."""
        return Vector(self.builder, self.builder.uitofp(self.value, _VECTOR))

    def inverse_fifth_root(self) -> Vector:
        """``x ** -0.2`` of positive finite numbers, to 1e-4: a guess from the bits and two steps of Newton's."""
        bits = self.builder.bitcast(self.value, _WORDS)
        shift = lambda value, by: self.builder.lshr(value, ir.Constant(_WORDS, [by] * W))  # noqa: E731
        # A fifth as 3/16 (1 + 1/16) (1 + 1/256) (1 + 1/65536).
        fifth = shift(bits, 4)
        fifth = self.builder.add(fifth, self.builder.add(fifth, fifth))
        for by in (4, 8, 16):
            fifth = self.builder.add(fifth, shift(fifth, by))
        guess = self.builder.sub(ir.Constant(_WORDS, [_ROOT_GUESS] * W), fifth)
        root = Vector(self.builder, self.builder.bitcast(guess, _VECTOR))
        for _ in range(2):
            square = root * root
            root = root * (1.2 - self * (square * square * root) * 0.2)
        return root

    def bits(self) -> ir.Value:
        """Truth values as the lowest eight bits of a whole number."""
        return self.builder.zext(self.builder.bitcast(self.value, ir.IntType(W)), _WORD)


class Code:
    """An operation being printed: its working space and the state that a loop stands at."""

    def __init__(self, builder: ir.IRBuilder, space: ir.Value, size: ir.Value):
        self.builder, self.size, self.state = builder, size, None
        self.space = builder.inttoptr(space, _DOUBLE.as_pointer())

    def _place(self, offset: ir.Value) -> ir.Value:
        place = self.builder.gep(self.space, [offset])
        return self.builder.bitcast(place, _VECTOR.as_pointer())

    def _vector(self, which: int) -> ir.Value:
        return self._place(ir.Constant(_WORD, which))

    def _row(self, which: int) -> ir.Value:
        begin = self.builder.mul(self.size, ir.Constant(_WORD, which))
        begin = self.builder.add(begin, ir.Constant(_WORD, ROWS_BEGIN))
        return self._place(self.builder.add(begin, self.state))

    def lane(self, which: int) -> Vector:
        """A vector of the space."""
        return Vector(self.builder, self.builder.load(self._vector(which), align=8))

    def set_lane(self, which: int, value: Vector) -> None:
        """Write a vector of the space."""
        self.builder.store(value.value, self._vector(which), align=8)

    def row(self, which: int) -> Vector:
        """A row at this state."""
        return Vector(self.builder, self.builder.load(self._row(which), align=8))

    def set_row(self, which: int, value: Vector) -> None:
        """Write a row at this state."""
        self.builder.store(value.value, self._row(which), align=8)

    def number(self, value: ir.Value) -> Vector:
        """The same number in every lane."""
        vector = self.builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(_WORD, 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), W), [0] * W)
        return Vector(self.builder, self.builder.shuffle_vector(vector, vector, zeros))

    def constant(self, value: float) -> Vector:
        """The same constant in every lane."""
        return Vector(self.builder, ir.Constant(_VECTOR, [value] * W))

    def variable(self, value: float) -> Variable:
        """A vector that changes within a loop."""
        return Variable(self.builder, value)

    @contextmanager
    def each_state(self) -> Iterator[None]:
        """What is printed within is done for every state."""
        step = ir.Constant(_WORD, W)
        with cgutils.for_range_slice(self.builder, ir.Constant(_WORD, 0), self.size, step) as (at, _):
            self.state = at
            yield
        self.state = None


class Variable:
    """A vector that changes within a loop."""

    def __init__(self, builder: ir.IRBuilder, value: float):
        self.builder = builder
        self.place = cgutils.alloca_once(builder, _VECTOR)
        self.set(Vector(builder, ir.Constant(_VECTOR, [value] * W)))

    def get(self) -> Vector:
        """Its value now."""
        return Vector(self.builder, self.builder.load(self.place))

    def set(self, value: Vector) -> None:
        """Give it a value."""
        self.builder.store(value.value, self.place)


def operation(write: Callable[..., ir.Value | None]) -> Callable:
    """A Numba function ``(address of the space, states times lanes, a, b)`` printed by ``write(code, a, b)``.

    It returns the whole number that `write` returns, or 0.
    """

    @intrinsic
    def lane_operation(typing_context, space, size, a, b):
        signature = types.int64(types.intp, types.int64, types.float64, types.float64)

        def generate(context, builder, signature, arguments):
            space, size, a, b = arguments
            code = Code(builder, space, size)
            result = write(code, code.number(a), code.number(b))
            return ir.Constant(_WORD, 0) if result is None else result

        return signature, generate

    return lane_operation


@intrinsic
def first_lane(typing_context, lanes):
    """The lowest of the lanes whose bits are set in a number; there must be one."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate
