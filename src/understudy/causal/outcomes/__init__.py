"""Outcome models: what the treatment does to the outcome, with intervals, errors and likelihood profiles."""

from understudy.causal.outcomes.detectable_risk import minimum_detectable_relative_risk
from understudy.causal.outcomes.follow_up import follow_up
from understudy.causal.outcomes.incidence_rate import incidence_rate, incidence_rates
from understudy.causal.outcomes.interaction_model import interaction_model
from understudy.causal.outcomes.outcome_model import outcome_model
from understudy.causal.outcomes.survival_curves import survival_curves

__all__ = [
    "follow_up",
    "incidence_rate",
    "incidence_rates",
    "interaction_model",
    "minimum_detectable_relative_risk",
    "outcome_model",
    "survival_curves",
]
