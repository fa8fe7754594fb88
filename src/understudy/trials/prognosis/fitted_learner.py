"""Fitted learner: linear predictors and boosted trees as plain numbers, which JSON can hold and anyone can check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class LinearPredictor:
    """An intercept and a coefficient for each column.

    Examples
    --------
    >>> LinearPredictor(1.0, (2.0,)).predict(np.array([[3.0]])).tolist()
    [7.0]
    """

    intercept: float
    coefficients: tuple[float, ...]

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predictions, shape (rows,)."""
        return self.intercept + matrix @ np.array(self.coefficients)

    def scaled(self, mean: float, spread: float) -> LinearPredictor:
        """The predictor of mean + spread · outcome."""
        return LinearPredictor(mean + spread * self.intercept, tuple(spread * b for b in self.coefficients))


@dataclass(frozen=True)
class Tree:
    """A regression tree by the numbers of its nodes.

    Parameters
    ----------
    column : tuple of int
        On which a node splits; -1 in a leaf.
    threshold : tuple of float
        Values up to it go left.
    left, right : tuple of int
        Numbers of the next nodes.
    value : tuple of float
        Prediction of each leaf.
    """

    column: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]

    def predict(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Predictions, shape (rows,)."""
        column, threshold = np.array(self.column), np.array(self.threshold)
        left, right = np.array(self.left), np.array(self.right)
        node, rows = np.zeros(len(matrix), dtype=np.int64), np.arange(len(matrix))
        while (column[node] >= 0).any():
            down = matrix[rows, np.maximum(column[node], 0)] <= threshold[node]
            node = np.where(column[node] < 0, node, np.where(down, left[node], right[node]))
        return np.array(self.value)[node]


@dataclass(frozen=True)
class BoostedTrees:
    """A start and trees that add to it (Friedman 2001, doi:10.1214/aos/1013203451).

    Parameters
    ----------
    start, rate : float
    trees : tuple of Tree
    """

    start: float
    rate: float
    trees: tuple[Tree, ...]

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predictions, shape (rows,); columns are compared in single precision, as they were when trees were grown."""
        single = np.asarray(matrix, dtype=np.float32)
        return self.start + self.rate * sum(
            (tree.predict(single) for tree in self.trees), np.zeros(len(single))
        )

    def scaled(self, mean: float, spread: float) -> BoostedTrees:
        """The predictor of mean + spread · outcome."""
        return BoostedTrees(mean + spread * self.start, spread * self.rate, self.trees)


def written(learner: Any, constant: float) -> LinearPredictor | BoostedTrees:
    """A fitted learner of scikit-learn as plain numbers.

    Parameters
    ----------
    learner : pipeline of a scaler and a linear model, or gradient boosting
    constant : float
        What boosting starts from.
    """
    if hasattr(learner, "estimators_"):
        return BoostedTrees(
            constant, float(learner.learning_rate), tuple(_tree(e.tree_) for e in learner.estimators_[:, 0])
        )
    scaler, model = learner[0], learner[-1]
    slopes = np.ravel(model.coef_) / scaler.scale_
    intercept = float(np.ravel(model.intercept_)[0] - slopes @ scaler.mean_)
    return LinearPredictor(intercept, tuple(slopes.tolist()))


def _tree(tree: Any) -> Tree:
    inner = tree.children_left >= 0
    return Tree(
        tuple(np.where(inner, tree.feature, -1).tolist()),
        tuple(np.where(inner, tree.threshold, 0.0).tolist()),
        tuple(np.where(inner, tree.children_left, 0).tolist()),
        tuple(np.where(inner, tree.children_right, 0).tolist()),
        tuple(tree.value[:, 0, 0].tolist()),
    )
