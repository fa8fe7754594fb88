"""Weighted log-rank: tests of many simulated trials at once for hazards that are not proportional, and their max-combo.

Fleming and Harrington, *Counting Processes and Survival Analysis* (1991), section 7.3; the largest of several as in
Lin and others, Stat Biopharm Res 12, 187 (2020), doi:10.1080/19466315.2019.1697738.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from understudy.core.errors import SimulationError
from understudy.trials.designs.log_rank import log_rank_batch

Weights = tuple[tuple[float, float], ...]
LOG_RANK: Weights = ((0.0, 0.0),)
MAX_COMBO: Weights = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
_POINTS, _CELLS = 1024, 400_000
_TINY = 1e-12


def survival_z(
    time: NDArray[np.float64], event: NDArray[np.bool_], treated: NDArray[np.bool_], weights: Weights
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Z of the log-rank test, of a weighted one, or of the largest of several; and log hazard ratios.

    Parameters
    ----------
    time : array of float, shape (trials, patients)
        Time under observation; a patient with none (zero or less) is left out.
    event, treated : array of bool, shape (trials, patients)
    weights : tuple of (rho, gamma)
        Fleming and Harrington's S^ρ (1 - S)^γ. Of several the largest Z is turned into the normal score with the same
        one-sided p value, which knows how the tests go together.

    Returns
    -------
    z, log_hazard_ratio : array of float, shape (trials,)
        z is above zero where the treated have fewer events than expected, 0 where nothing tells the arms apart.

    Examples
    --------
    >>> time = np.array([[1.0, 2, 3, 4, 5, 6]])
    >>> treated = np.array([[False, False, True, False, True, True]])
    >>> z, _ = survival_z(time, time > 0, treated, ((0.0, 1.0),))
    >>> round(float(z[0]), 3)
    1.214
    """
    if weights == LOG_RANK:
        z, ratio, _ = log_rank_batch(time, event, treated)
        return z, ratio
    from understudy.biostatistics.survival.many_trials import log_rank_many

    inside = time > 0
    # Without time under observation a patient leaves before the first event: it is in no risk set.
    found = log_rank_many(np.where(inside, time, 0.0), event & inside, treated, weights=weights)
    z = -found.z
    ratio = np.where(np.isfinite(found.log_hazard_ratio), found.log_hazard_ratio, np.nan)
    known = np.isfinite(z).all(axis=1)
    if len(weights) == 1:
        return np.where(known, z[:, 0], 0.0), ratio
    score = np.zeros(len(z))
    score[known] = _joint_score(z[known].max(axis=1), found.correlation[known])
    return score, ratio


def checked_weights(weights: Sequence[tuple[float, float]], place: str) -> Weights:
    """Weights as pairs of floats, or an error."""
    pairs = tuple(tuple(float(each) for each in pair) for pair in weights)
    if not pairs or any(len(pair) != 2 or min(pair) < 0 for pair in pairs) or len(set(pairs)) < len(pairs):
        raise SimulationError(
            f"weights {weights}",
            place=place,
            repair="give pairs of rho and gamma from 0 up, as ((0, 0), (0, 1))",
        )
    return pairs


def _joint_score(largest: NDArray[np.float64], correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal score of the chance that the largest of correlated normal numbers is as large."""
    from scipy.special import ndtri

    size = max(1, _CELLS // _POINTS)
    chance = np.empty(len(largest))
    for start in range(0, len(largest), size):
        part = slice(start, start + size)
        chance[part] = _below(largest[part], correlation[part])
    return ndtri(np.clip(chance, 1e-15, 1 - 1e-15))


def _below(limit: NDArray[np.float64], correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that all normal numbers are below a limit, shape (trials,).

    By conditioning one after the other (Genz, J Comput Graph Stat 1, 141 (1992), doi:10.1080/10618600.1992.10477010)
    at the points of a Richtmyer lattice. Tests may depend on each other: S + (1 - S) is 1.
    """
    from scipy.special import ndtr, ndtri

    count = correlation.shape[1]
    root = _triangular(correlation)
    step = np.sqrt(np.array([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0]))[: max(count - 1, 1)]
    points = (np.arange(1, _POINTS + 1)[:, None] * step + 0.5) % 1.0
    points = np.abs(2 * points - 1)  # folded, which smooths the ends
    drawn = np.zeros((len(limit), _POINTS, count))
    chance = np.ones((len(limit), _POINTS))
    for k in range(count):
        mean = np.einsum("tpk,tk->tp", drawn[..., :k], root[:, k, :k])
        width = root[:, k, k][:, None]
        inside = np.where(
            width > 1e-5, ndtr((limit[:, None] - mean) / np.maximum(width, _TINY)), limit[:, None] >= mean
        )
        chance *= inside
        if k + 1 < count:
            drawn[..., k] = ndtri(np.clip(points[None, :, k] * inside, _TINY, 1 - _TINY))
    return chance.mean(axis=1)


def _triangular(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cholesky factors, with a column of zeros where a test depends on those before it."""
    count = correlation.shape[1]
    root = np.zeros_like(correlation)
    for k in range(count):
        rest = correlation[:, k, k] - (root[:, k, :k] ** 2).sum(axis=1)
        root[:, k, k] = np.sqrt(np.maximum(rest, 0.0))
        for row in range(k + 1, count):
            part = correlation[:, row, k] - (root[:, row, :k] * root[:, k, :k]).sum(axis=1)
            root[:, row, k] = np.where(rest > 1e-10, part / np.maximum(root[:, k, k], _TINY), 0.0)
    return root
