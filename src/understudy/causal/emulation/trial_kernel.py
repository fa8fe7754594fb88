"""Sums over the rows of emulated trials, compiled: the rows themselves are never written down.

A trial's row is one person-period of its person from the trial's start on. Its linear predictor is a number of the
trial (fixed) and a number of the row's state, that is of its follow-up time and of the treatment or dose by then.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_FAR = 350.0  # beyond it the exponential of a predictor may not be multiplied


@njit(cache=True, nogil=True, error_model="numpy")
def accumulate(
    start, length, base, slope, period, treated, outcome, weight, offset, multiple, eta, of_state, moving, levels,
    value, information, residual, crossed, scores, state_information, state_residual, with_scores,
):  # fmt: skip
    """Log-likelihood, score and information by trial and by state.

    `eta` (trials,) and `of_state` (states,) make the linear predictors, `moving` (states, r) has the columns of states.
    Filled: `value`, `information`, `residual` (trials,), `crossed` (trials, r: information with moving columns),
    `scores` (trials, r) if `with_scores`, `state_information` and `state_residual` (states,), which count each trial
    `multiple` times. An empty `weight` is one for every row.
    """
    r, weighted = moving.shape[1], weight.size > 0
    apart = np.empty(of_state.size)
    for k in range(of_state.size):
        apart[k] = np.exp(min(max(of_state[k], -_FAR), _FAR))
    for i in range(start.size):
        value[i] = information[i] = residual[i] = 0.0
        crossed[i, :] = 0.0
        if with_scores:
            scores[i, :] = 0.0
        if multiple[i] == 0.0:
            continue
        own, t = np.exp(min(max(eta[i], -_FAR), _FAR)), start[i]
        for j in range(length[i]):
            w = weight[offset[i] + j] if weighted else 1.0
            if w == 0.0:
                continue
            s = t + j
            state = (period[s] - period[t]) * levels + base[i] + slope * (treated[s] - treated[t])
            odds = own * apart[state]
            chance = odds / (1.0 + odds) if odds < 1e300 else 1.0
            left = w * (outcome[s] - chance)
            spread = w * chance * (1.0 - chance)
            value[i] -= w * np.log1p(odds)
            if outcome[s] == 1.0:
                value[i] += w * (eta[i] + of_state[state])
            information[i] += spread
            residual[i] += left
            state_information[state] += multiple[i] * spread
            state_residual[state] += multiple[i] * left
            for c in range(r):
                crossed[i, c] += spread * moving[state, c]
            if with_scores:
                for c in range(r):
                    scores[i, c] += left * moving[state, c]


@njit(cache=True, nogil=True, error_model="numpy")
def worst_rows(
    start,
    length,
    base,
    slope,
    period,
    treated,
    outcome,
    weight,
    offset,
    multiple,
    own,
    of_state,
    levels,
    found,
):
    """For each trial how far its worst row lies on the wrong side of a direction, and which row that is."""
    weighted = weight.size > 0
    place = np.zeros(start.size, np.int64)
    for i in range(start.size):
        found[i] = 0.0
        if multiple[i] == 0.0:
            continue
        t = start[i]
        for j in range(length[i]):
            if weighted and weight[offset[i] + j] == 0.0:
                continue
            s = t + j
            state = (period[s] - period[t]) * levels + base[i] + slope * (treated[s] - treated[t])
            side = own[i] + of_state[state]
            if outcome[s] != 1.0:
                side = -side
            if side < found[i]:
                found[i], place[i] = side, j
    return place


@njit(cache=True, nogil=True, error_model="numpy")
def rows_of_states(
    start, length, base, slope, period, treated, weight, offset, multiple, levels, trial, place
):
    """For each state a row that has it: its trial and its place there; -1 where no row in use has it."""
    weighted = weight.size > 0
    for i in range(start.size):
        if multiple[i] == 0.0:
            continue
        t = start[i]
        for j in range(length[i]):
            if weighted and weight[offset[i] + j] == 0.0:
                continue
            s = t + j
            state = (period[s] - period[t]) * levels + base[i] + slope * (treated[s] - treated[t])
            if trial[state] < 0:
                trial[state], place[state] = i, j


@njit(cache=True, nogil=True, error_model="numpy")
def leave_out(start, length, base, slope, period, treated, offset, own, of_state, levels, tolerance, weight):
    """Set the weight of every row to zero that a direction moves; how many rows had one."""
    count = 0
    for i in range(start.size):
        t = start[i]
        for j in range(length[i]):
            s = t + j
            state = (period[s] - period[t]) * levels + base[i] + slope * (treated[s] - treated[t])
            if abs(own[i] + of_state[state]) > tolerance and weight[offset[i] + j] != 0.0:
                weight[offset[i] + j] = 0.0
                count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp"})
def mean_incidence(own, share, apart, found):
    """Mean cumulative incidence by follow-up time.

    `own` (n,) and `apart` (times,) are factors of the odds, `share` (n,) weights with sum one; fills `found` (times,).
    """
    free = np.ones(own.size)
    for k in range(apart.size):
        total = 0.0
        factor = apart[k]
        for i in range(own.size):
            free[i] /= 1.0 + own[i] * factor
            total += share[i] * free[i]
        found[k] = 1.0 - total
