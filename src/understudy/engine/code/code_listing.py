"""Code listing: what a model's machine code computes, in its order, as lines that a person can read.

The lines are read back from the printed instructions, not from the model: what is listed is what is computed. A value
used several times has a name, its own where the model names it, else ``x1``, ``x2``, …; a value used once stands where
it is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import llvmlite.binding as llvm
from llvmlite import ir
from llvmlite.ir import instructions

from understudy.engine.code.codegen import RIGHT_HAND_SIDE, Printer, print_right_hand_side, right_hand_side
from understudy.engine.code.jacobian import JACOBIAN, jacobian, print_jacobian
from understudy.model.model import Model

_OPERATORS = {
    "fadd": (" + ", 5),
    "fsub": (" - ", 5),
    "fmul": (" * ", 6),
    "fdiv": (" / ", 6),
    "and": (" and ", 2),
    "or": (" or ", 1),
}
_NOT, _COMPARE, _NEGATIVE, _POWER, _ATOM = 3, 4, 7, 8, 9
# A longer value is given a name even where it is used once.
_LONGEST = 72


def list_right_hand_side(model: Model) -> tuple[str, ...]:
    """Lines that compute the rates of a model.

    Examples
    --------
    >>> rates = {"A": "-Vmax * A / (Km + A) * exp(A)", "B": "Vmax * A / (Km + A) - B * exp(A)"}
    >>> model = Model("m", "h", {"Vmax": 1.0, "Km": 2.0}, {"A": "mg", "B": "mg"}, rates)
    >>> print(*list_right_hand_side(model), sep="\\n")
    x1 = Km + A
    x2 = exp(A)
    dA/dt = -Vmax * A / x1 * x2 + infused_A
    dB/dt = Vmax * A / x1 - B * x2 + infused_B
    """
    printer = print_right_hand_side(model, 1)
    _, y, p, r, dy = printer.builder.function.args
    labels = {r: [f"infused_{name}" for name in model.state_names]}
    labels |= {dy: [f"d{name}/dt" for name in model.state_names]}
    return tuple(_lines(printer, model, y, p, labels))


def list_jacobian(model: Model) -> tuple[str, ...]:
    """Lines that compute the derivatives of the rates by states, and those by time that are not zero.

    Examples
    --------
    >>> model = Model("m", "h", {"k": 1.0}, {"A": "mg", "B": "mg"}, {"A": "-k * A ** 2", "B": "k * A ** 2 - t * B"})
    >>> print(*list_jacobian(model), sep="\\n")
    x1 = 2 * A
    d(dA/dt)/dA = -k * x1
    d(dB/dt)/dA = k * x1
    d(dB/dt)/dB = -t
    d(dB/dt)/dt = -B
    """
    printer, places = print_jacobian(model, 1)
    _, y, p, j, dt = printer.builder.function.args
    names = model.state_names
    labels = {j: [f"d(d{names[i]}/dt)/d{names[k]}" for i, k in places]}
    labels |= {dt: [f"d(d{name}/dt)/dt" for name in names]}
    return tuple(line for line in _lines(printer, model, y, p, labels) if not line.endswith("/dt)/dt = 0"))


def right_hand_side_code(model: Model) -> str:
    """LLVM IR of a model's right-hand side as LLVM writes it, eight patients a call.

    Examples
    --------
    >>> decay = Model("decay", "h", {"k": 0.1}, {"A": "mg"}, {"A": "-k * A"})
    >>> right_hand_side_code(decay).splitlines()[0]
    'define void @right_hand_side(ptr %t, ptr %y, ptr %p, ptr %r, ptr %dy) {'
    """
    return _function(right_hand_side(model), RIGHT_HAND_SIDE, ("t", "y", "p", "r", "dy"))


def jacobian_code(model: Model) -> str:
    """LLVM IR of a model's Jacobian as LLVM writes it, eight patients a call."""
    return _function(jacobian(model).code, JACOBIAN, ("t", "y", "p", "j", "dt"))


def _function(code: str, name: str, arguments: tuple[str, ...]) -> str:
    """One function of a module, its arguments named."""
    function = llvm.parse_assembly(code).get_function(name)
    for argument, called in zip(function.arguments, arguments, strict=True):
        argument.name = called
    return str(function).strip()


def _lines(printer: Printer, model: Model, y: ir.Argument, p: ir.Argument, labels: Mapping) -> Iterator[str]:
    labels = {y: model.state_names, p: model.parameter_names, **labels}
    named = {value: _written(key[1]) for key, value in printer.known.items() if key[0] == "equation"}
    return _Reader(labels, named).lines(printer.builder.block.instructions)


def _written(name: str) -> str:
    """The name of an equation; that of a derivative as one word."""
    return name.replace(" / ", "_").replace(" ", "")


class _Reader:
    """Reads instructions one after the other."""

    def __init__(self, labels: Mapping[ir.Value, Sequence[str]], named: Mapping[ir.Value, str]):
        self.labels, self.named = labels, named
        self.places: dict[ir.Value, str] = {}
        self.texts: dict[ir.Value, tuple[str, int]] = {}
        self.taken = {*named.values(), *(name for names in labels.values() for name in names)}
        self.count = 0

    def lines(self, block: Sequence[ir.Instruction]) -> Iterator[str]:
        uses = Counter(id(operand) for each in block for operand in each.operands)
        for each in block:
            if isinstance(each, instructions.GEPInstr):
                self.places[each] = self.place(each)
            elif isinstance(each, instructions.LoadInstr):
                self.texts[each] = self.places.get(each.operands[0], "t"), _ATOM
            elif isinstance(each, instructions.StoreInstr):
                yield f"{self.places[each.operands[1]]} = {self.of(each.operands[0])[0]}"
            elif not isinstance(each, instructions.Ret):
                yield from self.keep(each, uses[id(each)])

    def place(self, each: ir.Instruction) -> str:
        names = self.labels.get(each.operands[0])
        return names[each.operands[1].constant] if names else "t"

    def keep(self, each: ir.Instruction, uses: int) -> Iterator[str]:
        """Remember what a value is, under a name where it has one or needs one."""
        text, strength = self.told(each)
        name = self.named.get(each)
        plain = strength == _ATOM and text.isidentifier()
        if name is None and not plain and (uses > 1 or len(text) > _LONGEST):
            name = self.new_name()
        if name is not None:
            yield f"{name} = {text}"
            text, strength = name, _ATOM
        self.texts[each] = text, strength

    def new_name(self) -> str:
        while True:
            self.count += 1
            if f"x{self.count}" not in self.taken:
                return f"x{self.count}"

    def of(self, value: ir.Value) -> tuple[str, int]:
        if isinstance(value, ir.Constant):
            text = f"{value.constant:.17g}"
            short = repr(value.constant).removesuffix(".0")
            return (short if len(short) < len(text) else text), _ATOM if value.constant >= 0 else _NEGATIVE
        return self.texts[value]

    def inside(self, value: ir.Value, strength: int) -> str:
        """A value as part of something that binds with a strength."""
        text, own = self.of(value)
        return text if own >= strength else f"({text})"

    def told(self, each: ir.Instruction) -> tuple[str, int]:
        """A value as an expression, and how strongly it binds."""
        name, values = each.opname, each.operands
        if name == "fneg":
            return f"-{self.inside(values[0], _POWER)}", _NEGATIVE
        if name == "uitofp":
            return self.of(values[0])
        if name == "select":
            condition, yes, no = (self.of(value)[0] for value in values)
            return f"where({condition}, {yes}, {no})", _ATOM
        if isinstance(each, instructions.CompareInstr):
            left, right = (self.inside(value, _COMPARE + 1) for value in values)
            return f"{left} {_signs()[each.op]} {right}", _COMPARE
        if isinstance(each, instructions.CallInstr):
            return self.called(each)
        if name == "xor":
            return f"not {self.inside(values[0], _NOT)}", _NOT
        sign, strength = _OPERATORS[name]
        # What is taken away, or divided by, is kept together.
        right = strength + (name in ("fsub", "fdiv", "fmul"))
        return f"{self.inside(values[0], strength)}{sign}{self.inside(values[1], right)}", strength

    def called(self, each: ir.Instruction) -> tuple[str, int]:
        name = each.callee.name.removeprefix("llvm.").removeprefix("vector_").split(".")[0].removesuffix("_1")
        if name == "pow":
            base, exponent = (self.inside(value, _POWER + 1) for value in each.args)
            return f"{base} ** {exponent}", _POWER
        arguments = ", ".join(self.of(value)[0] for value in each.args)
        return f"{name.replace('fabs', 'abs')}({arguments})", _ATOM


def _signs() -> dict[str, str]:
    """How comparisons of numbers are called in the code."""
    names = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
    return {f"{kind}{name}": sign for name, sign in names.items() for kind in "ou"}
