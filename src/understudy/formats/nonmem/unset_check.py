"""Unset check: proof, on the data, that no variable is used where the code has not set it.

NONMEM lets such a variable keep its value of the record before; a model that needs that cannot be translated.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import numpy as np

from understudy.formats.nonmem import tree
from understudy.formats.nonmem.assignments import is_unset, unset_variable
from understudy.formats.nonmem.tree import Tree

if TYPE_CHECKING:
    from understudy.formats.nonmem.code_parts import Parts
    from understudy.formats.nonmem.data_table import DataTable


def require_set(parts: Parts) -> None:
    """Refuse a variable that is used before it is set, where a row of the data reaches that.

    Raises
    ------
    FormatError
        Naming the variable, the line that uses it and the row of the data.
    """
    everywhere = np.ones(parts.table.size, bool)
    equations = [(each, everywhere) for each in (*parts.rates, *parts.initials())]
    for number, field, equation in parts.dosing_equations():
        equations.append((equation, _doses(parts.table, number, field, parts.mechanism.dose)))
    for one in parts.seen:
        equations += [(each, one.rows) for each in (one.prediction, *one.gains.values())]
    for equation, rows in equations:
        if parts.code.may_be_unset(equation):
            _check(parts, _expanded(parts, equation), rows)


def _doses(table: DataTable, number: int, field: str, default: int) -> np.ndarray:
    """Rows that dose a compartment, and whose dose asks for a modelled rate or duration where it is one of these."""
    into = table.values("CMT") if table.has("CMT") else np.zeros(table.size)
    found = np.isin(table.event, (1, 4)) & (np.where(into == 0, default, into) == number)
    code = {"rate": -1, "duration": -2}.get(field)
    if code is None:
        return found
    return found & (table.values("RATE") == code) if table.has("RATE") else np.zeros(table.size, bool)


def _expanded(parts: Parts, equation: Tree) -> list[Tree]:
    try:
        return [parts.code.expanded(equation, parts.needed)]
    except OverflowError:
        return parts.pk.fail(
            "there are too many IFs to see whether each variable is always set",
            "set the variables before their IFs",
        )


def _check(parts: Parts, equations: list[Tree], rows: np.ndarray) -> None:
    for equation in equations:
        for marker, conditions in tree.guarded(equation, is_unset):
            reached = rows & _reached(parts, conditions, marker)
            if reached.any():
                _refuse(parts, marker, int(parts.table.lines[np.flatnonzero(reached)[0]]))


def _reached(parts: Parts, conditions: tuple[Tree, ...], marker: str) -> np.ndarray:
    """Rows of the data at which all conditions hold; those that the data alone cannot decide may hold anywhere."""
    found = np.ones(parts.table.size, bool)
    for condition in conditions:
        names = tree.names(condition)
        if names <= parts.items:
            values = {name: parts.table.values(name) for name in names}
            found &= np.broadcast_to(tree.expression(condition).evaluate(values), found.shape) != 0
    return found


def _refuse(parts: Parts, marker: str, row: int) -> None:
    variable = unset_variable(marker)
    users = [
        version
        for version in parts.needed
        if any(isinstance(n, ast.Name) and n.id == marker for n in ast.walk(parts.code.versions[version]))
    ]
    record, line = parts.code.lines[users[0]] if users else (parts.error, parts.error.number)
    record.fail(
        f"{variable} is not set on row {row} of {parts.table.file}, where it is used",
        f"set {variable} before the IF, or write an ELSE (what NONMEM takes from the record before is not known here)",
        line,
    )
