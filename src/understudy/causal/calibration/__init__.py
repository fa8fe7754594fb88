"""Empirical calibration: how far off estimates of things without an effect are, and what that makes of others."""

from __future__ import annotations

from understudy.causal.calibration.assessment import Assessment, assess
from understudy.causal.calibration.calibrated_estimate import CalibratedEstimates, calibrate
from understudy.causal.calibration.calibrated_llr import CalibratedLLR, calibrated_llr
from understudy.causal.calibration.controls import Controls
from understudy.causal.calibration.error_model import ErrorModel, fit_error_model
from understudy.causal.calibration.fit_null import fit_null
from understudy.causal.calibration.leave_one_out import LeaveOneOut, coverage, leave_one_out
from understudy.causal.calibration.max_sprt import (
    CriticalValue,
    binomial_critical_value,
    poisson_critical_value,
    regression_critical_value,
)
from understudy.causal.calibration.null_distribution import CalibratedP, NullDistribution
from understudy.causal.calibration.positive_control import PositiveControl, inject_outcomes
from understudy.causal.calibration.read_controls import controls_of, read_controls

__all__ = [
    "Assessment",
    "CalibratedEstimates",
    "CalibratedLLR",
    "CalibratedP",
    "Controls",
    "CriticalValue",
    "ErrorModel",
    "LeaveOneOut",
    "NullDistribution",
    "PositiveControl",
    "assess",
    "binomial_critical_value",
    "calibrate",
    "calibrated_llr",
    "controls_of",
    "coverage",
    "fit_error_model",
    "fit_null",
    "inject_outcomes",
    "leave_one_out",
    "poisson_critical_value",
    "read_controls",
    "regression_critical_value",
]
