"""Writes the page of public names from their docstrings: ``python docs/reference.py``."""

from __future__ import annotations

import inspect
from pathlib import Path

import understudy

PAGE = Path(__file__).with_name("reference.md")

GROUPS = {
    "The main job": ("evaluate", "Study", "Dossier"),
    "Simulating": (
        "simulate", "Outcome", "Regimen", "Dose", "Tolerances", "Dispatch", "virtual_patients", "VirtualPopulation",
    ),
    "Patients' data": ("Records", "individualise", "Twins", "forecast", "nca", "NCA", "NCARules"),
    "Estimation": ("fit", "Fit", "methods"),
    "Planning a study": ("expected_information", "optimise_design"),
    "Surrogates": ("emulate", "Surrogate", "sobol_indices"),
    "Checking a model": ("goodness_of_fit", "visual_predictive_check", "predictive_check"),
    "The library": ("models", "load", "load_model", "save"),
    "Building models": (
        "Model", "PopulationModel", "Expression", "Parameter", "State", "Assignment", "Event", "Input", "Output",
        "Covariate", "RandomEffects", "Residual", "Source",
    ),
    "Provenance": ("Record",),
    "Errors": (
        "UnderstudyError", "ExpressionError", "UnitError", "ModelError", "RegimenError", "DataError", "Problem",
        "FormatError", "FormatWarning", "StudyError", "SimulationError", "MissingExtraError",
    ),
}  # fmt: skip

HEAD = """\
# Public names

What `from understudy import …` offers; nothing else is promised to stay. Full descriptions, with shapes, units, errors
and an example each, are in the docstrings: `help(understudy.simulate)`. This page is written by
`python docs/reference.py`.
"""


def page() -> str:
    """The page as Markdown.

    Raises
    ------
    KeyError
        If a public name stands in no group, or in two.
    """
    grouped = [name for names in GROUPS.values() for name in names]
    if sorted(grouped) != sorted(understudy.__all__):
        raise KeyError(f"names in no group or in two: {sorted(set(grouped) ^ set(understudy.__all__))}")
    return HEAD + "".join(_section(title, names) for title, names in GROUPS.items())


def _section(title: str, names: tuple[str, ...]) -> str:
    rows = [
        f"| `{name}{_signature(getattr(understudy, name))}` | {_summary(getattr(understudy, name))} |"
        for name in names
    ]
    return "\n".join(["", f"## {title}", "", "| name | what it is |", "| --- | --- |", *rows, ""])


def _summary(thing: object) -> str:
    return inspect.getdoc(thing).partition("\n\n")[0].replace("\n", " ").replace("``", "`")


def _signature(thing: object) -> str:
    """How a function is called; a class says it in its docstring."""
    if not inspect.isfunction(thing):
        return ""
    parameters = inspect.signature(thing).parameters.values()
    return str(inspect.Signature([each.replace(annotation=inspect.Parameter.empty) for each in parameters]))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
