"""Evaluation: how well foretold effects agree with those seen in subjects who had no part in the foretelling.

All of it is of many rows at once, the trial and its copies. Scores are doubly robust: noisy, unbiased effects of single
subjects, beyond the mean effect.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from understudy.core.random import uniforms

_HALVES = 200


def within_folds(values: NDArray[np.float64], members: list[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Values less their fold's mean, shape (rows, n).

    Only differences within folds tell of the learner: a fold with large effects leaves small ones to learn from.
    """
    found = np.empty(values.shape)
    for own in members:
        found[:, own] = values[:, own] - values[:, own].mean(axis=1, keepdims=True)
    return found


def calibration(
    effects: NDArray[np.float64], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope of what was seen on what was foretold, one for well-foretold differences, and its standard error.

    The best linear predictor of Chernozhukov, Demirer, Duflo and Fernández-Val 2025, doi:10.3982/ECTA19303; errors are
    robust (HC0). Where nothing was foretold to differ the slope is zero, and its error infinite.

    Parameters
    ----------
    effects, scores : float arrays, shape (rows, n)
        Within folds.

    Examples
    --------
    >>> slope, error = calibration(np.array([[-1.0, 0, 1]]), np.array([[-2.0, 0, 2]]))
    >>> slope.tolist(), error.tolist()
    ([2.0], [0.0])
    """
    spread = (effects**2).sum(axis=1)
    flat = spread <= 1e-20 * effects.shape[1]
    below = np.where(flat, 1.0, spread)
    slope = np.where(flat, 0.0, (effects * scores).sum(axis=1) / below)
    left = scores - slope[:, None] * effects
    return slope, np.where(flat, np.inf, np.sqrt((effects**2 * left**2).sum(axis=1)) / below)


def ranking_weights(n: int, kind: str) -> NDArray[np.float64]:
    """Weights of scores in the order of foretold effects, the best first, whose sum is a rank-weighted effect.

    The area under the curve of how much larger than the mean the effect is in the foremost share of subjects (AUTOC),
    or that curve times the share (Qini): Yadlowsky, Fleming, Shah, Brunskill and Wager 2025,
    doi:10.1080/01621459.2024.2393466.

    Parameters
    ----------
    n : int
    kind : {"AUTOC", "Qini"}

    Examples
    --------
    >>> ranking_weights(2, "AUTOC").tolist()
    [0.25, -0.25]
    """
    place = np.arange(1, n + 1)
    # Of the mean of the first k less the mean of all, k from 1 to n, with weight 1 or k / n.
    each = 1.0 / place if kind == "AUTOC" else np.full(n, 1.0 / n)
    mean = np.ones(n) if kind == "AUTOC" else place / n
    return (each[::-1].cumsum()[::-1] - mean.sum() / n) / n


def in_order(effects: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores in the order of foretold effects, the best first, shape (rows, n)."""
    return np.take_along_axis(scores, np.argsort(-effects, axis=1, kind="stable"), axis=1)


def ranked(ordered: NDArray[np.float64], kind: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rank-weighted effect, and its standard error if nobody responded differently; shape (rows,).

    Parameters
    ----------
    ordered : float array, shape (rows, n)
        Scores, `in_order`.
    kind : {"AUTOC", "Qini"}
    """
    weights = ranking_weights(ordered.shape[1], kind)
    centred = ordered - ordered.mean(axis=1, keepdims=True)
    return ordered @ weights, np.sqrt(centred**2 @ weights**2)


def ranked_error(ordered: NDArray[np.float64], kind: str, seed: int) -> float:
    """Standard error of a rank-weighted effect, from halves of the subjects (Yadlowsky et al., section 3).

    Parameters
    ----------
    ordered : float array, shape (n,)
    """
    half = ordered.size // 2
    u = uniforms(seed, "halves of subjects", np.arange(_HALVES), ordered.size)
    picked = np.sort(np.argpartition(u, half, axis=1)[:, :half], axis=1)
    return float((ordered[picked] @ ranking_weights(half, kind)).std(ddof=1))


def policy_gain(
    effects: NDArray[np.float64], scores: NDArray[np.float64], mean: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gain of treating whom the score favours over the better of treating all and nobody, and its standard error.

    Parameters
    ----------
    effects, scores : float arrays, shape (rows, n)
        Beyond the mean.
    mean : float
        Mean effect.
    """
    gain = ((effects + mean > 0) * 1.0 - (mean > 0)) * (scores + mean)
    return gain.mean(axis=1), gain.std(axis=1) / np.sqrt(gain.shape[1])
