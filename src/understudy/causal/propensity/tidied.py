"""Tidied covariates: without those that are redundant or rare, and scaled to a largest value of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.causal.covariate_matrix import CovariateMatrix


@dataclass(frozen=True, eq=False)
class Tidied:
    """Covariates as a regression takes them, and what was left out. Made by `tidied`.

    Parameters
    ----------
    matrix : CovariateMatrix
    infrequent, redundant : tuple of int
        Identifiers of covariates that were left out.
    """

    matrix: CovariateMatrix
    infrequent: tuple[int, ...]
    redundant: tuple[int, ...]


def tidied(covariates: CovariateMatrix, least_fraction: float = 0.001) -> Tidied:
    """Leave out what is redundant, then what is rare, then divide by the largest value, as FeatureExtraction does.

    Redundant is the commonest covariate of an analysis whose covariates of yes and no divide all persons among them
    (the intercept stands for it), and a covariate of yes and no that everybody has.
    """
    counts = np.diff(covariates.values.indptr)
    redundant = _redundant(covariates, counts)
    rare = (counts < least_fraction * covariates.persons.size) & ~redundant
    kept = covariates.columns(~(redundant | rare))
    largest = abs(kept.values).max(axis=0).toarray().ravel() if kept.values.shape[1] else np.empty(0)
    scaled = kept.values.copy()
    scaled.data = scaled.data / np.repeat(np.where(largest > 0, largest, 1.0), np.diff(scaled.indptr))
    identifiers = covariates.covariates["covariate_id"].to_numpy()
    return Tidied(
        CovariateMatrix(scaled, kept.persons, kept.covariates),
        tuple(int(each) for each in identifiers[rare]),
        tuple(int(each) for each in identifiers[redundant]),
    )


def _redundant(covariates: CovariateMatrix, counts: NDArray) -> NDArray[np.bool_]:
    binary = covariates.covariates["binary"].to_numpy(bool)
    analyses, n = covariates.covariates["analysis_id"].to_numpy(), covariates.persons.size
    found = binary & (counts == n)
    for analysis in np.unique(analyses[binary]):
        of_it = np.flatnonzero(binary & (analyses == analysis))
        if counts[of_it].sum() == n and (covariates.values[:, of_it].getnnz(axis=1) == 1).all():
            found[of_it[np.argmax(counts[of_it])]] = True
    return found
