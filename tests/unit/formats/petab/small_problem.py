"""Small PEtab problems, written into a folder, about models whose solutions are known in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import yaml

from understudy.formats.antimony import sbml_of
from understudy.formats.petab.problem import PetabProblem
from understudy.formats.petab.reader import read

# A goes to B and back, in a compartment of 1: concentrations are amounts.
CONVERSION = """
model conversion
  compartment c = 1
  species A in c, B in c
  A = a0; B = b0
  a0 = 1; b0 = 0.5; k1 = 0.8; k2 = 0.6
  J1: A -> B; c * k1 * A
  J2: B -> A; c * k2 * B
end
"""
K1, K2 = 0.8, 0.6


def level(time: float, a0: float = 1.0, b0: float = 0.5, k1: float = K1, k2: float = K2) -> float:
    """A of the conversion."""
    rest = (a0 + b0) * k2 / (k1 + k2)
    return rest + (a0 - rest) * np.exp(-(k1 + k2) * time)


def normal(measured: float, value: float, deviation: float) -> float:
    """Log-density of a normal distribution."""
    return -0.5 * ((measured - value) / deviation) ** 2 - np.log(deviation) - 0.5 * np.log(2 * np.pi)


def laplace(measured: float, value: float, scale: float) -> float:
    """Log-density of Laplace's distribution."""
    return -abs(measured - value) / scale - np.log(2 * scale)


def table(text: str) -> str:
    """A table in which cells are separated by white space, and ``.`` is an empty cell, with tabs instead."""
    rows = [line.split() for line in text.strip().splitlines()]
    return "\n".join("\t".join("" if cell == "." else cell for cell in row) for row in rows) + "\n"


V1 = {
    "parameters": """
        parameterId parameterScale lowerBound upperBound nominalValue estimate
        k1 log10 0.01 10 0.8 1
        k2 lin 0.01 10 0.6 1
    """,
    "observables": """
        observableId observableFormula noiseFormula
        obs_a A 0.5
    """,
    "conditions": """
        conditionId
        c0
    """,
    "measurements": """
        observableId simulationConditionId measurement time
        obs_a c0 0.7 0
        obs_a c0 0.1 10
    """,
}
V2 = {
    "parameters": """
        parameterId lowerBound upperBound nominalValue estimate
        k1 0 10 0.8 true
        k2 0 10 0.6 true
    """,
    "observables": V1["observables"],
    "measurements": """
        observableId experimentId measurement time
        obs_a . 0.7 0
        obs_a . 0.1 10
    """,
}


def write(folder: Path, version: int, model: str | Mapping[str, str] = CONVERSION, **tables: str) -> Path:
    """A problem's files, of which those are the smallest possible that are not given.

    Returns
    -------
    Path
        Of the YAML file.
    """
    models = {"model": model} if isinstance(model, str) else dict(model)
    for name, text in models.items():
        text = text if text.lstrip().startswith("<") else sbml_of(text, name)
        (folder / f"{name}.xml").write_text(text)
    given = {**(V1 if version == 1 else V2), **tables}
    for name, text in given.items():
        (folder / f"{name}.tsv").write_text(table(text))
    files = {f"{name.removesuffix('s')}_files": [f"{name}.tsv"] for name in given}
    if version == 1:
        parameter_files = files.pop("parameter_files")
        problem = {"sbml_files": [f"{name}.xml" for name in models], **files}
        told = {"format_version": 1, "parameter_file": parameter_files[0], "problems": [problem]}
    else:
        listed = {name: {"location": f"{name}.xml", "language": "sbml"} for name in models}
        told = {"format_version": "2.0.0", "model_files": listed, **files}
    path = folder / "problem.yaml"
    path.write_text(yaml.safe_dump(told))
    return path


def problem(
    folder: Path, version: int, model: str | Mapping[str, str] = CONVERSION, **tables: str
) -> PetabProblem:
    """A small problem, read."""
    return read(write(folder, version, model, **tables))


def simulated(found) -> list[float]:
    """What was simulated, in the order of the measurements."""
    return [float(value) for part in found.simulations for value in part["simulation"]]
