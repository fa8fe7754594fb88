"""Self-controlled case series: persons are their own controls."""

from understudy.causal.sccs.detectable_rate import minimum_detectable_rate_ratio
from understudy.causal.sccs.diagnostics import Thresholds, diagnose_sccs, monthly_outcomes
from understudy.causal.sccs.interval_fit import IntervalFit, fit_sccs_intervals
from understudy.causal.sccs.self_controlled import SccsFit, sccs
from understudy.causal.sccs.settings import RiskWindow, SccsSettings
from understudy.causal.sccs.simulated_cases import simulated_cases

__all__ = [
    "IntervalFit",
    "RiskWindow",
    "SccsFit",
    "SccsSettings",
    "Thresholds",
    "diagnose_sccs",
    "fit_sccs_intervals",
    "minimum_detectable_rate_ratio",
    "monthly_outcomes",
    "sccs",
    "simulated_cases",
]
