"""Cohorts: who enters, when and until when, by a declarative definition or an expression of ATLAS."""

from __future__ import annotations

from understudy.causal.cohorts.build import build_cohort
from understudy.causal.cohorts.comparison import Comparison, comparison
from understudy.causal.cohorts.definition import CohortDefinition
from understudy.causal.cohorts.population import population, study_population
from understudy.causal.cohorts.population_settings import PopulationSettings

__all__ = [
    "CohortDefinition",
    "Comparison",
    "PopulationSettings",
    "build_cohort",
    "comparison",
    "population",
    "study_population",
]
