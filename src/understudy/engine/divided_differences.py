"""Divided differences of exponentials: what has come, after a time, through a chain of rate constants.

Over rate constants z_0 >= z_1 >= ... it is F_k(t), the convolution of exp(-z_0 t), ..., exp(-z_k t), which is the
divided difference of exp(-z t) over these points with its sign taken positive. For all k at once it is worked out

- as sums of exponentials (of t^r exp(-z t) for a rate constant that comes r + 1 times), whose coefficients are the
  partial fractions of 1 / ((s + z_0) ... (s + z_k)): fast, but close rate constants or short times leave small
  differences of large terms;
- else by the recurrence of divided differences, close points by a series around their middle (McCurdy, Ng & Parlett
  1984, Math Comp 43:501-528, doi:10.1090/S0025-5718-1984-0758198-0).

`shortest_time` tells from when on the first loses no more than four digits to the rounding.
"""

from __future__ import annotations

import numba
import numpy as np

# What partial fractions may lose to cancellation, in units of rounding: three of sixteen digits.
_LOSS = 500.0
_DOUBLINGS = 80
# Beyond this many terms, or when exp(-x) has become zero, nothing is left to add.
_TERMS = 80


@numba.njit(cache=True, nogil=True)
def partial_fractions(z, count, powers, fractions):
    """Coefficients of the sums of exponentials over falling points.

    Parameters
    ----------
    z : float array
        Points, the first `count` of them falling; equal ones stand together.
    count : int
    powers : int array
        Written: exponential q is ``t^r / r! exp(-z[q] t)`` with r = powers[q].
    fractions : float array, shape (at least count, at least count)
        Written: F_k is the sum of ``fractions[k, q]`` times exponential q over q <= k.
    """
    powers[0], fractions[0, 0] = 0, 1.0
    for k in range(1, count):
        powers[k] = powers[k - 1] + 1 if z[k] == z[k - 1] else 0
        own, total = k - powers[k], 0.0
        # 1 / ((s + a)^(r + 1) (s + z)) is worked out from the highest power of each rate constant down.
        after = 0.0
        for q in range(own - 1, -1, -1):
            after = (fractions[k - 1, q] - after) / (z[k] - z[q])
            fractions[k, q] = after
            if powers[q] == 0:
                total += after
                after = 0.0
        for q in range(k, own, -1):
            fractions[k, q] = fractions[k - 1, q - 1]
        fractions[k, own] = -total


@numba.njit(cache=True, nogil=True)
def shortest_time(z, count, powers, fractions):
    """The time from which the sums of `partial_fractions` are exact but for rounding; infinite where there is none."""
    gap = np.inf
    for k in range(1, count):
        if z[k] < z[k - 1]:
            gap = min(gap, z[k - 1] - z[k])
    if gap == np.inf:
        return 0.0
    time = 1.0 / (32.0 * gap)
    for _ in range(_DOUBLINGS):
        if _harmless(z, count, powers, fractions, time):
            return time
        time *= 2.0
    return np.inf


@numba.njit(cache=True, nogil=True)
def _harmless(z, count, powers, fractions, time):
    """Whether no sum of exponentials has terms much larger than itself."""
    for k in range(1, count):
        # The sum times exp(z[k] t) is about t^k / k! as long as t is short and 1 / (z[i] - z[k]) each later.
        value, largest, factor = 1.0, 0.0, 1.0
        for i in range(k):
            later = i + 1 + (z[i] - z[k]) * time
            if not later > 0.0:
                return False
            value *= time / later
        for q in range(k + 1):
            factor = factor * time / powers[q] if powers[q] > 0 else 1.0
            largest += abs(fractions[k, q]) * factor
        if not largest <= _LOSS * value:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def divided_differences(z, count, time, result, table, terms):
    """All F_k at a time, whatever the points.

    Parameters
    ----------
    z : float array
        Points, the first `count` of them falling.
    count : int
    time : float
    result : float array
        Written: F_0 to F_(count - 1).
    table : float array, at least `count`
    terms : float array, at least `_TERMS`
        Work space.
    """
    for i in range(count):
        table[i] = np.exp(-z[i] * time)
    result[0] = table[0]
    for order in range(1, count):
        for i in range(count - order):
            gap = (z[i] - z[i + order]) * time
            if gap == 0.0:
                table[i] *= time / order
            elif order == 1:
                table[i] = -table[i + 1] * np.expm1(-gap) * (time / gap)
            elif abs(gap) > order:
                table[i] = (table[i + 1] - table[i]) * (time / gap)
            else:
                table[i] = _series(z, i, order, time, terms)
        result[order] = table[0]


@numba.njit(cache=True, nogil=True)
def _series(z, first, order, time, terms):
    """One divided difference over close points, as a series around their middle."""
    middle = 0.5 * (z[first] + z[first + order])
    count = min(_TERMS, 15 + int(2.5 * abs(z[first] - z[first + order]) * time))
    # Complete homogeneous symmetric polynomials of the distances.
    terms[0] = 1.0
    for m in range(1, count):
        terms[m] = 0.0
    for i in range(first, first + order + 1):
        x = (middle - z[i]) * time
        for m in range(1, count):
            terms[m] += x * terms[m - 1]
    factor, total = np.exp(-middle * time), 0.0
    for k in range(1, order + 1):
        factor *= time / k
    for m in range(count):
        total += terms[m] * factor
        factor /= order + m + 1
    return total


def work_space(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Room for `divided_differences` over up to `count` points."""
    return np.empty(count), np.empty(_TERMS)
