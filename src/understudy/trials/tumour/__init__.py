"""Tumour: sizes of lesions read, classed and forecast, tied to survival, and dosing by a marker."""

from understudy.trials.tumour.lesions import LesionRules, Lesions, read_lesions
from understudy.trials.tumour.recist import best_response, recist
from understudy.trials.tumour.resistance import Resistance, ResistanceRule, resistance
from understudy.trials.tumour.xenograft import XenograftResponse, xenograft_response

__all__ = [
    "LesionRules",
    "Lesions",
    "Resistance",
    "ResistanceRule",
    "XenograftResponse",
    "best_response",
    "read_lesions",
    "recist",
    "resistance",
    "xenograft_response",
]
