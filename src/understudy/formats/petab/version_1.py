"""Version 1: from the files of a PEtab 1.0 problem to its parts.

A pair of conditions, one before the start and one from it on, is an experiment of two periods.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.core.errors import FormatError
from understudy.formats.petab.file_list import file_list, section
from understudy.formats.petab.observables import read_observables
from understudy.formats.petab.parameter import PetabParameter, read_parameters
from understudy.formats.petab.problem import (
    BEFORE,
    Cell,
    Change,
    Experiment,
    Measurement,
    Part,
    Period,
    PetabObservable,
)
from understudy.formats.petab.table import Row, Table, read_each, read_tables

_BEFORE, _SIMULATION = "preequilibrationConditionId", "simulationConditionId"
_MEASUREMENT_COLUMNS = ("observableId", _SIMULATION, "measurement", "time")
_DISTRIBUTIONS, _TRANSFORMATIONS = ("normal", "laplace"), ("lin", "log", "log10")


def read(path: Path, told: dict[str, Any]) -> tuple[dict[str, PetabParameter], tuple[Part, ...]]:
    """Parameters and parts of a problem.

    Parameters
    ----------
    path : path
        Of the YAML file.
    told : dict
        What it says.

    Raises
    ------
    FormatError
        With file, row and column.
    """
    files = file_list(path, told, "parameter_file")
    parameters = read_parameters(read_tables(files, ("parameterId", "parameterScale", "estimate")), 1)
    problems = told.get("problems")
    if not isinstance(problems, list) or not problems:
        raise FormatError(
            "problems: is missing, or no list", place=path.name, repair="list at least one problem"
        )
    return parameters, tuple(
        _part(path, section(path, each, f"problems[{k}]")) for k, each in enumerate(problems)
    )


def _part(path: Path, told: dict[str, Any]) -> Part:
    models = file_list(path, told, "sbml_files")
    if len(models) > 1:
        raise FormatError(
            f"a problem has {len(models)} SBML files",
            place=path.name,
            repair="write one problem for each of them",
        )
    conditions = read_tables(file_list(path, told, "condition_files"), ("conditionId",))
    known = read_observables(path, told, _noise)
    table = read_tables(file_list(path, told, "measurement_files"), _MEASUREMENT_COLUMNS)
    changes = _changes(conditions)
    experiments: dict[str, Experiment] = {}

    def measurement(row: Row) -> Measurement:
        before, after = row.text(_BEFORE), row.required(_SIMULATION)
        name = f"{before} → {after}" if before else after
        if name not in experiments:
            experiments[name] = _experiment(name, row, changes)
        return _measurement(row, name, known)

    return Part(models[0], known, experiments, tuple(read_each(table, measurement)), table.columns, {})


def _noise(row: Row) -> tuple[str, str]:
    distribution = row.choice("noiseDistribution", _DISTRIBUTIONS, "normal")
    return distribution, row.choice("observableTransformation", _TRANSFORMATIONS, "lin")


def _changes(table: Table) -> dict[str, tuple[Change, ...]]:
    """What each condition changes; an empty cell changes nothing."""
    targets = [name for name in table.columns if name not in ("conditionId", "conditionName")]
    for row in table.rows[:1]:
        row.require_identifiers(targets)
    return {
        name: tuple(
            Change(target, Cell(row.text(target), row, target)) for target in targets if row.text(target)
        )
        for name, row in table.unique("conditionId").items()
    }


def _experiment(name: str, row: Row, changes: dict[str, tuple[Change, ...]]) -> Experiment:
    periods = []
    for column, begin in ((_BEFORE, BEFORE), (_SIMULATION, 0.0)):
        if row.text(column) or begin != BEFORE:
            periods.append(Period(begin, changes[row.named(column, changes, "condition")]))
    return Experiment(name, tuple(periods), afresh=True)


def _measurement(row: Row, experiment: str, known: dict[str, PetabObservable]) -> Measurement:
    observable = row.named("observableId", known, "observable")
    time = row.number("time", infinite=True)
    if time < 0:
        raise row.refuse("time", "it is before the start, 0", "give a later time")
    return Measurement(row, observable, experiment, time, row.number("measurement"))
