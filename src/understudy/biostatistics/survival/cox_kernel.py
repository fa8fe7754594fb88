"""The partial likelihood in one pass over sorted patients, compiled: value, score, information, and sums at events.

Patients are sorted by stratum, within it by time from last to first; a second order, by entry from last to first, says
when they leave the risk set on the way back. Ties are Efron's (1977, doi:10.1080/01621459.1977.10480613) or Breslow's
(1974, doi:10.2307/2529620); with case weights each of d tied events has the mean weight of the d.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def partial_likelihood(x, eta, time, event, entry, weight, bounds, by_entry, delayed, efron, keep, sums):
    """Log-likelihood, score and information; with `keep`, also the sums at each event, written into `sums`.

    `sums` is (stratum, time, number, weight, hazards, means, spreads). `hazards` has three columns: the step of the
    baseline hazard; the step for those who have the event just then; the variance of the step.
    `means` is (3, m, p): the mean covariate, and the mean times the first and the second hazard. `spreads` is
    (m, p, p), the information of the event.
    """
    p = x.shape[1]
    score, information = np.zeros(p), np.zeros((p, p))
    s1, d1, mean = np.zeros(p), np.zeros(p), np.zeros(p)
    s2, d2 = np.zeros((p, p)), np.zeros((p, p))
    likelihood, place = 0.0, 0
    for stratum in range(bounds.size - 1):
        first, end = bounds[stratum], bounds[stratum + 1]
        i, j, at_risk, s0 = first, first, 0, 0.0
        s1[:] = 0.0
        s2[:] = 0.0
        while i < end:
            now, number, total, d0 = time[i], 0, 0.0, 0.0
            d1[:] = 0.0
            d2[:] = 0.0
            while i < end and time[i] == now:
                risk = weight[i] * np.exp(eta[i])
                s0 += risk
                at_risk += 1
                for a in range(p):
                    s1[a] += risk * x[i, a]
                    for b in range(a + 1):
                        s2[a, b] += risk * x[i, a] * x[i, b]
                if event[i]:
                    number += 1
                    total += weight[i]
                    d0 += risk
                    likelihood += weight[i] * eta[i]
                    for a in range(p):
                        score[a] += weight[i] * x[i, a]
                        d1[a] += risk * x[i, a]
                        for b in range(a + 1):
                            d2[a, b] += risk * x[i, a] * x[i, b]
                i += 1
            if number == 0:
                continue
            if delayed:
                while j < end and entry[by_entry[j]] >= now:
                    k = by_entry[j]
                    risk = weight[k] * np.exp(eta[k])
                    s0 -= risk
                    at_risk -= 1
                    for a in range(p):
                        s1[a] -= risk * x[k, a]
                        for b in range(a + 1):
                            s2[a, b] -= risk * x[k, a] * x[k, b]
                    j += 1
                if at_risk == number:
                    # Only those with the event are left: what remains of rounding goes.
                    s0 = d0
                    s1[:] = d1
                    s2[:] = d2
            share = total / number
            for tied in range(number):
                taken = tied / number if efron else 0.0
                z0 = s0 - taken * d0
                likelihood -= share * np.log(z0)
                for a in range(p):
                    mean[a] = (s1[a] - taken * d1[a]) / z0
                    score[a] -= share * mean[a]
                    for b in range(a + 1):
                        part = share * ((s2[a, b] - taken * d2[a, b]) / z0 - mean[a] * mean[b])
                        information[a, b] += part
                        if keep:
                            sums[6][place, a, b] += part
                if keep:
                    step = share / z0
                    sums[4][place, 0] += step
                    sums[4][place, 1] += (1.0 - taken) * step
                    sums[4][place, 2] += step / z0
                    for a in range(p):
                        sums[5][0, place, a] += mean[a] / number
                        sums[5][1, place, a] += mean[a] * step
                        sums[5][2, place, a] += mean[a] * (1.0 - taken) * step
            if keep:
                sums[0][place] = stratum
                sums[1][place] = now
                sums[2][place] = number
                sums[3][place] = total
                place += 1
    for a in range(p):
        for b in range(a):
            information[b, a] = information[a, b]
    return likelihood, score, information
