"""importance: draws from densities that can only be evaluated, by weighing draws from wider ones.

Sampling importance resampling, Rubin 1987 (J Am Stat Assoc 82:543-546) and Smith and Gelfand 1992 (Am Stat 46:84-88,
doi:10.1080/00031305.1992.10475856); effective sample size of the weights, Kong 1992 (Tech Rep 348, Univ Chicago).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from understudy.core.random import normals, uniforms

# Proposals have a multivariate t distribution with so many degrees of freedom, this much wider than the target seems:
# tails heavier than the target's keep the weights bounded.
_FREEDOM, _WIDTH = 5.0, 1.1
_CHUNK = 250  # proposals of each target evaluated at once


@dataclass(frozen=True, eq=False)
class Resampled:
    """What `resample` drew.

    Parameters
    ----------
    samples : float array, shape (draws, targets, dimensions)
    effective : float array, shape (targets,)
        Effective sample size of the weighted proposals.
    log_integral : float array, shape (targets,)
        Logarithm of the density's integral.
    """

    samples: np.ndarray
    effective: np.ndarray
    log_integral: np.ndarray


def resample(
    log_density: Callable[[np.ndarray], np.ndarray],
    targets: int,
    dimensions: int,
    *,
    draws: int = 1000,
    proposals: int = 10_000,
    seed: int = 0,
    keys: np.ndarray | None = None,
) -> Resampled:
    """Draw from densities that are near standard normal ones.

    Parameters
    ----------
    log_density : callable
        From points of shape (copies, targets, dimensions) to log-densities, shape (copies, targets).
    targets, dimensions : int
    draws, proposals : int
        Of each target.
    seed : int
    keys : int array, shape (targets,)
        Numbers of the targets; one's draws depend on the seed and on its number alone.

    Examples
    --------
    >>> found = resample(lambda x: -0.5 * (x**2).sum(axis=-1), 1, 2, draws=1000)
    >>> bool(abs(found.log_integral[0] - math.log(2 * math.pi)) < 0.05)
    True
    """
    numbers = np.arange(targets) if keys is None else np.asarray(keys)
    z, log_proposal = _proposals(numbers, dimensions, proposals, seed)
    parts = [log_density(z[k : k + _CHUNK]) for k in range(0, proposals, _CHUNK)]
    weight = np.concatenate(parts) - log_proposal
    weight = np.where(np.isfinite(weight), weight, -np.inf)
    highest = np.where(np.isfinite(weight.max(axis=0)), weight.max(axis=0), 0.0)
    share = np.exp(weight - highest)
    total = share.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        effective = np.nan_to_num(total**2 / (share**2).sum(axis=0))
        log_integral = highest + np.log(total / proposals)
    chosen = _systematic(share, draws, uniforms(seed, "resampling", numbers, 1)[:, 0])
    return Resampled(np.take_along_axis(z, chosen[..., None], axis=0), effective, log_integral)


def _proposals(keys: np.ndarray, dimensions: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws of the multivariate t distribution and the logarithms of its density, shapes (count, targets, ...)."""
    from scipy.special import gammaincinv, gammaln

    size = max(dimensions, 1)
    normal = normals(seed, "proposal", keys, count * size).reshape(len(keys), count, size)[..., :dimensions]
    chi_squared = 2 * gammaincinv(_FREEDOM / 2, uniforms(seed, "proposal width", keys, count))
    z = _WIDTH * normal / np.sqrt(chi_squared / _FREEDOM)[..., None]
    squares = (z**2).sum(axis=-1) / (_FREEDOM * _WIDTH**2)
    constant = gammaln((_FREEDOM + dimensions) / 2) - gammaln(_FREEDOM / 2)
    constant -= dimensions * (0.5 * math.log(_FREEDOM * math.pi) + math.log(_WIDTH))
    log_density = constant - 0.5 * (_FREEDOM + dimensions) * np.log1p(squares)
    return np.swapaxes(z, 0, 1), log_density.T


def _systematic(share: np.ndarray, draws: int, offset: np.ndarray) -> np.ndarray:
    """Which proposals are kept, shape (draws, targets): at evenly spaced places of the summed weights (Kitagawa
    1996)."""
    place = (np.arange(draws)[:, None] + offset) / draws
    found = np.empty(place.shape, np.int64)
    for target, weights in enumerate(share.T):
        total = np.cumsum(weights)
        ladder = total / total[-1] if total[-1] > 0 else np.linspace(0, 1, len(weights))
        found[:, target] = np.minimum(np.searchsorted(ladder, place[:, target]), len(weights) - 1)
    return found
