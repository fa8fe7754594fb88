"""Probability best: how likely each arm is the best of several, by its posterior."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_NODES = 96
_REACH = 8.0  # standard deviations
Array = NDArray[np.float64]


def highest_share(a: Array, b: Array, arms: tuple[int, ...]) -> Array:
    """Probability that each of some arms has the highest rate of responses, for beta posteriors.

    Parameters
    ----------
    a, b : array, shape (trials, arms)
    arms : tuple of int
        Those that are compared.

    Returns
    -------
    array, shape (trials, compared arms)

    Examples
    --------
    >>> highest_share(np.array([[2.0, 2.0]]), np.array([[3.0, 3.0]]), (0, 1)).round(6).tolist()
    [[0.5, 0.5]]
    """
    from scipy.special import betainc, betaln

    a, b = a[:, arms], b[:, arms]
    centre = a / (a + b)
    spread = np.sqrt(centre * (1 - centre) / (a + b + 1))
    low, high = (np.clip(each, 0.0, 1.0) for each in _range(centre, spread))

    def density(rate: Array, k: int) -> Array:
        own, other = a[:, [k]], b[:, [k]]
        return np.exp((own - 1) * np.log(rate) + (other - 1) * np.log1p(-rate) - betaln(own, other))

    def below(rate: Array, k: int) -> Array:
        return betainc(a[:, [k]], b[:, [k]], rate)

    return _best(density, below, low, high, len(arms), 1 - 1e-12)


def lowest_hazard(shape: Array, rate: Array, arms: tuple[int, ...]) -> Array:
    """Probability that each of some arms has the lowest hazard, for gamma posteriors with a shape (events) and a rate
    (time at risk); see `highest_share`.

    Examples
    --------
    >>> chance = lowest_hazard(np.array([[20.0, 10.0]]), np.array([[100.0, 100.0]]), (0, 1))
    >>> bool(chance[0, 1] > 0.9)
    True
    """
    from scipy.special import gammaincc, gammaln

    shape, rate = shape[:, arms], rate[:, arms]
    low, high = _range(shape / rate, np.sqrt(shape) / rate)
    low = np.maximum(low, 0.0)

    def density(hazard: Array, k: int) -> Array:
        own, time = shape[:, [k]], rate[:, [k]]
        return np.exp(own * np.log(time) + (own - 1) * np.log(hazard) - time * hazard - gammaln(own))

    def above(hazard: Array, k: int) -> Array:
        return gammaincc(shape[:, [k]], rate[:, [k]] * hazard)

    return _best(density, above, low, high, len(arms), np.inf)


def highest_mean(mean: Array, error: Array, arms: tuple[int, ...]) -> Array:
    """Probability that each of some arms has the highest mean, for normal posteriors; see `highest_share`.

    Examples
    --------
    >>> chance = highest_mean(np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]]), (0, 1))
    >>> round(float(chance[0, 1]), 4)  # Φ(1 / √0.5)
    0.9214
    """
    from scipy.special import ndtr

    mean, error = mean[:, arms], error[:, arms]
    low, high = _range(mean, error)

    def density(at: Array, k: int) -> Array:
        return np.exp(-0.5 * ((at - mean[:, [k]]) / error[:, [k]]) ** 2) / error[:, [k]]

    def below(at: Array, k: int) -> Array:
        return ndtr((at - mean[:, [k]]) / error[:, [k]])

    return _best(density, below, low, high, len(arms), np.inf, -np.inf)


def _range(centre: Array, spread: Array) -> tuple[Array, Array]:
    """Where the posteriors are: the densities are narrow when there are many patients."""
    return (centre - _REACH * spread).min(axis=1), (centre + _REACH * spread).max(axis=1)


def _best(
    density: Callable, worse: Callable, low: Array, high: Array, count: int, most: float, least: float = 1e-12
) -> Array:
    """∫ density of one · Π chance that each other one is worse, by Gauss-Legendre quadrature."""
    from scipy.special import roots_legendre

    x, weight = roots_legendre(_NODES)
    half = 0.5 * (high - low)[:, None]
    at = np.clip(low[:, None] + half * (x + 1), least, most)
    worses = [worse(at, k) for k in range(count)]
    chances = []
    for k in range(count):
        others = np.prod([each for index, each in enumerate(worses) if index != k], axis=0)
        chances.append((density(at, k) * others * half * weight).sum(axis=1))
    found = np.stack(chances, axis=1)
    return found / np.maximum(found.sum(axis=1, keepdims=True), 1e-300)
