"""Joint distributions of a patient's visits under reference-based strategies.

Carpenter, Roger & Kenward 2013, doi:10.1080/10543406.2013.834911, sections 3 and 4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.incomplete_outcomes import STRATEGIES
from understudy.core.errors import UnderstudyError

Array = NDArray[np.float64]


def strategy_mean(strategy: str, own: Array, reference: Array, deviation: int) -> Array:
    """Means of all visits for a patient who deviates at a visit.

    Parameters
    ----------
    strategy : str
    own, reference : array, shape (..., visits)
        Means in the patient's own arm and in the reference arm, for the patient's covariates.
    deviation : int
        First visit affected, counted from zero.

    Examples
    --------
    >>> own, placebo = np.array([-5.0, -8.0, -10.0]), np.array([-3.0, -4.0, -6.0])
    >>> strategy_mean("jump to reference", own, placebo, 2)
    array([-5., -8., -6.])
    >>> strategy_mean("copy increments in reference", own, placebo, 2)
    array([ -5.,  -8., -10.])
    >>> strategy_mean("copy reference", own, placebo, 2)
    array([-3., -4., -6.])
    """
    after = np.arange(own.shape[-1]) >= deviation
    if strategy == STRATEGIES[0] or not after.any():
        return own
    if strategy == "copy reference":
        return reference
    if strategy == "jump to reference":
        return np.where(after, reference, own)
    if strategy != "copy increments in reference":
        raise UnderstudyError(f"unknown strategy {strategy!r}", repair=f"take one of {list(STRATEGIES)}")
    # Without a visit before the deviation there is nothing to add increments to: both arms began alike.
    shift = (own - reference)[..., deviation - 1, None] if deviation else 0.0
    return np.where(after, reference + shift, own)


def strategy_covariance(strategy: str, own: Array, reference: Array, deviation: int) -> Array:
    """Covariance of all visits, from that of the patient's own arm and of the reference arm.

    Before the deviation it is the arm's own; after it the regression on earlier visits and the residual variance are
    the reference arm's. Where both arms share one covariance it is that one.

    Parameters
    ----------
    strategy : str
    own, reference : array, shape (..., visits, visits)
    deviation : int
    """
    if strategy == STRATEGIES[0] or deviation >= own.shape[-1] or own is reference:
        return own
    if strategy == "copy reference" or deviation == 0:
        return reference
    past, future = slice(None, deviation), slice(deviation, None)
    slopes = np.swapaxes(np.linalg.solve(reference[..., past, past], reference[..., past, future]), -1, -2)
    result = own.copy()
    before = own[..., past, past]
    result[..., future, past] = slopes @ before
    result[..., past, future] = np.swapaxes(result[..., future, past], -1, -2)
    change = before - reference[..., past, past]
    result[..., future, future] = reference[..., future, future] + slopes @ change @ np.swapaxes(
        slopes, -1, -2
    )
    return result
