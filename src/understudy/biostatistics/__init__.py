"""Biostatistics: estimators of trials and cohorts, from arrays of numbers to estimates with their errors.

Nothing here knows of trials, drugs or files: what a trial asks is in `understudy.trials`.

Examples
--------
>>> from understudy.biostatistics import kaplan_meier
>>> kaplan_meier([3, 5, 8, 9], [1, 0, 1, 1]).median.estimate
8.0
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from understudy.biostatistics.conditional_mean import conditional_mean
from understudy.biostatistics.count_model import count_model
from understudy.biostatistics.design_matrix import design_matrix
from understudy.biostatistics.imputation import impute
from understudy.biostatistics.linear_model import linear_model
from understudy.biostatistics.logistic import logistic_model
from understudy.biostatistics.mmrm import mmrm
from understudy.biostatistics.multiplicity_graph import (
    fallback,
    fixed_sequence,
    hochberg,
    holm,
    hommel,
    multiplicity_graph,
)
from understudy.biostatistics.rubin import pool
from understudy.biostatistics.standardised_risk import standardised_risks
from understudy.biostatistics.tipping_point import tipping_point
from understudy.biostatistics.two_proportions import mantel_haenszel, risk_difference, risk_ratio

# Where each public name is defined; they are loaded when they are first used.
_HOMES = {
    "understudy.biostatistics.joint.joint_model": ("joint_model",),
    "understudy.biostatistics.survival.kaplan_meier": ("kaplan_meier",),
    "understudy.biostatistics.survival.log_rank": ("log_rank",),
    "understudy.biostatistics.survival.adjusted_log_rank": ("adjusted_log_rank",),
    "understudy.biostatistics.survival.max_combo": ("max_combo",),
    "understudy.biostatistics.survival.cox": ("cox",),
    "understudy.biostatistics.survival.profile_likelihood": ("profile_interval",),
    "understudy.biostatistics.survival.baseline_hazard": ("baseline_hazard",),
    "understudy.biostatistics.survival.concordance": ("concordance",),
    "understudy.biostatistics.survival.proportional_hazards": ("proportional_hazards_test",),
    "understudy.biostatistics.survival.restricted_mean": ("compare_restricted_means", "restricted_mean"),
    "understudy.biostatistics.survival.milestone": ("milestone_difference",),
    "understudy.biostatistics.survival.cumulative_incidence": ("cumulative_incidence",),
    "understudy.biostatistics.survival.gray": ("gray_test",),
    "understudy.biostatistics.survival.fine_gray": ("fine_gray",),
    "understudy.biostatistics.survival.recurrent": (
        "andersen_gill",
        "counting_process",
        "lin_wei_yang_ying",
        "prentice_williams_peterson",
    ),
    "understudy.biostatistics.survival.mean_cumulative": ("mean_cumulative_function",),
    "understudy.biostatistics.survival.piecewise_exponential": ("piecewise_exponential",),
    "understudy.biostatistics.survival.win_pairs": (
        "ContinuousEndpoint",
        "RecurrentEndpoint",
        "SurvivalEndpoint",
    ),
    "understudy.biostatistics.survival.win_statistics": ("win_statistics",),
    "understudy.biostatistics.survival.many_trials": ("log_rank_many",),
    "understudy.biostatistics.survival.cox_residuals": (
        "deviance_residuals",
        "martingale_residuals",
        "schoenfeld_residuals",
        "score_residuals",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ContinuousEndpoint",
    "RecurrentEndpoint",
    "SurvivalEndpoint",
    "adjusted_log_rank",
    "andersen_gill",
    "baseline_hazard",
    "compare_restricted_means",
    "concordance",
    "conditional_mean",
    "count_model",
    "counting_process",
    "cox",
    "cumulative_incidence",
    "design_matrix",
    "deviance_residuals",
    "fallback",
    "fine_gray",
    "fixed_sequence",
    "gray_test",
    "hochberg",
    "holm",
    "hommel",
    "impute",
    "joint_model",
    "kaplan_meier",
    "lin_wei_yang_ying",
    "linear_model",
    "log_rank",
    "log_rank_many",
    "logistic_model",
    "mantel_haenszel",
    "martingale_residuals",
    "max_combo",
    "mean_cumulative_function",
    "milestone_difference",
    "mmrm",
    "multiplicity_graph",
    "piecewise_exponential",
    "pool",
    "prentice_williams_peterson",
    "profile_interval",
    "proportional_hazards_test",
    "restricted_mean",
    "risk_difference",
    "risk_ratio",
    "schoenfeld_residuals",
    "score_residuals",
    "standardised_risks",
    "tipping_point",
    "win_statistics",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
