"""Ridge: effects of all copies of a trial at once, by sums over folds that regressions are made of.

The regressions of a fold without its subjects differ by sums of products only, and these are matrix products of arms
and of products of covariates, so that hundreds of copies cost little more than one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.trials.responders.learner import Learned, Learner

# Of the sum of squared coefficients, for each subject: of outcomes, and of effects, of which less is known.
_PENALTY, _EFFECT_PENALTY = 0.01, 0.1


@dataclass(frozen=True, eq=False)
class Sums:
    """Weighted sums of products in each fold.

    Parameters
    ----------
    square : float array, shape (folds, rows, p, p)
    cross : float array, shape (folds, rows, p)
    """

    square: np.ndarray
    cross: np.ndarray

    def without(self, *folds: int, penalty: float) -> NDArray[np.float64]:
        """Coefficients from all other folds, shape (rows, p); the first, of the intercept, is not shrunk."""
        kept = [k for k in range(len(self.square)) if k not in folds]
        square, cross = self.square[kept].sum(axis=0), self.cross[kept].sum(axis=0)
        shrink = np.eye(square.shape[-1])
        shrink[0, 0] = 0.0
        # The first sum of squares is that of the weights.
        square = square + penalty * square[:, :1, :1] * shrink
        return np.linalg.solve(square, cross[..., None])[..., 0]


class Ridge(Learner):
    """The R-learner and the DR-learner by linear regressions with a ridge."""

    name = "ridge"

    def foretold(self, outcome: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = self._sums(np.ones((1, outcome.size)), outcome[None])
        found = np.empty(outcome.size)
        for fold, own in enumerate(self.members):
            found[own] = (sums.without(fold, penalty=_PENALTY) @ self.design[own].T)[0]
        return found

    def hazards(self, time: NDArray[np.float64], event: NDArray[np.int64]):
        from understudy.trials.responders.penalised_cox import penalised_cox

        def found(others, own, at):
            fit = penalised_cox(time[others], event[others], self.matrix[others])
            return fit.hazards(self.matrix[own], at)

        return found

    def r_learner(self, residual: NDArray[np.float64], arms: NDArray[np.float64], first: int) -> Learned:
        sums = self._sums(arms**2, arms * residual, weighted=True)
        effects = np.empty(arms.shape)
        for fold, own in enumerate(self.members):
            effects[:, own] = sums.without(fold, penalty=_EFFECT_PENALTY) @ self.design[own].T
        return Learned(effects, None, None)

    def dr_learner(self, residual: NDArray[np.float64], arms: NDArray[np.float64], first: int) -> Learned:
        treated = (arms > 0).astype(float)
        one = self._sums(treated, treated * residual, weighted=True)
        both = self._sums(np.ones((1, arms.shape[1])), residual)
        groups = (Sums(both.square - one.square, both.cross - one.cross), one)
        effects, control, drug = (np.empty(arms.shape) for _ in range(3))
        for fold, own in enumerate(self.members):
            control[:, own], drug[:, own] = self._outcomes(groups, own, fold)
            cross = np.zeros((len(self.members), len(arms), self.design.shape[1]))
            for other, rows in enumerate(self.members):
                if other == fold:
                    continue
                # Outcomes of these are foretold without them, and without the fold whose effects are sought.
                expected = self._outcomes(groups, rows, fold, other)
                score = self.scores(residual[:, rows], arms[:, rows], *expected, rows)
                cross[other] = score @ self.design[rows]
            sums = Sums(both.square, cross)
            effects[:, own] = sums.without(fold, penalty=_EFFECT_PENALTY) @ self.design[own].T
        return Learned(effects, control, drug)

    def _outcomes(
        self, groups: tuple[Sums, Sums], rows: np.ndarray, *folds: int
    ) -> list[NDArray[np.float64]]:
        """What is foretold of subjects in either arm, without some folds, shape (2, rows of arms, subjects)."""
        return [each.without(*folds, penalty=_EFFECT_PENALTY) @ self.design[rows].T for each in groups]

    def _sums(self, weights: NDArray, targets: NDArray, weighted: bool = False) -> Sums:
        """Sums of weights and, where targets are not yet weighted, of unweighted targets."""
        p = self.design.shape[1]
        upper = np.triu_indices(p)
        square = np.empty((len(self.members), len(weights), p, p))
        cross = np.empty((len(self.members), len(targets), p))
        for fold, own in enumerate(self.members):
            x = self.design[own]
            half = weights[:, own] @ (x[:, upper[0]] * x[:, upper[1]])
            square[fold][:, upper[0], upper[1]] = half
            square[fold][:, upper[1], upper[0]] = half
            cross[fold] = targets[:, own] @ x
        return Sums(square, cross)
