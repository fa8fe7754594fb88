"""Covariate matrix: what was known of each person when the treatment began, sparse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csc_matrix


@dataclass(frozen=True, eq=False, repr=False)
class CovariateMatrix:
    """What was known of each person when the treatment began.

    Parameters
    ----------
    values : csc_matrix of float64, shape (n, p)
        An entry that is not stored is zero: the thing is not in the person's records. A zero that was recorded, such as
        a score of nought, is stored.
    persons : int64 array, shape (n,)
        Person of each row, in the order of the study population.
    covariates : DataFrame
        One row a column, in their order: covariate_id (int64, concept · 1000 + analysis), name, analysis_id,
        concept_id, binary (bool). `understudy.causal.covariates.build_covariates` adds analysis, window and
        missing_means_zero; `tidy` adds divisor.
    dropped : DataFrame or None
        What `tidy` took out: covariate_id, name, analysis, reason.

    Examples
    --------
    >>> import pandas as pd
    >>> from scipy.sparse import csc_matrix
    >>> covariates = pd.DataFrame({"covariate_id": [1002], "name": ["age in years"], "analysis_id": [2]})
    >>> matrix = CovariateMatrix(csc_matrix([[50.0], [62.0]]), np.array([7, 8]), covariates)
    >>> matrix
    CovariateMatrix: 2 entries × 1 covariates, 2 values stored
    >>> matrix.rows([True, False])
    CovariateMatrix: 1 entries × 1 covariates, 1 values stored
    """

    values: csc_matrix
    persons: NDArray[np.int64]
    covariates: pd.DataFrame
    dropped: pd.DataFrame | None = None

    def __repr__(self) -> str:
        rows, columns = self.values.shape
        return (
            f"CovariateMatrix: {rows:,} entries × {columns:,} covariates, {self.values.nnz:,} values stored"
        )

    def columns(self, kept: ArrayLike) -> CovariateMatrix:
        """With only these columns, given as a mask or as positions."""
        where = _positions(kept)
        covariates = self.covariates.iloc[where].reset_index(drop=True)
        return replace(self, values=self.values[:, where], covariates=covariates)

    def rows(self, kept: ArrayLike) -> CovariateMatrix:
        """With only these rows, given as a mask or as positions."""
        where = _positions(kept)
        return replace(self, values=self.values.tocsr()[where].tocsc(), persons=self.persons[where])


def _positions(kept: ArrayLike) -> NDArray[np.int64]:
    kept = np.asarray(kept)
    return np.flatnonzero(kept) if kept.dtype == bool else kept
