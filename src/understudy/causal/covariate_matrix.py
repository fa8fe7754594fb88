"""Covariate matrix: what was known of each person when the treatment began, sparse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csc_matrix


@dataclass(frozen=True, eq=False)
class CovariateMatrix:
    """What was known of each person when the treatment began.

    Parameters
    ----------
    values : csc_matrix of float64, shape (n, p)
        An entry that is not stored is zero: the thing is not in the person's records.
    persons : int64 array, shape (n,)
        Person of each row, in the order of the study population.
    covariates : DataFrame
        One row a column, in their order: covariate_id (int64, concept · 1000 + analysis), name, analysis_id,
        concept_id, binary (bool).
    """

    values: csc_matrix
    persons: NDArray[np.int64]
    covariates: pd.DataFrame

    def columns(self, kept: ArrayLike) -> CovariateMatrix:
        """With only these columns, given as a mask or as positions."""
        kept = np.asarray(kept)
        where = np.flatnonzero(kept) if kept.dtype == bool else kept
        return CovariateMatrix(
            self.values[:, where], self.persons, self.covariates.iloc[where].reset_index(drop=True)
        )

    def rows(self, kept: ArrayLike) -> CovariateMatrix:
        """With only these rows, given as a mask or as positions."""
        kept = np.asarray(kept)
        where = np.flatnonzero(kept) if kept.dtype == bool else kept
        return CovariateMatrix(self.values.tocsr()[where].tocsc(), self.persons[where], self.covariates)
