"""Sparse LU for long eliminations: the same numbers as `sparse_lu` writes out, by loops over tables of places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
from llvmlite import ir

from understudy.engine.code.lane_value import intrinsic, same, side_by_side
from understudy.engine.code.pivots import Elimination

_DOUBLE, _WORD, _SHORT = ir.DoubleType(), ir.IntType(64), ir.IntType(32)


def looped(plan: Elimination, gamma: float, most: float, width: int) -> str:
    """LLVM IR of the functions that `sparse_lu` describes; `most` is the growth that is safe."""
    module = ir.Module(name="sparse_lu")
    tables = _tables(plan, module)
    code = _Code(module, "factorise", 5, width)
    _write_factorisation(code, tables, plan, gamma, most)
    _write_substitution(_Code(module, "substitute", 2, width), tables, plan)
    _write_speed(_Code(module, "speed", 3, width), tables, plan)
    return str(module)


class _Code:
    """A function under construction."""

    def __init__(self, module: ir.Module, name: str, arguments: int, width: int):
        self.module, self.width = module, width
        kind = ir.FunctionType(ir.VoidType(), [ir.PointerType()] * arguments)
        self.function = ir.Function(module, kind, name)
        for argument in self.function.args:
            argument.add_attribute("noalias")
        self.builder = ir.IRBuilder(self.function.append_basic_block())
        self.numbers = side_by_side(_DOUBLE, width)

    @contextmanager
    def each(self, first: int | ir.Value, last: int | ir.Value) -> Iterator[ir.Value]:
        """What is printed within is done for every whole number from `first` to before `last`."""
        first, last = _whole(first), _whole(last)
        before, builder = self.builder.block, self.builder
        head, body, behind = (self.function.append_basic_block() for _ in range(3))
        builder.branch(head)
        builder.position_at_end(head)
        count = builder.phi(_WORD)
        count.add_incoming(first, before)
        builder.cbranch(builder.icmp_signed("<", count, last), body, behind)
        builder.position_at_end(body)
        yield count
        count.add_incoming(builder.add(count, _whole(1)), builder.block)
        builder.branch(head)
        builder.position_at_end(behind)

    def constant(self, number: float) -> ir.Constant:
        return same(self.numbers, number)

    def place(self, pointer: ir.Value, k: int | ir.Value) -> ir.Value:
        offset = self.builder.mul(_whole(k), _whole(self.width))
        return self.builder.gep(pointer, [offset], source_etype=_DOUBLE)

    def load(self, pointer: ir.Value, k: int | ir.Value) -> ir.Value:
        return self.builder.load(self.place(pointer, k), align=8, typ=self.numbers)

    def store(self, value: ir.Value, pointer: ir.Value, k: int | ir.Value) -> None:
        self.builder.store(value, self.place(pointer, k), align=8)

    def look_up(self, table: ir.GlobalVariable, k: int | ir.Value) -> ir.Value:
        place = self.builder.gep(table, [_whole(k)], source_etype=_SHORT)
        return self.builder.zext(self.builder.load(place, typ=_SHORT), _WORD)

    def call(self, name: str, *values: ir.Value) -> ir.Value:
        return self.builder.call(intrinsic(self.module, name, self.numbers, len(values)), values)

    def variable(self, value: ir.Value) -> ir.Value:
        """Room for a number that changes within a loop."""
        with self.builder.goto_entry_block():
            room = self.builder.alloca(self.numbers)
        self.builder.store(value, room)
        return room

    def read(self, room: ir.Value) -> ir.Value:
        return self.builder.load(room, typ=self.numbers)

    def add_to(self, room: ir.Value, a: ir.Value, b: ir.Value) -> None:
        """Add a product to a variable."""
        self.builder.store(self.call("fmuladd", a, b, self.read(room)), room)


def _whole(number: int | ir.Value) -> ir.Value:
    return ir.Constant(_WORD, number) if isinstance(number, int) else number


def _tables(plan: Elimination, module: ir.Module) -> Callable[[str], ir.GlobalVariable]:
    """Whole numbers that the loops go by; each table is printed when it is first asked for."""
    n, slots, order = plan.size, plan.slots, plan.order
    lower = [(i, k) for i in range(n) for k in plan.lower[i]]
    starts = [0, *np.cumsum([len(before) for before in plan.lower]).tolist()]
    upper = [order[j] for k in reversed(range(n)) for j in (*plan.upper[k], k)]
    first = [slots[k, (*plan.upper[k], k)[0]] for k in range(n)]
    targets = [[slots[i, j] for j in plan.upper[k]] for i, k in lower]
    given = [(i, k, e) for i, row in enumerate(plan.given) for k, e in row.items()]
    entry = {e: slots[i, k] for i, k, e in given}
    content = {
        "entry": [entry[e] for e in range(len(entry))],
        "state": order,
        # L of row i: factors from lower_start[i] to before lower_start[i + 1].
        "lower_start": starts,
        "lower_place": [k for _, k in lower],
        "lower_state": [order[k] for _, k in lower],
        # U of row k: factors from upper_start[k] to before diagonal[k]. The states are counted from the first of U.
        "upper_start": first,
        "diagonal": [slots[k, k] for k in range(n)],
        "upper_state": upper,
        # The matrix by rows: entries from row_start[i] to before row_start[i + 1].
        "row_start": [0, *np.cumsum([len(row) for row in plan.given]).tolist()],
        "row_entry": [e for _, _, e in given],
        "row_state": [order[k] for _, k, _ in given],
        # Where the row of U of each entry of L is added to: targets from target_start of the entry.
        "target_start": [0, *np.cumsum([len(row) for row in targets]).tolist()],
        "target": [slot for row in targets for slot in row],
    }
    return lambda name: module.globals.get(name) or _table(module, name, content[name])


def _table(module: ir.Module, name: str, values: Iterable[int]) -> ir.GlobalVariable:
    values = [*values, 0]
    kind = ir.ArrayType(_SHORT, len(values))
    table = ir.GlobalVariable(module, kind, name)
    # Number by number, llvmlite takes a second for a long table.
    table.initializer = ir.FormattedConstant(kind, f"[{', '.join(f'i32 {value}' for value in values)}]")
    table.global_constant, table.linkage = True, "internal"
    return table


def _write_factorisation(code: _Code, tables: Callable, plan: Elimination, gamma: float, most: float) -> None:
    entries, step, _, factors, unsafe = code.function.args
    factor = code.builder.fmul(code.load(step, 0), code.constant(-gamma))
    with code.each(0, plan.entries) as k:
        code.store(code.constant(0.0), factors, k)
    with code.each(0, plan.size) as k:
        code.store(code.constant(1.0), factors, code.look_up(tables("diagonal"), k))
    with code.each(0, len(plan.rows)) as k:
        slope, slot = code.load(entries, k), code.look_up(tables("entry"), k)
        finite = code.builder.fcmp_ordered("<", code.call("fabs", slope), code.constant(np.inf))
        slope = code.builder.select(finite, slope, code.constant(0.0))
        code.store(code.call("fmuladd", factor, slope, code.load(factors, slot)), factors, slot)
    flag = code.variable(code.constant(0.0))
    with code.each(0, plan.size) as i:
        _write_row(code, tables, plan, i, flag, most)
    code.store(code.read(flag), unsafe, 0)
    code.builder.ret_void()


def _write_row(
    code: _Code, tables: Callable, plan: Elimination, i: ir.Value, flag: ir.Value, most: float
) -> None:
    """Eliminate a row, and mark lanes in which |L| |U| s outgrows |A| s."""
    scale, factors = code.function.args[2:4]
    start, end = (code.look_up(tables("lower_start"), code.builder.add(i, _whole(k))) for k in (0, 1))
    allowed = code.variable(code.constant(0.0))
    with code.each(start, end) as slot:
        own = code.load(scale, code.look_up(tables("lower_state"), slot))
        code.add_to(allowed, code.call("fabs", code.load(factors, slot)), own)
    _weigh_upper(code, tables, plan, i, allowed)
    with code.each(start, end) as slot:
        _write_multiple(code, tables, slot)
    grown = code.variable(code.constant(0.0))
    _weigh_upper(code, tables, plan, i, grown)
    code.store(code.read(grown), factors, code.builder.add(i, _whole(plan.entries)))
    with code.each(start, end) as slot:
        place = code.builder.add(code.look_up(tables("lower_place"), slot), _whole(plan.entries))
        code.add_to(grown, code.call("fabs", code.load(factors, slot)), code.load(factors, place))
    diagonal = code.look_up(tables("diagonal"), i)
    code.store(code.builder.fdiv(code.constant(-1.0), code.load(factors, diagonal)), factors, diagonal)
    limit = code.builder.fmul(code.read(allowed), code.constant(most))
    outgrown = code.builder.fcmp_unordered(">", code.read(grown), limit)
    code.builder.store(code.builder.select(outgrown, code.constant(1.0), code.read(flag)), flag)


def _weigh_upper(code: _Code, tables: Callable, plan: Elimination, i: ir.Value, total: ir.Value) -> None:
    """Add the sizes of the terms of a row of U, its diagonal included."""
    scale, factors = code.function.args[2:4]
    lower = sum(map(len, plan.lower))
    end = code.builder.add(code.look_up(tables("diagonal"), i), _whole(1))
    with code.each(code.look_up(tables("upper_start"), i), end) as slot:
        state = code.look_up(tables("upper_state"), code.builder.sub(slot, _whole(lower)))
        code.add_to(total, code.call("fabs", code.load(factors, slot)), code.load(scale, state))


def _write_multiple(code: _Code, tables: Callable, slot: ir.Value) -> None:
    """Take a multiple of an earlier row out of a row."""
    factors = code.function.args[3]
    place = code.look_up(tables("lower_place"), slot)
    first, diagonal = (code.look_up(tables(name), place) for name in ("upper_start", "diagonal"))
    multiple = code.builder.fmul(code.load(factors, slot), code.load(factors, diagonal))
    code.store(multiple, factors, slot)
    ahead = code.builder.sub(code.look_up(tables("target_start"), slot), first)
    with code.each(first, diagonal) as above:
        target = code.look_up(tables("target"), code.builder.add(above, ahead))
        value = code.call("fmuladd", multiple, code.load(factors, above), code.load(factors, target))
        code.store(value, factors, target)


def _write_substitution(code: _Code, tables: Callable, plan: Elimination) -> None:
    factors, right = code.function.args
    lower = sum(map(len, plan.lower))
    with code.each(0, plan.size) as i:
        start, end = (code.look_up(tables("lower_start"), code.builder.add(i, _whole(k))) for k in (0, 1))
        state = code.look_up(tables("state"), i)
        total = code.variable(code.load(right, state))
        with code.each(start, end) as slot:
            known = code.load(right, code.look_up(tables("lower_state"), slot))
            code.add_to(total, code.load(factors, slot), known)
        code.store(code.read(total), right, state)
    with code.each(0, plan.size) as back:
        i = code.builder.sub(_whole(plan.size - 1), back)
        state, diagonal = code.look_up(tables("state"), i), code.look_up(tables("diagonal"), i)
        total = code.variable(code.builder.fneg(code.load(right, state)))
        with code.each(code.look_up(tables("upper_start"), i), diagonal) as slot:
            place = code.builder.sub(slot, _whole(lower))
            known = code.load(right, code.look_up(tables("upper_state"), place))
            code.add_to(total, code.load(factors, slot), known)
        code.store(code.builder.fmul(code.read(total), code.load(factors, diagonal)), right, state)
    code.builder.ret_void()


def _write_speed(code: _Code, tables: Callable, plan: Elimination) -> None:
    entries, scale, fastest = code.function.args
    largest = code.variable(code.constant(0.0))
    with code.each(0, plan.size) as i:
        start, end = (code.look_up(tables("row_start"), code.builder.add(i, _whole(k))) for k in (0, 1))
        total = code.variable(code.constant(0.0))
        with code.each(start, end) as k:
            size = code.call("fabs", code.load(entries, code.look_up(tables("row_entry"), k)))
            code.add_to(total, size, code.load(scale, code.look_up(tables("row_state"), k)))
        share = code.builder.fdiv(code.read(total), code.load(scale, code.look_up(tables("state"), i)))
        larger = code.builder.fcmp_ordered(">", share, code.read(largest))
        code.builder.store(code.builder.select(larger, share, code.read(largest)), largest)
    code.store(code.read(largest), fastest, 0)
    code.builder.ret_void()
