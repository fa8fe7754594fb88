"""The public names are exactly these, each importable, documented and known to editors."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import understudy

NAMES = [
    "Assignment",
    "Covariate",
    "DataError",
    "Dispatch",
    "Dose",
    "Dossier",
    "Event",
    "Expression",
    "ExpressionError",
    "Fit",
    "FormatError",
    "FormatWarning",
    "Input",
    "MissingExtraError",
    "Model",
    "ModelError",
    "NCA",
    "NCARules",
    "Outcome",
    "Output",
    "Parameter",
    "PopulationModel",
    "Problem",
    "RandomEffects",
    "Record",
    "Records",
    "Regimen",
    "RegimenError",
    "Residual",
    "SimulationError",
    "Source",
    "State",
    "Study",
    "StudyError",
    "Surrogate",
    "Tolerances",
    "Twins",
    "UnderstudyError",
    "UnitError",
    "VirtualPopulation",
    "emulate",
    "evaluate",
    "expected_information",
    "fit",
    "forecast",
    "goodness_of_fit",
    "individualise",
    "load",
    "load_model",
    "methods",
    "models",
    "nca",
    "optimise_design",
    "predictive_check",
    "save",
    "simulate",
    "sobol_indices",
    "virtual_patients",
    "visual_predictive_check",
]


def test_names_are_exactly_these():
    assert list(understudy.__all__) == NAMES
    assert len(NAMES) <= 60
    assert set(NAMES) <= set(dir(understudy))


@pytest.mark.parametrize("name", NAMES)
def test_name_is_importable_and_documented(name):
    found = getattr(understudy, name)
    assert found.__name__.rpartition(".")[2] == name
    text = inspect.getdoc(found)
    assert text is not None
    assert text.splitlines()[0].endswith(".")
    if inspect.isfunction(found):
        assert "Examples\n--------" in text


def test_editors_are_told_the_same_names():
    tree = ast.parse(Path(understudy.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    told = {alias.name: node.module for node in block.body for alias in node.names}
    assert told == understudy._HOME


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        _ = understudy.simulat


def test_version_is_the_installed_one():
    from importlib.metadata import version

    assert understudy.__version__ == version("understudy")


@pytest.mark.parametrize("module", ["understudy", "understudy.app.cli"])
def test_import_loads_nothing_heavy(module):
    heavy = "pandas xarray pint sympy scipy numba llvmlite altair vl_convert jinja2 pydantic"
    code = f"import sys, {module}; print(*[name for name in {heavy.split()!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
