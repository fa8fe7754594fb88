"""Answer: what one analysis says of one outcome, as far as it may be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.causal.study.diagnostics import Diagnostics
from understudy.causal.study.sealed import Sealed

if TYPE_CHECKING:
    from understudy.causal.effect_estimate import EffectEstimate
    from understudy.causal.likelihood_profile import LikelihoodProfile
    from understudy.causal.propensity.adjustment import Adjustment
    from understudy.causal.propensity.balance import Balance
    from understudy.causal.study.controls import Calibrated


@dataclass(frozen=True)
class Counts:
    """Who was followed, for how long, and what happened to them, on both sides of a comparison.

    Parameters
    ----------
    persons, days, events : pair of int
        Target and comparator.
    """

    persons: tuple[int, int]
    days: tuple[int, int]
    events: tuple[int, int]


@dataclass(frozen=True, eq=False, repr=False)
class Finding:
    """What diagnostics hide or show together: any part of it would tell the others.

    Parameters
    ----------
    estimate : EffectEstimate
    calibrated : Calibrated or None
        By the negative controls; None without them.
    counts : Counts
    """

    estimate: EffectEstimate
    calibrated: Calibrated | None
    counts: Counts


@dataclass(frozen=True, eq=False)
class Answer:
    """What one analysis says of one outcome.

    Parameters
    ----------
    analysis, outcome : str
    diagnostics : Diagnostics
    measure : str
        Of the effect: "hazard ratio", say; it tells nothing of it.
    finding : Sealed of Finding
    adjustment : Adjustment
        What was made of the propensity scores.
    persons : pair of int
        In target and comparator, after adjustment.
    events : int
        Outcomes on both sides together; by side they are in the finding.
    balance : Balance or None
        Of the covariates, before and after; None without covariates.
    """

    analysis: str
    outcome: str
    diagnostics: Diagnostics
    measure: str
    finding: Sealed[Finding]
    adjustment: Adjustment
    persons: tuple[int, int]
    events: int
    balance: Balance | None = None

    @property
    def hidden(self) -> bool:
        """Whether the estimate stays hidden."""
        return self.finding.hidden

    @property
    def estimate(self) -> EffectEstimate:
        """The effect size.

        Raises
        ------
        StudyError
            If it is hidden.
        """
        return self.finding.seen.estimate

    @property
    def calibrated(self) -> Calibrated | None:
        """The effect size after empirical calibration; None without negative controls.

        Raises
        ------
        StudyError
            If it is hidden.
        """
        return self.finding.seen.calibrated

    @property
    def profile(self) -> LikelihoodProfile | None:
        """The likelihood profile for a synthesis over sites, for which power is no condition.

        Raises
        ------
        StudyError
            If it is hidden.
        """
        return self.finding.but_for("power").seen.estimate.profile
