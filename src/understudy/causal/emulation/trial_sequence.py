"""Trial sequence: a trial starts in every eligible period, and its person is followed from there.

Hernán & Robins 2016, doi:10.1093/aje/kwv254; Danaei et al. 2013, doi:10.1177/0962280211403603. Row counts are those of
the R package TrialEmulation. The expanded rows are not stored: a trial is where it starts and how many rows it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from understudy.causal.emulation.person_periods import PersonPeriods, require_both_arms
from understudy.causal.masking import masked
from understudy.core.errors import StudyError
from understudy.core.random import uniforms

if TYPE_CHECKING:
    import pandas as pd

Estimand = Literal["intention to treat", "per protocol", "as treated"]
CensoredPeriod = Literal["as TrialEmulation", "outcome known", "outcome unknown"]
ESTIMANDS: tuple[Estimand, ...] = ("intention to treat", "per protocol", "as treated")
_BLOCK = 262_144  # rows in a block of expanded rows


@dataclass(frozen=True, eq=False, repr=False)
class TrialSequence:
    """Emulated trials. Made by `trial_sequence` or `clone_trials`.

    Parameters
    ----------
    periods : PersonPeriods
    estimand : str
    start : int64 array, shape (trials,)
        Row of `periods` with which each trial starts.
    length : int64 array, shape (trials,)
        Rows of each trial: consecutive rows of `periods`.
    arm : int64 array of 0 and 1, shape (trials,)
    weight : float array, shape (rows,) or (0,)
        Of each expanded row, trial after trial; empty where all are one. Zero: the row is not used.
    sampled : float
        Share of rows without the outcome that are used.
    grace : int or None
        Of clones, the periods in which treatment may still begin.
    sustained : bool
        Of clones, whether to stop treatment departs from the strategy.
    censored_period : {"as TrialEmulation", "outcome known", "outcome unknown"}
        See `trial_sequence`.
    """

    periods: PersonPeriods
    estimand: str
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    arm: NDArray[np.int64]
    weight: NDArray[np.float64]
    sampled: float = 1.0
    grace: int | None = None
    sustained: bool = False
    censored_period: CensoredPeriod = "as TrialEmulation"

    @property
    def trials(self) -> int:
        """Number of person-trials."""
        return len(self.start)

    @cached_property
    def offset(self) -> NDArray[np.int64]:
        """Position of each trial's first row among all rows."""
        return np.concatenate([[0], np.cumsum(self.length)[:-1]]).astype(np.int64)

    @property
    def expanded(self) -> int:
        """Number of rows after expansion, those that were not sampled too."""
        return int(self.length.sum())

    @property
    def rows(self) -> int:
        """Number of rows in use."""
        return int((self.weight > 0).sum()) if len(self.weight) else self.expanded

    @cached_property
    def person(self) -> NDArray[np.int64]:
        """Person of each trial."""
        return self.periods.person[self.start]

    @cached_property
    def last(self) -> NDArray[np.int64]:
        """Last row of each trial."""
        return self.start + self.length - 1

    @cached_property
    def follow_up(self) -> int:
        """Longest follow-up time, counted from 0."""
        return int((self.periods.period[self.last] - self.periods.period[self.start]).max())

    @property
    def events(self) -> int:
        """Outcomes over all trials: a person's outcome counts in each trial it happens in."""
        return int(self.periods.outcome[self.last].sum())

    @property
    def persons(self) -> int:
        """Number of persons in any trial."""
        return len(np.unique(self.person))

    @property
    def persons_with_outcome(self) -> int:
        """Number of persons whose outcome happens in any trial."""
        return len(np.unique(self.person[self.periods.outcome[self.last] == 1]))

    def blocks(self, size: int = _BLOCK) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Expanded rows block by block: the trial of each row, and its row of `periods`."""
        ends = np.cumsum(self.length)
        at = 0
        while at < self.trials:
            below = ends[at - 1] if at else 0
            to = max(int(np.searchsorted(ends, below + size, side="right")), at + 1)
            trial = np.repeat(np.arange(at, to), self.length[at:to])
            within = np.arange(len(trial)) - np.repeat(self.offset[at:to] - below, self.length[at:to])
            yield trial, self.start[trial] + within
            at = to

    def expanded_rows(self) -> Iterator[pd.DataFrame]:
        """The expanded rows as data frames, block by block.

        Yields
        ------
        DataFrame
            Columns person (a number), trial_period, followup_time, assigned_treatment, treatment, outcome, weight, and
            the covariates when the trial starts (of categories the position of the level).
        """
        import pandas as pd

        periods, at = self.periods, 0
        for trial, row in self.blocks():
            first = self.start[trial]
            columns = {
                "person": periods.person[row],
                "trial_period": periods.period[first],
                "followup_time": periods.period[row] - periods.period[first],
                "assigned_treatment": self.arm[trial],
                "treatment": periods.treatment[row],
                "outcome": periods.outcome[row],
                "weight": self.weight[at : at + len(row)] if len(self.weight) else 1.0,
            }
            columns |= {name: values[first] for name, values in periods.covariates.columns.items()}
            frame = pd.DataFrame(columns)
            at += len(row)
            yield frame[frame["weight"] > 0] if len(self.weight) else frame

    def weighted(self, weight: NDArray[np.float64]) -> TrialSequence:
        """With other weights of the rows, on top of those there are."""
        return replace(self, weight=weight * self.weight if len(self.weight) else weight)

    def sample_controls(self, share: float, seed: int) -> TrialSequence:
        """Keep all rows with the outcome and a share of those without, which then weigh as much more.

        Parameters
        ----------
        share : float
            Chance of a row without the outcome to be kept, above 0 and at most 1.
        seed : int
            The same rows are kept whatever other rows there are: they are drawn by trial and follow-up time.

        Returns
        -------
        TrialSequence
        """
        if not 0 < share <= 1:
            raise StudyError(
                f"a share of {share:g} cannot be sampled",
                place="sample_controls",
                repair="give one above 0, at most 1",
            )
        if share == 1:
            return self
        weight = np.empty(self.expanded)
        at, longest = 0, self.follow_up + 1
        for trial, row in self.blocks():
            numbers, where = np.unique(trial, return_inverse=True)
            time = self.periods.period[row] - self.periods.period[self.start[trial]]
            drawn = uniforms(seed, "controls", self.start[numbers] * 2 + self.arm[numbers], longest)[
                where, time
            ]
            kept = np.where(drawn < share, 1 / share, 0.0)
            weight[at : at + len(row)] = np.where(self.periods.outcome[row] == 1, 1.0, kept)
            at += len(row)
        return replace(self.weighted(weight), sampled=self.sampled * share)

    def __repr__(self) -> str:
        return (
            f"TrialSequence: {self.estimand}, {masked(self.trials)} trials of {masked(self.persons)} persons, "
            f"{self.rows} rows, {masked(self.events)} with the outcome ({masked(self.persons_with_outcome)} persons)"
        )


def trial_sequence(
    periods: PersonPeriods,
    estimand: Estimand = "intention to treat",
    *,
    first_trial: int | None = None,
    last_trial: int | None = None,
    last_follow_up: int | None = None,
    censored_period: CensoredPeriod = "as TrialEmulation",
    place: str = "the table",
) -> TrialSequence:
    """Start a trial in every eligible period.

    Parameters
    ----------
    periods : PersonPeriods
    estimand : {"intention to treat", "per protocol", "as treated"}
        Per protocol, a trial ends before the period in which treatment departs from that of its start.
    first_trial, last_trial : int, optional
        Periods in which trials start.
    last_follow_up : int, optional
        Periods after the start that are still followed.
    censored_period : {"as TrialEmulation", "outcome known", "outcome unknown"}
        What of the period in which a person was lost. "outcome unknown": before the outcome could be seen; the row is
        left out, and weights for censoring count up to the row they weigh. "outcome known": after it; the row stays,
        and weights count up to the row before. "as TrialEmulation": the row stays, and weights count up to it, which
        is neither, and biased where loss is frequent.

    Returns
    -------
    TrialSequence

    Raises
    ------
    StudyError
        If nobody is eligible, or all are treated alike.

    Examples
    --------
    >>> import pandas as pd
    >>> from understudy.causal.emulation.person_periods import person_periods
    >>> frame = pd.DataFrame({"id": [1, 1, 1, 2, 2], "period": [0, 1, 2, 0, 1], "treatment": [0, 1, 1, 0, 0],
    ...                       "outcome": [0, 0, 1, 0, 0], "eligible": [1, 1, 0, 1, 1]})
    >>> sequence = trial_sequence(person_periods(frame, eligible="eligible"))
    >>> sequence.trials, sequence.expanded, sequence.events
    (4, 8, 2)
    >>> trial_sequence(person_periods(frame, eligible="eligible"), "per protocol").expanded
    6
    """
    if estimand not in ESTIMANDS:
        raise StudyError(
            f"unknown estimand {estimand!r}", place=place, repair=f"take one of {', '.join(ESTIMANDS)}"
        )
    require_both_arms(periods, place)
    low = -np.inf if first_trial is None else first_trial
    high = np.inf if last_trial is None else last_trial
    wanted = periods.eligible & (periods.period >= low) & (periods.period <= high)
    start = np.flatnonzero(wanted)
    stop = followed_until(periods, start, last_follow_up, censored_period)
    if estimand == "per protocol":
        stop = np.minimum(stop, next_switch(periods)[start])
    kept = stop > start
    made = whole_sequence(periods, estimand, start[kept], stop[kept], periods.treatment[start[kept]], place)
    return replace(made, censored_period=censored_period)


def whole_sequence(
    periods: PersonPeriods,
    estimand: str,
    start: NDArray[np.int64],
    stop: NDArray[np.int64],
    arm: NDArray[np.int64],
    place: str,
) -> TrialSequence:
    """Trials from their first row and the row after their last; an error where an arm is empty."""
    empty = [k for k in (0, 1) if not (arm == k).any()]
    if empty:
        what = "trial is left" if len(empty) > 1 else f"trial with the treatment {empty[0]} is left"
        raise StudyError(
            f"no {what}", place=place, repair="widen the periods in which trials start, or check eligibility"
        )
    return TrialSequence(periods, estimand, start, stop - start, arm.astype(np.int64), np.empty(0))


def followed_until(
    periods: PersonPeriods, start: NDArray[np.int64], last: int | None, censored_period: str
) -> NDArray[np.int64]:
    """For each trial the row after the last that may belong to it."""
    end = periods.ends.copy()
    if censored_period == "outcome unknown":
        lost = periods.censored[end - 1] & (periods.outcome[end - 1] != 1)
        end -= lost
    stop = end[periods.person[start]]
    if last is None:
        return stop
    # Periods rise within a person, so that person and period together are sorted.
    wide = int(periods.period.max() - periods.period.min()) + last + 2
    key = periods.person * wide + periods.period - periods.period.min()
    return np.minimum(stop, np.searchsorted(key, key[start] + last, side="right"))


def next_switch(periods: PersonPeriods) -> NDArray[np.int64]:
    """For each row the person's next row in which treatment changes; the row after the last, without one."""
    switched = (periods.treatment != periods.previous_treatment) & (periods.first < np.arange(periods.rows))
    at = np.where(switched, np.arange(periods.rows), periods.rows)
    later = np.append(np.minimum.accumulate(at[::-1])[::-1][1:], periods.rows)
    return np.minimum(later, periods.stop)
