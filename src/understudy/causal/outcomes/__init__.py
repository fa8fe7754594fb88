"""Outcome models: what the treatment does to the outcome, with intervals, errors and likelihood profiles."""

from understudy.causal.outcomes.outcome_model import outcome_model

__all__ = ["outcome_model"]
