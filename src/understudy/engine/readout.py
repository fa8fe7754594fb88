"""Readout: a model's equations evaluated where they are wanted, from parameters, states and time.

Outputs at observations are printed as LLVM IR like the right-hand side, eight observations a call, and only those that
were asked for. NumPy evaluates the same equations for the reference engine, and for the few rows that dose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit

from understudy.core.expression import TIME, Expression
from understudy.engine.code.codegen import Printer
from understudy.engine.code.compiler import address
from understudy.engine.code.pointer import call_readout
from understudy.engine.kernel.lanes import WIDTH as W
from understudy.engine.kernel.lanes import run_in_threads
from understudy.engine.parameters import ParameterRows
from understudy.engine.timeline import Timeline
from understudy.model.model import Model

READOUT = "readout"


class Readout(NamedTuple):
    """Code of ``readout(t, y, p, out)``, and which states and parameters it takes, by their places in the model."""

    code: str
    states: tuple[int, ...]
    parameters: tuple[int, ...]


class _Place(NamedTuple):
    """What is read at each observation: its time, its states and its row of the parameter table."""

    time: np.ndarray
    states: np.ndarray
    taken_states: np.ndarray
    table: np.ndarray
    taken_parameters: np.ndarray
    point_row: np.ndarray
    schedule_row: np.ndarray


def needed_names(model: Model, expressions: Iterable[Expression]) -> set[str]:
    """Names that expressions use, directly or through assignments.

    Examples
    --------
    >>> decay = Model("decay", "h", {"k": 1, "V": 2}, {"A": "mg"}, {"A": "-k * A"}, assignments={"C": "A / V"})
    >>> sorted(needed_names(decay, [Expression("2 * C")]))
    ['A', 'C', 'V']
    """
    names: set[str] = set().union(*(expression.names for expression in expressions))
    for item in reversed(model.ordered_assignments):
        if item.name in names:
            names |= item.expression.names
    return names


def known_values(
    rows: ParameterRows, point: np.ndarray, time: np.ndarray, expressions: Iterable[Expression], states=None
) -> dict[str, np.ndarray]:
    """Everything that expressions need, by name, by NumPy.

    Parameters
    ----------
    rows : ParameterRows
    point : int array, shape (n,)
        Rows of the parameter table.
    time : float array, shape (n,)
    expressions : iterable of Expression
    states : float array, shape (n, states), optional
    """
    model = rows.model
    needed = needed_names(model, expressions)
    values = {
        name: rows.table[point, k] for k, name in enumerate(model.parameter_names) if name in needed
    } | {TIME: time}
    if states is not None:
        values |= {name: states[:, k] for k, name in enumerate(model.state_names)}
    for item in model.ordered_assignments:
        if item.name in needed:
            values[item.name] = item.expression.evaluate(values)
    return values


def evaluate(
    rows: ParameterRows, timeline: Timeline, states: np.ndarray, outputs: Iterable[str]
) -> dict[str, np.ndarray]:
    """Outputs at all observations by NumPy, shape (observations,) each; the oracle of `read`."""
    expressions = {name: rows.model.output(name).expression for name in outputs}
    point, time = rows.point_row[timeline.observation_row], timeline.observation_time
    values = known_values(rows, point, time, expressions.values(), states)
    found = {name: np.asarray(item.evaluate(values), float) for name, item in expressions.items()}
    return {name: np.broadcast_to(value, time.size) for name, value in found.items()}


def read(
    rows: ParameterRows, timeline: Timeline, states: np.ndarray, outputs: Iterable[str], jobs: int = 1
) -> Mapping[str, np.ndarray]:
    """Outputs at all observations, shape (observations,) each: states as they are, all else by compiled code.

    Parameters
    ----------
    rows : ParameterRows
    timeline : Timeline
    states : float array, shape (observations, states)
    outputs : iterable of str
    jobs : int
        Threads, 0 for one per core.
    """
    asked, index = tuple(dict.fromkeys(outputs)), {name: k for k, name in enumerate(rows.model.state_names)}
    texts = {name: rows.model.output(name).expression.text for name in asked}
    plain = {
        name: np.ascontiguousarray(states[:, index[text]]) for name, text in texts.items() if text in index
    }
    names = tuple(name for name in asked if name not in plain)
    if not names:
        return plain
    wanted = readout(rows.model, names)
    function = address(wanted.code, READOUT)
    count = timeline.observation_time.size
    found = np.empty((len(names), count))
    place = _Place(
        timeline.observation_time, np.ascontiguousarray(states), np.array(wanted.states, dtype=np.int64),
        rows.table, np.array(wanted.parameters, dtype=np.int64), rows.point_row, timeline.observation_row,
    )  # fmt: skip
    run_in_threads(lambda first, last: _read_range(first, last, function, place, found), count, jobs)
    computed = plain | dict(zip(names, found, strict=True))
    return {name: computed[name] for name in asked}


@lru_cache(maxsize=512)
def readout(model: Model, outputs: tuple[str, ...]) -> Readout:
    """LLVM IR of ``readout(t, y, p, out)`` for some outputs of a model.

    All arguments are pointers to doubles: time (8), the states (8 each) and parameters (8 each) that the outputs need,
    and the outputs to be written (8 each).
    """
    expressions = [model.output(name).expression for name in outputs]
    needed = needed_names(model, expressions)
    states = [k for k, name in enumerate(model.state_names) if name in needed]
    parameters = [k for k, name in enumerate(model.parameter_names) if name in needed]
    module = ir.Module(name="understudy")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.PointerType()] * 4), READOUT)
    builder = ir.IRBuilder(function.append_basic_block())
    t, y, p, out = function.args
    places = {TIME: (t, 0)}
    places |= {model.state_names[k]: (y, place) for place, k in enumerate(states)}
    places |= {model.parameter_names[k]: (p, place) for place, k in enumerate(parameters)}
    printer = Printer(module, builder, places, {item.name: item.expression for item in model.assignments})
    for k, expression in enumerate(expressions):
        printer.store(printer.number(printer.value(expression.tree)), out, k)
    builder.ret_void()
    return Readout(str(module), tuple(states), tuple(parameters))


@njit(cache=True, nogil=True)
def _read_range(first, last, function, place, found):
    """Outputs of observations `first` to `last`, eight at a time; parameters are fetched where their row changes."""
    time, states, taken, wanted = place.time, place.states, place.taken_states, place.taken_parameters
    t, y, p = np.empty(W), np.empty(taken.size * W), np.empty(wanted.size * W)
    out, held = np.empty(len(found) * W), np.full(W, -1)
    for base in range(first, last, W):
        for lane in range(W):
            # Lanes left over in the last block take the last observation.
            k = min(base + lane, last - 1)
            t[lane] = time[k]
            for i in range(taken.size):
                y[i * W + lane] = states[k, taken[i]]
            row = place.point_row[place.schedule_row[k]]
            if row != held[lane]:
                held[lane] = row
                for i in range(wanted.size):
                    p[i * W + lane] = place.table[row, wanted[i]]
        call_readout(function, t.ctypes.data, y.ctypes.data, p.ctypes.data, out.ctypes.data)
        for i in range(len(found)):
            for lane in range(min(W, last - base)):
                found[i, base + lane] = out[i * W + lane]
