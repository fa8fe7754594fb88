"""Censored outcome: times to an event, up to a horizon, as numbers whose mean is right although some were censored.

The time of a censored subject is made up for by inverse probability of censoring weights, and by what covariates say of
the time that a subject had still before it (Robins and Rotnitzky 1992, doi:10.1007/978-1-4757-1229-2_14; the score of
causal survival forests, Cui, Kosorok, Sverdrup, Wager and Zhu 2023, doi:10.1093/jrsssb/qkac001). The numbers have the
right mean if censoring depends on the arm alone, or else if the model of covariates is right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Steps of the curves that stand between the censored and the horizon; exact where there are fewer times.
_STEPS = 100
# Probability of being watched that no weight goes below: a copy's arm may have nobody up to the horizon.
_FLOOR = 0.05

Hazards = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class CensoredOutcome:
    """Times of the subjects of two arms, made ready for permutation; sorted inside, outside as subjects are.

    Parameters
    ----------
    expected : float array, shape (n,)
        Time to the horizon that covariates foretell, from other folds and without regard to the arm.
    order : int array, shape (n,)
        Subjects by time, events before those censored then.
    time : float array, shape (n,)
        In that order, up to the horizon; so are all others.
    censored : bool array, shape (n,)
    place : int array, shape (n,)
        How many subjects precede the moment at which each one's probability of being watched is taken: just before an
        event, just after a censoring.
    edges : int array, shape (steps + 1,)
        How many subjects precede each step's border, and the last.
    reached : int array, shape (n,)
        The step in which each subject's time ends.
    passed : float array, shape (n, steps)
        Whole time expected of a subject who is free of the event in a step; zero from the step that was reached on.
    ahead : float array, shape (n,)
        The same in the step that was reached.
    """

    expected: np.ndarray
    order: np.ndarray
    time: np.ndarray
    censored: np.ndarray
    place: np.ndarray
    edges: np.ndarray
    reached: np.ndarray
    passed: np.ndarray
    ahead: np.ndarray

    def values(self, treated: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The numbers, made anew for each row of arms, shape (rows, n): weights are of each arm by itself."""
        sorted_arms = treated[:, self.order]
        own = np.where(sorted_arms, self._of(sorted_arms), self._of(~sorted_arms))
        found = np.empty(own.shape)
        found[:, self.order] = own
        return found

    def _of(self, member: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Numbers that subjects have if they are of one arm, whose members are given."""
        inverse = 1.0 / self._watched(member)
        # The integral of dH over whole steps, and over the part of the last one, where H = 1/G - 1.
        steps = np.diff(inverse[:, self.edges], axis=1)
        at = inverse[:, self.place]
        part = self.ahead * (at - inverse[:, self.edges[self.reached]])
        final = np.where(self.censored, self.ahead, self.time)
        return final * at - steps @ self.passed.T - part

    def _watched(self, member: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Probability of not being censored after each subject in the order, one before the first; (rows, 1 + n)."""
        at_risk = member[:, ::-1].cumsum(axis=1)[:, ::-1]
        lost = member & self.censored
        factor = 1.0 - lost / np.maximum(at_risk, 1)
        ones = np.ones((len(member), 1))
        return np.maximum(np.concatenate([ones, np.cumprod(factor, axis=1)], axis=1), _FLOOR)


def censored_outcome(
    time: NDArray[np.float64],
    event: NDArray[np.int64],
    horizon: float,
    folds: NDArray[np.int64],
    hazards: Hazards,
) -> CensoredOutcome:
    """Times made ready.

    Parameters
    ----------
    time, event : arrays, shape (n,)
        Up to the horizon.
    horizon : float
    folds : int array, shape (n,)
    hazards : callable
        From the numbers of subjects to learn from, of those to foretell, and times: cumulative hazards, shape (those,
        times).
    """
    known = (event > 0) | (time >= horizon)
    order = np.lexsort((~known, time))
    when, censored = time[order], ~known[order]
    moments = np.unique(when[censored])
    borders = (
        np.unique(np.quantile(moments, np.arange(_STEPS) / _STEPS, method="lower")) if moments.size else []
    )
    grid = np.concatenate([[0.0], borders]) if 0.0 not in borders else np.asarray(borders)
    ahead, expected = np.empty((time.size, grid.size)), np.empty(time.size)
    for fold in np.unique(folds):
        own, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        expected[own], ahead[own] = _foretold(hazards, others, own, event, time, grid, horizon)
    before = when.searchsorted(when, side="left")
    place = np.where(censored, when.searchsorted(when, side="right"), before)
    edges = np.append(when.searchsorted(grid, side="left"), time.size)
    edges[0] = 0
    # A censoring is in the step before whose end it happens.
    reached = edges[:-1].searchsorted(np.where(censored, place - 1, place), side="right") - 1
    ahead = ahead[order]
    passed = ahead * (np.arange(grid.size) < reached[:, None])
    mine = ahead[np.arange(time.size), reached]
    return CensoredOutcome(expected, order, when, censored, place, edges, reached, passed, mine)


def _foretold(hazards: Hazards, others, own, event, time, grid, horizon) -> tuple[np.ndarray, np.ndarray]:
    """Expected time to the horizon, and the same of who is free of the event at each time of the grid."""
    when = np.unique(time[others][event[others] > 0])
    if when.size > 2 * _STEPS:
        when = np.unique(np.quantile(when, np.linspace(0, 1, 2 * _STEPS), method="lower"))
    points = np.unique(np.concatenate([[0.0], when, grid, [horizon]]))
    points = points[points <= horizon]
    survival = np.exp(-hazards(others, own, points[:-1]))
    area = survival * np.diff(points)
    rest = np.concatenate([area[:, ::-1].cumsum(axis=1)[:, ::-1], np.zeros((own.size, 1))], axis=1)
    at = points.searchsorted(grid)
    left = np.maximum(survival[:, np.minimum(at, survival.shape[1] - 1)], 1e-12)
    return rest[:, 0], np.minimum(grid + rest[:, at] / left, horizon)
