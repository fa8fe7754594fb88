"""New values: what the changes of a period come to, experiment by experiment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from understudy.core.expression import Expression
from understudy.formats.petab.compiled_part import CompiledPart
from understudy.formats.petab.problem import Cell
from understudy.formats.petab.slope import Known


class NewValue(NamedTuple):
    """What one target is set to in some experiments.

    Parameters
    ----------
    target : str
        Its identifier.
    rows : int array, shape (n,)
        Which experiments.
    value : float array, shape (n,)
    slope : float array, shape (n, directions)
    """

    target: str
    rows: np.ndarray
    value: np.ndarray
    slope: np.ndarray


class _Asked(NamedTuple):
    target: str
    expression: Expression
    cell: Cell
    rows: list[int]


def asked_names(part: CompiledPart, experiments: Iterable[str], period: int) -> set[str]:
    """Names that the new values of a period depend on."""
    asked = (expression for name in experiments for _, expression, _ in part.changes[name, period])
    return set().union(*(expression.names for expression in asked))


def new_values(
    part: CompiledPart, experiments: list[str], period: int, known: Known, directions: int
) -> Iterator[NewValue]:
    """The new values with which a period begins.

    Parameters
    ----------
    part : CompiledPart
    experiments : list of str
        One a row of `known`.
    period : int
    known : Known
        All that the formulae may use, each value of shape (rows,).
    directions : int

    Raises
    ------
    FormatError
        For something that has no value yet.
    """
    for asked in _together(part, experiments, period):
        missing = sorted(asked.expression.names - known.values.keys())
        if missing:
            raise asked.cell.row.refuse(
                asked.cell.column, f"{missing[0]} has no value at the start", "use parameters and numbers"
            )
        rows, wide = np.array(asked.rows), len(experiments)
        value, slope = known.of(asked.expression)
        slope = np.zeros((wide, directions)) if slope is None else np.broadcast_to(slope, (wide, directions))
        yield NewValue(asked.target, rows, np.broadcast_to(value, wide)[rows], slope[rows])


def _together(part: CompiledPart, experiments: list[str], period: int) -> Iterable[_Asked]:
    """Changes by what they set and to what, each with all experiments that it happens in."""
    found: dict[tuple[str, str], _Asked] = {}
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, name in enumerate(experiments):
        for target, expression, cell in part.changes[name, period]:
            key = (target, expression.text)
            rows[key].append(row)
            found.setdefault(key, _Asked(target, expression, cell, rows[key]))
    return found.values()
