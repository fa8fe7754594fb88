"""Areas under a concentration curve and under its first moment, by trapezoids.

Linear and logarithmic trapezoids as in Purves 1992 (doi:10.1007/BF01062336) and Gabrielsson & Weiner,
Pharmacokinetic and Pharmacodynamic Data Analysis, 5th ed. 2016.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# Below this the logarithmic trapezoid loses more digits than it differs from the linear one (by L² / 12).
_SMALLEST_LOG = 1e-6


def logarithmic(times: np.ndarray, values: np.ndarray, area: str) -> np.ndarray:
    """Which stretches between neighbouring points are logarithmic.

    Parameters
    ----------
    times, values : float array, shape (n,)
    area : str
        See `NCARules`.

    Returns
    -------
    bool array, shape (n - 1,)

    Examples
    --------
    >>> times, values = np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.0, 8.0, 6.0, 0.0])
    >>> logarithmic(times, values, "lin up/log down").tolist()
    [False, True, False]
    """
    first, second = values[:-1], values[1:]
    positive = (first > 0) & (second > 0)
    if area == "linear" or not len(positive):
        return np.zeros(len(positive), bool)
    if area == "lin-log":
        return positive & (times[:-1] >= times[int(np.argmax(values))])
    return positive & (second < first)


def trapezoids(times: np.ndarray, values: np.ndarray, is_log: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Area under the curve, and under time × concentration, of each stretch.

    Parameters
    ----------
    times, values : float array, shape (n,)
    is_log : bool array, shape (n - 1,)
        Where concentrations fall or rise exponentially, rather than on a straight line.

    Returns
    -------
    auc, aumc : float array, shape (n - 1,)

    Examples
    --------
    >>> times = np.array([0.0, 1.0, 3.0])
    >>> auc, aumc = trapezoids(times, 8 * np.exp(-0.5 * times), np.array([True, True]))
    >>> bool(np.isclose(auc.sum(), 16 * (1 - np.exp(-1.5))))
    True
    """
    step, first, second = np.diff(times), values[:-1], values[1:]
    moment = times * values
    auc = step * (first + second) / 2
    aumc = step * (moment[:-1] + moment[1:]) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = np.log(first / second)
        curved = is_log & (np.abs(fall) > _SMALLEST_LOG)
        log_auc = step * (first - second) / fall
        log_aumc = step * (moment[:-1] - moment[1:]) / fall + step**2 * (first - second) / fall**2
    return np.where(curved, log_auc, auc), np.where(curved, log_aumc, aumc)


@dataclass(frozen=True, eq=False)
class Curve:
    """A concentration curve that can be read, and integrated, between its points and after the last.

    Parameters
    ----------
    times, values : float array, shape (n,)
        From the dose on, increasing; zero where below the limit of quantification.
    area : str
        See `NCARules`.
    lambda_z : float or None
        Rate of the fall after the last measurable concentration.

    Examples
    --------
    >>> curve = Curve(np.array([0.0, 2.0, 4.0]), np.array([8.0, 4.0, 2.0]), "lin up/log down", math.log(2) / 2)
    >>> [round(area, 4) for area in curve.between(0, 4)], round(curve.at(6.0), 4)
    ([17.3123, 26.8697], 1.0)
    """

    times: np.ndarray
    values: np.ndarray
    area: str
    lambda_z: float | None = None

    @property
    def last(self) -> int:
        """Position of the last measurable concentration, -1 if there is none."""
        positive = np.flatnonzero(self.values > 0)
        return int(positive[-1]) if positive.size else -1

    def to_last(self) -> tuple[float, float]:
        """AUClast and AUMClast: to the last measurable concentration."""
        return self._sums(self.last + 1)

    def to_all(self) -> tuple[float, float]:
        """AUCall and AUMCall: on from the last measurable concentration to the first zero after it."""
        return self._sums(min(self.last + 2, len(self.times)) if self.last >= 0 else 0)

    def _sums(self, count: int) -> tuple[float, float]:
        times, values = self.times[:count], self.values[:count]
        auc, aumc = trapezoids(times, values, self._is_log[: max(count - 1, 0)])
        return float(auc.sum()), float(aumc.sum())

    @property
    def _is_log(self) -> np.ndarray:
        return logarithmic(self.times, self.values, self.area)

    def tail(self, concentration: float) -> tuple[float, float]:
        """Area and first moment from the last measurable time on, falling by lambda-z from a concentration."""
        time, rate = self.times[self.last], self.lambda_z
        return concentration / rate, concentration * time / rate + concentration / rate**2

    def at(self, time: float) -> float:
        """Concentration at a time: measured, interpolated as areas are, or extrapolated; NaN if it cannot be."""
        if time > self.times[-1] or (time > self.times[self.last] and self.lambda_z is not None):
            return self._extrapolated(time)
        k = int(np.searchsorted(self.times, time))
        if k < len(self.times) and self.times[k] == time:
            return float(self.values[k])
        if k == 0:
            return math.nan
        share = (time - self.times[k - 1]) / (self.times[k] - self.times[k - 1])
        first, second = self.values[k - 1], self.values[k]
        if self._is_log[k - 1]:
            return float(first * (second / first) ** share)
        return float(first + share * (second - first))

    def _extrapolated(self, time: float) -> float:
        if self.lambda_z is None or self.last < 0:
            # After a zero nothing is assumed to come back.
            return 0.0 if self.values[-1] == 0 else math.nan
        return float(self.values[self.last] * math.exp(-self.lambda_z * (time - self.times[self.last])))

    def between(self, start: float, end: float) -> tuple[float, float]:
        """AUC and AUMC from one time to another (which may be infinite); not-a-number where unknown."""
        if math.isinf(end):
            return self._to_infinity(start)
        inside = (self.times > start) & (self.times < end)
        if self.lambda_z is not None:
            inside &= self.times <= self.times[self.last]
        times = np.r_[start, self.times[inside], end]
        values = np.r_[self.at(start), self.values[inside], self.at(end)]
        auc, aumc = trapezoids(times, values, self._stretches(times, values))
        return float(auc.sum()), float(aumc.sum())

    def _stretches(self, times: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Which stretches are logarithmic: as the stretch of this curve each of them is part of."""
        whole = np.clip(np.searchsorted(self.times, times[:-1], side="right") - 1, 0, None)
        is_log = np.r_[self._is_log, False][np.minimum(whole, len(self.times) - 1)]
        if self.lambda_z is not None:
            is_log = np.where(times[:-1] >= self.times[self.last], True, is_log)
        return is_log & (values[:-1] > 0) & (values[1:] > 0)

    def _to_infinity(self, start: float) -> tuple[float, float]:
        if self.lambda_z is None or self.last < 0:
            return math.nan, math.nan
        begin = max(start, float(self.times[self.last]))
        head = self.between(start, begin) if begin > start else (0.0, 0.0)
        value, rate = self.at(begin), self.lambda_z
        return head[0] + value / rate, head[1] + value * begin / rate + value / rate**2
