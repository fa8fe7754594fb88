"""Clones: a person whose first periods fit several strategies is followed under each, until one is departed from.

Strategies with a grace period: "start treatment within g periods" against "do not start". Each person is copied into
both, copies are censored when they depart, and the others are weighed up by the chance of not departing: Hernán 2018,
doi:10.1136/bmj.k182; Cain et al. 2010, doi:10.2202/1557-4679.1212.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.person_periods import PersonPeriods
from understudy.causal.emulation.trial_sequence import (
    CensoredPeriod,
    TrialSequence,
    followed_until,
    next_switch,
    whole_sequence,
)
from understudy.causal.emulation.trial_weights import TrialWeights, of_drawn, relevant, staying_products
from understudy.causal.emulation.weight_model import (
    FittedChance,
    by_previous_treatment,
    chances,
)
from understudy.causal.emulation.weight_summary import WeightSummary, summarised, truncated
from understudy.core.errors import StudyError

Array = NDArray[np.float64]
CLONES = "clone, censor, weight"
_TINY = 1e-300  # chances of persons whom a bootstrap left out may be 0; their rows count nowhere


def clone_trials(
    periods: PersonPeriods,
    grace: int,
    *,
    sustained: bool = False,
    starts: Literal["first", "all"] = "first",
    last_follow_up: int | None = None,
    censored_period: CensoredPeriod = "as TrialEmulation",
    place: str = "the table",
) -> TrialSequence:
    """Two clones of each person who is eligible and not treated before.

    Parameters
    ----------
    periods : PersonPeriods
    grace : int
        Periods after the start in which treatment may still begin: 0, it begins at once or not at all.
    sustained : bool
        Whether stopping treatment departs from "start" too.
    starts : {"first", "all"}
        A person's first eligible period, or every one.
    last_follow_up : int, optional
    censored_period : {"as TrialEmulation", "outcome known", "outcome unknown"}
        As for `trial_sequence`.

    Returns
    -------
    TrialSequence
        Arm 1 is "start within the grace period", arm 0 "do not start". Without weights yet: see `weigh_clones`.

    Raises
    ------
    StudyError
        If nobody is eligible, or only persons who are treated already.

    Examples
    --------
    >>> import pandas as pd
    >>> from understudy.causal.emulation.person_periods import person_periods
    >>> frame = pd.DataFrame({"id": [1, 1, 1, 2, 2], "period": [0, 1, 2, 0, 1], "treatment": [0, 1, 1, 0, 0],
    ...                       "outcome": [0, 0, 1, 0, 0]})
    >>> clones = clone_trials(person_periods(frame), grace=1)
    >>> clones.length[clones.arm == 1], clones.length[clones.arm == 0]
    (array([3, 1]), array([1, 2]))
    """
    if grace < 0:
        raise StudyError(f"a grace period of {grace}", place="grace", repair="give 0 or more")
    fresh = periods.eligible & (periods.previous_treatment == 0)
    if not fresh.any():
        who = "who was not treated before" if periods.eligible.any() else "in any period"
        raise StudyError(
            f"nobody is eligible {who}", place=place, repair="check the columns of eligibility and treatment"
        )
    start = np.flatnonzero(fresh)
    if starts == "first":
        start = start[np.unique(periods.person[start], return_index=True)[1]]
    stop = followed_until(periods, start, last_follow_up, censored_period)
    begin = first_treated(periods)[start]
    allowed = _late(periods, start, grace)
    with_start = np.where(begin <= allowed, stop, np.minimum(stop, allowed))
    if sustained:
        begun = np.minimum(begin, periods.rows - 1)
        with_start = np.where(begin < stop, np.minimum(with_start, next_switch(periods)[begun]), with_start)
    both = np.concatenate([start, start])
    stops = np.concatenate([np.minimum(stop, begin), with_start])
    arm = np.repeat([0, 1], len(start))
    kept = stops > both
    made = whole_sequence(periods, CLONES, both[kept], stops[kept], arm[kept], place)
    order = np.lexsort((made.arm, made.start))
    made = replace(made, start=made.start[order], length=made.length[order], arm=made.arm[order])
    return replace(made, grace=grace, sustained=sustained, censored_period=censored_period)


def first_treated(periods: PersonPeriods) -> NDArray[np.int64]:
    """For each row the next row of the person, itself counted, that is treated; the row after the last, without one."""
    at = np.where(periods.treatment == 1, np.arange(periods.rows), periods.rows)
    return np.minimum(np.minimum.accumulate(at[::-1])[::-1], periods.stop)


def _late(periods: PersonPeriods, start: NDArray[np.int64], grace: int) -> NDArray[np.int64]:
    """For each start the row of the last chance to begin: the person's first that is `grace` periods later or more."""
    wide = int(periods.period.max() - periods.period.min()) + grace + 2
    key = periods.person * wide + periods.period - periods.period.min()
    return np.minimum(np.searchsorted(key, key[start] + grace, side="left"), periods.stop[start])


def weigh_clones(
    sequence: TrialSequence, weights: TrialWeights, drawn: Array | None = None
) -> tuple[TrialSequence, WeightSummary, tuple[FittedChance, ...]]:
    """Clones with the weights of their rows: the inverse chance of not having departed from the strategy by then.

    Parameters
    ----------
    sequence : TrialSequence
        From `clone_trials`.
    weights : TrialWeights
        `switching` has the model of treatment (its denominator), `censoring` that of being lost.
    drawn : array, shape (persons,), optional
        How often each person counts.

    Returns
    -------
    sequence, summary, fits
        As of `weigh`.
    """
    periods = sequence.periods
    if weights.switching is None:
        raise StudyError(
            "clones need a model of treatment",
            place="switch_weights",
            repair="name the terms of its denominator",
        )
    used = relevant(sequence)
    inside = periods.only(used)
    event, groups = inside.treatment.astype(float), by_previous_treatment(inside, "treated")
    found, fits = chances(inside, event, weights.switching.denominator, groups, drawn)
    chance = np.full(periods.rows, np.nan)
    chance[used] = found
    whole = _kept_to(sequence, chance)
    if weights.censoring is not None:
        products, more = staying_products(sequence, inside, used, weights.censoring, drawn)
        whole, fits = whole * products, (*fits, *more)
    whole, cut = truncated(of_drawn(sequence, whole, drawn), weights.truncate, "truncate")
    return sequence.weighted(whole), summarised(whole, cut), fits


def _kept_to(sequence: TrialSequence, chance: Array) -> Array:
    """Inverse chance, row by row, of having kept to the strategy of the clone up to that row."""
    periods, late = sequence.periods, _late(sequence.periods, sequence.start, sequence.grace)
    found, at = np.empty(sequence.expanded), 0
    for trial, row in sequence.blocks():
        arm, before = sequence.arm[trial], _treated_before(periods, row, sequence.start[trial])
        kept = np.where(arm == 0, 1 - chance[row], 1.0)
        decided = (arm == 1) & (row == late[trial]) & ~before
        if sequence.sustained:
            decided |= (arm == 1) & before
        kept = np.maximum(np.where(decided, chance[row], kept), _TINY)
        starts = np.flatnonzero(np.diff(trial, prepend=-1))
        total = np.cumsum(np.log(kept))
        offset = np.repeat(total[starts] - np.log(kept[starts]), np.diff(np.append(starts, len(row))))
        found[at : at + len(row)] = np.exp(offset - total)
        at += len(row)
    return found


def _treated_before(
    periods: PersonPeriods, row: NDArray[np.int64], first: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether treatment was given between the start and the row, the row itself not counted."""
    return periods.treated[row] - periods.treatment[row] > periods.treated[first] - periods.treatment[first]
