"""Biostatistics: estimators of trials and cohorts, from arrays of numbers to estimates with their errors.

Nothing here knows of trials, drugs or files: what a trial asks is in `understudy.trials`.
"""

from understudy.biostatistics.conditional_mean import conditional_mean
from understudy.biostatistics.count_model import count_model
from understudy.biostatistics.design_matrix import design_matrix
from understudy.biostatistics.imputation import impute
from understudy.biostatistics.linear_model import linear_model
from understudy.biostatistics.logistic import logistic_model
from understudy.biostatistics.mmrm import mmrm
from understudy.biostatistics.multiplicity_graph import (
    fallback,
    fixed_sequence,
    hochberg,
    holm,
    hommel,
    multiplicity_graph,
)
from understudy.biostatistics.rubin import pool
from understudy.biostatistics.standardised_risk import standardised_risks
from understudy.biostatistics.tipping_point import tipping_point
from understudy.biostatistics.two_proportions import mantel_haenszel, risk_difference, risk_ratio

__all__ = [
    "conditional_mean",
    "count_model",
    "design_matrix",
    "fallback",
    "fixed_sequence",
    "hochberg",
    "holm",
    "hommel",
    "impute",
    "linear_model",
    "logistic_model",
    "mantel_haenszel",
    "mmrm",
    "multiplicity_graph",
    "pool",
    "risk_difference",
    "risk_ratio",
    "standardised_risks",
    "tipping_point",
]
