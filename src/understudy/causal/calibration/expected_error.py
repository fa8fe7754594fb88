"""Expected error: the mean of the absolute value of a normal number."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def folded_mean(mean: ArrayLike, sd: ArrayLike) -> NDArray[np.float64]:
    """Expected absolute value of N(mean, sd²): the mean of the folded normal.

    Leone, Nelson, Nottingham 1961, Technometrics 3:543-550, doi:10.1080/00401706.1961.10489974.

    Parameters
    ----------
    mean, sd : float or array of float

    Examples
    --------
    >>> float(folded_mean(0.0, 1.0).round(6)), float(folded_mean(-0.5, 0.0))
    (0.797885, 0.5)
    """
    from scipy.special import ndtr

    mean, sd = np.asarray(mean, float), np.asarray(sd, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.clip(np.nan_to_num(mean / sd, nan=0.0), -40.0, 40.0)
    return sd * np.sqrt(2 / np.pi) * np.exp(-0.5 * z * z) + mean * (1 - 2 * ndtr(-z))
