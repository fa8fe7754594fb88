"""CDM: an OMOP Common Data Model, opened, checked, and its concepts resolved."""

from __future__ import annotations

from understudy.causal.cdm.cdm import Cdm, open_cdm
from understudy.causal.cdm.cdm_check import CdmCheck, check
from understudy.causal.cdm.concept_set import Concept, ConceptSet, ResolvedConcepts, resolve
from understudy.causal.cdm.database import copy_cdm
from understudy.causal.cdm.fault import Fault

__all__ = [
    "Cdm",
    "CdmCheck",
    "Concept",
    "ConceptSet",
    "Fault",
    "ResolvedConcepts",
    "check",
    "copy_cdm",
    "open_cdm",
    "resolve",
]
