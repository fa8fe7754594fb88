"""Summary: how a covariate is spread over the two groups, without small counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.covariate_matrix import CovariateMatrix
from understudy.causal.masking import SMALLEST, is_small

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csc_matrix

_BLOCK = 4_000_000  # values looked at together


def summary(matrix: CovariateMatrix, treatment: ArrayLike) -> pd.DataFrame:
    """Counts, means and standardised differences of all covariates, for readers: small counts are masked.

    Where one of several levels is masked and all others are not, the next smallest is masked too: it could be told by
    subtraction.

    Parameters
    ----------
    matrix : CovariateMatrix
        Not yet divided by `tidy`, or the means are of what it made.
    treatment : array of 0 and 1, shape (n,)
        1 in the target, 0 in the comparator group.

    Returns
    -------
    DataFrame
        covariate_id, name, analysis_id; target_count and comparator_count (text: how many have it; of a measurement,
        how many were measured), target_mean and comparator_mean (of a measurement, of those measured; else of all) with
        target_sd and comparator_sd, and standardised_difference, all missing where a count is masked.

    Examples
    --------
    >>> import pandas as pd
    >>> from scipy.sparse import csc_matrix
    >>> covariates = pd.DataFrame({"covariate_id": [1001], "name": ["anaemia"], "analysis_id": [210]})
    >>> matrix = CovariateMatrix(csc_matrix(np.arange(20)[:, None] % 2.0), np.arange(20), covariates)
    >>> summary(matrix, np.arange(20) < 15)[["target_count", "target_mean", "comparator_count"]]
      target_count  target_mean comparator_count
    0            7     0.466667               <5
    """
    treated = _groups(treatment, matrix.values.shape[0])
    zeros = matrix.covariates.get("missing_means_zero")
    zero = np.ones(matrix.values.shape[1], bool) if zeros is None else zeros.to_numpy(bool)
    names = [each for each in ("covariate_id", "name", "analysis_id") if each in matrix.covariates]
    table = matrix.covariates[names].copy()
    moments = {}
    for group, inside in (("target", treated), ("comparator", ~treated)):
        count, mean, variance = _moments(matrix.values, inside, zero)
        moments[group] = (mean, variance)
        hidden = _hidden(count, table["analysis_id"].to_numpy(), int(inside.sum()))
        table[f"{group}_count"] = [_shown(n, masked) for n, masked in zip(count, hidden, strict=True)]
        table[f"{group}_mean"] = np.where(hidden, np.nan, mean)
        table[f"{group}_sd"] = np.where(hidden, np.nan, np.sqrt(variance))
    unseen = table["target_mean"].isna() | table["comparator_mean"].isna()
    table["standardised_difference"] = np.where(unseen, np.nan, _difference(moments))
    return table


def _groups(treatment: ArrayLike, entries: int) -> NDArray[np.bool_]:
    given = np.asarray(treatment)
    if given.shape != (entries,):
        raise ValueError(f"treatment has shape {given.shape}; give one value for each of {entries} entries")
    if not np.isin(given, (0, 1)).all():
        raise ValueError("treatment holds other values than 0 and 1")
    return given.astype(bool)


def _moments(
    values: csc_matrix, inside: NDArray[np.bool_], zero: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Of each column within a group: how many have it, mean and variance (divided by n, as OHDSI's)."""
    sums = np.zeros((4, values.shape[1]))
    for columns in _blocks(values):
        held = slice(values.indptr[columns.start], values.indptr[columns.stop])
        owner = np.repeat(
            np.arange(columns.stop - columns.start), np.diff(values.indptr[columns.start : columns.stop + 1])
        )
        weight, data = inside[values.indices[held]].astype(float), values.data[held]
        for row, what in enumerate((weight, weight * (data != 0), weight * data, weight * data**2)):
            sums[row, columns] = np.bincount(owner, what, columns.stop - columns.start)
    stored, unequal_zero, total, squares = sums
    among = np.where(zero, float(inside.sum()), stored)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / among
        variance = np.maximum(squares / among - mean**2, 0.0)
    return np.where(zero, unequal_zero, stored).astype(np.int64), mean, variance


def _blocks(values: csc_matrix) -> Iterator[slice]:
    """Columns in turn, so many that their values are few millions: what is computed of them stays small."""
    begin = 0
    while begin < values.shape[1]:
        end = int(np.searchsorted(values.indptr, values.indptr[begin] + _BLOCK, side="right")) - 1
        end = min(max(end, begin + 1), values.shape[1])
        yield slice(begin, end)
        begin = end


def _hidden(counts: NDArray[np.int64], analysis: NDArray[np.int64], entries: int) -> NDArray[np.bool_]:
    """Which counts are masked: the small ones, and where one alone of all levels is small, the next."""
    hidden = np.array([is_small(count) for count in counts], bool)
    for each in np.unique(analysis[hidden]):
        own = np.flatnonzero(analysis == each)
        told = own[~hidden[own] & (counts[own] > 0)]
        if hidden[own].sum() == 1 and counts[own].sum() == entries and told.size:
            hidden[told[np.argmin(counts[told])]] = True
    return hidden


def _shown(count: int, hidden: bool) -> str:
    if not hidden:
        return f"{count:,}"
    return f"<{SMALLEST}" if is_small(count) else "masked"


def _difference(moments: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]) -> NDArray[np.float64]:
    """Difference of the means in units of the two groups' mean spread; zero where there is neither."""
    (target, first), (comparator, second) = moments["target"], moments["comparator"]
    spread = np.sqrt((first + second) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(target == comparator, 0.0, (target - comparator) / spread)
