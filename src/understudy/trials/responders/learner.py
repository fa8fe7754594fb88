"""Learner: what foretells outcomes and effects of subjects in a fold from all others, in a trial and in its copies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Learned:
    """What was learned, each subject's numbers from other folds.

    Parameters
    ----------
    effects : float array, shape (rows, n)
        Beyond the mean effect.
    control, drug : float array, shape (rows, n), or None
        What is foretold in either arm beyond what is foretold without regard to arms; None: nothing.
    """

    effects: np.ndarray
    control: np.ndarray | None
    drug: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Learner(ABC):
    """A way to learn.

    The R-learner minimises the squares of outcome residuals less residual arms times effects (Nie and Wager 2021,
    doi:10.1093/biomet/asaa076); the DR-learner regresses doubly robust scores on covariates (Kennedy 2023,
    doi:10.1214/23-EJS2157). The probability of treatment is known, as arms were randomised.

    Parameters
    ----------
    matrix : float array, shape (n, p)
        Features with mean zero and standard deviation one.
    share : float array, shape (n,)
        Probability of being treated.
    folds : int array, shape (n,)
    seed : int
    """

    matrix: np.ndarray
    share: np.ndarray
    folds: np.ndarray
    seed: int
    name: ClassVar[str]

    @cached_property
    def members(self) -> list[NDArray[np.int64]]:
        """Subjects of each fold."""
        return [np.flatnonzero(self.folds == k) for k in range(self.folds.max() + 1)]

    @cached_property
    def design(self) -> NDArray[np.float64]:
        """The matrix with a column of ones before it."""
        return np.column_stack([np.ones(len(self.matrix)), self.matrix])

    @abstractmethod
    def foretold(self, outcome: NDArray[np.float64]) -> NDArray[np.float64]:
        """What covariates say of an outcome without regard to arms, shape (n,)."""

    @abstractmethod
    def hazards(self, time: NDArray[np.float64], event: NDArray[np.int64]) -> Callable[..., NDArray]:
        """What covariates say of times without regard to arms: see `censored_outcome`."""

    @abstractmethod
    def r_learner(self, residual: NDArray[np.float64], arms: NDArray[np.float64], first: int) -> Learned:
        """Effects by the R-learner.

        Parameters
        ----------
        residual : float array, shape (rows or 1, n)
            Outcomes less what is foretold of them and the mean effect.
        arms : float array, shape (rows, n)
            One for the treated and zero for others, less the probability of being treated.
        first : int
            Number of the first row, for random numbers.
        """

    @abstractmethod
    def dr_learner(self, residual: NDArray[np.float64], arms: NDArray[np.float64], first: int) -> Learned:
        """Effects by the DR-learner, as `r_learner`."""

    def scores(
        self,
        residual: NDArray,
        arms: NDArray,
        control: NDArray | None,
        drug: NDArray | None,
        rows=slice(None),
    ) -> NDArray[np.float64]:
        """Doubly robust scores of the effect beyond the mean: noisy, unbiased effects of single subjects."""
        share = self.share[rows]
        weight = arms / (share * (1.0 - share))
        if control is None or drug is None:
            return weight * residual
        expected = np.where(arms > 0, drug, control)
        return drug - control + weight * (residual - expected)
