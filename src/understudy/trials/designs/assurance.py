"""Assurance: power averaged over what is not known of the effect.

O'Hagan, Stevens and Campbell, Pharm Stat 4, 187 (2005), doi:10.1002/pst.175.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from understudy.core.errors import SimulationError


def normal_assurance(mean: float, sd: float, standard_error: float, *, alpha: float = 0.025) -> float:
    """Probability of a one-sided rejection for an effect that is normal with ``mean`` and ``sd``.

    Parameters
    ----------
    mean, sd : float
        Of the belief about the effect; sd 0 gives the power.
    standard_error : float
        Of the trial's estimate.
    alpha : float

    Examples
    --------
    >>> round(normal_assurance(0.5, 0.0, 0.154), 3), round(normal_assurance(0.5, 0.3, 0.154), 3)
    (0.901, 0.722)
    """
    from scipy.special import ndtr, ndtri

    if sd < 0 or standard_error <= 0:
        raise SimulationError(
            f"sd {sd}, standard error {standard_error}",
            place="normal_assurance",
            repair="give numbers above 0",
        )
    limit = -float(ndtri(alpha)) * standard_error
    return float(ndtr((mean - limit) / math.hypot(standard_error, sd)))


def assurance(power: Callable[[float], float], effects) -> tuple[float, float]:
    """Mean of a power function over draws of the effect, as of a posterior, and its Monte Carlo standard error.

    Examples
    --------
    >>> assurance(lambda effect: min(effect, 1.0), [0.2, 0.4])
    (0.30000000000000004, 0.1)
    """
    values = np.asarray([power(float(effect)) for effect in np.asarray(effects, dtype=float)])
    if len(values) < 2:
        raise SimulationError("fewer than two draws", place="effects", repair="give more")
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))
