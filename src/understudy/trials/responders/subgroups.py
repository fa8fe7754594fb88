"""Subgroups: effects in and out of a rule by the usual measures of the endpoint, with counts of each arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.survival.cox import cox
from understudy.biostatistics.two_proportions import risk_difference
from understudy.trials.analyses.hazards import ratio_of
from understudy.trials.responders.findings import interval

if TYPE_CHECKING:
    from understudy.trials.responders.outcome import Outcome


def subgroup(outcome: Outcome, member: np.ndarray, effects: np.ndarray) -> dict[str, float]:
    """What was seen in some subjects.

    Parameters
    ----------
    outcome : Outcome
    member : bool array, shape (n,)
    effects : float array, shape (n,)
        Doubly robust scores of single subjects, good being high.

    Returns
    -------
    dict
        Subjects of either arm; `effect`, `low` and `high` in the measure of the search, good being high; of times the
        hazard ratio, of yes or no the difference of risks, of measurements means, as they are.
    """
    treated = outcome.arms.treated & member
    control = ~outcome.arms.treated & member
    found = {"treated": int(treated.sum()), "control": int(control.sum()), **interval(effects[member])}
    if outcome.kind == "continuous":
        means = [float(outcome.value[own].mean()) if own.any() else np.nan for own in (treated, control)]
        return found | {"treated_mean": means[0], "control_mean": means[1]}
    events = [int(outcome.event[own].sum()) for own in (treated, control)]
    found |= {"treated_events": events[0], "control_events": events[1]}
    if outcome.kind == "binary":
        return found | _risks(events, found)
    return found | _hazards(outcome, member, sum(events))


def _risks(events: list[int], counts: dict[str, float]) -> dict[str, float]:
    """Difference of risks with Newcombe's limits."""
    told = ("risk_difference", "risk_low", "risk_high")
    if not counts["treated"] or not counts["control"]:
        return dict.fromkeys(told, np.nan)
    made = risk_difference(events[0], counts["treated"], events[1], counts["control"])
    return dict(zip(told, (made.value, made.low, made.high), strict=True))


def _hazards(outcome: Outcome, member: np.ndarray, events: int) -> dict[str, float]:
    """Hazard ratio up to the horizon by Cox regression; not-a-number without events or without one of the arms."""
    told = ("hazard_ratio", "hazard_low", "hazard_high")
    arm = outcome.arms.treated[member]
    if not events or arm.all() or not arm.any():
        return dict.fromkeys(told, np.nan)
    fit = cox(outcome.value[member], outcome.event[member], {"arm": arm.astype(float)})
    return dict(zip(told, ratio_of(fit, "arm")[:3], strict=True))
