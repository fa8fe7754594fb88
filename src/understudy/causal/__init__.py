"""Causal: what records of real care say about a drug, hidden until the diagnostics let it be seen.

From an OMOP CDM to a calibrated estimate: cohorts, covariates, propensity score, outcome models, negative controls,
synthesis over sites. Its words are those of OHDSI's methods library (The Book of OHDSI, 2nd ed., 2021).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Where each public name is defined; they are loaded when they are first used.
_HOMES: dict[str, tuple[str, ...]] = {
    "understudy.causal.cohort": ("Cohort",),
    "understudy.causal.cdm": ("Cdm", "CdmCheck", "ConceptSet", "check", "copy_cdm", "open_cdm", "resolve"),
    "understudy.causal.cohorts": (
        "CohortDefinition",
        "Comparison",
        "PopulationSettings",
        "build_cohort",
        "comparison",
        "control_cohorts",
        "load_definition",
        "population",
        "read_circe",
        "study_population",
    ),
    "understudy.causal.study_population": ("StudyPopulation",),
    "understudy.causal.covariate_matrix": ("CovariateMatrix",),
    "understudy.causal.covariates": ("CovariateSettings", "build_covariates", "summary", "table_1", "tidy"),
    "understudy.causal.propensity": (
        "Adjustment",
        "Balance",
        "PropensityModel",
        "PropensityScores",
        "PropensitySettings",
        "VarianceSearch",
        "balance",
        "match_on_score",
        "penalised_logistic",
        "propensity_score",
        "stratify_on_score",
        "trim_by_fraction",
        "trim_by_score",
        "trim_to_equipoise",
        "weight_by_score",
    ),
    "understudy.causal.likelihood_profile": ("LikelihoodProfile",),
    "understudy.causal.effect_estimate": ("EffectEstimate",),
    "understudy.causal.outcomes": (
        "follow_up",
        "incidence_rates",
        "interaction_model",
        "minimum_detectable_relative_risk",
        "outcome_model",
        "survival_curves",
    ),
    "understudy.causal.sccs": (
        "RiskWindow",
        "SccsSettings",
        "diagnose_sccs",
        "fit_sccs_intervals",
        "minimum_detectable_rate_ratio",
        "sccs",
        "simulated_cases",
    ),
    "understudy.causal.emulation": (
        "clone_trials",
        "emulate_trials",
        "g_formula",
        "load_emulation",
        "marginal_structural_model",
        "person_periods",
        "point_effect",
        "run_emulation",
    ),
    "understudy.causal.calibration": ("assess", "calibrate", "fit_error_model", "fit_null", "read_controls"),
    "understudy.causal.synthesis": (
        "SiteProfile",
        "correct_bias",
        "fit_bias",
        "pool",
        "pool_fixed",
        "pool_random",
    ),
    "understudy.causal.study": ("SimulatedStudy", "Study", "StudyResult", "load_study", "run_study"),
    "understudy.causal.signals": (
        "Reports",
        "Signals",
        "find_signals",
        "link_reports",
        "read_reports",
        "study_signals",
        "time_to_onset",
    ),
    "understudy.causal.twins": (
        "CalibratedTwins",
        "Contrasts",
        "calibrate_twins",
        "contrast_measured",
        "contrast_regimens",
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
