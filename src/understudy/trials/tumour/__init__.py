"""Tumour: sizes of lesions read, classed and forecast, tied to survival, and dosing by a marker."""

from understudy.trials.tumour.adaptive import compare_adaptive, dosing_by_marker, follow_rule, with_rule
from understudy.trials.tumour.forecast import forecast_lesions, lesion_population
from understudy.trials.tumour.lesion_study import LesionStudy, SurvivalTable, study_lesions
from understudy.trials.tumour.lesions import LesionRules, Lesions, read_lesions
from understudy.trials.tumour.recist import best_response, recist
from understudy.trials.tumour.resistance import Resistance, ResistanceRule, resistance
from understudy.trials.tumour.size_survival import SimulatedHazardRatio, SizeSurvival, size_survival
from understudy.trials.tumour.xenograft import XenograftResponse, xenograft_response

__all__ = [
    "LesionRules",
    "LesionStudy",
    "Lesions",
    "Resistance",
    "ResistanceRule",
    "SimulatedHazardRatio",
    "SizeSurvival",
    "SurvivalTable",
    "XenograftResponse",
    "best_response",
    "compare_adaptive",
    "dosing_by_marker",
    "follow_rule",
    "forecast_lesions",
    "lesion_population",
    "read_lesions",
    "recist",
    "resistance",
    "size_survival",
    "study_lesions",
    "with_rule",
    "xenograft_response",
]
