"""Incidence rate: outcomes by time at risk, with exact limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from understudy.causal.masking import is_small, masked
from understudy.causal.outcomes.question import question
from understudy.core.errors import UnderstudyError

if TYPE_CHECKING:
    import pandas as pd

DAYS = 365.25  # of a year


@dataclass(frozen=True)
class IncidenceRate:
    """Outcomes for each 1,000 person-years.

    Parameters
    ----------
    group : str
    persons, events : int
    days : float
        At risk.
    rate, low, high : float
        For each 1,000 person-years.
    """

    group: str
    persons: int
    events: int
    days: float
    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class IncidenceRates:
    """Those of both groups.

    Parameters
    ----------
    target, comparator : IncidenceRate
    """

    target: IncidenceRate
    comparator: IncidenceRate

    def table(self) -> pd.DataFrame:
        """One row a group; small counts are masked, and so are rates, which would tell them."""
        import pandas as pd

        rows = []
        for each in (self.target, self.comparator):
            rates = (np.nan,) * 3 if is_small(each.events) else (each.rate, each.low, each.high)
            rows.append((each.group, masked(each.persons), masked(each.events), each.days, *rates))
        return pd.DataFrame(rows, columns=["group", "persons", "events", "days", "rate", "low", "high"])


def incidence_rate(
    events: int, days: float, *, persons: int = 0, group: str = "", level: float = 0.95
) -> IncidenceRate:
    """An incidence rate with exact limits (Garwood 1936, Biometrika 28:437-442, doi:10.1093/biomet/28.3-4.437).

    Parameters
    ----------
    events : int
    days : float
        Person-days at risk, positive.
    persons : int
    group : str
    level : float

    Returns
    -------
    IncidenceRate

    Raises
    ------
    UnderstudyError
        For a negative count, or days that are not positive.

    Examples
    --------
    >>> found = incidence_rate(10, 365_250)
    >>> round(found.rate, 3), round(found.low, 3), round(found.high, 3)
    (10.0, 4.795, 18.39)
    """
    from scipy.special import chdtri

    if events < 0 or not days > 0:
        raise UnderstudyError(
            f"no rate can be made of {events} outcomes in {days:g} days",
            place="incidence rate",
            repair="give a count and a positive number of person-days",
        )
    tail, unit = (1 - level) / 2, 1000 * DAYS / days
    low = float(chdtri(2 * events, 1 - tail)) / 2 if events else 0.0
    high = float(chdtri(2 * events + 2, tail)) / 2
    return IncidenceRate(group, persons, events, days, events * unit, low * unit, high * unit)


def incidence_rates(
    time: ArrayLike, event: ArrayLike, treatment: ArrayLike, *, level: float = 0.95
) -> IncidenceRates:
    """Rates of target and comparator.

    Parameters
    ----------
    time : array, shape (n,)
        Days at risk, positive.
    event : array, shape (n,)
        Numbers of outcomes.
    treatment : array, shape (n,)
        1 target, 0 comparator.
    level : float

    Returns
    -------
    IncidenceRates

    Examples
    --------
    >>> incidence_rates([100, 200, 300, 400], [1, 0, 0, 1], [1, 1, 0, 0]).target.days
    300.0
    """
    asked = question(time, event, treatment, "poisson", None, None, None, None)
    groups = (("target", asked.treated), ("comparator", ~asked.treated))
    return IncidenceRates(
        *(
            incidence_rate(
                int(asked.event[rows].sum()),
                float(asked.time[rows].sum()),
                persons=int(rows.sum()),
                group=group,
                level=level,
            )
            for group, rows in groups
        )
    )
