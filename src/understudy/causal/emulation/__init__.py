"""Emulation: the trial that was not done, emulated in records of persons and periods.

Sequential target trials, clones with grace periods, treatments given once, marginal structural models and the
parametric g-formula. Words are those of Hernán & Robins, Causal Inference: What If (2020).

Examples
--------
>>> import pandas as pd
>>> frame = pd.DataFrame({"id": [1, 1, 2, 2, 3], "period": [0, 1, 0, 1, 0], "treatment": [0, 1, 1, 1, 0],
...                       "outcome": [0, 1, 0, 0, 1]})
>>> trial_sequence(person_periods(frame)).expanded
7
"""

from __future__ import annotations

from understudy.causal.emulation.clones import clone_trials
from understudy.causal.emulation.emulation_file import load_emulation
from understudy.causal.emulation.g_formula import g_formula
from understudy.causal.emulation.g_models import Evolution, GModels
from understudy.causal.emulation.marginal_structural_model import StructuralModel, marginal_structural_model
from understudy.causal.emulation.outcome_model import OutcomeModel
from understudy.causal.emulation.person_periods import PersonPeriods, person_periods
from understudy.causal.emulation.point_effect import PointModels, point_effect
from understudy.causal.emulation.point_table import PointTable, point_table
from understudy.causal.emulation.run_emulation import run_emulation
from understudy.causal.emulation.sequential_emulation import CurveSettings, emulate_trials
from understudy.causal.emulation.trial_sequence import TrialSequence, trial_sequence
from understudy.causal.emulation.trial_weights import TrialWeights
from understudy.causal.emulation.weight_model import WeightModel

__all__ = [
    "CurveSettings",
    "Evolution",
    "GModels",
    "OutcomeModel",
    "PersonPeriods",
    "PointModels",
    "PointTable",
    "StructuralModel",
    "TrialSequence",
    "TrialWeights",
    "WeightModel",
    "clone_trials",
    "emulate_trials",
    "g_formula",
    "load_emulation",
    "marginal_structural_model",
    "person_periods",
    "point_effect",
    "point_table",
    "run_emulation",
    "trial_sequence",
]
