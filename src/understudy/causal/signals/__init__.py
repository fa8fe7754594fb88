"""Signals: disproportionate reporting in spontaneous reports of adverse events; a reason to look, never a cause.

Files become `Reports`; `cleaned` leaves one report a case; `find_signals` counts pairs of a drug and an event and says
which are reported more often than expected.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Where each public name is defined; they are loaded when they are first used.
_HOMES: dict[str, tuple[str, ...]] = {
    "understudy.causal.signals.reports": ("Reports",),
    "understudy.causal.signals.finding": ("Finding", "ReadingWarning"),
    "understudy.causal.signals.reading": ("read_reports",),
    "understudy.causal.signals.simulated_reports": ("simulate_reports",),
    "understudy.causal.signals.cleaning": ("Cleaned", "cleaned"),
    "understudy.causal.signals.linkage": ("Linkage", "link_reports"),
    "understudy.causal.signals.rule_duplicates": ("rule_groups",),
    "understudy.causal.signals.versions": ("latest_versions",),
    "understudy.causal.signals.competition": ("masking_ratios", "without_drugs"),
    "understudy.causal.signals.pair_trend": ("Trend", "trend"),
    "understudy.causal.signals.rate_change": ("ChangePoint", "change_point"),
    "understudy.causal.signals.onset": ("Onset", "fit_onset", "time_to_onset"),
    "understudy.causal.signals.signal_study": ("SignalStudy", "study_signals"),
    "understudy.causal.signals.faers_writer": ("write_faers",),
    "understudy.causal.signals.pair_counts": ("PairCounts", "count_pairs"),
    "understudy.causal.signals.disproportionality": (
        "chi_square_yates",
        "information_component",
        "proportional_reporting_ratio",
        "reporting_odds_ratio",
    ),
    "understudy.causal.signals.shrinkage_prior": ("ShrinkagePrior", "fit_prior"),
    "understudy.causal.signals.shrinkage": ("shrunken_rates",),
    "understudy.causal.signals.criteria": ("Criteria", "criteria_of"),
    "understudy.causal.signals.signal_search": ("find_signals",),
    "understudy.causal.signals.signals": ("Signals",),
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
