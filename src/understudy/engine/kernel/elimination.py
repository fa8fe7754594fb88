"""Elimination: linear equations of eight patients side by side, by LU with partial pivoting.

Golub and Van Loan 2013, Matrix Computations, 4th edition, 3.4. For patients whose step the elimination of `sparse_lu`,
with pivots chosen beforehand, would not solve safely. Storage is dense; entries that are zero in all lanes are passed
over.
"""

from __future__ import annotations

from numba import njit

from understudy.engine.kernel.lanes import WIDTH as W


@njit(cache=True, nogil=True, _nrt=False)
def _choose_pivots(c, matrix, filled, pivot):
    """In each lane by itself, bring the row with the largest entry of column `c` up to row `c`.

    Behind the lanes `pivot` says whether any of them has changed rows.
    """
    n = matrix.shape[0]
    for i in range(W):
        pivot[c, i] = c
    for r in range(c + 1, n):
        if filled[r, c]:
            for i in range(W):
                if abs(matrix[r, c, i]) > abs(matrix[pivot[c, i], c, i]):
                    pivot[c, i] = r
    pivot[c, W] = 0
    for i in range(W):
        r = pivot[c, i]
        if r != c:
            pivot[c, W] = 1
            for q in range(n):
                matrix[c, q, i], matrix[r, q, i] = matrix[r, q, i], matrix[c, q, i]
                either = filled[c, q] or filled[r, q]
                filled[c, q], filled[r, q] = either, either


@njit(cache=True, nogil=True, _nrt=False, fastmath={"contract"}, error_model="numpy")
def factorise(matrix, filled, pivot):
    """LU by Gaussian elimination with partial pivoting, in place; of the pivots the reciprocals are kept.

    `matrix` is (states, states, 8), `filled` (states, states) marks what may differ from zero, `pivot` is (states, 9).
    A lane for which an entry is zero keeps its numbers to the bit, so that they do not depend on its neighbours'
    pivots. One whose matrix is singular gets numbers that are not finite.
    """
    n = matrix.shape[0]
    for c in range(n):
        _choose_pivots(c, matrix, filled, pivot)
        for i in range(W):
            matrix[c, c, i] = 1.0 / matrix[c, c, i]
        for r in range(c + 1, n):
            if not filled[r, c]:
                continue
            for i in range(W):
                matrix[r, c, i] *= matrix[c, c, i]
            for q in range(c + 1, n):
                if filled[c, q]:
                    filled[r, q] = True
                    for i in range(W):
                        a, m, x = matrix[r, q, i], matrix[r, c, i], matrix[c, q, i]
                        matrix[r, q, i] = a if m == 0.0 or x == 0.0 else a - m * x


@njit(cache=True, nogil=True, _nrt=False, fastmath={"contract"})
def substitute(matrix, filled, pivot, x):
    """Solve with the factors; `x` (states, 8) is the right-hand side and becomes the solution."""
    n = matrix.shape[0]
    for c in range(n):
        if pivot[c, W]:
            for i in range(W):
                r = pivot[c, i]
                x[c, i], x[r, i] = x[r, i], x[c, i]
    for c in range(n):
        for r in range(c + 1, n):
            if filled[r, c]:
                for i in range(W):
                    x[r, i] -= matrix[r, c, i] * x[c, i]
    for c in range(n - 1, -1, -1):
        for i in range(W):
            x[c, i] *= matrix[c, c, i]
        for r in range(c):
            if filled[r, c]:
                for i in range(W):
                    x[r, i] -= matrix[r, c, i] * x[c, i]
