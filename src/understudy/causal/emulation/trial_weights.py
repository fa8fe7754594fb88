"""Trial weights: each row of a trial weighs as the persons do who, alike to the start, were not followed so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.person_periods import PersonPeriods
from understudy.causal.emulation.trial_sequence import TrialSequence
from understudy.causal.emulation.weight_model import (
    FittedChance,
    WeightModel,
    staying_ratios,
    treatment_ratios,
)
from understudy.causal.emulation.weight_summary import WeightSummary, summarised, truncated
from understudy.core.errors import StudyError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TrialWeights:
    """Which weights rows have.

    Parameters
    ----------
    switching : WeightModel or None
        Chances of treatment, against selection by artificial censoring at a change of treatment.
    censoring : WeightModel or None
        Chances of being lost.
    truncate : float or None
        Quantile at which weights are cut, such as 0.99.
    """

    switching: WeightModel | None = None
    censoring: WeightModel | None = None
    truncate: float | None = None

    def __bool__(self) -> bool:
        return self.switching is not None or self.censoring is not None


def weigh(
    sequence: TrialSequence, weights: TrialWeights, drawn: Array | None = None
) -> tuple[TrialSequence, WeightSummary | None, tuple[FittedChance, ...]]:
    """A sequence with the weights of its rows: the product of the ratios of the periods after the trial's start.

    Parameters
    ----------
    sequence : TrialSequence
    weights : TrialWeights
    drawn : array, shape (persons,), optional
        How often each person counts.

    Returns
    -------
    sequence : TrialSequence
    summary : WeightSummary or None
        Without weights there is none.
    fits : tuple of FittedChance
    """
    if not weights:
        return sequence, None, ()
    if weights.switching is not None and sequence.estimand == "intention to treat":
        raise StudyError(
            "an intention-to-treat analysis follows trials whatever the treatment: nothing is to be weighed",
            place="switch_weights", repair='leave them out, or take the estimand "per protocol"',
        )  # fmt: skip
    used = relevant(sequence)
    periods = sequence.periods.only(used)
    products, fits = np.ones(sequence.expanded), ()
    if weights.switching is not None:
        own, fits = treatment_ratios(periods, weights.switching, drawn)
        products = running_products(sequence, _spread(own, used))
    if weights.censoring is not None:
        more, others = staying_products(sequence, periods, used, weights.censoring, drawn)
        products, fits = products * more, (*fits, *others)
    products = of_drawn(sequence, products, drawn)
    row_weights, cut = truncated(products, weights.truncate, "truncate")
    return sequence.weighted(row_weights), summarised(row_weights, cut), fits


def staying_products(
    sequence: TrialSequence,
    inside: PersonPeriods,
    used: NDArray[np.bool_],
    model: WeightModel,
    drawn: Array | None,
) -> tuple[Array, tuple[FittedChance, ...]]:
    """For each row of a trial the product of the ratios of staying, as the sequence has its periods of loss.

    Where the outcome of such a period is unknown, to have a first row at all depends on staying in it.
    """
    known = sequence.censored_period == "outcome known"
    ratio, fits = staying_ratios(inside, model, drawn, known=known)
    whole = _spread(ratio, used)
    products = running_products(sequence, whole)
    if sequence.censored_period == "outcome unknown":
        products = products * np.repeat(whole[sequence.start], sequence.length)
    return products, fits


def _spread(ratio: Array, used: NDArray[np.bool_]) -> Array:
    """Ratios of some rows as ratios of all; of the others one."""
    whole = np.ones(len(used))
    whole[used] = ratio
    return whole


def running_products(sequence: TrialSequence, ratio: Array) -> Array:
    """For each row of a trial the product of the ratios of the person's periods after the trial's start.

    The ratios' logarithms are added up over persons; zero ratios cannot occur, as the treatment that was given has a
    chance above zero in any model of it.
    """
    total = np.cumsum(np.log(ratio))
    found, at = np.empty(sequence.expanded), 0
    for trial, row in sequence.blocks():
        found[at : at + len(row)] = np.exp(total[row] - total[sequence.start[trial]])
        at += len(row)
    return found


def of_drawn(sequence: TrialSequence, weight: Array, drawn: Array | None) -> Array:
    """Weights of rows, zero for persons whom a bootstrap left out."""
    if drawn is None:
        return weight
    return np.where(np.repeat(drawn[sequence.person] > 0, sequence.length), weight, 0.0)


def relevant(sequence: TrialSequence) -> NDArray[np.bool_]:
    """Rows that weight models learn from: from a person's first eligible period on.

    Per protocol those that belong to some trial or end one by a change of treatment, as in TrialEmulation.
    """
    periods = sequence.periods
    at = np.arange(periods.rows)
    last = np.maximum.accumulate(np.where(periods.eligible, at, -1))
    begun = last >= periods.first
    if sequence.estimand != "per protocol":
        return begun
    switched = (periods.treatment != periods.previous_treatment) & (at > periods.first)
    count = np.cumsum(switched)
    before = count - switched
    return begun & ((at == last) | (before - count[np.maximum(last, 0)] == 0))
