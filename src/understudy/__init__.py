"""Understudy: simulate what a drug does to a patient before the patient takes it.

Describe a mechanism (`Model`) and its population (`PopulationModel`), or take a published one (`load_model`);
say what is given (`Regimen`); `simulate`. From measurements (`Records`) make virtual copies of patients
(`individualise`) and `forecast`, or let `evaluate` answer a whole `Study`.

Names are loaded when they are first used, so that importing the package costs little.

Examples
--------
>>> from understudy import load_model, simulate
>>> model = load_model("phenobarbital_neonates")
>>> outcome = simulate(model, regimen="20 mg/kg over 30 min then 2.5 mg/kg every 12 h for 10 days")
"""
# ruff: noqa: F401

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Where each public name is defined.
_HOMES = {
    "understudy.core.errors": (
        "DataError",
        "ExpressionError",
        "FormatError",
        "FormatWarning",
        "MissingExtraError",
        "ModelError",
        "Problem",
        "RegimenError",
        "SimulationError",
        "StudyError",
        "UnderstudyError",
        "UnitError",
    ),
    "understudy.core.expression": ("Expression",),
    "understudy.core.record": ("Record",),
    "understudy.core.result": ("Outcome",),
    "understudy.model.parts": ("Assignment", "Input", "Output", "Parameter", "Source", "State"),
    "understudy.model.event": ("Event",),
    "understudy.model.model": ("Model",),
    "understudy.model.population_model": ("Covariate", "PopulationModel", "RandomEffects", "Residual"),
    "understudy.model.dose": ("Dose",),
    "understudy.model.regimen": ("Regimen",),
    "understudy.data.records": ("Records",),
    "understudy.library.catalogue": ("models",),
    "understudy.noncompartmental.nca": ("nca",),
    "understudy.noncompartmental.result": ("NCA",),
    "understudy.noncompartmental.rules": ("NCARules",),
    "understudy.engine.dispatch.settings": ("Dispatch",),
    "understudy.engine.problem": ("Tolerances",),
    "understudy.engine.simulate": ("simulate",),
    "understudy.surrogate.emulate": ("emulate",),
    "understudy.surrogate.sobol": ("sobol_indices",),
    "understudy.surrogate.surrogate": ("Surrogate",),
    "understudy.population.virtual": ("VirtualPopulation", "virtual_patients"),
    "understudy.inference.fit": ("Fit",),
    "understudy.inference.estimation.fitting": ("fit",),
    "understudy.inference.estimation": ("methods",),
    "understudy.inference.individualise": ("Twins", "individualise"),
    "understudy.inference.forecast": ("forecast",),
    "understudy.inference.diagnostics.goodness_of_fit": ("goodness_of_fit",),
    "understudy.inference.diagnostics.predictive_check": ("predictive_check",),
    "understudy.inference.diagnostics.visual_check": ("visual_predictive_check",),
    "understudy.design.information": ("expected_information",),
    "understudy.design.optimise": ("optimise_design",),
    "understudy.formats.load": ("load", "load_model"),
    "understudy.formats.save": ("save",),
    "understudy.dossier.study": ("Study",),
    "understudy.dossier.evaluate": ("Dossier", "evaluate"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)

if TYPE_CHECKING:  # the same names for editors and type checkers
    from understudy.core.errors import (
        DataError,
        ExpressionError,
        FormatError,
        FormatWarning,
        MissingExtraError,
        ModelError,
        Problem,
        RegimenError,
        SimulationError,
        StudyError,
        UnderstudyError,
        UnitError,
    )
    from understudy.core.expression import Expression
    from understudy.core.record import Record
    from understudy.core.result import Outcome
    from understudy.data.records import Records
    from understudy.design.information import expected_information
    from understudy.design.optimise import optimise_design
    from understudy.dossier.evaluate import Dossier, evaluate
    from understudy.dossier.study import Study
    from understudy.engine.dispatch.settings import Dispatch
    from understudy.engine.problem import Tolerances
    from understudy.engine.simulate import simulate
    from understudy.formats.load import load, load_model
    from understudy.formats.save import save
    from understudy.inference.diagnostics.goodness_of_fit import goodness_of_fit
    from understudy.inference.diagnostics.predictive_check import predictive_check
    from understudy.inference.diagnostics.visual_check import visual_predictive_check
    from understudy.inference.estimation import methods
    from understudy.inference.estimation.fitting import fit
    from understudy.inference.fit import Fit
    from understudy.inference.forecast import forecast
    from understudy.inference.individualise import Twins, individualise
    from understudy.library.catalogue import models
    from understudy.model.dose import Dose
    from understudy.model.event import Event
    from understudy.model.model import Model
    from understudy.model.parts import (
        Assignment,
        Input,
        Output,
        Parameter,
        Source,
        State,
    )
    from understudy.model.population_model import (
        Covariate,
        PopulationModel,
        RandomEffects,
        Residual,
    )
    from understudy.model.regimen import Regimen
    from understudy.noncompartmental.nca import nca
    from understudy.noncompartmental.result import NCA
    from understudy.noncompartmental.rules import NCARules
    from understudy.population.virtual import VirtualPopulation, virtual_patients
    from understudy.surrogate.emulate import emulate
    from understudy.surrogate.sobol import sobol_indices
    from understudy.surrogate.surrogate import Surrogate


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("understudy")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
