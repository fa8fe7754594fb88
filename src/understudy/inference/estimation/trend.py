"""Trend: whether a series of estimates still goes somewhere, or only scatters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Trend:
    """Straight lines through series of estimates.

    Parameters
    ----------
    rise : float array, shape (series,)
        By how much each line rises from its first to its last point.
    error : float array, shape (series,)
        Standard error of that.
    """

    rise: np.ndarray
    error: np.ndarray

    @property
    def score(self) -> np.ndarray:
        """Rise over standard error; zero for a series that does not move at all."""
        return np.divide(self.rise, self.error, out=np.zeros_like(self.rise), where=self.error > 0)

    def drifting(self, material: float, critical: float) -> np.ndarray:
        """Which series rise or fall by more than is `material`, and by more than chance explains, shape (series,)."""
        return (np.abs(self.rise) > material) & (np.abs(self.score) > critical)


def trend(series: np.ndarray) -> Trend:
    """The trend of series whose scatter is autocorrelated.

    The standard error is that of least squares, widened for a first-order autoregression: by the square root of
    (1 + r) / (1 - r) for a correlation r of neighbours, itself corrected for the length of the series (Kendall 1954,
    doi:10.1093/biomet/41.3-4.403).

    Parameters
    ----------
    series : float array, shape (length, series)
        At least ten points.

    Examples
    --------
    >>> climbing = np.arange(50.0)[:, None] + np.sin(np.arange(50.0))[:, None]
    >>> trend(climbing).drifting(1.0, 3.0)
    array([ True])
    """
    length = len(series)
    time = np.arange(length) - 0.5 * (length - 1)
    size = float(time @ time)
    slope = time @ series / size
    left = series - series.mean(axis=0) - time[:, None] * slope
    power = (left**2).sum(axis=0)
    near = np.divide((left[1:] * left[:-1]).sum(axis=0), power, out=np.zeros_like(power), where=power > 0)
    near = np.clip(near + (1.0 + 4.0 * near) / length, 0.0, 0.98)
    error = np.sqrt(power / (length - 2) / size * (1.0 + near) / (1.0 - near))
    return Trend(slope * (length - 1), error * (length - 1))
