"""log_rank: whether groups have the same survival, by weighted and stratified tests."""

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

NAMED = ("log-rank", "gehan", "tarone-ware", "peto")


@dataclass(frozen=True, eq=False, repr=False)
class LogRank:
    """A comparison of events seen with those expected if all groups were alike.

    Parameters
    ----------
    groups : tuple
        Labels, sorted.
    patients : int array, shape (k,)
    observed, expected : float array, shape (k,)
        Events, not weighted.
    score : float array, shape (k,)
        Weighted sum of observed minus expected.
    covariance : float array, shape (k, k)
        Of the score, hypergeometric.
    statistic, df, p : float, int, float
        Chi-square with its degrees of freedom.
    weight : str
    strata : int
        How many.
    """

    groups: tuple[Any, ...]
    patients: np.ndarray
    observed: np.ndarray
    expected: np.ndarray
    score: np.ndarray
    covariance: np.ndarray
    statistic: float
    df: int
    p: float
    weight: str
    strata: int

    @property
    def z(self) -> float:
        """For two groups: positive if the second has more events than expected."""
        if len(self.groups) != 2:
            raise SimulationError(
                f"z compares two groups, here are {len(self.groups)}",
                place="log-rank",
                repair="use `statistic`",
            )
        return float(self.score[1] / np.sqrt(self.covariance[1, 1]))

    def table(self) -> pd.DataFrame:
        """One row for each group."""
        import pandas as pd

        columns = {name: getattr(self, name) for name in ("patients", "observed", "expected", "score")}
        return pd.DataFrame({"group": self.groups, **columns})

    def __repr__(self) -> str:
        strata = f", {self.strata} strata" if self.strata > 1 else ""
        head = f"{self.weight} test{strata}: chi-square {self.statistic:.4g} on {self.df} df, p {self.p:.4g}"
        return f"{head}\n{self.table().to_string(index=False)}"


def log_rank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    weight: str | tuple[float, float] = "log-rank",
) -> LogRank:
    """Compare survival between groups (Mantel 1966, Cancer Chemother Rep 50:163-170, PMID 5910392).

    Parameters
    ----------
    time, event : array, shape (n,)
        As for `censored`.
    group : array, shape (n,)
        Label of each patient's group.
    entry : array, shape (n,), optional
        Times of delayed entry.
    strata : array, shape (n,), optional
        Labels; events are compared within strata, and the differences summed.
    weight : str or (float, float)
        At each time of an event, with n at risk in the stratum: ``"log-rank"`` 1; ``"gehan"`` n (the generalised
        Wilcoxon test, Gehan 1965, doi:10.1093/biomet/52.1-2.203); ``"tarone-ware"`` the root of n (1977,
        doi:10.1093/biomet/64.1.156); ``"peto"`` the product of 1 - d / (n + 1) up to and with this time (Peto and Peto
        1972, doi:10.2307/2344317); two numbers (rho, gamma) S^rho (1 - S)^gamma with the pooled Kaplan-Meier estimate
        just before this time (Fleming, Harrington 1991, doi:10.1002/9781118150672).

    Raises
    ------
    DataError
        For times, events or labels that cannot be, or fewer than two groups.
    SimulationError
        For a weight that is not known, or without any event.

    Examples
    --------
    >>> log_rank([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 0, 0], ["a", "a", "a", "b", "b", "b"])
    log-rank test: chi-square 5.052 on 1 df, p 0.0246
    group  patients  observed  expected  score
        a         3       3.0      1.15   1.85
        b         3       1.0      2.85  -1.85
    """
    watched = censored(time, event, entry)
    names, member = labels(group, watched.time.size, "group")
    if names.size < 2:
        problem = Problem(
            f"only one group, {names[0]!s}", "give patients of two groups or more", column="group"
        )
        raise DataError([problem], place="the log-rank test")
    layers = layers_of(watched, member, names.size, strata)
    refuse_no_event(watched)
    parts = [_comparison(layer, weight) for layer in layers]
    observed, expected, score, covariance = (sum(found) for found in zip(*parts, strict=True))
    statistic, df = quadratic_form(score, covariance)
    return LogRank(
        tuple(names.tolist()),
        np.bincount(member, minlength=names.size),
        observed,
        expected,
        score,
        covariance,
        statistic,
        df,
        chi_square(statistic, df),
        weight if isinstance(weight, str) else f"Fleming-Harrington ({weight[0]:g}, {weight[1]:g})",
        len(layers),
    )


@dataclass(frozen=True, eq=False)
class Layer:
    """Counts of one stratum at its distinct times of events, by group.

    Parameters
    ----------
    events, at_risk : float array, shape (m, k)
    """

    events: np.ndarray
    at_risk: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Number at risk in all groups, shape (m,)."""
        return self.at_risk.sum(axis=1)

    @property
    def deaths(self) -> np.ndarray:
        """Number of events in all groups, shape (m,)."""
        return self.events.sum(axis=1)


def refuse_no_event(watched: Censored) -> None:
    """Stop where no event was seen at all."""
    if not watched.event.any():
        raise SimulationError(
            "no event was seen, so there is nothing to compare",
            place=f"{watched.time.size} patients",
            repair="watch longer, or check how events are coded: 1 is an event",
        )


def layers_of(watched: Censored, member: np.ndarray, groups: int, strata: ArrayLike | None) -> list[Layer]:
    """Counts of each stratum."""
    if strata is None:
        return [_layer(watched, member, groups)]
    layer = labels(strata, watched.time.size, "strata")[1]
    order = np.argsort(layer, kind="stable")
    rows = np.split(order, np.flatnonzero(np.diff(layer[order])) + 1)
    return [_layer(watched.of(each), member[each], groups) for each in rows]


def _layer(watched: Censored, member: np.ndarray, groups: int) -> Layer:
    times = np.unique(watched.time[watched.event > 0])
    events, at_risk = np.zeros((2, times.size, groups))
    for k in range(groups):
        own = watched.of(member == k)
        ended = np.sort(own.time)
        at_risk[:, k] = ended.size - np.searchsorted(ended, times, side="left")
        if watched.delayed:
            at_risk[:, k] -= own.entry.size - np.searchsorted(np.sort(own.entry), times, side="left")
        place = np.searchsorted(times, own.time[own.event > 0])
        events[:, k] = np.bincount(place, minlength=times.size)
    return Layer(events, at_risk)


def _comparison(layer: Layer, weight: str | tuple[float, float]) -> tuple[np.ndarray, ...]:
    """Observed, expected, score and its covariance in one stratum."""
    w = time_weights(layer, weight)
    share = layer.at_risk / layer.total[:, None]
    expected = layer.deaths[:, None] * share
    score = (w[:, None] * (layer.events - expected)).sum(axis=0)
    spread = w**2 * hypergeometric(layer)
    covariance = np.diag((spread[:, None] * share).sum(axis=0)) - (spread[:, None] * share).T @ share
    return layer.events.sum(axis=0), expected.sum(axis=0), score, covariance


def hypergeometric(layer: Layer) -> np.ndarray:
    """Factor d (n - d) / (n - 1) of the variance of the number of events, shape (m,); 0 for the last at risk."""
    n, d = layer.total, layer.deaths
    return np.where(n > 1, d * (n - d) / np.maximum(n - 1, 1), 0.0)


def time_weights(layer: Layer, weight: str | tuple[float, float]) -> np.ndarray:
    """Weight of each time of an event, shape (m,)."""
    n, d = layer.total, layer.deaths
    if isinstance(weight, str):
        if weight not in NAMED:
            raise SimulationError(
                f"unknown weight {weight!r}", place="weight", repair=f"use {', '.join(NAMED)}, or two numbers"
            )
        named = {"log-rank": np.ones_like(n), "gehan": n, "tarone-ware": np.sqrt(n)}
        return named[weight] if weight in named else np.cumprod(1 - d / (n + 1))
    rho, gamma = (float(each) for each in weight)
    if min(rho, gamma) < 0:
        raise SimulationError(
            f"powers {rho:g} and {gamma:g} are impossible", place="weight", repair="give numbers from 0 up"
        )
    before = np.r_[1.0, np.cumprod(1 - d / n)[:-1]]
    return before**rho * (1 - before) ** gamma
