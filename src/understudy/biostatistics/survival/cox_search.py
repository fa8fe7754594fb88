"""Newton's method for the partial likelihood, and whether it has a maximum at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from understudy.biostatistics.survival.cox_data import CoxData
from understudy.core.errors import SimulationError

Likelihood = Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]

_ITERATIONS = 60
_DECREMENT = 1e-18  # of the log-likelihood still to be gained, in Newton's quadratic approximation
_LEVEL = 1e-6  # share of the information at the start below which a direction is level, and a maximum doubted
_MOST_PAIRS = 2_000_000  # of patients at risk and events, for the proof that there is no maximum
_FLAT = 1e-7


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where Newton's method ended.

    Parameters
    ----------
    beta, score : float array, shape (p,)
    information : float array, shape (p, p)
    log_likelihood : float
    iterations : int
    converged : bool
    """

    beta: np.ndarray
    score: np.ndarray
    information: np.ndarray
    log_likelihood: float
    iterations: int
    converged: bool


def maximise(likelihood: Likelihood, start: np.ndarray) -> Maximum:
    """Newton's method with halved steps where the likelihood falls."""
    beta = start
    value, score, information = likelihood(beta)
    for iteration in range(_ITERATIONS):
        step = _newton_step(score, information)
        if not score @ step >= 0:
            return Maximum(beta, score, information, value, iteration, False)
        if score @ step <= _DECREMENT * max(1.0, abs(value) * 1e-3):
            return Maximum(beta, score, information, value, iteration, True)
        for _ in range(40):
            found = likelihood(beta + step)
            if np.isfinite(found[0]) and found[0] >= value - 1e-12 * abs(value):
                break
            step = step / 2
        else:
            return Maximum(beta, score, information, value, iteration, False)
        beta, (value, score, information) = beta + step, found
    return Maximum(beta, score, information, value, _ITERATIONS, False)


def _newton_step(score: np.ndarray, information: np.ndarray) -> np.ndarray:
    """Solve for the step; along directions without curvature, as where the likelihood levels off, go on by one."""
    try:
        step = np.linalg.solve(information, score)
    except np.linalg.LinAlgError:
        step = np.linalg.lstsq(information, score, rcond=None)[0]
    return np.clip(step, -4.0, 4.0)


def unbounded(data: CoxData, found: Maximum, information: np.ndarray) -> np.ndarray:
    """Direction in which the likelihood rises for ever; zeros if it has a maximum.

    It does if some combination of covariates is, at every event, as high in who had it as in anyone at risk, and not
    the same in all (monotone likelihood: Bryson, Johnson 1981, Technometrics 23:381-383, doi:10.2307/1267941). A linear
    program finds the combination, where hardly anything is left of the `information` there was at the start. Where
    pairs are too many for it, single covariates are looked at.

    Raises
    ------
    SimulationError
        If the search did not end, and no such combination is found.
    """
    if found.converged and _least_share(found.information, information) > _LEVEL:
        return np.zeros_like(found.beta)
    direction = _recession(data)
    if not direction.any():
        raise SimulationError(
            "the partial likelihood levels off without a maximum that could be found",
            place=f"{int(data.event.sum())} events, {data.x.shape[1]} covariates",
            repair="look for outliers and for covariates that nearly determine the order of events",
        )
    return direction


def _least_share(information: np.ndarray, start: np.ndarray) -> float:
    """The least that is left of the information in any direction."""
    half = np.linalg.cholesky(start)
    inner = np.linalg.solve(half, np.linalg.solve(half, information).T)
    return float(np.linalg.eigvalsh((inner + inner.T) / 2)[0])


def _recession(data: CoxData) -> np.ndarray:
    """The direction by linear programming; of single covariates where there are too many pairs."""
    from scipy.optimize import linprog

    rows = _differences(data)
    if rows is None:
        return _single_recession(data)
    if rows.shape[0] == 0:
        return np.zeros(data.x.shape[1])
    # Each row must not fall; their sum, bounded by the box, is as high as can be.
    answer = linprog(-rows.sum(axis=0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1, 1), method="highs")
    if answer.status != 0 or -answer.fun < _FLAT:
        return np.zeros(data.x.shape[1])
    return np.where(np.abs(answer.x) > _FLAT, answer.x, 0.0)


def _single_recession(data: CoxData) -> np.ndarray:
    """Covariates, with their signs, that are highest in who had the event at every event; none with delayed entry."""
    found = np.zeros(data.x.shape[1])
    if data.delayed:
        return found
    for k in range(found.size):
        for sign in (1.0, -1.0):
            found[k] += sign * _is_highest(data, sign * data.x[:, k])
    return found


def _is_highest(data: CoxData, x: np.ndarray) -> bool:
    for begin, end in pairwise(data.bounds):
        time, own = data.time[begin:end], x[begin:end]
        # Times run back: the last row of a time has seen all who were at risk of it.
        last = np.searchsorted(-time, -time, side="right") - 1
        if (data.event[begin:end] & (own < np.maximum.accumulate(own)[last] - _FLAT)).any():
            return False
    return True


def _differences(data: CoxData) -> np.ndarray | None:
    """Distinct differences of covariates between who had an event and those at risk then."""
    found, pairs = [], 0
    for stratum in range(data.bounds.size - 1):
        rows = slice(data.bounds[stratum], data.bounds[stratum + 1])
        x, time, entry = data.x[rows], data.time[rows], data.entry[rows]
        for now in np.unique(time[data.event[rows]]):
            at_risk = np.unique(x[(time >= now) & (entry < now)], axis=0)
            events = np.unique(x[(time == now) & data.event[rows]], axis=0)
            pairs += len(at_risk) * len(events)
            if pairs > _MOST_PAIRS:
                return None
            found.append((events[:, None, :] - at_risk[None, :, :]).reshape(-1, x.shape[1]))
    every = np.unique(np.round(np.concatenate(found), 12), axis=0)
    return every[np.any(every != 0, axis=1)]
