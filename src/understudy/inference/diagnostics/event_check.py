"""event_check: survival curves of observed events beside those of simulated studies (a Kaplan-Meier VPC).

Kaplan and Meier 1958, Nonparametric estimation from incomplete observations, J Am Stat
Assoc 53:457-481, doi:10.1080/01621459.1958.10501452.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import SimulationError
from understudy.inference.diagnose import tails

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class EventCheck:
    """Survival curves.

    Parameters
    ----------
    curves : DataFrame
        On a grid of times: stratum, time, at_risk (observed), observed, low, median, high (survival, from 1 down).
    observed : DataFrame
        The observed curve itself, one row a time at which something happens: stratum, time, survival, events, censored.
    interval : float
    """

    curves: pd.DataFrame
    observed: pd.DataFrame
    interval: float


def event_check(
    observed: pd.DataFrame, simulated: pd.DataFrame, *, interval: float = 0.9, points: int = 100
) -> EventCheck:
    """Survival of the observed subjects beside that of simulated ones.

    Parameters
    ----------
    observed : DataFrame
        One row a subject: time (of the event, or of the end of observation), event (1, or 0 where none was seen), and
        stratum where subjects are grouped.
    simulated : DataFrame
        The same with a column replicate. Subjects must be censored as the observed ones would have been.
    interval : float
        Of the simulated survival at each time over the replicates.
    points : int
        Times of the grid, from 0 to the last observed time.

    Raises
    ------
    SimulationError
        For a column that is not there, times below zero, an event that is neither 0 nor 1, no row, or a stratum that
        was not simulated.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"time": [1.0, 2.0, 3.0], "event": [1, 1, 0]})
    >>> copies = pd.concat([seen.assign(replicate=k) for k in (1, 2)])
    >>> event_check(seen, copies, points=4).curves["observed"].round(3).tolist()
    [1.0, 0.667, 0.333, 0.333]
    """
    import pandas as pd

    observed, simulated = _checked(observed, "observed", ()), _checked(simulated, "simulated", ("replicate",))
    curves, steps = [], []
    for stratum, own in observed.groupby("stratum", sort=False):
        theirs = simulated[simulated["stratum"] == stratum]
        if not len(theirs):
            raise SimulationError(
                f"stratum {stratum!r} was not simulated", place="simulated", repair="simulate the same strata"
            )
        grid = np.linspace(0.0, own["time"].max(), points)
        steps.append(kaplan_meier(own["time"], own["event"]).assign(stratum=stratum))
        curves.append(_curves(own, theirs, grid, interval).assign(stratum=stratum))
    order = ["stratum", "time"]
    return EventCheck(
        *(
            parts[[*order, *(name for name in parts if name not in order)]]
            for parts in (pd.concat(curves, ignore_index=True), pd.concat(steps, ignore_index=True))
        ),
        interval,
    )


def kaplan_meier(time: np.ndarray, event: np.ndarray) -> pd.DataFrame:
    """The product-limit estimate of survival.

    Parameters
    ----------
    time, event : arrays, shape (n,)

    Returns
    -------
    DataFrame
        time (0 first, then each distinct one), survival after it, events and censored at it. A subject that is
        censored at the time of an event was still at risk.

    Examples
    --------
    >>> kaplan_meier([1.0, 2.0, 2.0, 3.0], [1, 1, 0, 1])["survival"].tolist()
    [1.0, 0.75, 0.5, 0.0]
    """
    import pandas as pd

    time, event = np.asarray(time, dtype=float), np.asarray(event, dtype=float)
    moments, place = np.unique(time, return_inverse=True)
    events = np.bincount(place, event, len(moments))
    leaving = np.bincount(place, minlength=len(moments))
    at_risk = time.size - np.r_[0, np.cumsum(leaving)[:-1]]
    survival = np.cumprod(1 - events / at_risk)
    return pd.DataFrame(
        {
            "time": np.r_[0.0, moments],
            "survival": np.r_[1.0, survival],
            "events": np.r_[0, events].astype(int),
            "censored": np.r_[0, leaving - events].astype(int),
        }
    )


def _survival_at(grid: np.ndarray, subjects: pd.DataFrame) -> np.ndarray:
    curve = kaplan_meier(subjects["time"], subjects["event"])
    return curve["survival"].to_numpy()[np.searchsorted(curve["time"], grid, side="right") - 1]


def _curves(own: pd.DataFrame, theirs: pd.DataFrame, grid: np.ndarray, interval: float) -> pd.DataFrame:
    import pandas as pd

    copies = np.array([_survival_at(grid, each) for _, each in theirs.groupby("replicate", sort=False)])
    low, median, high = np.quantile(copies, (tails(interval)[0], 0.5, tails(interval)[1]), axis=0)
    at_risk = (own["time"].to_numpy()[:, None] >= grid).sum(axis=0)
    columns = {"time": grid, "at_risk": at_risk, "observed": _survival_at(grid, own)}
    return pd.DataFrame(columns | {"low": low, "median": median, "high": high})


def _checked(table: pd.DataFrame, name: str, more: tuple[str, ...]) -> pd.DataFrame:
    missing = [column for column in ("time", "event", *more) if column not in table]
    if missing:
        raise SimulationError(
            f"there is no column {', '.join(missing)}", place=name, repair="name columns time and event"
        )
    if not len(table):
        raise SimulationError("there is no subject", place=name, repair="give one row a subject")
    time, event = table["time"].to_numpy(float), table["event"].to_numpy(float)
    wrong = np.flatnonzero(~(time >= 0) | ~np.isin(event, (0, 1)))
    if wrong.size:
        row = wrong[0]
        raise SimulationError(
            f"time {time[row]:g} with event {event[row]:g} is impossible",
            place=f"{name}, row {row + 1}",
            repair="give a time of 0 or above, and 1 for an event or 0 for none",
        )
    return table if "stratum" in table else table.assign(stratum="")
