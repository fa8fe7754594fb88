"""Emulation: the trial that was not done, emulated in records of persons and periods.

Sequential target trials, clones with grace periods, treatments given once, marginal structural models and the parametric
g-formula. Words are those of Hernán & Robins, Causal Inference: What If (2020).

Examples
--------
>>> import pandas as pd
>>> frame = pd.DataFrame({"id": [1, 1, 2, 2, 3], "period": [0, 1, 0, 1, 0], "treatment": [0, 1, 1, 1, 0],
...                       "outcome": [0, 1, 0, 0, 1]})
>>> trial_sequence(person_periods(frame)).expanded
7
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES: dict[str, tuple[str, ...]] = {
    "understudy.causal.emulation.person_periods": ("PersonPeriods", "person_periods"),
    "understudy.causal.emulation.trial_sequence": ("TrialSequence", "trial_sequence"),
    "understudy.causal.emulation.clones": ("clone_trials",),
    "understudy.causal.emulation.outcome_model": ("OutcomeModel",),
    "understudy.causal.emulation.weight_model": ("WeightModel",),
    "understudy.causal.emulation.trial_weights": ("TrialWeights",),
    "understudy.causal.emulation.sequential_emulation": ("CurveSettings", "emulate_trials"),
    "understudy.causal.emulation.point_table": ("point_table",),
    "understudy.causal.emulation.point_effect": ("PointModels", "point_effect"),
    "understudy.causal.emulation.marginal_structural_model": ("StructuralModel", "marginal_structural_model"),
    "understudy.causal.emulation.g_models": ("Evolution", "GModels"),
    "understudy.causal.emulation.g_formula": ("g_formula",),
    "understudy.causal.emulation.emulation_file": ("load_emulation",),
    "understudy.causal.emulation.run_emulation": ("run_emulation",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
