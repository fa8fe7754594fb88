"""Target: one number a subject that a prognostic score foretells, for every kind of endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import StudyError
from understudy.trials.protocol import arm_name

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

TARGETS = {
    "continuous": "the measurement",
    "binary": "the probability of the event",
    "longitudinal": "the measurement at the visit",
    "survival": "the martingale residual: events beyond those expected by the time under watch",
}


def target_of(kind: str, outcome: pd.DataFrame, visit: object = None) -> pd.Series:
    """The number that a score foretells; the index is the subjects'.

    Parameters
    ----------
    kind : str
        Of the endpoint.
    outcome : DataFrame
        As `understudy.trials.tables.outcome_of` makes it, index ``subject``.
    visit : optional
        Of repeated measurements; the last, if left out.

    Raises
    ------
    StudyError
        For an endpoint for which there is no score.
    """
    require_kind(kind)
    if kind == "continuous":
        return outcome["value"]
    if kind == "binary":
        return outcome["event"]
    if kind == "longitudinal":
        rows = outcome[outcome["visit"].map(arm_name) == visit_of(outcome, visit)]
        return rows["value"]
    residual = martingale(outcome["time"].to_numpy(), outcome["event"].to_numpy())
    return outcome["time"].copy() * 0 + residual


def measured_of(kind: str, outcome: pd.DataFrame, visit: object = None) -> pd.DataFrame:
    """The outcome as it was measured, a row a subject: by it a patient is known again in another table."""
    if kind == "survival":
        return outcome[["time", "event"]]
    return target_of(kind, outcome, visit).to_frame("outcome")


def require_kind(kind: str) -> None:
    """Refuse an endpoint for which there is no score."""
    if kind not in TARGETS:
        raise StudyError(
            f"there is no prognostic score of a {kind} endpoint yet",
            place="endpoint.kind",
            repair=f"one of {', '.join(TARGETS)}; of repeated or competing events take the time to the first",
        )


def visit_of(outcome: pd.DataFrame, visit: object = None) -> str:
    """The visit asked for, or the last, by number or as visits first come."""
    names = list(dict.fromkeys(outcome["visit"].map(arm_name)))
    if visit is not None:
        if arm_name(visit) not in names:
            cause = f"there is no visit {arm_name(visit)!r}"
            raise StudyError(cause, place="endpoint.at", repair=f"visits: {', '.join(names)}")
        return arm_name(visit)
    try:
        return max(names, key=float)
    except ValueError:
        return names[-1]


def martingale(time: NDArray[np.float64], event: NDArray[np.float64]) -> NDArray[np.float64]:
    """Events seen less those expected, by the Nelson-Aalen estimate of all, shape (n,).

    It is the outcome that the log-rank test adds up (Therneau, Grambsch & Fleming 1990, doi:10.1093/biomet/77.1.147),
    so what foretells it is what a covariate-adjusted log-rank test profits from (Ye, Shao & Yi 2024,
    doi:10.1093/biomet/asad045).

    Examples
    --------
    >>> martingale(np.array([1.0, 2.0]), np.array([1.0, 1.0])).tolist()
    [0.5, -0.5]
    """
    times, place = np.unique(time, return_inverse=True)
    deaths = np.bincount(place, weights=event, minlength=times.size)
    at_risk = np.bincount(place, minlength=times.size)[::-1].cumsum()[::-1]
    return event - np.cumsum(deaths / at_risk)[place]
