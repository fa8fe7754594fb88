"""Rate constants of a linear system: minus the eigenvalues of its matrix, block by block."""

from __future__ import annotations

import numba
import numpy as np

_SWEEPS = 30
# Rounding may leave a rate constant that is zero below zero by this part of its block's largest.
_ROUNDING = 1e-15


@numba.njit(cache=True, nogil=True)
def rate_constants(matrix, block_start, block_states, work, decays):
    """Rate constants of a matrix whose blocks of more than one state are trees of exchanges.

    Such a block is similar to a symmetric matrix; its eigenvalues are found by Jacobi's rotations (Golub & Van Loan
    2013, Matrix Computations, 4th edition, section 8.5), which are as exact as the matrix is.

    Parameters
    ----------
    matrix : float array, shape (n, n)
    block_start, block_states : int arrays
        States of block b are ``block_states[block_start[b]:block_start[b + 1]]``.
    work : float array, shape (n, n)
    decays : float array, shape (n,)
        Written. Those of a block stand at its states, in no particular order; not-a-number where two states of a
        block act on each other with opposite signs.
    """
    for i in range(decays.size):
        decays[i] = -matrix[i, i]
    for b in range(block_start.size - 1):
        first, size = block_start[b], block_start[b + 1] - block_start[b]
        for i in range(size):
            a = block_states[first + i]
            work[i, i] = matrix[a, a]
            for j in range(i):
                c = block_states[first + j]
                product = matrix[a, c] * matrix[c, a]
                work[i, j] = work[j, i] = np.sqrt(product)
                if not product >= 0.0:
                    work[i, i] = np.nan
        _diagonalise(work, size)
        largest = 0.0
        for i in range(size):
            largest = max(largest, abs(work[i, i]))
        for i in range(size):
            decay = -work[i, i]
            decays[block_states[first + i]] = 0.0 if -_ROUNDING * size * largest <= decay < 0.0 else decay


@numba.njit(cache=True, nogil=True)
def _diagonalise(a, size):
    """Rotate a symmetric matrix until nothing but its diagonal is left."""
    for _ in range(_SWEEPS):
        settled = True
        for i in range(1, size):
            for j in range(i):
                if abs(a[i, j]) > 1e-17 * np.sqrt(abs(a[i, i])) * np.sqrt(abs(a[j, j])):
                    settled = False
                    _rotate(a, size, i, j)
        if settled:
            return


@numba.njit(cache=True, nogil=True)
def _rotate(a, size, i, j):
    """Turn the plane of two states so that they no longer act on each other."""
    slope = (a[j, j] - a[i, i]) / (2.0 * a[i, j])
    tangent = 1.0 / (abs(slope) + np.sqrt(1.0 + slope * slope))
    tangent = tangent if slope >= 0.0 else -tangent
    cosine = 1.0 / np.sqrt(1.0 + tangent * tangent)
    sine = tangent * cosine
    a[i, i] -= tangent * a[i, j]
    a[j, j] += tangent * a[i, j]
    a[i, j] = a[j, i] = 0.0
    for k in range(size):
        if k != i and k != j:
            x, y = a[i, k], a[j, k]
            a[i, k] = a[k, i] = cosine * x - sine * y
            a[j, k] = a[k, j] = sine * x + cosine * y
