"""Newton's method for the partial likelihood, and whether it has a maximum at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from understudy.biostatistics.survival.cox_data import CoxData
from understudy.core.errors import SimulationError

Likelihood = Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]

_ITERATIONS = 60
_DECREMENT = 1e-18  # of the log-likelihood still to be gained, in Newton's quadratic approximation
_STEEP = 12.0  # a spread of the linear predictor beyond which a maximum is doubted, and looked for otherwise
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


def unbounded(data: CoxData, found: Maximum) -> np.ndarray:
    """Direction in which the likelihood rises for ever; zeros if it has a maximum.

    It does if some combination of covariates is, at every event, as high in who had it as in anyone at risk, and not
    the same in all (monotone likelihood: Bryson, Johnson 1981, Technometrics 23:381-383, doi:10.2307/1267941). A linear
    program finds the combination, once the search has gone far enough for doubt.

    Raises
    ------
    SimulationError
        If the search did not end, and no such combination is found.
    """
    eta = data.x @ found.beta
    if found.converged and np.ptp(eta) < _STEEP:
        return np.zeros_like(found.beta)
    direction = _recession(data)
    if direction is None or not (found.converged or np.any(direction)):
        raise SimulationError(
            "the search for the maximum of the partial likelihood did not end",
            place=f"{int(data.event.sum())} events, {data.x.shape[1]} covariates",
            repair="look for outliers and for covariates that nearly determine the order of events",
        )
    return direction


def _recession(data: CoxData) -> np.ndarray | None:
    """The direction by linear programming; None where there are too many pairs to be sure."""
    from scipy.optimize import linprog

    rows = _differences(data)
    if rows is None:
        return None
    if rows.shape[0] == 0:
        return np.zeros(data.x.shape[1])
    # Each row must not fall; their sum, bounded by the box, is as high as can be.
    answer = linprog(-rows.sum(axis=0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1, 1), method="highs")
    if answer.status != 0 or -answer.fun < _FLAT:
        return np.zeros(data.x.shape[1])
    return np.where(np.abs(answer.x) > _FLAT, answer.x, 0.0)


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
