"""Cohorts: who enters, when and until when, by a declarative definition or an expression of ATLAS."""

from __future__ import annotations

from understudy.causal.cohorts.build import build_cohort
from understudy.causal.cohorts.definition import CohortDefinition

__all__ = ["CohortDefinition", "build_cohort"]
