"""Tidying: a covariate matrix without columns that tell nothing, on one scale."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.causal.covariate_matrix import CovariateMatrix

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csc_matrix

EVERYBODY = "redundant: everybody has it"
COMMONEST = "redundant: the commonest of levels of which everybody has one"
NOBODY = "nobody has it"


def tidy(
    matrix: CovariateMatrix,
    *,
    min_fraction: float = 0.001,
    normalise: bool = True,
    remove_redundant: bool = True,
) -> CovariateMatrix:
    """Without redundant and infrequent columns, each divided by its greatest value.

    As OHDSI's ``tidyCovariateData``: where everybody has exactly one of an analysis' covariates (sex, age group, year
    of entry), the commonest goes, and the others stay however rare they are.

    Parameters
    ----------
    matrix : CovariateMatrix
    min_fraction : float
        A covariate in fewer than this share of the entries (rounded down to a number of entries) goes; 0 keeps all.
    normalise : bool
        Whether values are divided by the greatest of their column (by the greatest magnitude where none is positive).
    remove_redundant : bool

    Returns
    -------
    CovariateMatrix
        With what was dropped, and why, in `dropped`, and what was divided by in ``covariates["divisor"]``.

    Examples
    --------
    >>> import pandas as pd
    >>> from scipy.sparse import csc_matrix
    >>> names = ["sex: male", "sex: female", "Charlson"]
    >>> covariates = pd.DataFrame({"covariate_id": [8507001, 8532001, 1901], "name": names})
    >>> covariates["analysis_id"] = covariates["covariate_id"] % 1000
    >>> values = csc_matrix([[1.0, 0, 4], [1, 0, 0], [0, 1, 2]])
    >>> tidied = tidy(CovariateMatrix(values, np.arange(3), covariates))
    >>> tidied.values.toarray().tolist()
    [[0.0, 1.0], [0.0, 0.0], [1.0, 0.5]]
    >>> tidied.dropped[["name", "reason"]].values.tolist()
    [['sex: male', 'redundant: the commonest of levels of which everybody has one']]

    References
    ----------
    Schuemie et al., FeatureExtraction, R package 3.13 (OHDSI).
    """
    if not 0 <= min_fraction < 1:
        raise ValueError(f"min_fraction is {min_fraction}; give a share from 0 to below 1")
    counts = np.diff(matrix.values.indptr)
    reasons = np.where(counts == 0, NOBODY, "").astype(object)
    rare = counts < int(np.floor(min_fraction * matrix.values.shape[0]))
    if remove_redundant:
        reasons, levels = _redundant(matrix, counts, reasons)
        rare &= ~levels
    reasons[rare & (reasons == "")] = f"infrequent: in fewer than {100 * min_fraction:g} % of the entries"
    kept = matrix.columns(reasons == "")
    dropped = _dropped(matrix.covariates, reasons)
    return replace(_normalised(kept) if normalise else kept, dropped=dropped)


def _redundant(
    matrix: CovariateMatrix, counts: NDArray[np.int64], reasons: NDArray[np.object_]
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Reasons, with those of redundant columns, and which columns are levels that everybody has one of."""
    entries, ids = matrix.values.shape[0], matrix.covariates["covariate_id"].to_numpy()
    binary = _all_ones(matrix.values)
    reasons = reasons.copy()
    reasons[binary & (counts == entries)] = EVERYBODY
    levels, analysis = np.zeros(counts.size, bool), matrix.covariates["analysis_id"].to_numpy()
    for each in np.unique(analysis):
        own = np.flatnonzero((analysis == each) & binary & (reasons == ""))
        if own.size and counts[own].sum() == entries and _exactly_one(matrix.values, own):
            levels[own] = True
            reasons[own[np.lexsort((ids[own], -counts[own]))[0]]] = COMMONEST
    return reasons, levels


def _all_ones(values: csc_matrix) -> NDArray[np.bool_]:
    """Which columns hold something, and only ones."""
    filled = np.diff(values.indptr) > 0
    ones = filled.copy()
    if filled.any():
        ones[filled] = ~np.logical_or.reduceat(values.data != 1, values.indptr[:-1][filled])
    return ones


def _exactly_one(values: csc_matrix, columns: NDArray[np.int64]) -> bool:
    """Whether each row has exactly one of these columns."""
    rows = np.concatenate([values.indices[values.indptr[k] : values.indptr[k + 1]] for k in columns])
    return bool((np.bincount(rows, minlength=values.shape[0]) == 1).all())


def _normalised(matrix: CovariateMatrix) -> CovariateMatrix:
    """With its own values changed in place: `matrix` is a selection that nobody else holds."""
    values = matrix.values
    divisor = np.ones(values.shape[1])
    filled = np.diff(values.indptr) > 0
    if filled.any():
        begins = values.indptr[:-1][filled]
        greatest, least = (reduce.reduceat(values.data, begins) for reduce in (np.maximum, np.minimum))
        divisor[filled] = np.where(greatest > 0, greatest, np.where(least < 0, -least, 1.0))
    for k in np.flatnonzero(divisor != 1):
        values.data[values.indptr[k] : values.indptr[k + 1]] /= divisor[k]
    return replace(matrix, covariates=matrix.covariates.assign(divisor=divisor))


def _dropped(covariates: pd.DataFrame, reasons: NDArray[np.object_]) -> pd.DataFrame:
    gone = reasons != ""
    names = [each for each in ("covariate_id", "name", "analysis") if each in covariates]
    return covariates.loc[gone, names].assign(reason=reasons[gone]).reset_index(drop=True)
