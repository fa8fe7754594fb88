"""Evidence synthesis: what sites say together, from likelihood profiles, all that leaves a site."""

from __future__ import annotations

from understudy.causal.synthesis.approximation import (
    CustomApproximation,
    NormalApproximation,
    SkewNormalApproximation,
    approximate,
)
from understudy.causal.synthesis.bias_correction import (
    BiasDistribution,
    CorrectedEffect,
    correct_bias,
    correct_each_look,
    fit_bias,
)
from understudy.causal.synthesis.dersimonian_laird import dersimonian_laird
from understudy.causal.synthesis.evidence import Evidence, pool
from understudy.causal.synthesis.fixed_effect import pool_fixed
from understudy.causal.synthesis.hierarchy import HalfNormalPrior
from understudy.causal.synthesis.interpolation import log_likelihood
from understudy.causal.synthesis.outcomes_by_source import OutcomesBySource, pool_outcomes
from understudy.causal.synthesis.pooled_effect import PooledEffect
from understudy.causal.synthesis.posterior import Posterior
from understudy.causal.synthesis.random_effects import pool_random
from understudy.causal.synthesis.site_profile import SiteProfile

__all__ = [
    "BiasDistribution",
    "CorrectedEffect",
    "CustomApproximation",
    "Evidence",
    "HalfNormalPrior",
    "NormalApproximation",
    "OutcomesBySource",
    "PooledEffect",
    "Posterior",
    "SiteProfile",
    "SkewNormalApproximation",
    "approximate",
    "correct_bias",
    "correct_each_look",
    "dersimonian_laird",
    "fit_bias",
    "log_likelihood",
    "pool",
    "pool_fixed",
    "pool_outcomes",
    "pool_random",
]
