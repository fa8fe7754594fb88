"""Twins under the light of epidemiology: their contrasts calibrated, their counterfactuals compared with the truth."""

from understudy.causal.twins.calibrate import CalibratedTwins, calibrate_twins
from understudy.causal.twins.contrasts import Contrasts
from understudy.causal.twins.twin_contrasts import contrast_measured, contrast_regimens

__all__ = ["CalibratedTwins", "Contrasts", "calibrate_twins", "contrast_measured", "contrast_regimens"]
