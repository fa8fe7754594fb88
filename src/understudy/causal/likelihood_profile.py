"""Likelihood profile: how well each effect size explains the data, all that has to leave a site."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class LikelihoodProfile:
    """Log-likelihood by log effect size, maximised over all other parameters.

    Parameters
    ----------
    points : float array, shape (n,)
        Log hazard, rate or odds ratios, rising.
    values : float array, shape (n,)
        Log-likelihoods; a constant may be added.
    """

    points: NDArray[np.float64]
    values: NDArray[np.float64]
