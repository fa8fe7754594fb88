"""Covariates: what was known of persons when they entered, by the analyses of OHDSI's FeatureExtraction."""

from __future__ import annotations

from understudy.causal.covariates.analysis import ANALYSES, CovariateAnalysis
from understudy.causal.covariates.build import build_covariates
from understudy.causal.covariates.settings import CovariateSettings
from understudy.causal.covariates.summary import summary
from understudy.causal.covariates.table_1 import table_1
from understudy.causal.covariates.tidying import tidy

__all__ = [
    "ANALYSES",
    "CovariateAnalysis",
    "CovariateSettings",
    "build_covariates",
    "summary",
    "table_1",
    "tidy",
]
