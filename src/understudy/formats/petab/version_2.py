"""Version 2: from the files of a PEtab 2.0 problem to its parts, one for each model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from understudy.core.errors import FormatError
from understudy.formats.petab.file_list import beside, file_list, section
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

_MEASUREMENT_COLUMNS = ("observableId", "experimentId", "measurement", "time")
_DISTRIBUTIONS = ("normal", "laplace", "log-normal", "log-laplace")
# An experiment of its own for measurements that name none.
_AS_IT_IS = Experiment("", (Period(0.0),))


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
    _refuse_extensions(path, told)
    table = read_tables(file_list(path, told, "parameter_files"), ("parameterId", "estimate"))
    parameters = read_parameters(table, 2)
    models = _models(path, told)
    known = read_observables(path, told, _noise)
    experiments = _experiments(path, told, parameters)
    aliases = _aliases(path, told)
    table = read_tables(file_list(path, told, "measurement_files"), _MEASUREMENT_COLUMNS)
    found: dict[str, list[Measurement]] = {name: [] for name in models}
    measured = lambda row: (_model(row, models), _measurement(row, known, experiments))  # noqa: E731
    for name, measurement in read_each(table, measured):
        found[name].append(measurement)
    return parameters, tuple(
        _part(models[name], known, experiments, aliases, measured, table)
        for name, measured in found.items()
        if measured
    )


def _part(
    model: Path,
    observables: dict[str, PetabObservable],
    experiments: dict[str, Experiment],
    aliases: dict[str, str],
    measured: list[Measurement],
    table: Table,
) -> Part:
    """A model with what is measured of it: of all else nothing need fit it."""
    used = {each.experiment: experiments[each.experiment] for each in measured}
    return Part(model, observables, used, tuple(measured), table.columns, aliases)


def _refuse_extensions(path: Path, told: dict[str, Any]) -> None:
    extensions = told.get("extensions") or {}
    for name, more in section(path, extensions, "extensions").items():
        if not isinstance(more, dict) or more.get("required", True) is not False:
            raise FormatError(
                f"the problem needs the extension {name}", place=path.name, repair="give a problem without it"
            )


def _models(path: Path, told: dict[str, Any]) -> dict[str, Path]:
    models = section(path, told.get("model_files"), "model_files")
    found = {}
    for name, more in models.items():
        more = section(path, more, f"model_files.{name}")
        if str(more.get("language", "")).lower() != "sbml":
            raise FormatError(
                f"the model {name} is in {more.get('language')!r}", place=path.name, repair="give it in SBML"
            )
        found[str(name)] = beside(path, more.get("location"), f"model_files.{name}.location")
    if not found:
        raise FormatError("the problem has no model", place=path.name, repair="name one under model_files")
    return found


def _model(row: Row, models: dict[str, Path]) -> str:
    """The model that a measurement is of."""
    if not row.text("modelId") and len(models) == 1:
        return next(iter(models))
    return row.named("modelId", models, "model")


def _noise(row: Row) -> tuple:
    if row.text("observableTransformation", "lin") != "lin":
        raise row.refuse("observableTransformation", "PEtab 2 has no transformations", "use log-normal noise")
    kind = row.choice("noiseDistribution", _DISTRIBUTIONS, "normal")
    return (
        kind.removeprefix("log-"),
        "log" if kind.startswith("log-") else "lin",
        tuple(row.parts("observablePlaceholders")),
        tuple(row.parts("noisePlaceholders")),
    )


def _experiments(
    path: Path, told: dict[str, Any], parameters: dict[str, PetabParameter]
) -> dict[str, Experiment]:
    changes = _changes(path, told, parameters)
    table = read_tables(
        file_list(path, told, "experiment_files", needed=False), ("experimentId", "time", "conditionId")
    )
    begun: dict[str, dict[float, list[Change]]] = {}
    for row in table:
        name, begin = row.identifier("experimentId"), row.number("time", infinite=True)
        if begin == math.inf:
            raise row.refuse("time", "a period cannot begin then", "give a number, or -inf")
        here = begun.setdefault(name, {}).setdefault(begin, [])
        for change in changes[row.named("conditionId", changes, "condition")]:
            if any(each.target == change.target for each in here):
                raise row.refuse(
                    "conditionId", f"{change.target} is changed twice at once", "keep one change"
                )
            here.append(change)
    found = {
        name: Experiment(name, tuple(Period(begin, tuple(periods[begin])) for begin in sorted(periods)))
        for name, periods in begun.items()
    }
    return {"": _AS_IT_IS, **found}


def _changes(
    path: Path, told: dict[str, Any], parameters: dict[str, PetabParameter]
) -> dict[str, list[Change]]:
    table = read_tables(
        file_list(path, told, "condition_files", needed=False), ("conditionId", "targetId", "targetValue")
    )
    # A period may begin without a condition, and then changes nothing.
    found: dict[str, list[Change]] = {"": []}
    for row in table:
        target = row.identifier("targetId")
        if target in parameters:
            raise row.refuse(
                "targetId", "a parameter of the parameter table cannot change", "remove it from that table"
            )
        here = found.setdefault(row.identifier("conditionId"), [])
        if any(each.target == target for each in here):
            raise row.refuse("targetId", "it is changed twice in one condition", "keep one of the rows")
        here.append(Change(target, Cell(row.required("targetValue"), row, "targetValue")))
    return found


def _aliases(path: Path, told: dict[str, Any]) -> dict[str, str]:
    table = read_tables(
        file_list(path, told, "mapping_files", needed=False), ("petabEntityId", "modelEntityId")
    )
    return {
        name: row.text("modelEntityId")
        for name, row in table.unique("petabEntityId").items()
        if row.text("modelEntityId")
    }


def _measurement(
    row: Row, known: dict[str, PetabObservable], experiments: dict[str, Experiment]
) -> Measurement:
    observable = row.named("observableId", known, "observable")
    experiment = row.named("experimentId", experiments, "experiment")
    time, periods = row.number("time", infinite=True), experiments[experiment].periods
    first = next((period.begin for period in periods if period.begin != BEFORE), math.inf)
    if time < first:
        repair = (
            f"give a time from {first:g} on" if first < math.inf else "give inf, or the experiment a period"
        )
        raise row.refuse("time", "nothing is simulated then", repair)
    return Measurement(row, observable, experiment, time, row.number("measurement"))
