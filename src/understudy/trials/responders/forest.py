"""Forest: effects by random forests of scikit-learn, each copy of a trial with forests of its own."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import MissingExtraError
from understudy.core.random import stream_key
from understudy.trials.responders.learner import Learned, Learner

# Trees of what is learned once, and of what is learned in every copy.
_TREES, _EFFECT_TREES = 200, 30
# The least share of subjects in a leaf, the most subjects that a tree of effects sees, the share of features at a split.
_LEAF, _MOST, _FEATURES = 0.05, 2000, 0.5
_ROWS = 500


class Forest(Learner):
    """The R-learner and the DR-learner by random forests (Breiman 2001, doi:10.1023/A:1010933404324)."""

    name = "forest"

    def foretold(self, outcome: NDArray[np.float64]) -> NDArray[np.float64]:
        found = np.empty(outcome.size)
        for fold, own in enumerate(self.members):
            others = np.flatnonzero(self.folds != fold)
            made = self._grown(others, outcome[others], None, _TREES, "outcome", fold)
            found[own] = made.predict(self._single[own])
        return found

    def hazards(self, time: NDArray[np.float64], event: NDArray[np.int64]):
        """By the neighbours that a forest of residual events gives (Hothorn et al. 2004, doi:10.1002/sim.1593)."""

        def found(others, own, at):
            residual = event[others] - _cumulative(time[others], event[others])
            made = self._grown(others, residual, None, _TREES, "hazard", int(self.folds[own[0]]))
            leaves = made.apply(self._single[others])
            parts = [own[start : start + _ROWS] for start in range(0, own.size, _ROWS)]
            return np.vstack([
                _near(leaves, made.apply(self._single[part]), time[others], event[others], at) for part in parts
            ])  # fmt: skip

        return found

    def r_learner(self, residual: NDArray[np.float64], arms: NDArray[np.float64], first: int) -> Learned:
        residual = np.broadcast_to(residual, arms.shape)
        effects = np.empty(arms.shape)
        for row, (left, arm) in enumerate(zip(residual, arms, strict=True)):
            for fold, own in enumerate(self.members):
                others = np.flatnonzero(self.folds != fold)
                target, weight = left[others] / arm[others], arm[others] ** 2
                made = self._grown(others, target, weight, _EFFECT_TREES, "effect", first + row, fold)
                effects[row, own] = made.predict(self._single[own])
        return Learned(effects, None, None)

    def dr_learner(self, residual: NDArray[np.float64], arms: NDArray[np.float64], first: int) -> Learned:
        residual = np.broadcast_to(residual, arms.shape)
        effects, control, drug = (np.empty(arms.shape) for _ in range(3))
        for row, (left, arm) in enumerate(zip(residual, arms, strict=True)):
            for fold, own in enumerate(self.members):
                others = np.flatnonzero(self.folds != fold)
                inside, outside = self._outcomes(left, arm, others, own, first + row, fold)
                control[row, own], drug[row, own] = outside
                score = self.scores(left[others], arm[others], *inside, others)
                made = self._grown(others, score, None, _EFFECT_TREES, "effect", first + row, fold)
                effects[row, own] = made.predict(self._single[own])
        return Learned(effects, control, drug)

    def _outcomes(self, left, arm, others, own, row: int, fold: int):
        """What forests of either arm say of their learners' other half, and of the fold left out; (2, subjects) each."""
        inside, outside = np.empty((2, others.size)), np.zeros((2, own.size))
        half = np.arange(others.size) % 2
        for group, part in ((0, 0), (0, 1), (1, 0), (1, 1)):
            learners = others[(half == part) & ((arm[others] > 0) == bool(group))]
            made = self._grown(learners, left[learners], None, _EFFECT_TREES, f"arm {group} {part}", row, fold)
            inside[group, half != part] = made.predict(self._single[others[half != part]])
            outside[group] += made.predict(self._single[own]) / 2
        return inside, outside

    @cached_property
    def _single(self) -> NDArray[np.float32]:
        return self.matrix.astype(np.float32)

    def _grown(self, rows, target, weight, trees: int, purpose: str, *key: int):
        """A forest of some subjects; its random numbers belong to seed, purpose and key."""
        try:
            from sklearn.ensemble import RandomForestRegressor
        except ImportError:
            raise MissingExtraError(
                "scikit-learn is not installed", place="learner", repair="pip install 'understudy[trials]'"
            ) from None
        made = RandomForestRegressor(
            trees, min_samples_leaf=max(5, int(_LEAF * min(rows.size, _MOST))), max_features=_FEATURES,
            max_samples=min(_MOST / rows.size, 1.0), random_state=stream_key(self.seed, f"forest {purpose} {key}")[0] % 2**32,
        )  # fmt: skip
        return made.fit(self._single[rows], target, sample_weight=weight)


def _cumulative(time: np.ndarray, event: np.ndarray) -> NDArray[np.float64]:
    """Nelson and Aalen's cumulative hazard at each subject's time."""
    order = np.argsort(time, kind="stable")
    at_risk = time.size - np.searchsorted(time[order], time[order], side="left")
    steps = np.cumsum(event[order] / at_risk)
    last = np.searchsorted(time[order], time[order], side="right") - 1
    found = np.empty(time.size)
    found[order] = steps[last]
    return found


def _near(leaves: np.ndarray, mine: np.ndarray, time: np.ndarray, event: np.ndarray, at: np.ndarray):
    """Cumulative hazards of subjects by the events of those who share their leaves, shape (subjects, times)."""
    near = np.zeros((len(mine), len(leaves)))
    for tree in range(leaves.shape[1]):
        same = mine[:, tree, None] == leaves[:, tree]
        near += same / np.maximum(same.sum(axis=1, keepdims=True), 1)
    seen = np.flatnonzero((event > 0) & (time <= at[-1]))
    if not seen.size:
        return np.zeros((len(mine), at.size))
    # Events up to each time of the grid and after the one before; at risk is who was watched at the first of them.
    bins, place = np.unique(at.searchsorted(time[seen]), return_inverse=True)
    first = np.full(bins.size, np.inf)
    np.minimum.at(first, place, time[seen])
    at_risk = near @ (time[:, None] >= first)
    happened = np.zeros((time.size, bins.size))
    happened[seen, place] = 1.0
    steps = np.divide(near @ happened, at_risk, out=np.zeros(at_risk.shape), where=at_risk > 0)
    total = np.concatenate([np.zeros((len(mine), 1)), np.cumsum(steps, axis=1)], axis=1)
    return total[:, bins.searchsorted(np.arange(at.size), side="right")]
