"""Log-rank kernel: one pass over each trial's sorted patients for the test, Newton's steps for Cox' model."""

from __future__ import annotations

import numpy as np
from numba import njit

_STEPS = 12
_FAR = 10.0  # a log hazard ratio beyond which there is none: all events are in one arm


@njit(cache=True, nogil=True)
def batch(time, event, treated):
    """Statistics, log hazard ratios and standard errors of trials whose patients are sorted by time."""
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
