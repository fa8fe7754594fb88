"""Follow-up: how long persons of both groups were watched, and when they entered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from understudy.causal.outcomes.question import question
from understudy.core.errors import DataError, Problem

if TYPE_CHECKING:
    import pandas as pd

_SHARES = {"min": 0.0, "p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9, "max": 1.0}


@dataclass(frozen=True)
class FollowUp:
    """Time at risk of one group.

    Parameters
    ----------
    group : str
    days : float
        Sum over persons.
    quantiles : tuple of 7 floats
        Least, 10, 25, 50, 75, 90 % and most days, interpolated linearly between persons.
    first, last : datetime.date or None
        Of the days on which persons entered.
    """

    group: str
    days: float
    quantiles: tuple[float, ...]
    first: Any = None
    last: Any = None


@dataclass(frozen=True)
class FollowUps:
    """Those of both groups.

    Parameters
    ----------
    target, comparator : FollowUp
    """

    target: FollowUp
    comparator: FollowUp

    def table(self) -> pd.DataFrame:
        """One row a group: group, days, min, p10, p25, median, p75, p90, max, first, last."""
        import pandas as pd

        rows = [
            (each.group, each.days, *each.quantiles, each.first, each.last)
            for each in (self.target, self.comparator)
        ]
        return pd.DataFrame(rows, columns=["group", "days", *_SHARES, "first", "last"])


def follow_up(time: ArrayLike, treatment: ArrayLike, start: ArrayLike | None = None) -> FollowUps:
    """Distribution of the time at risk.

    Parameters
    ----------
    time : array, shape (n,)
        Days to the first outcome or the end of risk.
    treatment : array, shape (n,)
        1 target, 0 comparator.
    start : array of dates, shape (n,), optional
        Days on which persons entered.

    Returns
    -------
    FollowUps

    Raises
    ------
    DataError
        For times or treatments that cannot be, for dates that are missing or too few.

    Examples
    --------
    >>> follow_up([10, 20, 31, 31, 31], [1, 1, 1, 0, 0]).target.quantiles[3]
    20.0
    """
    asked = question(time, np.zeros(np.shape(time)), treatment, "cox", None, None, None, None)
    days = None if start is None else _dates(start, asked.time.size)
    groups = (("target", asked.treated), ("comparator", ~asked.treated))
    return FollowUps(
        *(_one(group, asked.time[rows], None if days is None else days[rows]) for group, rows in groups)
    )


def _one(group: str, time: np.ndarray, days: np.ndarray | None) -> FollowUp:
    quantiles = tuple(float(each) for each in np.quantile(time, list(_SHARES.values())))
    ends = (None, None) if days is None else tuple(day.item() for day in (days.min(), days.max()))
    return FollowUp(group, float(time.sum()), quantiles, *ends)


def _dates(start: ArrayLike, size: int) -> np.ndarray:
    try:
        days = np.asarray(start, dtype="datetime64[D]")
    except (TypeError, ValueError):
        problem = Problem("holds something that is no date", "give dates such as 2020-01-31", column="start")
        raise DataError([problem], place="follow-up") from None
    if days.shape != (size,) or np.isnat(days).any():
        problem = Problem(
            f"holds {days.size} dates, or missing ones, for {size} persons", "give one each", column="start"
        )
        raise DataError([problem], place="follow-up")
    return days
