"""Observation: what Y says of each kind of measurement, as a prediction and how far measurements scatter around it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from understudy.formats.nonmem import tree
from understudy.formats.nonmem.data_table import DataTable, constant_in_subjects
from understudy.formats.nonmem.stream_record import StreamRecord
from understudy.formats.nonmem.tree import Tree

# Items that tell outputs apart, whatever their values.
OUTPUT_ITEMS = ("CMT", "DVID")
_MOST_KINDS = 20
# What observation records have in common.
OBSERVATION = {"AMT": 0, "EVID": 0, "MDV": 0, "RATE": 0, "ADDL": 0, "II": 0, "SS": 0}


@dataclass(frozen=True)
class Observation:
    """One kind of measurement.

    Parameters
    ----------
    name : str
        Of the output.
    prediction : Tree
        Y without residual error.
    gains : mapping of int to Tree
        Derivative of Y by each EPS, where EPS is zero.
    rows : bool array
        Rows of the data table that measure it.
    below : Tree or None
        The probability of a level below a limit, where there are such rows.
    log_density : Tree or None
        Logarithm of the likelihood of DV, where Y is that; the prediction means nothing then.
    """

    name: str
    prediction: Tree
    gains: Mapping[int, Tree]
    rows: np.ndarray
    below: Tree | None = None
    log_density: Tree | None = None


def observations(
    y: Tree,
    table: DataTable,
    items: frozenset[str],
    epsilons: int,
    record: StreamRecord,
    below: Tree | None = None,
    among: np.ndarray | None = None,
) -> tuple[Observation, ...]:
    """The kinds of measurement in the data, told apart by the data items that Y asks about.

    Parameters
    ----------
    y : Tree
        Y in terms of states, individual parameters, EPS and data items.
    table : DataTable
    items : set of str
        Names of data items.
    epsilons : int
        Number of EPS.
    record : StreamRecord
        $ERROR or $PRED.
    below : Tree, optional
        What Y is instead on rows that are below a limit.
    among : bool array, optional
        The rows that are looked at; all observations where None.
    """
    constant = OBSERVATION if table.compartmental else {}
    known = {name: tree.number(value) for name, value in constant.items() if name in items}
    y = tree.fold(tree.replace_names(y, known))
    among = table.observed if among is None else among
    seen = np.flatnonzero(among)
    if not seen.size:
        record.fail("the data hold no observation", "check MDV and EVID", record.number)
    asked = _selectors(y, table, items, seen)
    columns = np.stack([table.values(name) for name in asked], axis=1) if asked else np.zeros((table.size, 0))
    kinds = np.unique(columns[seen], axis=0)
    if len(kinds) > _MOST_KINDS:
        record.fail(
            f"Y depends on {', '.join(asked)} in {len(kinds)} ways", f"at most {_MOST_KINDS} are translated"
        )
    found: dict[str, Observation] = {}
    for values in kinds:
        chosen = {name: tree.number(value) for name, value in zip(asked, values, strict=True)}
        here = tree.fold(tree.replace_names(y, chosen))
        rows = among & (columns == values).all(axis=1)
        prediction, gains = _parts(here, epsilons, record)
        key = ast.dump(here)
        if key in found:
            rows = rows | found[key].rows
        name = "Y" if len(kinds) == 1 else _name(values, len(found), found.get(key))
        beyond = None if below is None else tree.fold(tree.replace_names(below, known | chosen))
        found[key] = Observation(name, prediction, gains, rows, beyond)
    if len(found) == 1:
        only = next(iter(found.values()))
        return (replace(only, name="Y"),)
    return tuple(found.values())


def _name(values: Sequence[float], count: int, before: Observation | None) -> str:
    if before is not None:
        return before.name
    whole = len(values) == 1 and float(values[0]).is_integer() and values[0] >= 0
    return f"Y{int(values[0])}" if whole else f"Y_{count + 1}"


def _selectors(y: Tree, table: DataTable, items: frozenset[str], seen: np.ndarray) -> list[str]:
    """Data items that tell kinds of measurement apart: asked about in a condition, and not a subject's own."""
    asked: set[str] = set()
    for node in ast.walk(y):
        if isinstance(node, ast.Compare):
            asked |= tree.names(node) & items
    return [
        name
        for name in sorted(asked)
        if name in OUTPUT_ITEMS or not constant_in_subjects(table, table.values(name), seen)
    ]


def _parts(y: Tree, epsilons: int, record: StreamRecord) -> tuple[Tree, dict[int, Tree]]:
    zero = {f"EPS{k}": tree.ZERO for k in range(1, epsilons + 1)}
    gains: dict[int, Tree] = {}
    for k in range(1, epsilons + 1):
        name = f"EPS{k}"
        try:
            slope = tree.derivative(y, lambda each, name=name: tree.ONE if each == name else None)
        except NotImplementedError as error:
            record.fail(
                f"EPS({k}) is in {error} of Y, which cannot be translated",
                "write Y as a prediction plus a residual error",
            )
        slope = tree.fold(tree.replace_names(slope, zero))
        if tree.constant(slope) != 0:
            gains[k] = slope
    return tree.fold(tree.replace_names(y, zero)), gains
