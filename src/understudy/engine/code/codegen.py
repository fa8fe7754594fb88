"""Codegen: a model's right-hand side printed as LLVM IR, eight patients a call, or any other width.

Arrays are laid out name by name, lane by lane: state ``i`` of lane ``l`` is element ``width i + l``. Equal
subexpressions are printed once. A lane never reads another lane, so a patient's numbers do not depend on its
neighbours. Eight lanes are printed for every processor: LLVM splits them where registers are narrower.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache

from llvmlite import ir

from understudy.core.expression import CONSTANTS, TIME, Expression
from understudy.engine.code.lane_value import intrinsic, same, side_by_side
from understudy.engine.code.vector_math import FUNCTIONS, vector_function
from understudy.engine.kernel.lanes import WIDTH
from understudy.model.model import Model

_DOUBLE = ir.DoubleType()
_INDEX = ir.IntType(64)
# Fusing a multiplication with an addition rounds once instead of twice; nothing else is loosened.
_FLAGS = ("contract",)

RIGHT_HAND_SIDE = "right_hand_side"
_INTRINSICS = {
    "sqrt": "sqrt",
    "abs": "fabs",
    "floor": "floor",
    "ceil": "ceil",
    "sin": "sin",
    "cos": "cos",
}
# Called lane by lane from the C library.
LIBRARY = ("tan", "asin", "acos", "atan", "sinh", "cosh", "lgamma")
_COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
# Whole powers up to this are multiplied out.
_LARGEST_POWER = 16


@lru_cache(maxsize=512)
def right_hand_side(model: Model, width: int = WIDTH) -> str:
    """LLVM IR of ``right_hand_side(t, y, p, r, dy)``.

    All arguments are pointers to doubles: time (width), states (states x width), parameters (parameters x width),
    infusion rates (states x width), and the derivatives to be written (states x width).
    """
    return str(print_right_hand_side(model, width).module)


def print_right_hand_side(model: Model, width: int, kind: type[Printer] | None = None) -> Printer:
    """The printer that has printed the right-hand side of a model, and no more; `kind` is its class."""
    module = ir.Module(name="understudy")
    pointer = ir.PointerType()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer] * 5), RIGHT_HAND_SIDE)
    builder = ir.IRBuilder(function.append_basic_block())
    t, y, p, r, dy = function.args
    places = {TIME: (t, 0)}
    places |= {name: (y, k) for k, name in enumerate(model.state_names)}
    places |= {name: (p, k) for k, name in enumerate(model.parameter_names)}
    equations = {item.name: item.expression for item in model.assignments}
    printer = (kind or Printer)(module, builder, places, equations, width)
    print_rates(printer, model, r, dy)
    builder.ret_void()
    return printer


def print_rates(printer: Printer, model: Model, infused: ir.Value, slopes: ir.Value) -> None:
    """Each state's rate, with what is infused added, stored in its place; an empty state cannot lose any more."""
    for k, (state, rate) in enumerate(zip(model.states, model.rates, strict=True)):
        extra = printer.load(infused, k)
        value = printer.number(printer.value(rate.tree))
        value = printer.builder.fadd(value, extra, flags=_FLAGS)
        if state.nonnegative:
            zero = printer.constant(0.0)
            lost = printer.builder.and_(
                printer.compare("<=", printer.name(state.name), zero), printer.compare("<", value, zero)
            )
            value = printer.builder.select(lost, zero, value)
        printer.store(value, slopes, k)


class Printer:
    """Prints checked expression trees as instructions.

    A printer for another kind of machine overrides `number_type`, `intrinsics`, `elementary` and `library`.

    Parameters
    ----------
    module, builder
        Where to print to.
    places : mapping of name to (pointer, index)
        Where each name's values lie: index times `width` doubles after the pointer.
    equations : mapping of name to Expression
        Names that stand for equations.
    width : int
        Patients a call; with 1 the instructions are those of plain numbers.
    """

    number_type: ir.Type = _DOUBLE
    alignment = 8
    intrinsics: Mapping[str, str] = _INTRINSICS

    def __init__(
        self,
        module: ir.Module,
        builder: ir.IRBuilder,
        places: Mapping[str, tuple[ir.Value, int]],
        equations: Mapping[str, Expression],
        width: int = WIDTH,
    ):
        self.module, self.builder, self.width = module, builder, width
        self.places, self.equations = places, equations
        self.numbers = side_by_side(self.number_type, width)
        self.known: dict = {}

    def load(self, pointer: ir.Value, k: int) -> ir.Value:
        return self.builder.load(self.place(pointer, k), align=self.alignment, typ=self.numbers)

    def store(self, value: ir.Value, pointer: ir.Value, k: int) -> None:
        self.builder.store(value, self.place(pointer, k), align=self.alignment)

    def place(self, pointer: ir.Value, k: int) -> ir.Value:
        return self.builder.gep(pointer, [ir.Constant(_INDEX, k * self.width)], source_etype=self.number_type)

    def value(self, tree: ast.expr) -> ir.Value:
        """The value of a tree: doubles, or truth values for conditions."""
        if isinstance(tree, ast.Constant):
            return self.constant(float(tree.value))
        if isinstance(tree, ast.Subscript):
            return self.value(tree.value)
        if isinstance(tree, ast.Name):
            return self.name(tree.id)
        if isinstance(tree, ast.BinOp):
            return self.operation(tree)
        if isinstance(tree, ast.UnaryOp):
            return self.unary(tree)
        if isinstance(tree, ast.Call):
            return self.call(tree.func.id, tree.args)
        if isinstance(tree, ast.BoolOp):
            return self.chain(
                "and_" if isinstance(tree.op, ast.And) else "or_", map(self.condition, tree.values)
            )
        values = [self.number(self.value(part)) for part in (tree.left, *tree.comparators)]
        signs = [_COMPARE[type(op)] for op in tree.ops]
        return self.chain("and_", [self.compare(s, *values[k : k + 2]) for k, s in enumerate(signs)])

    def constant(self, value: float) -> ir.Constant:
        return same(self.numbers, value)

    def once(self, key: tuple, make) -> ir.Value:
        """The value made by `make`, made once for equal keys."""
        if key not in self.known:
            self.known[key] = make()
        return self.known[key]

    def name(self, name: str) -> ir.Value:
        if name in CONSTANTS:
            return self.constant(CONSTANTS[name])
        if name in self.equations:
            return self.once(("equation", name), lambda: self.value(self.equations[name].tree))
        return self.once(("name", name), lambda: self.load(*self.places[name]))

    def number(self, value: ir.Value) -> ir.Value:
        return value if value.type == self.numbers else self.builder.uitofp(value, self.numbers)

    def condition(self, tree: ast.expr) -> ir.Value:
        value = self.value(tree)
        return value if value.type != self.numbers else self.compare("!=", value, self.constant(0.0))

    def emit(self, operation: str, *values: ir.Value) -> ir.Value:
        key = (operation, *map(str, map(_identity, values)))
        return self.once(key, lambda: getattr(self.builder, operation)(*values, flags=_FLAGS))

    def compare(self, sign: str, left: ir.Value, right: ir.Value) -> ir.Value:
        # Unequal must hold for not-a-number, every other comparison must not.
        how = self.builder.fcmp_unordered if sign == "!=" else self.builder.fcmp_ordered
        return self.once((sign, _identity(left), _identity(right)), lambda: how(sign, left, right))

    def chain(self, operation: str, values) -> ir.Value:
        result, *rest = list(values)
        for value in rest:
            result = getattr(self.builder, operation)(result, value)
        return result

    def operation(self, tree: ast.BinOp) -> ir.Value:
        if isinstance(tree.op, ast.Pow):
            return self.power(tree)
        names = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
        left, right = self.number(self.value(tree.left)), self.number(self.value(tree.right))
        return self.emit(names[type(tree.op)], left, right)

    def unary(self, tree: ast.UnaryOp) -> ir.Value:
        if isinstance(tree.op, ast.Not):
            return self.builder.not_(self.condition(tree.operand))
        value = self.number(self.value(tree.operand))
        return self.emit("fneg", value) if isinstance(tree.op, ast.USub) else value

    def power(self, tree: ast.BinOp) -> ir.Value:
        base, exponent = self.number(self.value(tree.left)), _literal(tree.right)
        if exponent is not None and exponent == int(exponent) and 1 <= abs(exponent) <= _LARGEST_POWER:
            value = self.whole_power(base, abs(int(exponent)))
            return value if exponent > 0 else self.emit("fdiv", self.constant(1.0), value)
        if exponent == 0.5:
            return self.intrinsic("sqrt", base)
        return self.elementary("pow", base, self.number(self.value(tree.right)))

    def whole_power(self, base: ir.Value, exponent: int) -> ir.Value:
        if exponent == 1:
            return base
        half = self.whole_power(base, exponent // 2)
        square = self.emit("fmul", half, half)
        return self.emit("fmul", square, base) if exponent % 2 else square

    def intrinsic(self, name: str, *values: ir.Value) -> ir.Value:
        function = intrinsic(self.module, name, self.numbers, len(values))
        return self.once((name, *map(_identity, values)), lambda: self.builder.call(function, values))

    def elementary(self, name: str, *values: ir.Value) -> ir.Value:
        function = vector_function(self.module, name, self.width)
        return self.once((name, *map(_identity, values)), lambda: self.builder.call(function, values))

    def library(self, name: str, value: ir.Value) -> ir.Value:
        kind = ir.FunctionType(_DOUBLE, [_DOUBLE])
        function = self.module.globals.get(name) or ir.Function(self.module, kind, name)
        if self.width == 1:
            return self.builder.call(function, [value])
        result = ir.Constant(self.numbers, ir.Undefined)
        for lane in range(self.width):
            at = ir.Constant(ir.IntType(32), lane)
            called = self.builder.call(function, [self.builder.extract_element(value, at)])
            result = self.builder.insert_element(result, called, at)
        return result

    def call(self, name: str, arguments: list[ast.expr]) -> ir.Value:
        if name in ("where", "piecewise"):
            return self.choose(name, arguments)
        values = [self.number(self.value(argument)) for argument in arguments]
        if name in ("min", "max"):
            return self.extreme("<" if name == "min" else ">", values)
        if name == "expit":
            grown = self.elementary("exp", self.emit("fneg", values[0]))
            return self.emit("fdiv", self.constant(1.0), self.emit("fadd", self.constant(1.0), grown))
        if name == "logit":
            odds = self.emit("fdiv", values[0], self.emit("fsub", self.constant(1.0), values[0]))
            return self.elementary("log", odds)
        if name in self.intrinsics:
            return self.intrinsic(self.intrinsics[name], *values)
        if name in FUNCTIONS:
            return self.elementary(name, *values)
        return self.once((name, _identity(values[0])), lambda: self.library(name, values[0]))

    def extreme(self, sign: str, values: list[ir.Value]) -> ir.Value:
        result = values[0]
        for value in values[1:]:
            # Not-a-number in either wins, as in NumPy.
            taken = self.builder.or_(self.compare(sign, result, value), self.compare("!=", result, result))
            result = self.builder.select(taken, result, value)
        return result

    def choose(self, name: str, arguments: list[ast.expr]) -> ir.Value:
        if name == "where":
            arguments = [arguments[1], arguments[0], arguments[2]]
        result = self.number(self.value(arguments[-1]))
        for k in range(len(arguments) - 3, -1, -2):
            value, condition = self.number(self.value(arguments[k])), self.condition(arguments[k + 1])
            result = self.builder.select(condition, value, result)
        return result


def _identity(value: ir.Value) -> str:
    return value.get_reference()


def _literal(tree: ast.expr) -> float | None:
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        inner = _literal(tree.operand)
        return None if inner is None else -inner
    return float(tree.value) if isinstance(tree, ast.Constant) else None
