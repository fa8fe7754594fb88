"""Analysing: one analysis of one outcome, before anyone has seen it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.causal.effect_estimate import EffectEstimate
from understudy.causal.outcomes import minimum_detectable_relative_risk, outcome_model
from understudy.causal.propensity.adjustment import Adjustment, unadjusted
from understudy.causal.propensity.balance import Balance, balance
from understudy.causal.study.adjusting import adjust
from understudy.causal.study.analysis_section import AnalysisSection
from understudy.causal.study.answer import Counts
from understudy.causal.study.material import Material
from understudy.causal.study_population import StudyPopulation


@dataclass(frozen=True, eq=False, repr=False)
class Analysed:
    """One analysis of one outcome: not to be shown, nor to leave this room.

    Parameters
    ----------
    adjustment : Adjustment
    counts : Counts
        Of those who are kept.
    estimate : EffectEstimate
    """

    adjustment: Adjustment
    counts: Counts
    estimate: EffectEstimate

    @property
    def smallest_detectable(self) -> float:
        """Minimum detectable relative risk; NaN without any outcome."""
        events, (target, comparator) = sum(self.counts.events), self.counts.persons
        if not events:
            return float("nan")
        return minimum_detectable_relative_risk(events, target / (target + comparator))


def analyse(section: AnalysisSection, people: StudyPopulation, material: Material) -> Analysed:
    """Adjust, and fit the outcome model.

    Raises
    ------
    StudyError
        If nobody of a cohort is left.
    """
    scores = material.scores(people) if section.adjusts else None
    adjustment = unadjusted(people.treatment) if scores is None else adjust(scores, section)
    return Analysed(adjustment, _counts(people, adjustment), _estimate(section, people, adjustment))


def balance_of(people: StudyPopulation, adjustment: Adjustment, material: Material) -> Balance | None:
    """Balance of the covariates after an adjustment; None without covariates."""
    if material.covariates is None:
        return None
    rows = material.covariates.rows(material.place(people))
    return balance(rows, people.treatment, adjustment)


def _counts(people: StudyPopulation, adjustment: Adjustment) -> Counts:
    sides = [adjustment.kept & (people.treatment == value) for value in (1, 0)]
    return Counts(
        tuple(int(side.sum()) for side in sides),
        tuple(int(people.time[side].sum()) for side in sides),
        tuple(int(people.event[side].sum()) for side in sides),
    )


def _estimate(section: AnalysisSection, people: StudyPopulation, adjustment: Adjustment) -> EffectEstimate:
    kept = adjustment.kept
    stratum = adjustment.stratum if section.is_conditional else None
    # Someone who enters twice is one person for the robust error.
    clusters = people.rows["person_id"].to_numpy()[kept]
    time, events = people.time, people.event.astype(int)
    if section.model == "poisson":  # every outcome counts, and all days at risk
        time, events = people.rows["days_at_risk"].to_numpy(float), people.rows["events"].to_numpy()
    return outcome_model(
        time[kept],
        events[kept],
        people.treatment[kept],
        model=section.model,
        strata=None if stratum is None else stratum[kept],
        weights=None if adjustment.weights is None else adjustment.weights[kept],
        clusters=None if np.unique(clusters).size == clusters.size else clusters,
    )
