"""Dense LU with partial pivoting in one thread, for a step that the elimination of `sparse_lu` would not solve safely.

Golub and Van Loan 2013, Matrix Computations, 4th edition, 3.4; the same as `elimination` for one lane.
"""

from __future__ import annotations

from numba import cuda


@cuda.jit(device=True)
def factorise(matrix, pivot):
    """LU in place; of the pivots the reciprocals are kept. A singular matrix gives numbers that are not finite."""
    n = matrix.shape[0]
    for c in range(n):
        best = c
        for r in range(c + 1, n):
            if abs(matrix[r, c]) > abs(matrix[best, c]):
                best = r
        pivot[c] = best
        if best != c:
            for q in range(n):
                matrix[c, q], matrix[best, q] = matrix[best, q], matrix[c, q]
        matrix[c, c] = 1.0 / matrix[c, c]
        for r in range(c + 1, n):
            matrix[r, c] *= matrix[c, c]
            for q in range(c + 1, n):
                matrix[r, q] -= matrix[r, c] * matrix[c, q]


@cuda.jit(device=True)
def substitute(matrix, pivot, x):
    """Solve with the factors; `x` is the right-hand side and becomes the solution."""
    n = matrix.shape[0]
    for c in range(n):
        if pivot[c] != c:
            x[c], x[pivot[c]] = x[pivot[c]], x[c]
    for c in range(n):
        for r in range(c + 1, n):
            x[r] -= matrix[r, c] * x[c]
    for c in range(n - 1, -1, -1):
        x[c] *= matrix[c, c]
        for r in range(c):
            x[r] -= matrix[r, c] * x[c]
