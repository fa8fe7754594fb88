"""Contrast: residual outcomes and how they go with the arm, in the trial and in copies of it with permuted arms.

The residual of each outcome about what covariates say of it is made by cross-fitting and knows nothing of arms, so that
arms can be permuted thousands of times without making it again. Its product with the residual of the arm is what the
R-learner is about (Nie and Wager 2021, doi:10.1093/biomet/asaa076); the share of the treated is known. The test is
that all respond alike, so the mean effect is taken out before arms are permuted (Ding, Feller and Miratrix 2016,
doi:10.1111/rssb.12124).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.core.random import uniforms

FOLDS = 5
# The penalty of the ridge, in units of the number of subjects; the second is for effects, of which less is known.
_PENALTY, _EFFECT_PENALTY = 0.01, 0.1


@dataclass(frozen=True, eq=False)
class Contrast:
    """A trial of two arms, made ready for permutation.

    Parameters
    ----------
    matrix : float array, shape (n, p)
        Features, centred and scaled.
    residual : float array, shape (n,)
        Outcome less what covariates say of it, from other folds, and less the mean effect.
    mean : float
        The mean effect.
    treated : bool array, shape (n,)
    folds : int array, shape (n,)
    strata : int array, shape (n,)
        Within which arms were randomised, and are permuted.
    """

    matrix: np.ndarray
    residual: np.ndarray
    mean: float
    treated: np.ndarray
    folds: np.ndarray
    strata: np.ndarray

    @property
    def share(self) -> float:
        """Of the treated."""
        return float(self.treated.mean())

    def arms(self, copies: int, seed: int) -> NDArray[np.float64]:
        """Residual arms: those of the trial first, then `copies` permutations, shape (1 + copies, n)."""
        u = uniforms(seed, "permuted arms", np.arange(copies), self.treated.size)
        permuted = np.empty((copies, self.treated.size), dtype=bool)
        for stratum in np.unique(self.strata):
            own = np.flatnonzero(self.strata == stratum)
            permuted[:, own] = self.treated[own][np.argsort(u[:, own], axis=1)]
        return np.vstack([self.treated[None], permuted]) - self.share

    def effects(self, arms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Each subject's effect beyond the mean as the other folds foretell it, by ridge regression.

        Shape (rows of arms, n).
        """
        found = np.empty(arms.shape)
        for fold in range(FOLDS):
            own = self.folds == fold
            found[:, own] = self._coefficients(arms, ~own) @ with_one(self.matrix[own]).T
        return found

    def coefficients(self, arms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of the effect, from all subjects, shape (rows of arms, 1 + features): the mean effect first."""
        return self._coefficients(arms, np.ones(self.treated.size, dtype=bool))

    def _coefficients(self, arms: NDArray[np.float64], used: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Of minimising sum (residual - arm * effect)² + penalty; residual arms squared have one mean, by design."""
        x, n = with_one(self.matrix[used]), int(used.sum())
        spread = self.share * (1.0 - self.share)
        penalty = n * spread * _EFFECT_PENALTY * np.eye(x.shape[1])
        penalty[0, 0] = 0.0
        right = (arms[:, used] * self.residual[used]) @ x
        return np.linalg.solve(spread * x.T @ x + penalty, right.T).T

    def signals(self, arms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Unbiased, noisy effects of single subjects beyond the mean, shape (rows of arms, n)."""
        return arms * self.residual / (self.share * (1.0 - self.share))


def contrast_of(
    matrix: np.ndarray, treated: np.ndarray, outcome: np.ndarray, seed: int, strata: np.ndarray | None = None
) -> Contrast:
    """Residuals by a ridge regression on the other folds, and the folds; one stratum where none are given."""
    n = outcome.size
    folds = np.argsort(np.argsort(uniforms(seed, "folds of subjects", np.arange(n), 1)[:, 0])) % FOLDS
    residual = np.empty(n)
    for fold in range(FOLDS):
        own = folds == fold
        x = with_one(matrix[~own])
        penalty = (~own).sum() * _PENALTY * np.eye(x.shape[1])
        penalty[0, 0] = 0.0
        beta = np.linalg.solve(x.T @ x + penalty, x.T @ outcome[~own])
        residual[own] = outcome[own] - with_one(matrix[own]) @ beta
    mean = float(residual[treated].mean() - residual[~treated].mean())
    within = np.zeros(n, dtype=np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    return Contrast(matrix, residual - mean * (treated - treated.mean()), mean, treated, folds, within)


def with_one(matrix: np.ndarray) -> np.ndarray:
    """The matrix with a column of ones before it."""
    return np.column_stack([np.ones(len(matrix)), matrix])


def calibration_slopes(
    effects: NDArray[np.float64], signals: NDArray[np.float64], arms: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope of what was seen on what was foretold, one for well-foretold differences, and its t statistic.

    The best linear predictor of Chernozhukov, Demirer, Duflo and Fernández-Val 2018, doi:10.3386/w24678; errors are
    robust (HC0).

    Parameters
    ----------
    effects, signals, arms : float arrays, shape (copies, n)

    Returns
    -------
    slopes, statistics : float arrays, shape (copies,)
    """
    centred = effects - effects.mean(axis=1, keepdims=True)
    spread = (centred**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (centred * signals).sum(axis=1) / spread
        mean = signals.mean(axis=1, keepdims=True)
        left = signals - mean - slope[:, None] * centred
        error = np.sqrt((centred**2 * left**2).sum(axis=1)) / spread
        return slope, np.where(error > 0, slope / error, 0.0)
