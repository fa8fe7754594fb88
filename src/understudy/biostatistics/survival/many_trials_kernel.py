"""Log-rank tests and Cox hazard ratios of two arms for one trial after another, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

# What became of a trial's hazard ratio.
ESTIMATED, NO_EVENT, EMPTY_ARM, MONOTONE, NO_COMPARISON, NOT_CONVERGED = range(6)


@njit(cache=True, nogil=True, error_model="numpy")
def run_trials(
    times, events, arms, strata, layers, powers, first, last, counts, score, covariance, cox, status
):
    """Fill rows `first` to `last`, excluded, of the results.

    `counts` is (trials, 4): observed in arms 0 and 1, expected in arms 0 and 1. `score` is (trials, m) and `covariance`
    (trials, m, m) for m weights `powers`. `cox` is (trials, 2): log hazard ratio and its standard error.
    """
    n, m = times.shape[1], powers.shape[0]
    at, rows, ends = np.empty((n, 4)), np.empty(n, np.int64), np.empty(layers + 1, np.int64)
    w = np.empty(m)
    for trial in range(first, last):
        _sort(times[trial], strata[trial], layers, rows, ends)
        size = 0
        treated = 0
        for k in range(n):
            treated += arms[trial, k]
        for layer in range(layers):
            size = _tables(
                times[trial], events[trial], arms[trial], rows, ends[layer], ends[layer + 1], at, size,
                powers, w, counts[trial], score[trial], covariance[trial],
            )  # fmt: skip
        if treated == 0 or treated == n:
            status[trial] = EMPTY_ARM
        elif counts[trial, 0] + counts[trial, 1] == 0:
            status[trial] = NO_EVENT
        else:
            status[trial] = _hazard_ratio(at, size, cox[trial])


@njit(cache=True, nogil=True, error_model="numpy")
def _sort(time, stratum, layers, rows, ends):
    """Rows by stratum, then time."""
    order = np.argsort(time)
    if layers == 1:
        rows[:] = order
        ends[0], ends[1] = 0, time.size
        return
    ends[:] = 0
    for k in range(time.size):
        ends[stratum[k] + 1] += 1
    for layer in range(layers):
        ends[layer + 1] += ends[layer]
    place = ends[:-1].copy()
    for k in order:
        rows[place[stratum[k]]] = k
        place[stratum[k]] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _tables(time, event, arm, rows, begin, end, at, size, powers, w, counts, score, covariance):
    """The two-by-two table of each time with an event, kept in `at`, and the sums of the tests."""
    left = np.zeros(2)
    for k in range(begin, end):
        left[arm[rows[k]]] += 1.0
    survival, k = 1.0, begin
    while k < end:
        now = time[rows[k]]
        gone0, gone1, d0, d1 = 0.0, 0.0, 0.0, 0.0
        while k < end and time[rows[k]] == now:
            row = rows[k]
            if arm[row]:
                gone1 += 1.0
                d1 += event[row]
            else:
                gone0 += 1.0
                d0 += event[row]
            k += 1
        d = d0 + d1
        if d > 0:
            n0, n1 = left[0], left[1]
            n = n0 + n1
            expected = d * n1 / n
            counts[0] += d0
            counts[1] += d1
            counts[2] += d - expected
            counts[3] += expected
            spread = d * (n - d) / (n - 1.0) * n1 * n0 / (n * n) if n > 1.0 else 0.0
            for a in range(w.size):
                w[a] = survival ** powers[a, 0] * (1.0 - survival) ** powers[a, 1]
                score[a] += w[a] * (d1 - expected)
                for b in range(a + 1):
                    covariance[a, b] += w[a] * w[b] * spread
            survival *= 1.0 - d / n
            at[size, 0], at[size, 1], at[size, 2], at[size, 3] = n0, n1, d0, d1
            size += 1
        left[0] -= gone0
        left[1] -= gone1
    for a in range(w.size):
        for b in range(a):
            covariance[b, a] = covariance[a, b]
    return size


@njit(cache=True, nogil=True, error_model="numpy")
def _hazard_ratio(at, size, found):
    """Newton's method for the log hazard ratio with Efron's ties, from the tables alone."""
    against0, against1 = 0.0, 0.0
    for k in range(size):
        if at[k, 0] > 0 and at[k, 1] > 0:
            against0 += at[k, 2]
            against1 += at[k, 3]
    if against0 == 0.0 and against1 == 0.0:
        found[0], found[1] = np.nan, np.nan
        return NO_COMPARISON
    if against0 == 0.0 or against1 == 0.0:
        found[0], found[1] = (np.inf if against0 == 0.0 else -np.inf), np.nan
        return MONOTONE
    beta, value, slope, curve = 0.0, *_partial(at, size, 0.0)
    for _ in range(50):
        step = slope / curve
        for _ in range(40):
            if abs(step) > 3.0:
                step = 3.0 if step > 0 else -3.0
            new_value, new_slope, new_curve = _partial(at, size, beta + step)
            if new_value >= value - 1e-10 * abs(value):
                break
            step *= 0.5
        beta, value, slope, curve = beta + step, new_value, new_slope, new_curve
        if abs(step) < 1e-9 * max(1.0, abs(beta)):
            found[0], found[1] = beta, 1.0 / np.sqrt(curve)
            return ESTIMATED
    found[0], found[1] = np.nan, np.nan
    return NOT_CONVERGED


@njit(cache=True, nogil=True, error_model="numpy")
def _partial(at, size, beta):
    """Log partial likelihood, its slope and its curvature, at one log hazard ratio."""
    ratio = np.exp(beta)
    value, slope, curve = 0.0, 0.0, 0.0
    for k in range(size):
        n0, n1, d0, d1 = at[k, 0], at[k, 1] * ratio, at[k, 2], at[k, 3] * ratio
        d = int(d0 + at[k, 3])
        value += at[k, 3] * beta
        slope += at[k, 3]
        for tied in range(d):
            taken = tied / d
            treated = n1 - taken * d1
            total = n0 - taken * d0 + treated
            share = treated / total
            value -= np.log(total)
            slope -= share
            curve += share * (1.0 - share)
    return value, slope, curve
