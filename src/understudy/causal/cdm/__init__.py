"""CDM: an OMOP Common Data Model, opened, checked, and its concepts resolved."""

from __future__ import annotations

from understudy.causal.cdm.cdm import Cdm, open_cdm

__all__ = ["Cdm", "open_cdm"]
