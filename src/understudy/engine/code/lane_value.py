"""Lane value: LLVM numbers side by side, with Python's operators, for functions that are written once for any width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llvmlite import ir

_DOUBLE, _WORD = ir.DoubleType(), ir.IntType(64)
_SIGN = -(2**63)


def side_by_side(element: ir.Type, width: int) -> ir.Type:
    """The type of `width` numbers side by side; of a plain number where the width is 1."""
    return element if width == 1 else ir.VectorType(element, width)


def same(kind: ir.Type, number: float) -> ir.Constant:
    """A constant, the same number in every lane."""
    return ir.Constant(kind, [number] * kind.count if isinstance(kind, ir.VectorType) else number)


def intrinsic(module: ir.Module, name: str, kind: ir.Type, count: int) -> ir.Function:
    """LLVM's own function ``llvm.name`` of `count` arguments of a type."""
    bits = "f64" if _element(kind) == _DOUBLE else "f32"
    label = f"llvm.{name}.{bits}" if _width(kind) == 1 else f"llvm.{name}.v{_width(kind)}{bits}"
    return module.globals.get(label) or ir.Function(module, ir.FunctionType(kind, [kind] * count), label)


def _width(kind: ir.Type) -> int:
    return kind.count if isinstance(kind, ir.VectorType) else 1


def _element(kind: ir.Type) -> ir.Type:
    return kind.element if isinstance(kind, ir.VectorType) else kind


@dataclass(frozen=True)
class Lanes:
    """A vector under construction. Its operators round as written; only `polynomial` may fuse."""

    builder: ir.IRBuilder
    value: ir.Value

    def new(self, value: ir.Value) -> Lanes:
        return Lanes(self.builder, value)

    def of(self, number: float | Lanes) -> ir.Value:
        """A constant of this vector's type, or the value there is."""
        return number.value if isinstance(number, Lanes) else same(self.value.type, number)

    def constant(self, number: float) -> Lanes:
        return self.new(self.of(number))

    def do(self, operation: str, other: float | Lanes, **options) -> Lanes:
        return self.new(getattr(self.builder, operation)(self.value, self.of(other), **options))

    def __add__(self, other: float | Lanes) -> Lanes:
        return self.do("add" if _element(self.value.type) == _WORD else "fadd", other)

    def __sub__(self, other: float | Lanes) -> Lanes:
        return self.do("sub" if _element(self.value.type) == _WORD else "fsub", other)

    def __mul__(self, other: float | Lanes) -> Lanes:
        return self.do("fmul", other)

    def __truediv__(self, other: float | Lanes) -> Lanes:
        return self.do("fdiv", other)

    def __neg__(self) -> Lanes:
        return self.new(self.builder.fneg(self.value))

    def __and__(self, other: float | Lanes) -> Lanes:
        return self.do("and_", other)

    def __or__(self, other: float | Lanes) -> Lanes:
        return self.do("or_", other)

    def __lshift__(self, count: int) -> Lanes:
        return self.do("shl", count)

    def __rshift__(self, count: int) -> Lanes:
        return self.do("lshr", count)

    def words(self) -> Lanes:
        return self.new(self.builder.bitcast(self.value, side_by_side(_WORD, _width(self.value.type))))

    def doubles(self) -> Lanes:
        return self.new(self.builder.bitcast(self.value, side_by_side(_DOUBLE, _width(self.value.type))))

    def test(self, sign: str, other: float | Lanes) -> Lanes:
        """Truth values; all but "!=" are false for not-a-number."""
        how = self.builder.fcmp_unordered if sign == "!=" else self.builder.fcmp_ordered
        return self.new(how(sign, self.value, self.of(other)))

    def all(self) -> ir.Value:
        """Whether these truth values hold in every lane."""
        width = _width(self.value.type)
        if width == 1:
            return self.value
        bits = self.builder.bitcast(self.value, ir.IntType(width))
        return self.builder.icmp_unsigned("==", bits, ir.Constant(bits.type, -1))

    def where(self, condition: Lanes, other: float | Lanes) -> Lanes:
        """`other` where the condition holds, else this."""
        return self.new(self.builder.select(condition.value, self.of(other), self.value))

    def apply(self, name: str, *others: Lanes) -> Lanes:
        values = [self.value, *(other.value for other in others)]
        return self.new(
            self.builder.call(intrinsic(self.builder.module, name, self.value.type, len(values)), values)
        )

    def fused(self, factor: Lanes, term: Lanes) -> Lanes:
        """This times `factor` plus `term`, rounded once."""
        return self.apply("fma", factor, term)

    def signed_as(self, other: Lanes) -> Lanes:
        """This non-negative number with the sign of another."""
        return (self.words() | (other.words() & _SIGN)).doubles()


def function_of(
    module: ir.Module, label: str, body: Callable[..., Lanes], kind: ir.Type, count: int
) -> ir.Function:
    """A function of `count` arguments of a type whose value is what `body` makes of them."""
    function = ir.Function(module, ir.FunctionType(kind, [kind] * count), label)
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(body(*[Lanes(builder, argument) for argument in function.args]).value)
    return function
