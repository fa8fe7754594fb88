"""Divided differences of exponentials at `WIDTH` times at once, close and equal rate constants included.

With the points measured from their middle, F_0 to F_k of `divided_differences` are at first a short
power series. All others over neighbouring points follow from them by sums, and together they are the exponential of a
matrix with the points on its diagonal and ones beside it, of which the square is that of twice the time (McCurdy, Ng &
Parlett 1984, Math Comp 43:501-528, doi:10.1090/S0025-5718-1984-0758198-0). All of it is sums of positive numbers; each
doubling doubles what rounding has done, so there are a few only.
"""

from __future__ import annotations

import numba
import numpy as np

from understudy.engine.kernel.lanes import WIDTH
from understudy.engine.linear.lane_sums import (
    LANE_BYTES,
    add_multiple,
    add_product,
    scale_by_sum,
    set_exponentials,
    set_multiple,
    set_product,
)

# At times of at most one over the distance of the outermost points, terms from the 15th on are below 3e-17.
TERMS, MOST_DOUBLINGS = 15, 6


@numba.njit(cache=True, nogil=True)
def set_series(z, count, series):
    """Coefficients of the power series: complete homogeneous symmetric polynomials of the distances from the middle.

    Parameters
    ----------
    z : float array
        Points, the first `count` of them falling.
    count : int
    series : float array, shape (at least count, TERMS)
        Written: F_k is the sum of ``series[k, m] t^(k + m) / (k + m)!``, times the exponential of the middle.
    """
    middle = 0.5 * (z[0] + z[count - 1])
    for k in range(count):
        x = middle - z[k]
        series[k, 0] = 1.0
        for m in range(1, TERMS):
            series[k, m] = x * series[k, m - 1] + (series[k - 1, m] if k > 0 else 0.0)


@numba.njit(cache=True, nogil=True)
def longest_time(z, count):
    """The longest time for which `set_differences` keeps its digits."""
    spread = z[0] - z[count - 1]
    return 2.0**MOST_DOUBLINGS / spread if spread > 0.0 else np.inf


@numba.njit(cache=True, nogil=True)
def set_differences(z, count, lengths, series, powers, table, factors):
    """All F_k at `WIDTH` times, the last of them the longest.

    Parameters
    ----------
    z : float array
    count : int
    lengths : float array, shape (WIDTH,)
        Times, rising, up to `longest_time`.
    series : float array
        From `set_series`.
    powers : float array, shape (at least count + TERMS, WIDTH)
    table : float array, shape (at least count, the same, WIDTH)
        Work space.
    factors : float array, shape (at least count, WIDTH)
        Written: ``factors[k, lane]`` is F_k.
    """
    doublings, reach = 0, (z[0] - z[count - 1]) * lengths[WIDTH - 1]
    while reach > 1.0 and doublings < MOST_DOUBLINGS:
        doublings, reach = doublings + 1, 0.5 * reach
    side, at, source = table.shape[1], table.ctypes.data, powers.ctypes.data
    _set_powers(lengths.ctypes.data, 0.5**doublings, count + TERMS, powers)
    for k in range(count):
        set_multiple(series[k, 0], source + k * LANE_BYTES, at + k * LANE_BYTES)
        for m in range(1, TERMS):
            add_multiple(series[k, m], source + (k + m) * LANE_BYTES, at + k * LANE_BYTES)
    for i in range(1, count if doublings > 0 else 1):
        for j in range(i, count):
            above, total = at + ((i - 1) * side + j) * LANE_BYTES, at + (i * side + j) * LANE_BYTES
            set_multiple(1.0, above - LANE_BYTES, total)
            add_multiple(z[i - 1] - z[j], above, total)
    for doubling in range(doublings):
        # Of the last table only the first row is wanted.
        _double(count, 1 if doubling == doublings - 1 else count, side, at)
    middle = 0.5 * (z[0] + z[count - 1])
    set_exponentials(middle, lengths.ctypes.data, source)
    for k in range(count):
        set_product(source, at + k * LANE_BYTES, factors.ctypes.data + k * LANE_BYTES)


@numba.njit(cache=True, nogil=True)
def _set_powers(lengths, scale, count, powers):
    """``powers[j]`` is t^j / j!, with t the scaled lengths."""
    at = powers.ctypes.data
    for lane in range(WIDTH):
        powers[0, lane] = 1.0
    for j in range(1, count):
        here = at + j * LANE_BYTES
        set_multiple(scale / j, lengths, here)
        set_product(here - LANE_BYTES, here, here)


@numba.njit(cache=True, nogil=True)
def _double(count, rows, side, at):
    """Square the upper triangle in place: row by row, each from its end, nothing is overwritten that is still read."""
    for i in range(rows):
        for j in range(count - 1, i - 1, -1):
            total = at + (i * side + j) * LANE_BYTES
            # What the total holds is needed twice: times the end of its column, and times the start of its row.
            if j == i:
                set_product(total, total, total)
                continue
            scale_by_sum(at + (i * side + i) * LANE_BYTES, at + (j * side + j) * LANE_BYTES, total)
            for k in range(i + 1, j):
                add_product(at + (i * side + k) * LANE_BYTES, at + (k * side + j) * LANE_BYTES, total)
