"""gray_test: whether groups have the same cumulative incidence of a cause, where others compete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import Censored, censored, labels
from understudy.biostatistics.survival.p_value import chi_square, quadratic_form
from understudy.core.errors import DataError, Problem, SimulationError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class GrayTest:
    """A comparison of cumulative incidences.

    Parameters
    ----------
    groups : tuple
        Labels, sorted.
    cause : int
    patients, events : int array, shape (k,)
        Events of the cause.
    score : float array, shape (k,)
        Weighted events minus those expected under equal subdistribution hazards.
    covariance : float array, shape (k, k)
    statistic, df, p : float, int, float
    """

    groups: tuple[Any, ...]
    cause: int
    patients: np.ndarray
    events: np.ndarray
    score: np.ndarray
    covariance: np.ndarray
    statistic: float
    df: int
    p: float

    def table(self) -> pd.DataFrame:
        """One row for each group."""
        import pandas as pd

        columns = {name: getattr(self, name) for name in ("patients", "events", "score")}
        return pd.DataFrame({"group": self.groups, **columns})

    def __repr__(self) -> str:
        head = f"Gray's test of cause {self.cause}: chi-square {self.statistic:.4g} on {self.df} df, p {self.p:.4g}"
        return f"{head}\n{self.table().to_string(index=False)}"


def gray_test(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike,
    *,
    of: int = 1,
    strata: ArrayLike | None = None,
    rho: float = 0.0,
) -> GrayTest:
    """Compare cumulative incidences by Gray's test (1988, Ann Stat 16:1141-1154, doi:10.1214/aos/1176350951).

    Events of the cause are set against those expected if the hazards of the subdistribution were equal, where each
    group's number at risk is Y (1 - F) / S: with those who had a competing event, as far as they would still be
    watched. The variance is that of the linear expansion in the groups' martingales, with the pooled
    estimate of the incidence.

    Parameters
    ----------
    time : array, shape (n,)
    cause : array of int, shape (n,)
        0 where no event was seen, else the number of its cause.
    group : array, shape (n,)
        Labels.
    of : int
        The cause that is compared.
    strata : array, shape (n,), optional
        Labels; scores are summed over strata.
    rho : float
        Power of 1 minus the pooled incidence by which differences are weighted.

    Raises
    ------
    DataError
        For values that cannot be, or fewer than two groups.
    SimulationError
        If nobody had the cause.

    Examples
    --------
    >>> found = gray_test([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 2, 1, 2, 1, 0, 0], list("aaaabbbb"))
    >>> found.events.tolist()
    [3, 1]
    """
    watched = censored(time, cause, causes=True)
    names, member = labels(group, watched.time.size, "group")
    if names.size < 2:
        raise DataError([Problem("only one group", "give two or more", column="group")], place="Gray's test")
    if not (watched.event == of).any():
        raise SimulationError(
            f"nobody had cause {of}", place="Gray's test", repair="check how causes are coded"
        )
    layer = np.zeros(member.size, np.int64) if strata is None else labels(strata, member.size, "strata")[1]
    score, covariance = np.zeros(names.size), np.zeros((names.size, names.size))
    for k in np.unique(layer):
        rows = layer == k
        u, v = _score(watched.of(rows), member[rows], names.size, of, rho)
        score, covariance = score + u, covariance + v
    statistic, df = quadratic_form(score, covariance)
    return GrayTest(
        tuple(names.tolist()),
        int(of),
        np.bincount(member, minlength=names.size),
        np.bincount(member[watched.event == of], minlength=names.size),
        score,
        covariance,
        statistic,
        df,
        chi_square(statistic, df),
    )


def _score(
    watched: Censored, member: np.ndarray, groups: int, of: int, rho: float
) -> tuple[np.ndarray, np.ndarray]:
    """Score and covariance in one stratum; arrays are (times, groups)."""
    times = np.unique(watched.time[watched.event > 0])
    if not (watched.event == of).any():
        return np.zeros(groups), np.zeros((groups, groups))
    at_risk, own, other = np.zeros((3, times.size, groups))
    for k in range(groups):
        ended, event = watched.time[member == k], watched.event[member == k]
        at_risk[:, k] = ended.size - np.searchsorted(np.sort(ended), times, side="left")
        place = np.searchsorted(times, ended[event > 0])
        own[:, k] = np.bincount(place, event[event > 0] == of, times.size)
        other[:, k] = np.bincount(place, event[event > 0] != of, times.size)
    watched_ones = np.maximum(at_risk, 1.0)
    survival = np.cumprod(1 - (own + other) / watched_ones, axis=0)
    before = np.concatenate([np.ones((1, groups)), survival[:-1]])
    incidence = np.cumsum(before * own / watched_ones, axis=0)
    incidence_before = np.concatenate([np.zeros((1, groups)), incidence[:-1]])
    safe = np.where(before > 0, before, 1.0)
    watched_share = np.where(at_risk > 0, at_risk / safe, 0.0)
    risk = watched_share * (1 - incidence_before)
    events = own.sum(axis=1)
    weight = _pooled_free(watched_share, events)[0] ** rho
    hazard = _ratio(events, risk.sum(axis=1))
    score = (weight[:, None] * (own - risk * hazard[:, None])).sum(axis=0)
    return score, _covariance(at_risk, own, other, before, survival, watched_share, weight)


def _pooled_free(watched_share: np.ndarray, events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 minus the pooled incidence of the cause, before and after each time."""
    free = 1 - np.cumsum(_ratio(events, watched_share.sum(axis=1)))
    return np.r_[1.0, free[:-1]], free


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0)


def _covariance(
    at_risk: np.ndarray,
    own: np.ndarray,
    other: np.ndarray,
    before: np.ndarray,
    survival: np.ndarray,
    watched_share: np.ndarray,
    weight: np.ndarray,
) -> np.ndarray:
    """Of the score: the i-th is Σ over groups k of ∫ b dG, with b = R (1[i=k] - share of i) and G the estimate of group
    k's cumulative subdistribution hazard, whose error is a sum over its martingales of both kinds of events."""
    groups, events = at_risk.shape[1], own.sum(axis=1)
    total = watched_share.sum(axis=1)
    free_before, free = _pooled_free(watched_share, events)
    step = _ratio(events, total)
    found = np.zeros((groups, groups))
    share = watched_share / np.where(total > 0, total, 1.0)[:, None]
    for k in range(groups):
        n, s, s_before = at_risk[:, k], survival[:, k], before[:, k]
        b = weight[:, None] * watched_share[:, k : k + 1] * ((np.arange(groups) == k) - share)
        lean = b * _ratio(step, free_before)[:, None]
        rest = lean[::-1].cumsum(axis=0)[::-1] - lean
        # A step of hazard takes S_before / S of whatever the curves do afterwards.
        lost = s_before * _ratio(free, s)
        of_own = b * s_before[:, None] + rest * (s_before - lost)[:, None]
        of_other = -rest * lost[:, None]
        # Tied events vary less, as in the hypergeometric variance: total * S is the number at risk in this sense.
        own_ties = 1 - _ratio(np.maximum(events - 1, 0), total * s_before - 1)
        other_ties = 1 - _ratio(np.maximum(other[:, k] - 1, 0), n - 1)
        own_spread = own_ties * _ratio(step, s_before * n)
        other_spread = other_ties * _ratio(other[:, k], n**2)
        found += (of_own * own_spread[:, None]).T @ of_own + (of_other * other_spread[:, None]).T @ of_other
    return found
