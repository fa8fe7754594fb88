"""Matrix exponential for any linear model with constant coefficients: exact between any two events.

The states between two events are ``x(t) = exp(A t) x + (integral of exp(A s) from 0 to t) b``, with the inflow and the
infusions under way in b. For every parameter row A is written by its eigenvalues and eigenvectors, A = V B V⁻¹, with a
pair of complex ones as a real block of two. That loses as many digits as the eigenvectors are near to dependent, so it
is used only where both hold, with the states in units that balance the matrix, as norms of largest row sums:

- |V| |V⁻¹|, which bounds what rounding in the modes does to the states, is at most `_WORST_CONDITION` (Bauer 1963,
  Numer Math 5:73-87, doi:10.1007/BF01385880: no scaling of the eigenvectors changes it);
- V B V⁻¹ differs from A by at most `_LARGEST_RESIDUAL` of A.

Otherwise (a chain of equal rate constants has one eigenvector only) the exponential of A with b as one more column is
taken by Padé approximation with scaling and squaring (Higham 2005, SIAM J Matrix Anal Appl 26:1179-1193,
doi:10.1137/04061101X), after balancing, so that the units of the states do not lead to needless squaring (Al-Mohy &
Higham 2009, SIAM J Matrix Anal Appl 31:970-989, doi:10.1137/09074721X). A step length that comes again, as on a regular
grid, is not worked out again.

Errors are some 1e-13 of a state's peak, growing with the product of the fastest rate constant and the time.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from understudy.engine.kernel.lanes import run_in_threads
from understudy.engine.kernel.line import (
    add_linear_flow,
    apply_event,
    line_of,
    nothing_found,
    refuse_infinite,
    solution_of,
)
from understudy.engine.linear.linear import linear_system
from understudy.engine.problem import BAD_PARAMETER, NOT_FINITE, Problem, Solution, Tolerances
from understudy.engine.timeline import FLOW, ROW

# Of sixteen digits the eigenvectors may cost four. The residual allowed is that loss in rates.
_WORST_CONDITION, _LARGEST_RESIDUAL = 1e4, 1e-11
_ROWS_AT_ONCE = 1024
UNDEFINED, EIGENVECTORS, PADE = range(3)

# Step lengths remembered per patient, and how much two may differ in units of rounding of the time itself.
_REMEMBERED, _SAME = 16, 4 * np.finfo(float).eps

# Higham 2005, table 2.3 (the largest norm for degree 13) and equation (2.2), (coefficients of its numerator).
_LARGEST_NORM = 5.371920351148152
_PADE = np.array([
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
])  # fmt: skip


class Spectrum(NamedTuple):
    """Every parameter row's matrix and how its exponential is taken.

    ``growth + turn i`` are the eigenvalues. Row j of ``vectors`` is the eigenvector of mode j, and ``inverse[i, j]``
    what a unit of state i gives to mode j; a complex pair is stored as its real and imaginary part.
    """

    way: np.ndarray
    matrix: np.ndarray
    inflow: np.ndarray
    growth: np.ndarray
    turn: np.ndarray
    vectors: np.ndarray
    inverse: np.ndarray


def solve(problem: Problem, tolerances: Tolerances, jobs: int = 1) -> Solution:
    """Solve by matrix exponential; tolerances do not matter, the answer is exact but for rounding.

    Parameters
    ----------
    problem : Problem
        With a model for which `understudy.engine.linear.linear.is_linear` holds.
    tolerances : Tolerances
    jobs : int
        Threads, 0 for one per core.
    """
    spectrum = spectrum_of(*linear_system(problem.model).values(problem.table), jobs)
    line, found = line_of(problem), nothing_found(problem)
    run_in_threads(
        lambda first, last: _solve_range(first, last, spectrum, line, found), len(found.status), jobs
    )
    refuse_infinite(found, line)
    return solution_of(found)


def spectrum_of(matrix: np.ndarray, inflow: np.ndarray, jobs: int = 1) -> Spectrum:
    """Eigenvalues and eigenvectors of every row, and whether they are good enough.

    Parameters
    ----------
    matrix : float array, shape (rows, n, n)
    inflow : float array, shape (rows, n)
    jobs : int
        Threads.

    Examples
    --------
    >>> chain = np.array([[[-1.0, 0.0], [1.0, -2.0]], [[-1.0, 0.0], [1.0, -1.0]]])
    >>> [("undefined", "eigenvectors", "Padé")[way] for way in spectrum_of(chain, np.zeros((2, 2))).way]
    ['eigenvectors', 'Padé']
    """
    rows, size = inflow.shape
    real, square = np.zeros((2, rows, size)), np.zeros((2, rows, size, size))
    spectrum = Spectrum(np.full(rows, UNDEFINED), matrix, inflow, *real, *square)

    def work(first: int, last: int) -> None:
        for begin in range(first, last, _ROWS_AT_ONCE):
            _decompose(spectrum, slice(begin, min(begin + _ROWS_AT_ONCE, last)))

    run_in_threads(work, rows, jobs)
    return spectrum


def _decompose(spectrum: Spectrum, rows: slice) -> None:
    """Fill in some rows of a spectrum."""
    matrix = spectrum.matrix[rows]
    finite = np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(spectrum.inflow[rows]).all(axis=1)
    matrix = np.where(finite[:, None, None], matrix, 0.0)
    values, complex_vectors = _eigenvectors(matrix)
    found, turn = np.isfinite(values).all(axis=1), values.imag
    # A pair's vectors are each other's conjugates, that of the positive imaginary part first.
    vectors = np.where(turn[:, None, :] < 0, -complex_vectors.imag, complex_vectors.real)
    vectors = np.where(found[:, None, None], vectors, 0.0)
    singular = np.linalg.slogdet(vectors)[0] == 0
    vectors = np.where(singular[:, None, None], np.eye(vectors.shape[1]), vectors)
    inverse = np.linalg.inv(vectors)
    good = ~singular & _trustworthy(matrix, values.real, turn, vectors, inverse)
    spectrum.way[rows] = np.where(finite, np.where(good, EIGENVECTORS, PADE), UNDEFINED)
    spectrum.growth[rows], spectrum.turn[rows] = values.real, turn
    spectrum.vectors[rows] = vectors.transpose(0, 2, 1)
    spectrum.inverse[rows] = inverse.transpose(0, 2, 1)


def _eigenvectors(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of each matrix, not-a-number for one whose iteration does not converge."""
    try:
        return np.linalg.eig(matrix)
    except np.linalg.LinAlgError:
        if len(matrix) == 1:
            return np.full(matrix.shape[:2], np.nan), np.full(matrix.shape, np.nan)
    halves = [_eigenvectors(half) for half in np.array_split(matrix, 2)]
    return np.concatenate([v for v, _ in halves]), np.concatenate([w for _, w in halves])


def _trustworthy(
    matrix: np.ndarray, growth: np.ndarray, turn: np.ndarray, vectors: np.ndarray, inverse: np.ndarray
) -> np.ndarray:
    """Which rows' eigenvectors pass the two tests of this module's head, shape (rows,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        partner = np.arange(growth.shape[1]) + np.sign(turn).astype(np.int64)
        swapped = np.take_along_axis(vectors, partner[:, None, :], axis=2)
        rebuilt = (vectors * growth[:, None, :] - swapped * turn[:, None, :]) @ inverse
        units = _units(matrix)
        largest = lambda m: (np.einsum("rij,rj->ri", np.abs(m), units) / units).max(axis=1)  # noqa: E731
        condition = largest(np.abs(vectors) @ np.abs(inverse))
        residual, size = largest(rebuilt - matrix), largest(matrix)
    return (condition <= _WORST_CONDITION) & (residual <= _LARGEST_RESIDUAL * size)


@numba.njit(cache=True, nogil=True)
def _modal(growth, turn, time, factors):
    """What a time does to each mode: kept, given over to its partner, and both for what flows in meanwhile."""
    for j in range(growth.size):
        a, b = growth[j], turn[j]
        factors[0, j], factors[1, j] = np.exp(a * time), 0.0
        factors[2, j], factors[3, j] = np.expm1(a * time) / a if a != 0.0 else time, 0.0
        if b != 0.0:
            kept, sine = factors[0, j], np.sin(0.5 * b * time)
            factors[0, j], factors[1, j] = kept * np.cos(b * time), kept * np.sin(b * time)
            # (exp(z t) - 1) / z for z = a + b i, the numerator written without cancellation.
            real = np.expm1(a * time) * np.cos(b * time) - 2.0 * sine * sine
            square = a * a + b * b
            factors[2, j] = (real * a + factors[1, j] * b) / square
            factors[3, j] = (factors[1, j] * a - real * b) / square


@numba.njit(cache=True, nogil=True)
def _balance(matrix, scale):
    """Choose powers of two as units of the states so that no entry is needlessly large, and convert the matrix.

    Each state is also tied to the unit it has, by a hundredth of the fastest decay: else the links of a chain, which
    nothing holds together from the other side, would drift apart.
    """
    size, tie = matrix.shape[0], 0.0
    for i in range(size):
        scale[i] = 1.0
        tie = max(tie, 0.01 * abs(matrix[i, i]))
    if tie == 0.0:
        return
    for _ in range(20):
        settled = True
        for i in range(size):
            column, row = tie * scale[i], tie / scale[i]
            for j in range(size):
                if j != i:
                    column += abs(matrix[j, i])
                    row += abs(matrix[i, j])
            factor = 2.0 ** np.round(0.5 * np.log2(row / column))
            if column * factor + row / factor < 0.95 * (column + row):
                settled = False
                scale[i] *= factor
                for j in range(size):
                    if j != i:
                        matrix[j, i] *= factor
                        matrix[i, j] /= factor
        if settled:
            return


@numba.njit(cache=True, nogil=True)
def _units(matrix):
    """The units that `_balance` chooses for every row, shape (rows, n)."""
    units = np.ones(matrix.shape[:2])
    for row in range(matrix.shape[0]):
        _balance(matrix[row].copy(), units[row])
    return units


@numba.njit(cache=True, nogil=True)
def exponential(matrix):
    """The exponential of a finite matrix, by the Padé approximant of degree 13 with scaling and squaring."""
    norm = _norm(matrix)
    squarings = max(0, int(np.ceil(np.log2(norm / _LARGEST_NORM)))) if norm > 0.0 else 0
    a = matrix / 2.0**squarings
    one, c = np.eye(matrix.shape[0]), _PADE
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a6 @ (c[13] * a6 + c[11] * a4 + c[9] * a2) + c[7] * a6 + c[5] * a4 + c[3] * a2 + c[1] * one
    even = a6 @ (c[12] * a6 + c[10] * a4 + c[8] * a2) + c[6] * a6 + c[4] * a4 + c[2] * a2 + c[0] * one
    odd = a @ odd
    result = np.ascontiguousarray(np.linalg.solve(even - odd, even + odd))
    for _ in range(squarings):
        result = result @ result
    return result


@numba.njit(cache=True, nogil=True)
def _norm(matrix):
    """The largest sum of a column's absolute values."""
    largest = 0.0
    for j in range(matrix.shape[1]):
        total = 0.0
        for i in range(matrix.shape[0]):
            total += abs(matrix[i, j])
        largest = max(largest, total)
    return largest


@numba.njit(cache=True, nogil=True)
def _pade(matrix, inputs, time, propagator, gain):
    """What a time does to the states (transposed), and what has flowed in meanwhile."""
    size = inputs.size
    scale, balanced = np.empty(size), matrix.copy()
    _balance(balanced, scale)
    speed, inflow = max(_norm(balanced), 1.0 / time), 0.0
    for i in range(size):
        inflow = max(inflow, abs(inputs[i]) / scale[i])
    # The inflow enters as one more state, of such a unit that its column is no larger than the others.
    unit = inflow / speed if inflow > 0.0 else 1.0
    wide = np.zeros((size + 1, size + 1))
    for i in range(size):
        wide[i, size] = inputs[i] / scale[i] / unit * time
        for j in range(size):
            wide[i, j] = balanced[i, j] * time
    if not np.isfinite(wide).all():
        propagator[:], gain[:] = np.nan, np.nan
        return
    found = exponential(wide)
    for i in range(size):
        gain[i] = found[i, size] * unit * scale[i]
        for j in range(size):
            propagator[j, i] = found[i, j] * scale[i] / scale[j]


@numba.njit(cache=True, nogil=True)
def _multiply(rows, vector, result):
    """Sum of the rows of a matrix, each as often as the vector says."""
    result[:] = 0.0
    # Four rows at a time: the result is read and written a quarter as often.
    fours = vector.size - vector.size % 4
    for j in range(0, fours, 4):
        a, b, c, d = vector[j], vector[j + 1], vector[j + 2], vector[j + 3]
        for i in range(result.size):
            first, second = rows[j, i] * a + rows[j + 1, i] * b, rows[j + 2, i] * c + rows[j + 3, i] * d
            result[i] += first + second
    for j in range(fours, vector.size):
        for i in range(result.size):
            result[i] += rows[j, i] * vector[j]


@numba.njit(cache=True, nogil=True)
def _step_modes(factors, turn, modes, given, moved):
    """Move every mode by what `_modal` found."""
    for j in range(modes.size):
        partner = j + 1 if turn[j] > 0.0 else (j - 1 if turn[j] < 0.0 else j)
        moved[j] = factors[0, j] * modes[j] + factors[1, j] * modes[partner]
        moved[j] += factors[2, j] * given[j] + factors[3, j] * given[partner]
    modes[:] = moved


@numba.njit(cache=True, nogil=True)
def _remembered(lengths, count, length, slack):
    """Where a step length is remembered, or -1."""
    for k in range(min(count, lengths.size)):
        if abs(lengths[k] - length) <= slack:
            return k
    return -1


@numba.njit(cache=True, nogil=True)
def _solve_range(first, last, spectrum, line, found):
    """Follow patients `first` to `last` from event to event."""
    size = line.start.shape[1]
    infused, inputs, used = np.zeros(size), np.empty(size), np.zeros((line.slots.shape[0], 1), np.int64)
    modes, given, moved, unused = np.empty(size), np.empty(size), np.empty(size), np.zeros(1)
    lengths, factors = np.empty(_REMEMBERED), np.empty((_REMEMBERED, 4, size))
    propagators, gains = np.empty((_REMEMBERED, size, size)), np.empty((_REMEMBERED, size))
    seen_time, seen_after, states = line.seen_time, line.seen_after, found.states
    for patient in range(first, last):
        now, time, count = line.start[patient].copy(), line.start_time[patient], 0
        row, seen, seen_end = line.first_row[patient], line.seen_start[patient], line.seen_start[patient + 1]
        begin, end = line.event_start[patient], line.event_start[patient + 1]
        infused[:] = 0.0
        for event in range(begin, end + 1):
            way, matrix, turn = spectrum.way[row], spectrum.matrix[row], spectrum.turn[row]
            growth, vectors = spectrum.growth[row], spectrum.vectors[row]
            fresh, until = False, line.event_time[event] if event < end else np.inf
            while True:
                look = seen < seen_end and seen_after[seen] == event - begin
                target = seen_time[seen] if look else until
                if not look and (event == end or seen == seen_end or not until < np.inf):
                    break
                slack = _SAME * abs(target)
                length = target - time
                if length > slack:
                    if way == UNDEFINED:
                        break
                    if not fresh:
                        fresh = True
                        for i in range(size):
                            before, inputs[i] = inputs[i], infused[i] + spectrum.inflow[row, i]
                            # A propagator holds for the inflow it was made with.
                            count = count if way == EIGENVECTORS or before == inputs[i] else 0
                        if way == EIGENVECTORS:
                            _multiply(spectrum.inverse[row], now, modes)
                            _multiply(spectrum.inverse[row], inputs, given)
                    k = _remembered(lengths, count, length, slack)
                    if k < 0:
                        k = count % _REMEMBERED
                        lengths[k], count = length, count + 1
                        if way == EIGENVECTORS:
                            _modal(growth, turn, length, factors[k])
                        else:
                            _pade(matrix, inputs, length, propagators[k], gains[k])
                    if way == EIGENVECTORS:
                        _step_modes(factors[k], turn, modes, given, moved)
                        _multiply(vectors, modes, now)
                    else:
                        _multiply(propagators[k], now, moved)
                        now[:] = moved + gains[k]
                    # The time arrived at, not the time aimed at: differences in rounding never add up.
                    time += lengths[k]
                if not look:
                    break
                states[seen] = now
                seen += 1
            if event == end or seen == seen_end:
                break
            if way == UNDEFINED and until > time:
                found.status[patient], found.failed_at[patient] = NOT_FINITE, time
                break
            if not until < np.inf:
                found.status[patient], found.failed_at[patient] = BAD_PARAMETER, time
                break
            if line.event_kind[event] == ROW:
                row, count = line.event_target[event], 0
            elif line.event_kind[event] == FLOW:
                add_linear_flow(
                    line.flow[line.event_target[event]],
                    int(line.event_value[event]),
                    spectrum.matrix[row],
                    spectrum.inflow[row],
                    infused,
                    now,
                )
            else:
                apply_event(line, event, time, 0, 1, now, unused, infused, used)
