"""Allocation: how many patients each protocol gets.

Multiplicative algorithm: Silvey SD, Titterington DM, Torsney B. An algorithm for optimal designs on a finite design
space. Commun Stat Theory Methods 1978;7:1379-1389, doi:10.1080/03610927808827719; for population designs, with the
Fedorov-Wynn algorithm, Retout 2007, doi:10.1002/sim.2910. Rounding: Pukelsheim F, Rieder S. Efficient rounding of
approximate designs. Biometrika 1992;79:763-770, doi:10.1093/biomet/79.4.763.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Of the efficiency that may be lost to stopping.
_NEAR, _MOST_STEPS, _MOST_ROUNDS = 1e-3, 500, 100
# Weights below this share of the largest are left out, until the slopes ask for them again.
_LEAST = 1e-4

# Of weights, shape (n,), and places, shape (k,), to derivatives of the criterion by those places' weights.
Slopes = Callable[[np.ndarray, np.ndarray], np.ndarray]


def optimal_weights(
    slopes: Slopes, block: np.ndarray, shares: np.ndarray, power: float
) -> tuple[np.ndarray, float]:
    """Weights of protocols that maximise a concave criterion, and the efficiency that they have at least.

    The multiplicative algorithm weighs the protocols that matter; as in the Fedorov-Wynn algorithm the one with the
    steepest slope of all then joins them.

    Parameters
    ----------
    slopes : function
    block : int array, shape (n,)
        Protocols whose weights have a given sum.
    shares : float array, shape (blocks,)
        Those sums.
    power : float
        Of the slopes by which weights are multiplied: 1 for D, 0.5 for A.

    Returns
    -------
    weights : float array, shape (n,)
    efficiency : float
        Against the best weights there are, by the equivalence theorem (Kiefer and Wolfowitz 1960,
        doi:10.4153/CJM-1960-030-4).
    """
    every = np.arange(block.size)
    weights = (shares / np.bincount(block, minlength=shares.size))[block]
    weights, _ = _weighed(slopes, weights, every, block, shares, power, 20)
    for _ in range(_MOST_ROUNDS):
        kept = np.flatnonzero(weights > _LEAST * _highest(weights, block, shares)[block])
        weights = _normal(np.where(np.isin(every, kept), weights, 0.0), block, shares)
        weights, _ = _weighed(slopes, weights, kept, block, shares, power, _MOST_STEPS)
        found = slopes(weights, every)
        gain = _gain(found, weights, block, shares)
        if gain < _NEAR:
            break
        steepest = np.array([np.where(block == k, found, -np.inf).argmax() for k in range(shares.size)])
        weights[steepest] += 0.05 * shares
        weights = _normal(weights, block, shares)
    return weights, float(np.exp(-gain))


def _weighed(
    slopes: Slopes, weights: np.ndarray, active: np.ndarray, block: np.ndarray, shares: np.ndarray, power: float,
    steps: int,
) -> tuple[np.ndarray, float]:  # fmt: skip
    """Weights of some protocols after the multiplicative algorithm, and what could still be gained among them."""
    gain = np.inf
    for _ in range(steps):
        found = slopes(weights, active)
        gain = _gain(found, weights[active], block[active], shares)
        if gain < 0.5 * _NEAR:
            break
        raised = np.zeros_like(weights)
        raised[active] = weights[active] * np.maximum(found, 0.0) ** power
        weights = _normal(raised, block, shares)
    return weights, gain


def _normal(weights: np.ndarray, block: np.ndarray, shares: np.ndarray) -> np.ndarray:
    return weights * (shares / np.bincount(block, weights, minlength=shares.size))[block]


def _highest(values: np.ndarray, block: np.ndarray, shares: np.ndarray) -> np.ndarray:
    found = np.full(shares.size, -np.inf)
    np.maximum.at(found, block, values)
    return found


def _gain(slopes: np.ndarray, weights: np.ndarray, block: np.ndarray, shares: np.ndarray) -> float:
    """By how much the criterion can grow at most: it is concave."""
    return float(_highest(slopes, block, shares) @ shares - slopes @ weights)


def whole_numbers(weights: np.ndarray, total: int) -> np.ndarray:
    """Patients of each protocol, by efficient rounding; of what is less than half a patient there is none.

    Examples
    --------
    >>> whole_numbers(np.array([0.5, 0.3, 0.2]), 10).tolist()
    [5, 3, 2]
    """
    told = np.flatnonzero(weights >= min(0.5 / total, weights.max() / weights.sum()) * weights.sum())
    told = told[np.argsort(-weights[told], kind="stable")][:total]
    own = weights[told] / weights[told].sum()
    counts = np.maximum(np.ceil((total - 0.5 * told.size) * own), 1).astype(int)
    while counts.sum() > total:
        counts[np.argmax((counts - 1) / own)] -= 1
    while counts.sum() < total:
        counts[np.argmin(counts / own)] += 1
    found = np.zeros(weights.size, dtype=int)
    found[told] = counts
    return found
