"""Simulated covariates of the size and shape of records of care, for `rwe_propensity`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Case:
    """A regression to solve.

    Parameters
    ----------
    name : str
    persons, covariates, entries : int
        Rows, columns, and about how many values are not zero.
    alike : bool
        Covariates go together: they hang on twenty traits of persons, and each third is a part of the one before, as a
        short window is of a long one.
    effects : int
        Covariates that decide on the treatment.
    searched : bool
        Whether the search of the variance is timed too.
    """

    name: str
    persons: int
    covariates: int
    entries: float
    alike: bool = False
    effects: int = 200
    searched: bool = False


def simulate(case: Case, seed: int = 0) -> tuple[sparse.csc_matrix, np.ndarray]:
    """Covariates of yes and no, and who got the target treatment."""
    drawn = np.random.default_rng(seed)
    share = _shares(case, drawn)
    columns = _alike(case, share, drawn) if case.alike else _apart(case, share, drawn)
    starts = np.concatenate([[0], np.cumsum([column.size for column in columns])])
    rows = np.concatenate(columns).astype(np.int32)
    x = sparse.csc_matrix((np.ones(rows.size), rows, starts), shape=(case.persons, case.covariates))
    effects = np.zeros(case.covariates)
    effects[drawn.choice(case.covariates, case.effects, replace=False)] = drawn.normal(0, 0.4, case.effects)
    eta = x @ effects
    p = 1 / (1 + np.exp(-(eta - eta.mean() - 0.5)))
    return x, (drawn.random(case.persons) < p).astype(np.int8)


def _shares(case: Case, drawn: np.random.Generator) -> np.ndarray:
    """Prevalences, a few common and many rare."""
    share = np.exp(drawn.normal(0, 1.4, case.covariates))
    for _ in range(50):
        share = np.clip(share * case.entries / (case.persons * share.sum()), 5e-4, 0.7)
    return share


def _apart(case: Case, share: np.ndarray, drawn: np.random.Generator) -> list[np.ndarray]:
    sizes = np.maximum((case.persons * share).astype(int), 1)
    return [np.sort(drawn.choice(case.persons, size, replace=False, shuffle=False)) for size in sizes]


def _alike(case: Case, share: np.ndarray, drawn: np.random.Generator) -> list[np.ndarray]:
    traits, columns = drawn.normal(size=(case.persons, 20)), []
    for j in range(case.covariates):
        if j % 3 == 2:
            part = drawn.random(columns[-1].size) < (0.6 if j % 2 else 0.95)
            columns.append(columns[-1][part])
            continue
        chosen = drawn.choice(20, 3, replace=False)
        value = traits[:, chosen] @ drawn.normal(size=3) + 0.7 * drawn.normal(size=case.persons)
        columns.append(np.flatnonzero(value > np.quantile(value, 1 - share[j])))
    return columns
