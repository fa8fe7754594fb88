"""Compatibility: whether records and a model mean the same compartments, outputs, covariates and units."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from understudy.core import units
from understudy.core.errors import DataError, Problem, UnitError
from understudy.model.model import Model
from understudy.model.parts import Input
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd

    from understudy.data.records import Records

_MODELLED = {-1: "rate", -2: "duration"}


def check_against(records: Records, model: Model | PopulationModel) -> None:
    """Require that a model can be asked about these records.

    Compartments (CMT) must be inputs or states, by name or number from 1; outputs (DVID) by name or number
    from 1; a modelled rate or duration (RATE -1, -2) must be in the model; the covariates of a population
    must be known in every patient; units, where both say theirs, must measure the same.

    Parameters
    ----------
    records : Records
    model : Model or PopulationModel

    Raises
    ------
    DataError
        With every problem, each with row, column, value and repair.
    """
    structural = _structural(model)
    problems = [
        *_compartments(records, structural),
        *_modelled_rates(records, structural),
        *_outputs(records, model),
        *_covariates(records, model),
        *_units(records, model, structural),
    ]
    if problems:
        place = f"{records.source}, with the model {model.name}"
        raise DataError(sorted(problems, key=lambda problem: problem.row or 0), place=place)


def entered(model: Model, compartment: str) -> tuple[Input, ...]:
    """The inputs that a dose into a compartment enters; empty where there is no such input.

    An input's name means every path of that name; a state means the first input that leads to it.

    Parameters
    ----------
    model : Model
    compartment : str
        CMT: an input's name, a state's name or its number from 1, or "" (or 0) for the model's first input.
    """
    if not model.routes:
        return ()
    if compartment in ("", "0"):
        compartment = model.routes[0]
    by_name = tuple(entry for entry in model.doses if entry.name == compartment)
    if by_name:
        return by_name
    state = _state(model, compartment)
    return tuple(entry for entry in model.doses if entry.state == state)[:1]


def output_name(model: Model | PopulationModel, output: str) -> str | None:
    """The output that a DVID means: its name (in any case, where that is clear), its number from 1, or "" for the only.

    Numbers are those of the structural model's outputs. None where nothing is meant: no such output, or ""
    where several are observed.
    """
    names = _structural(model).output_names
    if output == "":
        return model.output_names[0] if len(model.output_names) == 1 else None
    if output in names:
        return output
    alike = [name for name in names if name.lower() == output.lower()]
    if len(alike) == 1:
        return alike[0]
    return names[int(output) - 1] if output.isdecimal() and 1 <= int(output) <= len(names) else None


def _structural(model: Model | PopulationModel) -> Model:
    return model.structural if isinstance(model, PopulationModel) else model


def _state(model: Model, compartment: str) -> str | None:
    if compartment in model.state_names:
        return compartment
    if compartment.isdecimal() and 1 <= int(compartment) <= len(model.states):
        return model.state_names[int(compartment) - 1]
    return None


def _problems(
    table: pd.DataFrame, column: str, explain: Callable[[str], tuple[str, str] | None]
) -> list[Problem]:
    """One problem for each value that `explain` finds at fault: at its first row, with how many rows have it."""
    problems = []
    for value, rows in table["row"].groupby(table[column].astype(str), sort=False):
        fault = explain(str(value))
        if fault:
            cause = (
                f"{fault[0]} (so on {len(rows)} rows, of which this is the first)"
                if len(rows) > 1
                else fault[0]
            )
            problems.append(Problem(cause, fault[1], int(rows.iloc[0]), column.upper(), str(value)))
    return problems


def _compartments(records: Records, model: Model) -> list[Problem]:
    count, places = len(model.states), (*model.routes, *model.state_names)

    def unknown(compartment: str) -> tuple[str, str] | None:
        known = compartment in ("", "0", *places, *model.output_names)
        if known or _state(model, compartment):
            return None
        if compartment.isdecimal():
            numbered = ", ".join(f"{k} = {name}" for k, name in enumerate(model.state_names, 1))
            cause = f"{model.name} has {count} compartment{'s' if count != 1 else ''}"
            return cause, f"write one of {numbered}"
        return f"{model.name} has no compartment of this name", _nearest(compartment, places)

    def no_input(compartment: str) -> tuple[str, str] | None:
        if unknown(compartment) or entered(model, compartment):
            return None
        if not model.routes:
            return f"{model.name} has nothing that a dose could enter", "leave doses out"
        return "no dose can enter here", f"dose one of {', '.join(model.routes)}"

    return [*_problems(records.data, "cmt", unknown), *_problems(records.doses, "cmt", no_input)]


def _modelled_rates(records: Records, model: Model) -> list[Problem]:
    problems = []
    for code, part in _MODELLED.items():
        rows = records.doses[records.doses["rate"] == code]
        for compartment, group in rows.groupby("cmt", sort=False):
            inputs = entered(model, str(compartment))
            if any(getattr(entry, part) is not None for entry in inputs) or not inputs:
                continue
            cause = f"the input {inputs[0].name} of {model.name} has no modelled {part}"
            having = [entry.name for entry in model.doses if getattr(entry, part) is not None]
            repair = f"give the input a {part}, or write the infusion's rate"
            repair = f"dose {' or '.join(having)}, which has one, or {repair}" if having else repair
            problems += [Problem(cause, repair, int(row), "RATE", str(code)) for row in group["row"]]
    return problems


def _outputs(records: Records, model: Model | PopulationModel) -> list[Problem]:
    names = model.output_names
    several = isinstance(model, PopulationModel) and len(names) > 1

    def unknown(output: str) -> tuple[str, str] | None:
        if output_name(model, output) or (output == "" and not several):
            return None
        if output == "":
            return (
                f"which output was measured? {model.name} has {len(names)}",
                f"write DVID: {', '.join(names)}",
            )
        numbered = ", ".join(f"{k} = {name}" for k, name in enumerate(_structural(model).output_names, 1))
        return f"{model.name} has no such output", f"write one of {numbered}"

    return _problems(records.observations, "dvid", unknown)


def _covariates(records: Records, model: Model | PopulationModel) -> list[Problem]:
    problems = []
    for covariate in model.covariates if isinstance(model, PopulationModel) else ():
        if covariate.name in records.covariates:
            problems += _never_known(records, covariate.name)
            continue
        meaning = f" ({covariate.description})" if covariate.description else ""
        cause = f"{model.name} needs the covariate {covariate.name}{meaning}"
        same = {name.lower(): name for name in records.covariates}
        near = difflib.get_close_matches(covariate.name.lower(), same, 1, 0.5)
        found = repr(same[near[0]]) if near else "..."
        repair = f"add the column, or say which it is: columns={{{covariate.name!r}: {found}}}"
        problems.append(Problem(cause, repair, 1, covariate.name))
    return problems


def _never_known(records: Records, name: str) -> list[Problem]:
    known = records.data.groupby("id", sort=False)[name].count()
    rows = records.data.drop_duplicates("id").set_index("id")["row"]
    repair = "write it, or leave the patient out"
    return [
        Problem(f"{name} is never known in patient {patient}", repair, int(rows[patient]), name)
        for patient in known.index[known == 0]
    ]


def _units(records: Records, model: Model | PopulationModel, structural: Model) -> list[Problem]:
    problems = [*_unit(records.unit("time"), structural.time_unit, "TIME", structural.name)]
    for compartment in records.doses["cmt"].unique():
        state = next((entry.state for entry in entered(structural, compartment)), None)
        wanted = next((item.unit for item in structural.states if item.name == state), "")
        problems += _unit(records.unit("amt", compartment), wanted, "AMT", f"{structural.name}, {state}")
    for written in records.observations["dvid"].unique():
        name = output_name(model, written) or (structural.output_names[:1] or ("",))[0]
        wanted = next((item.unit for item in structural.outputs if item.name == name), "")
        problems += _unit(records.unit("dv", written), wanted, "DV", f"{structural.name}, {name}")
    for covariate in model.covariates if isinstance(model, PopulationModel) else ():
        problems += _unit(records.unit(covariate.name), covariate.unit, covariate.name, model.name)
    return list(dict.fromkeys(problems))


def _unit(declared: str, wanted: str, column: str, place: str) -> Iterable[Problem]:
    """A problem where two units measure different things; a scale with another zero is no such thing."""
    if not (declared and wanted) or units.UNKNOWN in (declared, wanted):
        return []
    try:
        units.convert(np.zeros(1), declared, wanted)
    except UnitError as error:
        cause = f"declared in {declared}, but {place} has it in {wanted}"
        return [Problem(cause, f"correct one of the units ({error.repair})", column=column, value=declared)]
    return []


def _nearest(name: str, known: Iterable[str]) -> str:
    known = list(dict.fromkeys(known))
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f"did you mean {near[0]!r}? It has {', '.join(known)}" if near else f"it has {', '.join(known)}"
