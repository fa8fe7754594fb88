"""Sparse columns: a matrix by columns as compiled loops read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from understudy.core.errors import StudyError


@dataclass(frozen=True, eq=False)
class SparseColumns:
    """A matrix by columns. Made by `sparse_columns`.

    Parameters
    ----------
    starts : int64 array, shape (p + 1,)
        Where each column begins in `rows` and `values`.
    rows : uint32 array, shape (m,)
        Rows of the entries that are stored, rising in a column.
    values : float array, shape (m,)
    single : bool array, shape (p,)
        Columns whose stored entries are all one value, as those of yes and no are: loops need not read the others.
    count : int
        Rows, n.
    """

    starts: NDArray[np.int64]
    rows: NDArray[np.uint32]
    values: NDArray[np.float64]
    single: NDArray[np.bool_]
    count: int

    @property
    def width(self) -> int:
        """Columns, p."""
        return self.single.size

    @property
    def arrays(self) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        """What the loops take first."""
        return self.starts, self.rows, self.values, self.single

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Columns in which everybody has the same value."""
        stored = np.diff(self.starts)
        return (stored == 0) | (self.single & (stored == self.count))


def sparse_columns(matrix: Any) -> SparseColumns:
    """A matrix by columns; values of a `scipy.sparse.csc_matrix` of floats are not copied.

    Parameters
    ----------
    matrix : sparse matrix, array-like or SparseColumns, shape (n, p)

    Raises
    ------
    StudyError
        Without two dimensions, or where a value is not a finite number.
    """
    if isinstance(matrix, SparseColumns):
        return matrix
    from scipy import sparse

    if not sparse.issparse(matrix):
        matrix = np.asarray(matrix, dtype=float)
    if matrix.ndim != 2:
        raise StudyError("a matrix has two dimensions", place="covariates", repair="give one row a person")
    matrix = sparse.csc_matrix(matrix)
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    starts = matrix.indptr.astype(np.int64)
    values = np.ascontiguousarray(matrix.data, dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        column = int(np.searchsorted(starts, wrong[0], side="right")) - 1
        raise StudyError(
            f"{values[wrong[0]]} is no finite number",
            place=f"covariates, column {column}",
            repair="give a number, or leave the covariate out",
        )
    rows = np.ascontiguousarray(matrix.indices, dtype=np.int32).view(np.uint32)
    return SparseColumns(starts, rows, values, _single(starts, values), matrix.shape[0])


@njit(cache=True, nogil=True)
def _single(starts, values):
    found = np.ones(starts.size - 1, dtype=np.bool_)
    for j in range(found.size):
        for k in range(starts[j] + 1, starts[j + 1]):
            if values[k] != values[starts[j]]:
                found[j] = False
                break
    return found
