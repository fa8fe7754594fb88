"""Probabilities of the reference distributions: normal for one number, chi-square for several."""

from __future__ import annotations

import numpy as np

from understudy.core.errors import SimulationError


def two_sided(z: float | np.ndarray) -> float | np.ndarray:
    """Probability that a standard normal number is at least as far from zero.

    Examples
    --------
    >>> round(float(two_sided(1.959964)), 4)
    0.05
    """
    from scipy.special import ndtr

    return 2 * ndtr(-np.abs(z))


def chi_square(statistic: float, df: int) -> float:
    """Probability of a chi-square number above `statistic`; not a number for no degree of freedom.

    Examples
    --------
    >>> round(chi_square(3.841459, 1), 4)
    0.05
    """
    from scipy.special import chdtrc

    return float(chdtrc(df, max(statistic, 0.0))) if df > 0 else float("nan")


def normal_quantile(level: float) -> float:
    """Half the width, in standard errors, of a two-sided interval.

    Raises
    ------
    SimulationError
        For a level outside of 0 to 1.

    Examples
    --------
    >>> round(normal_quantile(0.95), 4)
    1.96
    """
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise SimulationError(
            f"a confidence level of {level:g} is impossible", place="level", repair="give 0.95, say"
        )
    return float(ndtri(0.5 + level / 2))


def quadratic_form(score: np.ndarray, covariance: np.ndarray) -> tuple[float, int]:
    """Chi-square statistic of a score with a covariance that may lack rank, and its degrees of freedom.

    Examples
    --------
    >>> quadratic_form(np.array([2.0, -2.0]), np.array([[1.0, -1.0], [-1.0, 1.0]]))
    (4.0, 1)
    """
    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    kept = scale > 0
    if not kept.any():
        return float("nan"), 0
    scale = scale[kept]
    values, vectors = np.linalg.eigh(covariance[np.ix_(kept, kept)] / np.outer(scale, scale))
    big = values > 1e-10 * values[-1]
    parts = vectors[:, big].T @ (score[kept] / scale)
    return float(np.round((parts**2 / values[big]).sum(), 14)), int(big.sum())
