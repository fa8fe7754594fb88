"""Stretch: a linear system between two events, as Newton's vectors and the weights that sum them up at any time.

With the rate constants z_0 >= z_1 >= ... of the system (minus its eigenvalues, and zero for constant inputs) the states
are ``x(t) = sum of F_k(t) w_k``, with w_0 the states at the start, ``w_(k+1) = (A + z_k) w_k``, and F_k the divided
differences of `understudy.engine.linear.divided_differences`: Newton's interpolation of the exponential of A, exact as
(A + z_0) (A + z_1) ... = 0 (Putzer 1966, Am Math Monthly 73:2-7, doi:10.2307/2313914, is the same in another order).
With the fastest first, all w_k of compartments are non-negative (Micchelli & Willoughby 1979, Linear Algebra Appl
23:141-156, doi:10.1016/0024-3795(79)90097-8): nothing is lost to cancellation. Equal or nearly equal rate constants are
no special case. Sensitivities run through the same rate constants a second time, so each counts twice; second
sensitivities run through them a third time.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from understudy.engine.kernel.lanes import WIDTH
from understudy.engine.linear.divided_differences import divided_differences, work_space
from understudy.engine.linear.lane_differences import TERMS, set_differences
from understudy.engine.linear.lane_sums import (
    LANE_BYTES,
    add_multiple,
    set_exponentials,
    set_multiple,
    set_product,
)


class System(NamedTuple):
    """Blocks and every parameter row's rates, as the compiled loop takes them.

    ``rows[e]`` and ``columns[e]`` are the place of ``entries[row, e]`` in the matrix of the first states,
    ``coupled[e]`` and ``driver[e]`` that of ``couplings[row, e]``. ``places`` and ``reach`` are those of
    `understudy.engine.linear.blocks.Blocks`.
    """

    size: int
    rows: np.ndarray
    columns: np.ndarray
    coupled: np.ndarray
    driver: np.ndarray
    entries: np.ndarray
    couplings: np.ndarray
    inflow: np.ndarray
    block_start: np.ndarray
    block_states: np.ndarray
    places: np.ndarray
    reach: np.ndarray


class Space(NamedTuple):
    """What is worked out once for a parameter row and a set of states that hold anything, and room to work in."""

    decays: np.ndarray
    matrix: np.ndarray
    work: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    spent: np.ndarray
    powers: np.ndarray
    fractions: np.ndarray
    vectors: np.ndarray
    forced: np.ndarray
    carried: np.ndarray
    coefficients: np.ndarray
    weights: np.ndarray
    lengths: np.ndarray
    factors: np.ndarray
    sums: np.ndarray
    series: np.ndarray
    lane_powers: np.ndarray
    lane_table: np.ndarray
    table: np.ndarray
    terms: np.ndarray


def space_for(system: System) -> Space:
    """Work space of one thread."""
    size, states = system.size, system.inflow.shape[1]
    most = system.reach.size + 1
    table, terms = work_space(most)
    whole = lambda count: np.empty(count, dtype=np.int64)  # noqa: E731
    return Space(
        decays=np.empty(size),
        matrix=np.zeros((size, size)),
        work=np.empty((size, size)),
        points=np.empty(most),
        labels=whole(most),
        spent=whole(system.reach.size),
        powers=whole(most),
        fractions=np.zeros((most, most)),
        vectors=np.empty((most, states)),
        forced=np.empty((most, states)),
        carried=np.empty(states),
        coefficients=np.empty((most, states)),
        weights=np.empty(most),
        lengths=np.empty(WIDTH),
        factors=np.empty((most, WIDTH)),
        sums=np.empty((states, WIDTH)),
        series=np.empty((most, TERMS)),
        lane_powers=np.empty((most + TERMS, WIDTH)),
        lane_table=np.empty((most, most, WIDTH)),
        table=table,
        terms=terms,
    )


@numba.njit(cache=True, nogil=True)
def occupied(base, inputs, places, reach):
    """Places that hold something or will, as bits, and whether there is an input."""
    holding, given = 0, 0
    for s in range(base.size):
        if inputs[s] != 0.0:
            given = 1
        if base[s] != 0.0 or inputs[s] != 0.0:
            holding |= 1 << places[s]
    reached = 0
    for i in range(reach.size):
        if reach[i] & holding != 0:
            reached |= 1 << i
    return reached, given


@numba.njit(cache=True, nogil=True)
def set_points(decays, held, given, reach, points, labels, spent):
    """Falling rate constants of the places occupied, and after how many of them each place is spent.

    A place is spent once all that it can hold has been worked off: what rounding leaves there is no amount.
    """
    count = 0
    for place in range(reach.size):
        if not held >> place & 1:
            continue
        own, k = decays[place % decays.size], count
        while k > 0 and points[k - 1] < own:
            points[k], labels[k] = points[k - 1], labels[k - 1]
            k -= 1
        points[k], labels[k] = own, place
        count += 1
    for i in range(reach.size):
        spent[i] = 0
        for k in range(count):
            if reach[i] >> labels[k] & 1:
                spent[i] = k + 1
    if count == 0 or given == 1:
        # A constant input decays with a rate constant of zero; where nothing is, any will do.
        points[count], count = 0.0, count + 1
    return count


@numba.njit(cache=True, nogil=True)
def set_vectors(
    base, inputs, size, row, rows, columns, entries, coupled, driver, couplings, places, points, count, given, spent,
    vectors, forced, carried,
):  # fmt: skip
    """Newton's vectors w_0, w_1, ... of a stretch.

    What flows in goes through the same vectors as an amount does, and through zero after all other points: F over
    z_0 to z_k and zero is ``F_(k+1) + z_(k+1) F`` over one point more and zero, and so on, sums of what is positive.
    """
    chain = (
        size,
        row,
        rows,
        columns,
        entries,
        coupled,
        driver,
        couplings,
        places,
        points,
        count - given,
        spent,
    )
    _set_chain(base, chain, vectors)
    if given == 0:
        return
    _set_chain(inputs, chain, forced)
    for s in range(base.size):
        vectors[count - 1, s], carried[s] = 0.0, 0.0
    for k in range(1, count):
        for s in range(base.size):
            carried[s] = forced[k - 1, s] + points[k - 1] * carried[s]
            vectors[k, s] += carried[s]


@numba.njit(cache=True, nogil=True)
def _set_chain(start, chain, vectors):
    """A vector, and what is left of it after each of the points."""
    size, row, rows, columns, entries, coupled, driver, couplings, places, points, count, spent = chain
    for s in range(start.size):
        vectors[0, s] = start[s]
    for k in range(1, count):
        for s in range(start.size):
            vectors[k, s] = points[k - 1] * vectors[k - 1, s]
        for copy in range(0, start.size, size):
            for e in range(rows.size):
                vectors[k, copy + rows[e]] += entries[row, e] * vectors[k - 1, copy + columns[e]]
        for e in range(coupled.size):
            vectors[k, coupled[e]] += couplings[row, e] * vectors[k - 1, driver[e]]
        for s in range(start.size):
            if k >= spent[places[s]]:
                vectors[k, s] = 0.0


@numba.njit(cache=True, nogil=True)
def set_coefficients(count, fractions, vectors, coefficients):
    """What each exponential brings to each state: the vectors in the sums of exponentials."""
    for q in range(count):
        for s in range(vectors.shape[1]):
            coefficients[q, s] = fractions[q, q] * vectors[q, s]
        for k in range(q + 1, count):
            for s in range(vectors.shape[1]):
                coefficients[q, s] += fractions[k, q] * vectors[k, s]


@numba.njit(cache=True, nogil=True)
def weigh_exponentials(lengths, points, count, powers, factors):
    """The exponentials of `partial_fractions` at `WIDTH` times."""
    times, at = lengths.ctypes.data, factors.ctypes.data
    for q in range(count):
        here = at + q * LANE_BYTES
        if powers[q] == 0:
            set_exponentials(points[q], times, here)
        else:
            set_multiple(1.0 / powers[q], times, here)
            set_product(here - LANE_BYTES, here, here)


@numba.njit(cache=True, nogil=True)
def weigh_differences(
    lengths, points, count, longest, series, lane_powers, lane_table, table, terms, weights, factors
):
    """The divided differences at as many of `WIDTH` rising times as can be had at once, at least one; how many."""
    if lengths[0] > longest:
        divided_differences(points, count, lengths[0], weights, table, terms)
        for k in range(count):
            factors[k, 0] = weights[k]
        return 1
    lanes = WIDTH
    while lengths[lanes - 1] > longest:
        lanes -= 1
    for lane in range(lanes, WIDTH):
        lengths[lane] = lengths[lanes - 1]
    set_differences(points, count, lengths, series, lane_powers, lane_table, factors)
    return lanes


@numba.njit(cache=True, nogil=True)
def add_up(factors, count, vectors, sums):
    """Vectors times factors, ``sums[state, lane]``."""
    source, at = factors.ctypes.data, sums.ctypes.data
    for s in range(sums.shape[0]):
        set_multiple(vectors[0, s], source, at + s * LANE_BYTES)
        for k in range(1, count):
            add_multiple(vectors[k, s], source + k * LANE_BYTES, at + s * LANE_BYTES)


@numba.njit(cache=True, nogil=True)
def move_sensitivities(
    moved, source, flow, size, row, rows, columns, entries, coupled, driver, couplings, inputs, speed, base
):
    """Add the derivatives by time of copy `source` of the states to all copies, times ``flow[moved, copy]``.

    Copy 0 are the first states themselves, to which nothing is added.
    """
    for s in range(base.size):
        speed[s] = inputs[s]
    for start in range(0, base.size, size):
        for e in range(rows.size):
            speed[start + rows[e]] += entries[row, e] * base[start + columns[e]]
    for e in range(coupled.size):
        speed[coupled[e]] += couplings[row, e] * base[driver[e]]
    own = base.size // (1 + flow.shape[1])
    for direction in range(flow.shape[1]):
        for s in range(own):
            base[(1 + direction) * own + s] += flow[moved, direction] * speed[source * own + s]
