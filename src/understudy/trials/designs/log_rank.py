"""Log-rank: tests and hazard ratios of many simulated trials at once.

Mantel, Cancer Chemother Rep 50, 163 (1966); Cox, J R Stat Soc B 34, 187 (1972), doi:10.1111/j.2517-6161.1972.tb00899.x,
with ties by Breslow's method. This kernel is for two arms and thousands of trials; the estimators that a reader wants of
one trial are in `understudy.biostatistics`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_STEPS = 12
_FAR = 10.0  # a log hazard ratio beyond which there is none: all events are in one arm


def log_rank_batch(
    time: NDArray[np.float64], event: NDArray[np.bool_], treated: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Standardised log-rank statistics, log hazard ratios and their standard errors.

    Parameters
    ----------
    time : array of float, shape (trials, patients)
        Time under observation; a patient with none (zero or less) is left out.
    event, treated : array of bool, shape (trials, patients)

    Returns
    -------
    z : array of float, shape (trials,)
        Above zero where the treated have fewer events than expected; 0 where no event tells the arms apart.
    log_hazard_ratio, standard_error : array of float, shape (trials,)
        Of Cox' model; not a number where all events are in one arm.

    Examples
    --------
    >>> time = np.array([[1.0, 2, 3, 4, 5, 6]])
    >>> z, log_ratio, _ = log_rank_batch(time, time > 0, np.array([[False, False, True, False, True, True]]))
    >>> round(float(z[0]), 4)
    1.599
    """
    order = np.argsort(time, axis=1, kind="stable")
    return _batch(
        np.take_along_axis(time, order, axis=1),
        np.take_along_axis(event, order, axis=1),
        np.take_along_axis(treated, order, axis=1),
    )


@njit(cache=True, nogil=True)
def _batch(time, event, treated):
    trials = time.shape[0]
    z, log_ratio, error = np.zeros(trials), np.zeros(trials), np.zeros(trials)
    for trial in range(trials):
        z[trial], log_ratio[trial], error[trial] = _one(time[trial], event[trial], treated[trial])
    return z, log_ratio, error


@njit(cache=True, nogil=True)
def _one(time, event, treated):
    """One trial, its patients sorted by time: one pass for the risk sets, some more for Newton's steps."""
    count = len(time)
    first = 0
    while first < count and time[first] <= 0:
        first += 1
    at_risk, at_risk_treated = count - first, 0
    for patient in range(first, count):
        at_risk_treated += treated[patient]
    deaths, share = np.empty(count), np.empty(count)
    score, variance, sets, total_treated = 0.0, 0.0, 0, 0.0
    place = first
    while place < count:
        end, here, here_treated, left_treated = place, 0, 0, 0
        while end < count and time[end] == time[place]:
            here += event[end]
            here_treated += event[end] and treated[end]
            left_treated += treated[end]
            end += 1
        if here > 0:
            part = at_risk_treated / at_risk
            score += here_treated - here * part
            if at_risk > 1:
                variance += here * part * (1 - part) * (at_risk - here) / (at_risk - 1)
            deaths[sets], share[sets] = here, part
            sets += 1
            total_treated += here_treated
        at_risk -= end - place
        at_risk_treated -= left_treated
        place = end
    z = -score / np.sqrt(variance) if variance > 0 else 0.0
    log_ratio, error = _cox(deaths[:sets], share[:sets], total_treated)
    return z, log_ratio, error


@njit(cache=True, nogil=True)
def _cox(deaths, share, total_treated):
    """Maximum of the partial likelihood of one binary covariate, from the risk sets."""
    beta = 0.0
    for _ in range(_STEPS):
        ratio = np.exp(beta)
        slope, curvature = total_treated, 0.0
        for index in range(len(deaths)):
            chance = share[index] * ratio / (1 - share[index] + share[index] * ratio)
            slope -= deaths[index] * chance
            curvature += deaths[index] * chance * (1 - chance)
        if curvature <= 0:
            return np.nan, np.nan
        step = slope / curvature
        beta += step
        if abs(beta) > _FAR:
            return np.nan, np.nan
        if abs(step) < 1e-10:
            break
    return beta, 1 / np.sqrt(curvature)
