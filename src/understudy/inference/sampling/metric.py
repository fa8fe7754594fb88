"""Metric: coordinates in which a density that was sampled for a while has about unit covariance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LogDensity = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

# Weight of the draws' own covariance against a small multiple of the identity, as in Stan: n / (n + 5).
_PRIOR_DRAWS, _PRIOR_VARIANCE = 5.0, 1e-3


def learnt_roots(samples: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Lower triangular roots of each target's covariance, from the later half of the draws of all of its chains."""
    late = samples[:, samples.shape[1] // 2 :]
    pooled = np.moveaxis(late, 2, 0).reshape(shape[1], -1, shape[2])
    count = pooled.shape[1]
    if count < 2:
        return np.broadcast_to(np.eye(shape[2]), (shape[1], shape[2], shape[2]))
    centred = pooled - pooled.mean(axis=1, keepdims=True)
    spread = np.einsum("nsi,nsj->nij", centred, centred) / (count - 1)
    share = count / (count + _PRIOR_DRAWS)
    return np.linalg.cholesky(share * spread + (1 - share) * _PRIOR_VARIANCE * np.eye(shape[2]))


def turned(log_density: LogDensity, root: np.ndarray) -> LogDensity:
    """The density in coordinates `y` with ``x = root @ y``, up to a constant."""

    def moved(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value, gradient = log_density(np.einsum("nij,cnj->cni", root, y))
        return value, np.einsum("nji,cnj->cni", root, gradient)

    return moved
