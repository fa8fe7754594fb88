"""CDM: an OMOP Common Data Model, opened, checked, and its concepts resolved."""

from __future__ import annotations

from understudy.causal.cdm.cdm import Cdm, open_cdm
from understudy.causal.cdm.concept_set import Concept, ConceptSet, ResolvedConcepts, resolve

__all__ = ["Cdm", "Concept", "ConceptSet", "ResolvedConcepts", "open_cdm", "resolve"]
