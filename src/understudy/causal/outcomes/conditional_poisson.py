"""The Poisson likelihood with a rate of each stratum conditioned out, for any covariates: one pass, compiled.

Given the events of a stratum, they fall on its rows in proportion to time · exp(x'β); without strata there is one,
whose rate is conditioned out as the intercept. It is also the likelihood of the self-controlled case series, each
person being a stratum (Farrington 1995, Biometrics 51:228-235, doi:10.2307/2533328).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CountRows:
    """Rows with counts, sorted by stratum.

    Parameters
    ----------
    order : int array, shape (n,)
        Place of each row in what was given.
    x : float array, shape (n, p)
        Covariates, (given - centre) / scale.
    centre, scale : float array, shape (p,)
    count, weight, offset : float array, shape (n,)
        Events, weights, and log of the time at risk.
    bounds : int array, shape (strata + 1,)
    """

    order: NDArray[np.int64]
    x: Array
    centre: Array
    scale: Array
    count: Array
    weight: Array
    offset: Array
    bounds: NDArray[np.int64]

    def likelihood(self, beta: Array, x: Array | None = None, offset: Array | None = None):
        """Log-likelihood, score and information at coefficients of the standardised covariates."""
        x = self.x if x is None else x
        offset = self.offset if offset is None else offset
        return conditional_poisson(
            np.ascontiguousarray(x), beta, offset, self.count, self.weight, self.bounds
        )

    def score_parts(self, beta: Array, x: Array | None = None) -> Array:
        """Each sorted row's part of the score, the stratum's rate being at its best, shape (n, p)."""
        x = self.x if x is None else x
        eta = x @ beta + self.offset
        starts, sizes = self.bounds[:-1], np.diff(self.bounds)
        risk = self.weight * np.exp(eta - np.repeat(np.maximum.reduceat(eta, starts), sizes))
        total = np.add.reduceat(risk, starts)
        mean = np.add.reduceat(risk[:, None] * x, starts) / total[:, None]
        rate = np.add.reduceat(self.weight * self.count, starts) / total
        residual = self.weight * self.count - np.repeat(rate, sizes) * risk
        return residual[:, None] * (x - np.repeat(mean, sizes, axis=0))


def count_rows(
    x: Array, count: Array, time: Array, stratum: NDArray[np.int64], weight: ArrayLike = 1.0
) -> CountRows:
    """Sort rows by stratum; strata without events say nothing and are left out.

    Parameters
    ----------
    x : float array, shape (n, p)
    count, time : float array, shape (n,)
        Times are positive.
    stratum : int array, shape (n,)
        Numbers from zero.
    weight : float or array, shape (n,)
    """
    weight = np.broadcast_to(np.asarray(weight, dtype=float), count.shape)
    seen = np.bincount(stratum, count)[stratum] > 0
    rows = np.flatnonzero(seen)
    order = rows[np.argsort(stratum[rows], kind="stable")]
    member = stratum[order]
    starts = np.flatnonzero(np.r_[True, member[1:] != member[:-1]]) if order.size else np.zeros(0, int)
    centre, scale = _centre(x[order])
    return CountRows(
        order,
        np.ascontiguousarray((x[order] - centre) / scale),
        centre,
        scale,
        count[order].astype(float),
        np.ascontiguousarray(weight[order]),
        np.log(time[order]),
        np.r_[starts, order.size].astype(np.int64),
    )


def _centre(x: Array) -> tuple[Array, Array]:
    """Centres and scales; a column near zero, such as an indicator, is not centred, so that its zeros stay zeros."""
    if not len(x):
        return np.zeros(x.shape[1]), np.ones(x.shape[1])
    mean, scale = x.mean(axis=0), x.std(axis=0)
    return np.where(np.abs(mean) > 3 * scale, mean, 0.0), np.where(scale > 0, scale, 1.0)


@njit(cache=True, nogil=True, error_model="numpy")
def conditional_poisson(x, beta, offset, count, weight, bounds):
    """Log-likelihood, score and information; the offset holds all that is fixed."""
    p = x.shape[1]
    value, score, information = 0.0, np.zeros(p), np.zeros((p, p))
    s1, s2, eta = np.zeros(p), np.zeros((p, p)), np.empty(count.size)
    for stratum in range(bounds.size - 1):
        first, end = bounds[stratum], bounds[stratum + 1]
        top = -np.inf
        for i in range(first, end):
            eta[i] = offset[i]
            for a in range(p):
                eta[i] += x[i, a] * beta[a]
            top = max(top, eta[i])
        s0, events = 0.0, 0.0
        s1[:] = 0.0
        s2[:] = 0.0
        for i in range(first, end):
            risk = weight[i] * np.exp(eta[i] - top)
            s0 += risk
            for a in range(p):
                part = risk * x[i, a]
                if part != 0.0:
                    s1[a] += part
                    for b in range(a + 1):
                        s2[a, b] += part * x[i, b]
            if count[i] > 0:
                seen = weight[i] * count[i]
                events += seen
                value += seen * (eta[i] - top)
                for a in range(p):
                    score[a] += seen * x[i, a]
        value -= events * np.log(s0)
        for a in range(p):
            mean = s1[a] / s0
            score[a] -= events * mean
            for b in range(a + 1):
                information[a, b] += events * (s2[a, b] / s0 - mean * s1[b] / s0)
    for a in range(p):
        for b in range(a):
            information[b, a] = information[a, b]
    return value, score, information
