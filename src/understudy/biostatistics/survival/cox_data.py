"""Patients as the partial likelihood wants them: sorted, standardised, with the end of each stratum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import Censored, labels
from understudy.biostatistics.survival.cox_kernel import partial_likelihood
from understudy.core.errors import DataError, Problem


@dataclass(frozen=True, eq=False)
class EventSums:
    """Sums over the risk set at each time of an event, by stratum; times run back within a stratum.

    Parameters
    ----------
    stratum : int array, shape (m,)
    time, number, weight : float array, shape (m,)
        Number and total weight of events.
    hazards : float array, shape (m, 3)
        Step of the baseline hazard; step for those with the event just then (less under Efron's ties); variance.
    means : float array, shape (3, m, p)
        Mean covariate (of the standardised ones), and its products with the first two hazards.
    spreads : float array, shape (m, p, p)
        Information of each time.
    """

    stratum: np.ndarray
    time: np.ndarray
    number: np.ndarray
    weight: np.ndarray
    hazards: np.ndarray
    means: np.ndarray
    spreads: np.ndarray


@dataclass(frozen=True, eq=False)
class CoxData:
    """Sorted patients.

    Parameters
    ----------
    order : int array, shape (n,)
        Place of each sorted row in what the user gave.
    x : float array, shape (n, p)
        Covariates, standardised: (covariate - centre) / scale.
    centre, scale : float array, shape (p,)
    time, entry, weight, offset : float array, shape (n,)
    event : bool array, shape (n,)
    bounds : int array, shape (strata + 1,)
        First row of each stratum, and the end.
    by_entry : int array, shape (n,)
        Rows of each stratum by entry, from last to first.
    strata : array, shape (strata,)
        Labels.
    ties : str
    """

    order: np.ndarray
    x: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray
    weight: np.ndarray
    offset: np.ndarray
    bounds: np.ndarray
    by_entry: np.ndarray
    strata: np.ndarray
    ties: str

    @cached_property
    def stratum(self) -> np.ndarray:
        """Number of each sorted row's stratum."""
        return np.repeat(np.arange(self.bounds.size - 1), np.diff(self.bounds))

    @property
    def delayed(self) -> bool:
        """Whether anyone entered late."""
        return self.by_entry.size > 0

    def likelihood(self, beta: np.ndarray, x: np.ndarray | None = None, offset: np.ndarray | None = None):
        """Log partial likelihood, score and information at coefficients of the standardised covariates."""
        x = self.x if x is None else x
        eta = x @ beta + (self.offset if offset is None else offset)
        if self.ties == "exact":
            from understudy.biostatistics.survival.exact_ties import exact_likelihood

            args = (self.time, self.event, self.entry, self.bounds)
            return exact_likelihood(x, eta, *args)
        return self._pass(x, eta, False, _no_sums(x.shape[1]))

    def event_sums(self, beta: np.ndarray) -> EventSums:
        """What the risk sets look like at coefficients of the standardised covariates."""
        p = self.x.shape[1]
        seen = self.event
        size = np.unique(np.column_stack([self.stratum[seen], self.time[seen]]), axis=0).shape[0]
        shapes = ((size, 3), (3, size, p), (size, p, p))
        sums = (np.zeros(size, np.int64), *np.zeros((3, size)), *(np.zeros(shape) for shape in shapes))
        self._pass(self.x, self.x @ beta + self.offset, True, sums)
        lower = sums[-1]
        symmetric = lower + np.tril(lower, -1).transpose(0, 2, 1)
        return EventSums(*sums[:-1], symmetric)

    def _pass(self, x: np.ndarray, eta: np.ndarray, keep: bool, sums: tuple):
        rows = (self.time, self.event, self.entry, self.weight, self.bounds, self.by_entry)
        efron = self.ties == "efron"
        return partial_likelihood(np.ascontiguousarray(x), eta, *rows, self.delayed, efron, keep, sums)


def _no_sums(p: int) -> tuple:
    return (
        np.zeros(0, np.int64),
        *np.zeros((3, 0)),
        np.zeros((0, 3)),
        np.zeros((3, 0, p)),
        np.zeros((0, p, p)),
    )


def sorted_patients(
    watched: Censored,
    matrix: np.ndarray,
    strata: ArrayLike | None,
    offset: np.ndarray | None,
    ties: str,
) -> CoxData:
    """Sort patients for one pass over each stratum.

    Raises
    ------
    DataError
        For labels of strata that are missing.
    """
    size = watched.time.size
    names, member = np.zeros(1), np.zeros(size, dtype=np.int64)
    if strata is not None:
        names, member = labels(strata, size, "strata")
    order = np.lexsort((-watched.time, member))
    member = member[order]
    shift = np.zeros(size) if offset is None else offset - offset.mean()
    centre = np.average(matrix, axis=0, weights=watched.weight)
    scale = matrix.std(axis=0)
    scale[scale == 0] = 1.0
    entry = watched.entry[order]
    by_entry = np.lexsort((-entry, member)) if watched.delayed else np.empty(0, dtype=np.int64)
    return CoxData(
        order,
        np.ascontiguousarray((matrix[order] - centre) / scale),
        centre,
        scale,
        watched.time[order],
        watched.event[order] > 0,
        entry,
        watched.weight[order],
        shift[order],
        np.searchsorted(member, np.arange(names.size + 1)),
        by_entry,
        names,
        ties,
    )


def refuse_collinear(information: np.ndarray, names: tuple[str, ...]) -> None:
    """Stop if some covariate says nothing that others, or the strata, do not say.

    Raises
    ------
    DataError
        Naming the covariates of a combination that is the same in all of every risk set.
    """
    spread = np.diag(information)
    still = spread <= 1e-12
    if still.any():
        cause = "is the same in everyone at risk, at every event"
        repair = "leave it out: no event tells of it (a constant, or constant within strata)"
        raise DataError(
            [Problem(cause, repair, column=names[k]) for k in np.flatnonzero(still)], place="the Cox model"
        )
    size = np.sqrt(spread)
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    if values[0] < 1e-10:
        involved = [names[k] for k in np.flatnonzero(np.abs(vectors[:, 0]) > 1e-3)]
        cause = f"{', '.join(involved)} are collinear: one of them follows from the others"
        raise DataError([Problem(cause, "leave one of them out", column=involved[-1])], place="the Cox model")
