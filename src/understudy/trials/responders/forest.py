"""Forest: effects by trees of scikit-learn, each copy of a trial with trees of its own.

What is learned once is learned by random forests (Breiman 2001, doi:10.1023/A:1010933404324), what is learned in every
copy by extremely randomised trees (Geurts, Ernst and Wehenkel 2006, doi:10.1007/s10994-006-6226-1), each of half of the
subjects, which are grown twenty times as fast.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import MissingExtraError
from understudy.core.random import stream_key, uniforms
from understudy.trials.responders.learner import Learned, Learner

# Trees of what is learned once, of effects in each copy, and of the outcome of either arm in each copy.
_TREES, _EFFECT_TREES, _ARM_TREES = 200, 30, 10
# The least share of a tree's subjects in a leaf, the most subjects that a tree sees, the share of features at a split.
_LEAF, _MOST, _FEATURES = 0.1, 2000, 0.5
_ROWS = 500


class Forest(Learner):
    """The R-learner and the DR-learner by trees."""

    name = "forest"

    def foretold(self, outcome: NDArray[np.float64]) -> NDArray[np.float64]:
        found = np.empty(outcome.size)
        for fold, own in enumerate(self.members):
            others = np.flatnonzero(self.folds != fold)
            found[own] = self._forest(others, outcome[others], "outcome", fold).predict(self._single[own])
        return found

    def hazards(self, time: NDArray[np.float64], event: NDArray[np.int64]):
        """By the neighbours that a forest of residual events gives (Hothorn et al. 2004, doi:10.1002/sim.1593)."""

        def found(others, own, at):
            residual = event[others] - _cumulative(time[others], event[others])
            made = self._forest(others, residual, "hazard", int(self.folds[own[0]]))
            leaves = made.apply(self._single[others])
            parts = [own[start : start + _ROWS] for start in range(0, own.size, _ROWS)]
            return np.vstack([
                _near(leaves, made.apply(self._single[part]), time[others], event[others], at) for part in parts
            ])  # fmt: skip

        return found

    def r_learner(self, residual: NDArray[np.float64], arms: NDArray[np.float64], first: int) -> Learned:
        residual, effects = np.broadcast_to(residual, arms.shape), np.empty(arms.shape)
        for fold, own in enumerate(self.members):
            others = np.flatnonzero(self.folds != fold)
            for row in range(len(arms)):
                arm = arms[row, others]
                weight = _unless_even(arm**2)
                effects[row, own] = self._trees(
                    others, residual[row, others] / arm, weight, own, _EFFECT_TREES, (first + row, fold)
                )
        return Learned(effects, None, None)

    def dr_learner(self, residual: NDArray[np.float64], arms: NDArray[np.float64], first: int) -> Learned:
        residual = np.broadcast_to(residual, arms.shape)
        effects, control, drug = (np.empty(arms.shape) for _ in range(3))
        for fold, own in enumerate(self.members):
            others = np.flatnonzero(self.folds != fold)
            for row in range(len(arms)):
                key = (first + row, fold)
                inside, outside = self._outcomes(residual[row], arms[row], others, own, key)
                control[row, own], drug[row, own] = outside
                score = self.scores(residual[row, others], arms[row, others], *inside, others)
                effects[row, own] = self._trees(others, score, None, own, _EFFECT_TREES, key)
        return Learned(effects, control, drug)

    def _outcomes(self, left: NDArray, arm: NDArray, others: NDArray, own: NDArray, key: tuple[int, ...]):
        """What trees of either arm say of their learners' other half, and of the fold left out; (2, subjects) each."""
        inside, outside = np.empty((2, others.size)), np.zeros((2, own.size))
        half, both = np.arange(others.size) % 2, np.concatenate([others, own])
        for group, part in ((0, 0), (0, 1), (1, 0), (1, 1)):
            learners = others[(half == part) & ((arm[others] > 0) == bool(group))]
            found = self._trees(learners, left[learners], None, both, _ARM_TREES, (*key, group, part))
            inside[group, half != part] = found[: others.size][half != part]
            outside[group] += found[others.size :] / 2
        return inside, outside

    @cached_property
    def _single(self) -> NDArray[np.float32]:
        return np.ascontiguousarray(self.matrix, dtype=np.float32)

    @cached_property
    def _priority(self) -> NDArray[np.float64]:
        """By which each tree chooses its subjects, shape (trees, n); no arm has a part in it."""
        return uniforms(self.seed, "subjects of trees", np.arange(_EFFECT_TREES), len(self.matrix))

    def _trees(
        self,
        rows: NDArray,
        target: NDArray,
        weight: NDArray | None,
        at: NDArray,
        trees: int,
        key: tuple[int, ...],
    ) -> NDArray[np.float64]:
        """Mean of what trees of some subjects say of others; the random numbers of a key are the same in any order."""
        sklearn = _sklearn()
        size = max(min(rows.size // 2, _MOST), min(rows.size, 2))
        tree = sklearn.tree.ExtraTreeRegressor(
            min_samples_leaf=max(2, int(_LEAF * size)), max_features=_FEATURES,
            random_state=np.random.RandomState(stream_key(self.seed, f"trees {key}")[0] % 2**32),
        )  # fmt: skip
        total, x = np.zeros(at.size), self._single[at]
        # Inputs are checked once, by `matrix`, not a hundred thousand times.
        with sklearn.config_context(skip_parameter_validation=True):
            for k in range(trees):
                own = np.argpartition(self._priority[k, rows], size - 1)[:size]
                seen = rows[own]
                tree.fit(
                    self._single[seen],
                    target[own],
                    None if weight is None else weight[own],
                    check_input=False,
                )
                total += tree.tree_.predict(x)[:, 0]
        return total / trees

    def _forest(self, rows: NDArray, target: NDArray, purpose: str, fold: int):
        """A random forest of some subjects."""
        return _sklearn().ensemble.RandomForestRegressor(
            _TREES, min_samples_leaf=max(5, int(_LEAF * min(rows.size, _MOST) / 2)), max_features=_FEATURES,
            max_samples=min(_MOST / rows.size, 1.0),
            random_state=stream_key(self.seed, f"forest {purpose} {fold}")[0] % 2**32,
        ).fit(self._single[rows], target)  # fmt: skip


def _unless_even(weights: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Weights, or None where they differ by less than a tenth, as in arms of like size: they would double the time."""
    return None if weights.max() < 1.1 * weights.min() else weights


def _sklearn():
    try:
        import sklearn
        import sklearn.ensemble
        import sklearn.tree
    except ImportError:
        raise MissingExtraError(
            "scikit-learn is not installed", place="learner", repair="pip install 'understudy[trials]'"
        ) from None
    return sklearn


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
