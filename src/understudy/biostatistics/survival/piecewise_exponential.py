"""piecewise_exponential: hazards that are constant between cuts of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import censored
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class PiecewiseExponential:
    """Hazards of pieces of time.

    Parameters
    ----------
    cuts : float array, shape (pieces - 1,)
        Inner ends of pieces; the first begins at 0, the last has no end.
    exposure, events : float array, shape (pieces,)
        Time watched, and events seen.
    hazards, low, high : float array, shape (pieces,)
        Per unit of time; not a number where nobody was watched.
    log_likelihood : float
    level : float
    """

    cuts: np.ndarray
    exposure: np.ndarray
    events: np.ndarray
    hazards: np.ndarray
    low: np.ndarray
    high: np.ndarray
    log_likelihood: float
    level: float

    def cumulative_hazard(self, times: ArrayLike) -> np.ndarray:
        """Integral of the hazard up to each time."""
        asked = np.asarray(times, dtype=float)[..., None]
        begins, ends = np.r_[0.0, self.cuts], np.r_[self.cuts, np.inf]
        inside = np.clip(asked, begins, ends) - begins
        return np.where(inside > 0, inside * self.hazards, 0.0).sum(axis=-1)

    def survival(self, times: ArrayLike) -> np.ndarray:
        """Probability to be free of the event at each time."""
        return np.exp(-self.cumulative_hazard(times))

    def times(self, uniforms: ArrayLike) -> np.ndarray:
        """Times at which survival has fallen to given numbers between 0 and 1: draws, for uniform random numbers.

        Infinite where survival does not fall so low, as after a last piece without events.
        """
        left = -np.log(np.asarray(uniforms, dtype=float))
        begins = np.r_[0.0, self.cuts]
        reached = np.r_[0.0, np.cumsum(np.diff(begins) * self.hazards[:-1])]
        piece = np.searchsorted(reached, left, side="right") - 1
        with np.errstate(divide="ignore", invalid="ignore"):
            return begins[piece] + np.where(
                left > reached[piece], (left - reached[piece]) / self.hazards[piece], 0.0
            )

    def table(self) -> pd.DataFrame:
        """One row for each piece."""
        import pandas as pd

        names = ("exposure", "events", "hazards", "low", "high")
        ends = {"begin": np.r_[0.0, self.cuts], "end": np.r_[self.cuts, np.inf]}
        return pd.DataFrame({**ends, **{name.replace("ards", "ard"): getattr(self, name) for name in names}})

    def __repr__(self) -> str:
        return f"piecewise exponential hazards:\n{self.table().to_string(index=False)}"


def piecewise_exponential(
    time: ArrayLike,
    event: ArrayLike,
    cuts: Sequence[float] = (),
    *,
    entry: ArrayLike | None = None,
    level: float = 0.95,
) -> PiecewiseExponential:
    """Events divided by time watched, in each piece: the maximum of the likelihood (Friedman 1982, Ann Stat 10:101-113,
    doi:10.1214/aos/1176345693).

    Limits are exact for Poisson counts (Garwood 1936, doi:10.1093/biomet/28.3-4.437). An event on a cut belongs to the
    piece before it.

    Parameters
    ----------
    time, event, entry : array, shape (n,)
        As for `censored`.
    cuts : sequence of float
        Inner ends of pieces, increasing, above 0; none for one hazard throughout.
    level : float

    Raises
    ------
    DataError
        For times or events that cannot be.
    SimulationError
        For cuts that do not increase from 0, or entries before 0.

    Examples
    --------
    >>> piecewise_exponential([2, 4, 6, 8], [1, 1, 0, 1], cuts=[4]).hazards.round(4)
    array([0.1429, 0.1667])
    """
    watched = censored(time, event, entry)
    inner = np.asarray(cuts, dtype=float)
    if not np.isfinite(inner).all() or (np.diff(np.r_[0.0, inner]) <= 0).any():
        raise SimulationError(
            f"cuts {', '.join(f'{cut:g}' for cut in inner)}",
            place="cuts",
            repair="give increasing times above 0",
        )
    begin = np.where(np.isfinite(watched.entry), watched.entry, 0.0)
    if (begin < 0).any():
        raise SimulationError("an entry before 0", place="entry", repair="count time from 0")
    begins, ends = np.r_[0.0, inner], np.r_[inner, np.inf]
    span = np.minimum(watched.time[:, None], ends) - np.maximum(begin[:, None], begins)
    exposure = np.maximum(span, 0.0).sum(axis=0)
    piece = np.searchsorted(inner, watched.time[watched.event > 0], side="left")
    events = np.bincount(piece, minlength=begins.size).astype(float)
    hazards = np.divide(events, exposure, out=np.full(begins.size, np.nan), where=exposure > 0)
    seen = events > 0
    likelihood = float((events[seen] * np.log(hazards[seen])).sum() - events.sum())
    low, high = _garwood(events, exposure, level)
    return PiecewiseExponential(inner, exposure, events, hazards, low, high, likelihood, level)


def _garwood(events: np.ndarray, exposure: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    from scipy.special import gammaincinv

    tail = (1 - level) / 2
    low = np.where(events > 0, gammaincinv(np.maximum(events, 1), tail), 0.0)
    high = gammaincinv(events + 1, 1 - tail)
    return tuple(
        np.divide(each, exposure, out=np.full(events.size, np.nan), where=exposure > 0)
        for each in (low, high)
    )
