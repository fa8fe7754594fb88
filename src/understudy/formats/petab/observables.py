"""Observables: a table that both versions of PEtab have, but for what it says of the noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from understudy.formats.petab.file_list import file_list
from understudy.formats.petab.problem import Cell, PetabObservable
from understudy.formats.petab.table import Row, read_tables

_COLUMNS = ("observableId", "observableFormula", "noiseFormula")


def read_observables(
    path: Path, told: dict[str, Any], noise: Callable[[Row], tuple]
) -> dict[str, PetabObservable]:
    """The observables of a problem, by name.

    Parameters
    ----------
    path : path
        Of the YAML file.
    told : dict
        Where it says ``observable_files``.
    noise : callable
        From a row to what `PetabObservable` has behind its formulae: distribution, transformation, placeholders.
    """
    table = read_tables(file_list(path, told, "observable_files"), _COLUMNS)
    return {name: _observable(name, row, noise) for name, row in table.unique("observableId").items()}


def _observable(name: str, row: Row, noise: Callable[[Row], tuple]) -> PetabObservable:
    formulae = (Cell(row.required(column), row, column) for column in _COLUMNS[1:])
    return PetabObservable(name, *formulae, *noise(row))
