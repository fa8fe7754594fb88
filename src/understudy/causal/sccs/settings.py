"""Settings of a self-controlled case series: when risk is thought to change, and what else changes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from understudy.core.errors import StudyError

_ANCHORS = ("start", "end")
_PLACE = "the case series"


@dataclass(frozen=True)
class RiskWindow:
    """Days, both included, in which an exposure may change the rate.

    Parameters
    ----------
    name : str
    exposure : str
    start, end : int
        Days from the anchors: 0 and 0 is from the first to the last day of the exposure.
    start_anchor, end_anchor : {"start", "end"}
        Of the exposure.
    first_only : bool
        The first exposure of each person only.

    Raises
    ------
    StudyError
        For unknown anchors, or a window that ends before it begins.

    Examples
    --------
    >>> RiskWindow("on drug", "celecoxib", end=30).end_anchor
    'end'
    """

    name: str
    exposure: str
    start: int = 0
    start_anchor: str = "start"
    end: int = 0
    end_anchor: str = "end"
    first_only: bool = False

    def __post_init__(self) -> None:
        for anchor in (self.start_anchor, self.end_anchor):
            if anchor not in _ANCHORS:
                raise StudyError(
                    f"unknown anchor {anchor!r}", place=f"window {self.name}", repair="use 'start' or 'end'"
                )
        if self.start_anchor == self.end_anchor and self.end < self.start:
            raise StudyError(
                f"the window ends on day {self.end}, before it begins on day {self.start}",
                place=f"window {self.name}",
                repair="exchange the days",
            )


@dataclass(frozen=True)
class SccsSettings:
    """What is asked, and what is adjusted for.

    Parameters
    ----------
    windows : tuple of RiskWindow
        Those of one name are one covariate.
    pre_exposure : int
        Days before each exposure that get a rate of their own, since outcomes may bring on, or put off, the exposure; 0
        for none.
    end_of_observation : int
        Last days of those whose observation ends before the data do, which probe whether outcomes end observation; 0
        for none.
    age_knots, season_knots, calendar_knots : int
        Of cubic splines: by age and by calendar time at quantiles of the outcomes, by day of the year evenly, cyclic; 0
        for none.
    first_outcome_only : bool
        Later outcomes are left out, as where the first changes the rate of others.
    naive_period : int
        Days at the beginning of each observation that are left out, in which old outcomes come up as new ones.
    study_start, study_end : date text or None
        Time outside is left out.

    Raises
    ------
    StudyError
        Without a window, for negative numbers, few knots, dates that cannot be read.

    Examples
    --------
    >>> SccsSettings((RiskWindow("on drug", "celecoxib"),)).age_knots
    5
    """

    windows: tuple[RiskWindow, ...]
    pre_exposure: int = 30
    end_of_observation: int = 30
    age_knots: int = 5
    season_knots: int = 5
    calendar_knots: int = 0
    first_outcome_only: bool = False
    naive_period: int = 180
    study_start: str | None = None
    study_end: str | None = None

    def __post_init__(self) -> None:
        if not self.windows:
            raise StudyError(
                "no risk window is given", place=_PLACE, repair="give one, such as RiskWindow(...)"
            )
        for name in ("pre_exposure", "end_of_observation", "naive_period"):
            if getattr(self, name) < 0:
                raise StudyError(f"{name} is negative", place=_PLACE, repair="give days, or 0 for none")
        for name, fewest in (("age_knots", 2), ("season_knots", 4), ("calendar_knots", 2)):
            if 0 < getattr(self, name) < fewest or getattr(self, name) < 0:
                raise StudyError(
                    f"{name} is {getattr(self, name)}",
                    place=_PLACE,
                    repair=f"give {fewest} or more, or 0 for none",
                )
        _ = self.days

    @property
    def days(self) -> tuple[int, int]:
        """First and last day of the study, counted from 1970-01-01."""
        found = []
        for name, text, open_end in (
            ("study_start", self.study_start, -(10**8)),
            ("study_end", self.study_end, 10**8),
        ):
            try:
                found.append(open_end if text is None else int(np.datetime64(text, "D").astype(int)))
            except ValueError:
                raise StudyError(
                    f"{text!r} is no date", place=name, repair="write it as 2020-01-31"
                ) from None
        return found[0], found[1]
