"""simulated_cases: persons with exposures and outcomes at a known rate ratio, to see whether it is found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.random import uniforms

if TYPE_CHECKING:
    import pandas as pd

_YEARS = 6
_LONGEST, _SHORTEST = 2200, 700  # days of observation


@dataclass(frozen=True, eq=False)
class SimulatedCases:
    """Tables as `sccs` takes them.

    Parameters
    ----------
    observation : DataFrame
        Columns person_id, start, end, birth.
    exposures : DataFrame
        Columns person_id, start, end.
    outcomes : DataFrame
        Columns person_id, start.
    """

    observation: pd.DataFrame
    exposures: pd.DataFrame
    outcomes: pd.DataFrame


def simulated_cases(
    persons: int,
    *,
    rate_ratio: float = 1.0,
    pre_exposure: float = 1.0,
    age_slope: float = 0.0,
    season: float = 0.0,
    yearly: float = 0.2,
    days: int = 60,
    seed: int = 1,
) -> SimulatedCases:
    """Simulate persons with one exposure each and outcomes day by day.

    Parameters
    ----------
    persons : int
    rate_ratio : float
        In exposed days.
    pre_exposure : float
        Rate ratio in the 30 days before.
    age_slope : float
        Change of the log rate by a year of age.
    season : float
        Half the range of the log rate over the year, with its top in January.
    yearly : float
        Mean rate of outcomes of a year; persons differ from it by a factor of up to 3 either way.
    days : int
        Length of the exposure.
    seed : int

    Returns
    -------
    SimulatedCases

    Examples
    --------
    >>> len(simulated_cases(50, seed=2).observation)
    50
    """
    import pandas as pd

    who = np.arange(persons)
    u = uniforms(seed, "case series", who, 6)
    origin = np.datetime64("2010-01-01", "D").astype(np.int64)
    start = origin + (u[:, 0] * 365 * _YEARS).astype(np.int64)
    length = _SHORTEST + (u[:, 1] * (_LONGEST - _SHORTEST)).astype(np.int64)
    birth = start - (365.25 * (20 + 50 * u[:, 2])).astype(np.int64)
    exposed = start + (u[:, 3] * (length - days)).astype(np.int64)
    rate = yearly / 365.25 * 3.0 ** (2 * u[:, 4] - 1)
    day = start[:, None] + np.arange(_LONGEST)
    eta = age_slope * (day - birth[:, None]) / 365.25 + season * np.cos(2 * np.pi * (day % 365.25) / 365.25)
    eta = eta - eta.mean(axis=1, keepdims=True)  # what differs between persons is in their rates
    inside = (day >= exposed[:, None]) & (day < exposed[:, None] + days)
    before = (day >= exposed[:, None] - 30) & (day < exposed[:, None])
    eta = eta + np.log(rate_ratio) * inside + np.log(pre_exposure) * before
    chance = 1 - np.exp(-rate[:, None] * np.exp(eta))
    happened = uniforms(seed, "outcomes", who, _LONGEST) < chance
    happened &= day < (start + length)[:, None]
    person, place = np.nonzero(happened)

    def frame(**columns: np.ndarray) -> pd.DataFrame:
        dates = {
            name: values.astype("datetime64[D]").astype("datetime64[s]")
            for name, values in columns.items()
            if name != "person_id"
        }
        return pd.DataFrame({"person_id": columns["person_id"], **dates})

    return SimulatedCases(
        frame(person_id=who, start=start, end=start + length - 1, birth=birth),
        frame(person_id=who, start=exposed, end=exposed + days - 1),
        frame(person_id=person, start=day[person, place]),
    )
