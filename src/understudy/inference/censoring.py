"""Censoring: measurements that only say that a level is below, or above, a limit of quantification.

Their likelihood is the probability of that, the method M3 of Beal 2001, Ways to fit a PK model with some data below the
quantification limit, J Pharmacokinet Pharmacodyn 28:481-504, doi:10.1023/A:1012299115260.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.model.population_model import PopulationModel


@dataclass(frozen=True, eq=False)
class Censoring:
    """Which measurements are censored.

    Parameters
    ----------
    side : float array, shape (observations,)
        1 where a level is below the limit, -1 where it is above, 0 where it was measured.
    limit : float array, shape (observations,)
        On the scale on which the residual error is normal; 0 where a level was measured.

    Examples
    --------
    >>> below = Censoring(np.array([1.0]), np.array([2.0]))
    >>> below.term(np.array([[2.0]]), np.array([[9.0]])).round(4)
    array([[1.3863]])
    """

    side: np.ndarray
    limit: np.ndarray

    @classmethod
    def of(cls, model: PopulationModel, output: np.ndarray, raw: np.ndarray) -> Censoring:
        """Measurements outside of the limits of their output's residual error."""
        side, limit = np.zeros(raw.size), np.zeros(raw.size)
        for residual in model.residual:
            for bound, sign in ((residual.lower_limit, 1.0), (residual.upper_limit, -1.0)):
                if bound is not None:
                    outside = (output == residual.output) & (sign * raw < sign * bound)
                    side[outside] = sign
                    limit[outside] = math.log(bound) if residual.scale == "log" else bound
        return cls(side, limit)

    @cached_property
    def censored(self) -> np.ndarray:
        """Which measurements are censored, shape (observations,)."""
        return self.side != 0

    def _standard(self, prediction: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """How far the prediction is on the right side of the limit, in standard deviations."""
        return self.side * (self.limit - prediction) / np.sqrt(variance)

    def term(self, prediction: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """Minus twice the log-probability that a level is beyond the limit, shape (copies, observations)."""
        from scipy.special import log_ndtr

        return -2.0 * log_ndtr(self._standard(prediction, variance))

    def slopes(self, prediction: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of half of `term` by the prediction and by the variance."""
        from scipy.special import log_ndtr

        z = self._standard(prediction, variance)
        # Density over probability; the quotient of logarithms stays finite far out.
        hazard = np.exp(-0.5 * z**2 - log_ndtr(z)) / math.sqrt(2 * math.pi)
        return hazard * self.side / np.sqrt(variance), hazard * z / (2 * variance)
