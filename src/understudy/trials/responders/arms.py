"""Arms: who was treated, and copies of the trial in which chance decides again who is, within strata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.random import uniforms


@dataclass(frozen=True, eq=False)
class Arms:
    """The arms of a trial of two arms.

    Parameters
    ----------
    treated : bool array, shape (n,)
    strata : int array, shape (n,)
        Within which arms were randomised, and are permuted.

    Examples
    --------
    >>> arms = Arms(np.array([True, True, False, False, True, False]), np.zeros(6, dtype=int))
    >>> arms.rows(0, 3, seed=1).sum(axis=1).tolist()
    [3, 3, 3]
    """

    treated: np.ndarray
    strata: np.ndarray

    @property
    def share(self) -> NDArray[np.float64]:
        """Probability of being treated, that of each subject's stratum, shape (n,): known, as arms were randomised."""
        counts = np.bincount(self.strata)
        return (np.bincount(self.strata, self.treated) / counts)[self.strata]

    def rows(self, start: int, stop: int, seed: int) -> NDArray[np.bool_]:
        """Who is treated in some rows: row 0 is the trial, row k its k-th copy; shape (stop - start, n)."""
        drawn = np.arange(max(start, 1), stop)
        u = uniforms(seed, "permuted arms", drawn, self.treated.size)
        found = np.empty(u.shape, dtype=bool)
        for stratum in np.unique(self.strata):
            own = np.flatnonzero(self.strata == stratum)
            found[:, own] = _smallest(u[:, own], int(self.treated[own].sum()))
        return np.vstack([self.treated[None], found]) if start == 0 else found


def arms_of(treated: np.ndarray, strata: np.ndarray | None) -> Arms:
    """One stratum where none are given."""
    within = np.zeros(treated.size, dtype=np.int64)
    return Arms(treated, within if strata is None else np.unique(strata, return_inverse=True)[1])


def _smallest(u: NDArray[np.float64], count: int) -> NDArray[np.bool_]:
    """Which are among the `count` smallest of each row: each choice of so many is equally likely."""
    if count in (0, u.shape[1]):
        return np.full(u.shape, count > 0)
    return u <= np.partition(u, count - 1, axis=1)[:, count - 1 : count]
