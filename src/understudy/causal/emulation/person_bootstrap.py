"""Person bootstrap: how often each person is drawn in a copy of the table, and what is estimated from many copies.

Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13: persons with all their rows are drawn.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import StudyError, UnderstudyError
from understudy.core.random import choices

Array = NDArray[np.float64]
_FEWEST = 20


@dataclass(frozen=True, eq=False)
class Resampled:
    """Estimates from copies of a table.

    Attributes
    ----------
    values : array, shape (copies that could be estimated, …)
    failed : int
        Copies that could not, such as those without an outcome in an arm.
    """

    values: Array
    failed: int

    def interval(self, level: float = 0.95) -> Array:
        """Percentiles, shape (2, …)."""
        tail = (1 - level) / 2
        return np.quantile(self.values, [tail, 1 - tail], axis=0)

    @property
    def standard_error(self) -> Array:
        """Standard deviation of the copies' estimates."""
        return self.values.std(axis=0, ddof=1)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What a reader should know."""
        total = len(self.values) + self.failed
        return (f"{self.failed} of {total} resampled tables could not be estimated",) if self.failed else ()


def times_drawn(persons: int, seed: int, copy: int) -> Array:
    """How often each person is drawn in a copy, shape (persons,).

    Examples
    --------
    >>> float(times_drawn(10, 1, 0).sum())
    10.0
    """
    drawn = choices(seed, f"bootstrap {copy}", range(persons), persons)
    return np.bincount(drawn, minlength=persons).astype(float)


def resampled(estimate: Callable[[Array], Array], persons: int, copies: int, seed: int) -> Resampled:
    """Estimate again from copies of a table.

    Parameters
    ----------
    estimate : callable
        From how often each person is drawn, shape (persons,), to estimates.
    persons, copies, seed : int

    Returns
    -------
    Resampled

    Raises
    ------
    StudyError
        For fewer than 20 copies, and where fewer than half of them could be estimated.
    """
    if copies < _FEWEST:
        raise StudyError(
            f"{copies} resamples say nothing",
            place="bootstrap",
            repair=f"ask for {_FEWEST} or more, such as 500",
        )

    def one(copy: int) -> Array | None:
        try:
            return np.asarray(estimate(times_drawn(persons, seed, copy)), dtype=float)
        except (UnderstudyError, np.linalg.LinAlgError):
            return None

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        every = list(threads.map(one, range(copies)))
    found = [each for each in every if each is not None]
    failed = copies - len(found)
    if len(found) < copies / 2:
        raise StudyError(
            f"only {len(found)} of {copies} resampled tables could be estimated",
            place="bootstrap", repair="leave terms out of the models: there are too few outcomes for them",
        )  # fmt: skip
    return Resampled(np.array(found), failed)
