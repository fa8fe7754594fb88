"""Carried: variables that keep their value from record to record, such as the last dose or the time since it.

``IF (AMT.GT.0) TDOSE = TIME`` leaves TDOSE, on records that are no dose, as the record before left it. Where all that
such a variable depends on are data items, its value on every record is known: it becomes a data item itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from understudy.core.expression import TIME
from understudy.formats.nonmem import tree
from understudy.formats.nonmem.assignments import Assignments, is_unset, unset, unset_variable
from understudy.formats.nonmem.data_table import DataTable
from understudy.formats.nonmem.tree import Tree

_NEW = "NEWIND"


def carry(code: Assignments, table: DataTable, items: frozenset[str]) -> tuple[DataTable, frozenset[str]]:
    """Make data items of the variables that are carried, in the equations too.

    Returns
    -------
    table, items
        With the new ones among them.
    """
    if any(_NEW in tree.names(equation) for equation in code.versions.values()) and _NEW not in items:
        table, items = table.with_computed({_NEW: _new_subjects(table)}), items | {_NEW}
    found = _carried(code, items)
    found = {name: equation for name, equation in found.items() if _is_reached(equation, table)}
    found = _closed(found, items)
    if not found:
        return table, items
    after, before = _values(found, table)
    last = {name: next(iter(tree.names(code.current[name]))) for name in found}
    changed = {last[name]: tree.name(name) for name in found}
    changed |= {next(iter(tree.names(unset(name)))): tree.name(f"{name}_BEFORE") for name in found}
    for version, equation in code.versions.items():
        code.versions[version] = tree.replace_names(equation, changed)
    code.current = {name: tree.replace_names(equation, changed) for name, equation in code.current.items()}
    columns = after | {f"{name}_BEFORE": values for name, values in before.items()}
    return table.with_computed(columns), items | columns.keys()


def _new_subjects(table: DataTable) -> np.ndarray:
    """NEWIND: 0 on the first record of all, 1 on the first of a subject, else 2."""
    first = np.r_[True, table.subject[1:] != table.subject[:-1]]
    found = np.where(first, 1.0, 2.0)
    found[:1] = 0.0
    return found


def _carried(code: Assignments, items: frozenset[str]) -> dict[str, Tree]:
    """Variables that may be used unset and depend on data items alone, each with its whole equation."""
    found = {}
    for name, current in code.current.items():
        own = tree.names(current)
        if not (len(own) == 1 and own <= code.versions.keys() and code.may_be_unset(current)):
            continue
        try:
            equation = code.expanded(current, code.needed([current]))
        except OverflowError:
            continue
        if any(is_unset(each) for each in tree.names(equation)):
            found[name] = equation
    return _closed(found, items)


def _closed(found: dict[str, Tree], items: frozenset[str]) -> dict[str, Tree]:
    """Those whose equations use nothing but data items and one another."""
    while True:
        kept = {
            name: equation
            for name, equation in found.items()
            if all(
                each in items or each == TIME or (is_unset(each) and unset_variable(each) in found)
                for each in tree.names(equation)
            )
        }
        if len(kept) == len(found):
            return kept
        found = kept


def _is_reached(equation: Tree, table: DataTable) -> bool:
    """Whether some row of the data uses the value of the record before."""
    for _, conditions in tree.guarded(equation, is_unset):
        reached = np.ones(table.size, bool)
        for condition in conditions:
            names = tree.names(condition)
            if not any(is_unset(name) for name in names):
                reached &= (
                    np.broadcast_to(tree.expression(condition).evaluate(_items(table, names)), reached.shape)
                    != 0
                )
        if reached.any():
            return True
    return False


def _items(table: DataTable, names: set[str]) -> dict[str, np.ndarray]:
    return {name: table.values("TIME" if name == TIME else name) for name in names}


def _values(
    found: Mapping[str, Tree], table: DataTable
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Values after and before each record; NONMEM starts from zero."""
    functions = {name: tree.expression(equation).function for name, equation in found.items()}
    used = set().union(*(tree.names(equation) for equation in found.values()))
    columns = _items(table, {name for name in used if not is_unset(name)})
    markers = {name: next(iter(tree.names(unset(name)))) for name in found}
    now = dict.fromkeys(found, 0.0)
    after = {name: np.zeros(table.size) for name in found}
    before = {name: np.zeros(table.size) for name in found}
    with np.errstate(all="ignore"):
        for row in range(table.size):
            values = {name: column[row] for name, column in columns.items()}
            values |= {marker: now[name] for name, marker in markers.items()}
            for name in found:
                before[name][row] = now[name]
            now = {name: float(function(values)) for name, function in functions.items()}
            for name in found:
                after[name][row] = now[name]
    return after, before
