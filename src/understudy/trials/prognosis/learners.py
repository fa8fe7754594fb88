"""Learners: what may become a prognostic score, and how one is chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from understudy.core.errors import MissingExtraError
from understudy.core.random import uniforms
from understudy.trials.prognosis.fitted_learner import BoostedTrees, LinearPredictor, written

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS = 5
# Penalties over the number of patients, on standardised columns.
_PENALTIES = (0.003, 0.03, 0.3, 3.0)
_NET = (0.02, 0.1)
_SIZES = ((50, 2), (100, 2), (100, 3))
_RATE = 0.05
_LEAF = 10


def candidates(binary: bool) -> dict[str, Callable[[int], Any]]:
    """Makers of unfitted learners by name, each from the number of patients.

    Raises
    ------
    MissingExtraError
        Without scikit-learn.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            "scikit-learn is not installed",
            place="prognostic score",
            repair="pip install 'understudy[trials]'",
        ) from None
    linear = _logistic() if binary else _linear()
    return linear | {
        f"boosted trees, {trees} of depth {depth}": _boosted(trees, depth, binary) for trees, depth in _SIZES
    }


def _linear() -> dict[str, Callable[[int], Any]]:
    from sklearn.linear_model import ElasticNet, Ridge

    made = {f"ridge, penalty {p:g}": _scaled(lambda n, p=p: Ridge(alpha=p * n)) for p in _PENALTIES}
    # Shares of the outcome's spread: the net sees a standardised outcome.
    return made | {f"elastic net, penalty {p:g}": _scaled(lambda n, p=p: ElasticNet(alpha=p)) for p in _NET}


def _logistic() -> dict[str, Callable[[int], Any]]:
    from sklearn.linear_model import LogisticRegression

    # A penalty of the mean log-likelihood: scikit-learn's C is its inverse over the number of patients.
    return {
        f"ridge logistic, penalty {p:g}": _scaled(
            lambda n, p=p: LogisticRegression(C=1 / (p * n), max_iter=1000)
        )
        for p in _PENALTIES
    }


def _scaled(make: Callable[[int], Any]) -> Callable[[int], Any]:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return lambda n: make_pipeline(StandardScaler(), make(n))


def _boosted(trees: int, depth: int, binary: bool) -> Callable[[int], Any]:
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    kind = GradientBoostingClassifier if binary else GradientBoostingRegressor
    return lambda n: kind(
        n_estimators=trees, max_depth=depth, learning_rate=_RATE, min_samples_leaf=_LEAF, random_state=0
    )


def fitted(
    make: Callable[[int], Any], matrix: NDArray, target: NDArray, binary: bool
) -> LinearPredictor | BoostedTrees:
    """A learner fitted, as plain numbers; of a yes or no outcome it predicts the log odds."""
    mean, spread = float(target.mean()), float(target.std())
    if binary:
        return written(make(len(target)).fit(matrix, target.astype(int)), float(np.log(mean / (1 - mean))))
    return written(make(len(target)).fit(matrix, (target - mean) / spread), 0.0).scaled(mean, spread)


def folds_of(size: int, seed: int, purpose: str, target: NDArray) -> NDArray[np.int64]:
    """Fold of each patient, shape (size,): equal in size, and alike in the outcome's order.

    Neighbours in the order of the outcome go to different folds.
    """
    u = uniforms(seed, purpose, np.arange(size), 2)
    order = np.lexsort((u[:, 0], target))
    fold = np.empty(size, dtype=np.int64)
    for start in range(0, size, FOLDS):
        block = order[start : start + FOLDS]
        fold[block] = np.argsort(np.argsort(u[block, 1]))
    return fold


def choose(matrix: NDArray, target: NDArray, binary: bool, seed: int, purpose: str) -> str:
    """Name of the learner with the smallest squared error in cross-validation, the simpler among equals."""
    makers = candidates(binary)
    fold = folds_of(len(target), seed, purpose, target)
    losses = {name: 0.0 for name in makers}
    for name, make in makers.items():
        for k in range(FOLDS):
            losses[name] += _loss(make, matrix, target, binary, fold == k)
    return min(losses, key=lambda name: losses[name])


def _loss(make: Callable[[int], Any], matrix: NDArray, target: NDArray, binary: bool, out: NDArray) -> float:
    found = fitted(make, matrix[~out], target[~out], binary).predict(matrix[out])
    return float(np.sum((target[out] - natural(found, binary)) ** 2))


def natural(predicted: NDArray, binary: bool) -> NDArray[np.float64]:
    """Predictions on the outcome's scale."""
    from scipy.special import expit

    return expit(predicted) if binary else predicted


def nested_predictions(matrix: NDArray, target: NDArray, binary: bool, seed: int) -> NDArray[np.float64]:
    """Each patient's prediction by a learner that was chosen and fitted without this patient's fold, shape (n,).

    Varma & Simon 2006, doi:10.1186/1471-2105-7-91: choice within the fold, or the error looks too small.
    """
    makers, fold = candidates(binary), folds_of(len(target), seed, "outer folds", target)
    found = np.empty(len(target))
    for k in range(FOLDS):
        out = fold == k
        name = choose(matrix[~out], target[~out], binary, seed, f"inner folds {k}")
        found[out] = fitted(makers[name], matrix[~out], target[~out], binary).predict(matrix[out])
    return found
