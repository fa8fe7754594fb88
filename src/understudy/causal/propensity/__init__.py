"""Propensity: who gets which treatment, foretold from what was known before, and what is done with that."""

from __future__ import annotations

from understudy.causal.propensity.adjustment import Adjustment, unadjusted
from understudy.causal.propensity.balance import Balance, balance
from understudy.causal.propensity.matching import match_on_score
from understudy.causal.propensity.prior import Prior
from understudy.causal.propensity.propensity_model import PropensityModel, propensity_score
from understudy.causal.propensity.propensity_scores import PropensityScores
from understudy.causal.propensity.settings import PropensitySettings
from understudy.causal.propensity.sparse_logistic import SparseLogistic, penalised_logistic
from understudy.causal.propensity.stratification import stratify_on_score
from understudy.causal.propensity.trimming import trim_by_fraction, trim_by_score, trim_to_equipoise
from understudy.causal.propensity.variance_search import ChosenVariance, VarianceSearch, choose_variance
from understudy.causal.propensity.weighting import weight_by_score

__all__ = [
    "Adjustment",
    "Balance",
    "ChosenVariance",
    "Prior",
    "PropensityModel",
    "PropensityScores",
    "PropensitySettings",
    "SparseLogistic",
    "VarianceSearch",
    "balance",
    "choose_variance",
    "match_on_score",
    "penalised_logistic",
    "propensity_score",
    "stratify_on_score",
    "trim_by_fraction",
    "trim_by_score",
    "trim_to_equipoise",
    "unadjusted",
    "weight_by_score",
]
