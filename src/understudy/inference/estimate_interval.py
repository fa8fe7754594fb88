"""Estimate interval: the normal interval of an estimate, made on the scale on which its errors are most nearly normal.

What is bounded is estimated as the logarithm of its distance from the bound, or on the logit scale between two
(`understudy.inference.estimation.parameter_space`), and a variance has zero as its bound. There the errors are more
nearly normal than on the natural scale: in the simulated studies of ``python -m benchmarks.recovery`` intervals of
variances on the natural scale covered 87 to 91 %, on the logarithmic one 92 to 94 %.
"""

from __future__ import annotations

import numpy as np

# The normal distribution's 97.5 % point, to the digits that a standard error has.
_REACH = 1.96


def estimate_interval(
    value: float, error: float, lower: float = -np.inf, upper: float = np.inf
) -> tuple[float, float]:
    """95 % interval of an estimate between bounds, by the delta method.

    Parameters
    ----------
    value, error : float
        Estimate and standard error on the natural scale.
    lower, upper : float
        Bounds; without any the interval is even.

    Returns
    -------
    low, high : float
        Within the bounds; not-a-number where the error is not known, or the estimate lies on a bound.

    Examples
    --------
    >>> estimate_interval(0.1, 0.02)
    (0.0608, 0.1392)
    >>> low, high = estimate_interval(0.1, 0.02, lower=0.0)
    >>> round(low, 4), round(high, 4)
    (0.0676, 0.148)
    """
    if not np.isfinite([lower, upper]).any():
        return round(value - _REACH * error, 15), round(value + _REACH * error, 15)
    if not lower < value < upper:
        return np.nan, np.nan
    below, above = value - lower, upper - value
    if np.isfinite(below) and np.isfinite(above):
        reach = _REACH * error * (1 / below + 1 / above)
        ends = [np.log(below / above) + side * reach for side in (-1, 1)]
        low, high = (lower + (upper - lower) / (1 + np.exp(-end)) for end in ends)
        return float(low), float(high)
    if np.isfinite(below):
        spread = np.exp(_REACH * error / below)
        return float(lower + below / spread), float(lower + below * spread)
    spread = np.exp(_REACH * error / above)
    return float(upper - above * spread), float(upper - above / spread)
