"""The exact partial likelihood of discrete times: which of those at risk had the event, given how many."""

from __future__ import annotations

import numpy as np
from numba import njit

from understudy.core.errors import SimulationError

_MOST_WORK = 2e10  # about a minute for each pass on one core


def exact_likelihood(
    x: np.ndarray, eta: np.ndarray, time: np.ndarray, event: np.ndarray, entry: np.ndarray, bounds: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Log-likelihood, score and information.

    Each sum over the ways to choose d of n is built up patient by patient (Gail, Lubin, Rubinstein 1981, Biometrika
    68:703-707, doi:10.1093/biomet/68.3.703), which takes n d steps for each time.

    Raises
    ------
    SimulationError
        Where ties are so many that it takes too long, or that the sums leave the range of a double.
    """
    work, largest = _work(time, event, entry, bounds)
    if work * (x.shape[1] + 1) ** 2 > _MOST_WORK or largest > 600:
        raise SimulationError(
            "too many ties for the exact likelihood",
            place=f"{int(event.sum())} events",
            repair="use ties='efron', which is near to it unless times are very coarse",
        )
    return _exact_pass(np.ascontiguousarray(x), eta, time, event, entry, bounds)


@njit(cache=True, nogil=True, error_model="numpy")
def _work(time, event, entry, bounds):
    """Steps of the recursion, and the logarithm of the greatest number of ways."""
    work, largest = 0.0, 0.0
    for stratum in range(bounds.size - 1):
        i, end = bounds[stratum], bounds[stratum + 1]
        while i < end:
            now, number = time[i], 0
            while i < end and time[i] == now:
                number += event[i]
                i += 1
            if number:
                at_risk, ways = i - bounds[stratum], 0.0
                for k in range(number):
                    ways += np.log((at_risk - k) / (k + 1.0)) if at_risk > k else 0.0
                largest = max(largest, ways)
                work += float(number) * at_risk
    return work, largest


@njit(cache=True, nogil=True, error_model="numpy")
def _exact_pass(x, eta, time, event, entry, bounds):
    p = x.shape[1]
    likelihood, score, information = 0.0, np.zeros(p), np.zeros((p, p))
    for stratum in range(bounds.size - 1):
        first, end = bounds[stratum], bounds[stratum + 1]
        i = first
        while i < end:
            now, number = time[i], 0
            while i < end and time[i] == now:
                if event[i]:
                    number += 1
                i += 1
            if number == 0:
                continue
            top = -np.inf
            for k in range(first, i):
                if entry[k] < now:
                    top = max(top, eta[k])
            ways = np.zeros(number + 1)
            slope, curve = np.zeros((number + 1, p)), np.zeros((number + 1, p, p))
            ways[0] = 1.0
            seen = 0
            for k in range(first, i):
                if entry[k] >= now:
                    continue
                seen += 1
                risk = np.exp(eta[k] - top)
                for m in range(min(number, seen), 0, -1):
                    for a in range(p):
                        for b in range(a + 1):
                            cross = x[k, a] * slope[m - 1, b] + x[k, b] * slope[m - 1, a]
                            curve[m, a, b] += risk * (
                                curve[m - 1, a, b] + cross + x[k, a] * x[k, b] * ways[m - 1]
                            )
                    for a in range(p):
                        slope[m, a] += risk * (slope[m - 1, a] + x[k, a] * ways[m - 1])
                    ways[m] += risk * ways[m - 1]
                if event[k] and time[k] == now:
                    likelihood += eta[k] - top
                    for a in range(p):
                        score[a] += x[k, a]
            likelihood -= np.log(ways[number])
            for a in range(p):
                mean = slope[number, a] / ways[number]
                score[a] -= mean
                for b in range(a + 1):
                    other = slope[number, b] / ways[number]
                    information[a, b] += curve[number, a, b] / ways[number] - mean * other
    for a in range(p):
        for b in range(a):
            information[b, a] = information[a, b]
    return likelihood, score, information
