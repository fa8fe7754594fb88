"""Smooth: a curve through scattered points that a few far ones do not bend."""

from __future__ import annotations

import numpy as np

# More points than this are thinned evenly before the curve is sought.
_MOST = 2000
# Residuals beyond six times their median size have no weight (Cleveland 1979).
_FAR = 6.0


def smooth(
    x: np.ndarray, y: np.ndarray, span: float = 0.67, places: int = 40
) -> tuple[np.ndarray, np.ndarray]:
    """Robust locally weighted regression (LOWESS).

    Parameters
    ----------
    x, y : array, shape (n,)
        Pairs with a value that is not finite are left out.
    span : float
        Share of the points that each place of the curve looks at.
    places : int
        Places of the curve at most.

    Returns
    -------
    x, y : array, shape (places,)
        Empty where there are fewer than eight points or four distinct `x`.

    References
    ----------
    Cleveland WS. Robust locally weighted regression and smoothing scatterplots. J Am Stat Assoc 1979;74:829-836.
    doi:10.1080/01621459.1979.10481038

    Examples
    --------
    >>> at, level = smooth(np.arange(20.0), 3 + 2 * np.arange(20.0))
    >>> bool(np.allclose(level, 3 + 2 * at))
    True
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    kept = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if len(kept) > _MOST:
        kept = kept[np.linspace(0, len(kept) - 1, _MOST).round().astype(int)]
    order = kept[np.argsort(x[kept], kind="stable")]
    x, y = x[order], y[order]
    if len(x) < 8 or len(np.unique(x)) < 4:
        return np.empty(0), np.empty(0)
    at = np.unique(np.quantile(x, np.linspace(0, 1, places)))
    nearness, weight = _nearness(x, at, span), np.ones(len(x))
    for _ in range(3):
        level = _lines(x, y, at, nearness * weight)
        residual = np.abs(y - np.interp(x, at, level))
        middle = np.median(residual)
        if middle == 0:
            break
        weight = np.clip(1 - (residual / (_FAR * middle)) ** 2, 0, None) ** 2
    return at, level


def _nearness(x: np.ndarray, at: np.ndarray, span: float) -> np.ndarray:
    """Tricube weights, shape (places, n)."""
    distance = np.abs(x - at[:, None])
    count = min(max(int(np.ceil(span * len(x))), 4), len(x))
    # So wide that at least two distinct values weigh.
    reach = np.maximum(np.sort(distance, axis=1)[:, count - 1], 1e-9 * np.ptp(x)) * 1.001
    others = np.where(distance > 0, distance, np.inf).min(axis=1)
    reach = np.maximum(reach, 1.5 * others)
    return np.clip(1 - (distance / reach[:, None]) ** 3, 0, None) ** 3


def _lines(x: np.ndarray, y: np.ndarray, at: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Value at each place of the weighted line through its neighbours; their mean where they leave no slope."""
    total = np.maximum(weight.sum(axis=1), 1e-300)
    mean_x, mean_y = (weight @ x) / total, (weight @ y) / total
    apart = x - mean_x[:, None]
    spread = (weight * apart**2).sum(axis=1)
    slope = np.where(
        spread > 1e-12 * np.ptp(x) ** 2 * total,
        (weight * apart * y).sum(axis=1) / np.maximum(spread, 1e-300),
        0.0,
    )
    return mean_y + slope * (at - mean_x)
