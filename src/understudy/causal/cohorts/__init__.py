"""Cohorts: who enters, when and until when, by a declarative definition or an expression of ATLAS."""

from __future__ import annotations

from understudy.causal.cohorts.build import build_cohort
from understudy.causal.cohorts.circe import read_circe
from understudy.causal.cohorts.comparison import Comparison, comparison
from understudy.causal.cohorts.control_cohorts import control_cohorts
from understudy.causal.cohorts.definition import CohortDefinition
from understudy.causal.cohorts.definition_file import load_definition
from understudy.causal.cohorts.population import population, study_population
from understudy.causal.cohorts.population_settings import PopulationSettings

__all__ = [
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
]
