"""Flagged: measurements below a limit of quantification, which code tells by F_FLAG (Beal's method M3).

Where F_FLAG is 1, Y is no prediction but the probability that the level is below the limit, written
``PHI((LIMIT - IPRED)/W)``. That is a limit of the residual error, and these rows are measurements below it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from understudy.formats.nonmem import tree
from understudy.formats.nonmem.data_table import DataTable
from understudy.formats.nonmem.effect_blocks import Block
from understudy.formats.nonmem.observation import OUTPUT_ITEMS, Observation
from understudy.formats.nonmem.residual import sigmas
from understudy.formats.nonmem.stream_record import StreamRecord
from understudy.formats.nonmem.tree import Tree

FLAG = "F_FLAG"
_SHAPE = "write PHI((LIMIT - IPRED)/W), with Y = IPRED + W*EPS(1) elsewhere and $SIGMA 1 FIX"


@dataclass(frozen=True)
class Flagged:
    """Y with what F_FLAG asks about decided.

    Parameters
    ----------
    measured : Tree or None
        Y where F_FLAG is 0; None where it never is.
    below : Tree or None
        Y where it is 1; None where it never is.
    rows : bool array
        Rows of the data table of `below`.
    own : tuple of (F_FLAG, Tree, bool array)
        What Y is where it is a likelihood of DV, and the rows of that.
    """

    measured: Tree | None
    below: Tree | None
    rows: np.ndarray
    own: tuple[tuple[int, Tree, np.ndarray], ...] = ()


def split_by_flag(y: Tree, flag: Tree, table: DataTable, record: StreamRecord) -> Flagged:
    """Y apart for measurements and for levels below a limit.

    Parameters
    ----------
    y, flag : Tree
        With all their steps written out.
    table : DataTable
    record : StreamRecord
    """
    conditions = _conditions(flag)
    asked = set().union(*(tree.names(each) for each in conditions)) - {*OUTPUT_ITEMS}
    # What Y asks about the same data items is decided with it, but for what tells outputs apart.
    conditions += [each for each in _conditions(y) if tree.names(each) and tree.names(each) <= asked]
    found: dict[int, Tree] = {}
    rows: dict[int, np.ndarray] = {}
    truths = np.stack([_truth(each, table, record) for each in conditions], axis=1) if conditions else None
    seen = np.flatnonzero(table.observed)
    for truth in np.unique(truths[seen], axis=0) if conditions else [()]:
        value = tree.constant(_decided(flag, conditions, truth))
        if value not in (0, 1, 2):
            record.fail("F_FLAG is none of 0, 1, 2", "let it be one of them on every observation")
        here = _decided(y, conditions, truth)
        if int(value) in found and not tree.same(found[int(value)], here):
            record.fail("Y has several forms where F_FLAG is the same", "ask about one thing in both")
        found[int(value)] = here
        mine = table.observed & ((truths == truth).all(axis=1) if conditions else True)
        rows[int(value)] = rows.get(int(value), np.zeros(table.size, bool)) | mine
    is_limit = 0 in found and 1 in found and tree.calls(found[1], "PHI")
    own = tuple(
        (value, found[value], rows[value])
        for value in (1, 2)
        if value in found and not (value == 1 and is_limit)
    )
    below = found[1] if is_limit else None
    return Flagged(found.get(0), below, rows[1] if is_limit else np.zeros(table.size, bool), own)


def _conditions(flag: Tree) -> list[Tree]:
    found: dict[str, Tree] = {}
    for node in ast.walk(flag):
        if isinstance(node, ast.Call) and node.func.id == "where":
            found[ast.dump(node.args[0])] = node.args[0]
    return list(found.values())


def _truth(condition: Tree, table: DataTable, record: StreamRecord) -> np.ndarray:
    names = tree.names(condition)
    if not all(table.has(name) for name in names):
        record.fail("F_FLAG depends on more than data items", "ask about a data item, or DV")
    values = {name: table.values(name) for name in names}
    return np.broadcast_to(tree.expression(condition).evaluate(values), table.size) != 0


def _decided(equation: Tree, conditions: Sequence[Tree], truth: Sequence[bool]) -> Tree:
    """An equation in which some conditions are known to hold or not."""
    known = [(each, ast.Constant(int(holds))) for each, holds in zip(conditions, truth, strict=True)]
    decide = lambda node: next((value for each, value in known if tree.same(node, each)), None)  # noqa: E731
    return tree.fold(tree.rewrite(equation, decide))


def limit_of(
    observation: Observation,
    rows: np.ndarray,
    table: DataTable,
    blocks: tuple[Block, ...],
    record: StreamRecord,
) -> float:
    """The limit below which levels of one kind of measurement are only known to be.

    Parameters
    ----------
    observation : Observation
        With `below`.
    rows : bool array
        Its rows that are below.
    table, blocks, record
        The data, SIGMA, and $ERROR.
    """
    inside = _argument(observation.below, record)
    shape = isinstance(inside, ast.BinOp) and isinstance(inside.op, ast.Div) and inside.left
    if not (isinstance(shape, ast.BinOp) and isinstance(shape.op, ast.Sub)):
        record.fail("Y where F_FLAG is 1 is not understood", _SHAPE)
    if not tree.same(shape.right, observation.prediction) or not _is_deviation(
        inside.right, observation.gains, blocks
    ):
        record.fail("Y where F_FLAG is 1 does not go with Y elsewhere", _SHAPE)
    limit = _number(shape.left, rows, table, record)
    measured = table.values("DV")
    wrong = np.flatnonzero(observation.rows & ~rows & (measured < limit))
    if wrong.size:
        record.fail(
            f"DV on row {table.lines[wrong[0]]} of {table.file} is below the limit {limit:g}, but F_FLAG is 0",
            "flag every measurement below the limit",
        )
    return limit


def _argument(below: Tree | None, record: StreamRecord) -> Tree:
    if not (isinstance(below, ast.Call) and below.func.id == "PHI"):
        record.fail("Y where F_FLAG is 1 is not understood", _SHAPE)
    return below.args[0]


def _is_deviation(divisor: Tree, gains: Mapping[int, Tree], blocks: tuple[Block, ...]) -> bool:
    """Whether a tree is the standard deviation of the measurements: one EPS of fixed variance 1 has it as its gain."""
    if len(gains) != 1:
        return False
    number, gain = next(iter(gains.items()))
    held = any(b.fixed and b.first <= number < b.first + b.size for b in blocks)
    return held and sigmas(blocks).get((number, number)) == 1 and tree.same(gain, divisor)


def _number(limit: Tree, rows: np.ndarray, table: DataTable, record: StreamRecord) -> float:
    value = tree.constant(limit)
    if value is not None:
        return value
    if not (isinstance(limit, ast.Name) and table.has(limit.id)):
        record.fail("the limit of quantification is neither a number nor a data item", _SHAPE)
    values = np.unique(table.values(limit.id)[rows])
    if values.size != 1:
        record.fail(
            f"the limit of quantification {limit.id} changes from row to row",
            "this cannot be translated: it must be one for each output",
        )
    return float(values[0])


def below_limit(measured: np.ndarray, rows: np.ndarray, limit: float) -> np.ndarray:
    """Measurements, those of some rows just below a limit where they are not below it already."""
    return np.where(rows & (measured >= limit), np.nextafter(limit, -np.inf), measured)
