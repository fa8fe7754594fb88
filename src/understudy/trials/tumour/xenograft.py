"""xenograft_response: how a patient-derived xenograft answered, by the mouse version of RECIST.

Gao H et al. High-throughput screening using patient-derived tumor xenografts to predict clinical trial drug response.
Nat Med 2015;21:1318-1325. doi:10.1038/nm.3954
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from understudy.core.errors import DataError, Problem
from understudy.trials.tumour.visits import visits

# Best response, best average response, both in percent: below both, this it is.
_LIMITS = (("CR", -95.0, -40.0), ("PR", -50.0, -20.0), ("SD", 35.0, 30.0))


@dataclass(frozen=True)
class XenograftResponse:
    """A mouse's answer to treatment.

    Parameters
    ----------
    category : {"CR", "PR", "SD", "PD"}
    best : float
        Lowest change of volume from the start, in percent, among days that count.
    best_day : float
    best_average : float
        Lowest mean of all changes up to a day, in percent, among days that count.
    best_average_day : float
    slope : float
        Angle, in degrees, of the line through the origin fitted to the change of volume on the days since the first.
    area : float
        Under the volume, by trapezoids, volume times days.
    days_counted : int
        Visits from `from_day` on.
    """

    category: str
    best: float
    best_day: float
    best_average: float
    best_average_day: float
    slope: float
    area: float
    days_counted: int


def xenograft_response(days: ArrayLike, volumes: ArrayLike, *, from_day: float = 10.0) -> XenograftResponse:
    """Category, slope and area of one mouse.

    Parameters
    ----------
    days : array of float, shape (n,)
        From the start of treatment; the first is the baseline.
    volumes : array of float, shape (n,)
    from_day : float
        First day on which a response counts.

    Raises
    ------
    DataError
        For visits out of order, a baseline of zero, or no visit from `from_day` on.

    References
    ----------
    Gao H et al. Nat Med 2015;21:1318-1325. doi:10.1038/nm.3954

    Examples
    --------
    >>> xenograft_response([0, 4, 8, 12, 16], [200, 150, 90, 60, 80]).category
    'PR'
    """
    day, volume = visits(days, volumes, "the volumes")
    counted = day >= from_day
    if volume[0] == 0 or not counted.any() or len(day) < 2:
        cause = "a baseline of zero" if volume[0] == 0 else f"no visit from day {from_day:g} on"
        raise DataError([Problem(cause, "leave the mouse out")], place="the volumes")
    change = 100 * (volume / volume[0] - 1)
    average = np.cumsum(change) / np.arange(1, len(change) + 1)
    best, steady = (np.flatnonzero(counted)[each[counted].argmin()] for each in (change, average))
    since = day - day[0]
    rise = (since @ (volume - volume[0])) / (since @ since)
    return XenograftResponse(
        category=_category(change[best], average[steady]),
        best=float(change[best]),
        best_day=float(day[best]),
        best_average=float(average[steady]),
        best_average_day=float(day[steady]),
        slope=float(np.degrees(np.arctan(rise))),
        area=float(np.trapezoid(volume, day)),
        days_counted=int(counted.sum()),
    )


def _category(best: float, average: float) -> str:
    return next((name for name, low, mean in _LIMITS if best < low and average < mean), "PD")
