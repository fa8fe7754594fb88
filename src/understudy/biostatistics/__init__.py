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

# Where each public name is defined; they are loaded when they are first used.
_HOMES = {
    "understudy.biostatistics.survival.kaplan_meier": ("kaplan_meier",),
    "understudy.biostatistics.survival.log_rank": ("log_rank",),
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

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
