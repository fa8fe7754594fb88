"""Event code: what a model's events are made of, printed as LLVM IR like its right-hand side.

Three functions ``f(t, y, p, out)``, all of whose arguments are pointers to doubles, lane by lane: the differences whose
signs are watched; the truth of each trigger, with the signs in place of `y`; and each event's delay, each event's
priority, then all new values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from llvmlite import ir

from understudy.core.expression import TIME, Expression
from understudy.engine.code.codegen import Printer
from understudy.engine.events.trigger import sign_name, watch
from understudy.engine.kernel.lanes import WIDTH
from understudy.model.model import Model

DIFFERENCES, CONDITIONS, CHANGES = "differences", "conditions", "changes"


@lru_cache(maxsize=512)
def event_code(model: Model, width: int = WIDTH, kind: type[Printer] = Printer) -> str:
    """LLVM IR of the functions `DIFFERENCES`, `CONDITIONS` and `CHANGES` of a model whose events change states only.

    `kind` is the class of the printer.
    """
    module = ir.Module(name="understudy_events")
    equations = {item.name: item.expression for item in model.assignments}
    watched = watch(model)
    known = {TIME: (0, 0)}
    known |= {name: (1, k) for k, name in enumerate(model.state_names)}
    known |= {name: (2, k) for k, name in enumerate(model.parameter_names)}
    signs = {sign_name(k): (1, k) for k in range(len(watched.differences))}
    _print(module, DIFFERENCES, watched.differences, known, equations, width, kind)
    _print(module, CONDITIONS, watched.conditions, signs, {}, width, kind)
    _print(module, CHANGES, changes(model), known, equations, width, kind)
    return str(module)


def changes(model: Model) -> list[Expression]:
    """Delays, priorities (0 where there is none) and new values of all events, in the order of printing."""
    new = [item.expression for event in model.events for item in event.assignments]
    priorities = [event.priority or Expression(0) for event in model.events]
    return [*[event.delay for event in model.events], *priorities, *new]


def _print(
    module: ir.Module,
    name: str,
    expressions: Iterable[Expression],
    known: Mapping[str, tuple[int, int]],
    equations: Mapping[str, Expression],
    width: int,
    kind: type[Printer],
) -> None:
    """A function that writes the values of expressions; `known` says of each name the argument and the place in it."""
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.PointerType()] * 4), name)
    builder = ir.IRBuilder(function.append_basic_block())
    places = {name: (function.args[argument], k) for name, (argument, k) in known.items()}
    printer = kind(module, builder, places, equations, width)
    for k, expression in enumerate(expressions):
        printer.store(printer.number(printer.value(expression.tree)), function.args[3], k)
    builder.ret_void()
