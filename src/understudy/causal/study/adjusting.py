"""Adjusting: what an analysis makes of propensity scores."""

from __future__ import annotations

from understudy.causal.propensity.adjustment import Adjustment, unadjusted
from understudy.causal.propensity.matching import match_on_score
from understudy.causal.propensity.propensity_scores import PropensityScores
from understudy.causal.propensity.stratification import stratify_on_score
from understudy.causal.propensity.trimming import trim_by_fraction, trim_to_equipoise
from understudy.causal.propensity.weighting import weight_by_score
from understudy.causal.study.analysis_section import AnalysisSection


def adjust(scores: PropensityScores, section: AnalysisSection) -> Adjustment:
    """Trim, then match, stratify or weight, as an analysis says.

    Raises
    ------
    StudyError
        If nobody of a cohort is left.
    """
    done = unadjusted(scores.treatment)
    if section.trim_equipoise is not None:
        done = trim_to_equipoise(scores, section.trim_equipoise, done)
    if section.trim_fraction is not None:
        done = trim_by_fraction(scores, section.trim_fraction, done)
    return _ADJUSTMENTS[section.adjustment](scores, section, done)


def _match(scores: PropensityScores, section: AnalysisSection, done: Adjustment) -> Adjustment:
    return match_on_score(
        scores, section.ratio or 1, caliper=section.caliper, scale=section.caliper_scale, within=done
    )


_ADJUSTMENTS = {
    "none": lambda scores, section, done: done,
    "match": _match,
    "stratify": lambda scores, section, done: stratify_on_score(scores, section.strata, within=done),
    "weight": lambda scores, section, done: weight_by_score(
        scores, section.estimand, done, largest=section.largest_weight
    ),
}
