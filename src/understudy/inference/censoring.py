"""Censoring: levels only known to be below, above or between limits, and levels known to be positive.

The methods of Beal 2001, Ways to fit a PK model with some data below the quantification limit, J Pharmacokinet
Pharmacodyn 28:481-504, doi:10.1023/A:1012299115260: M1 leaves such measurements out, M3 takes the probability of what
they say, M4 the same given that every level is above zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.model.population_model import PopulationModel

# Logarithm of the square root of 2 pi.
_LOG_ROOT = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True, eq=False)
class Censoring:
    """What is known of measurements that are not simply measured.

    Parameters
    ----------
    lower, upper : float arrays, shape (observations,)
        Between which a censored level lies, on the scale on which the residual error is normal; minus and plus infinity
        where it was measured, and where there is no such limit.
    positive : bool array, shape (observations,)
        Whether the level is known to be above zero, as every level of its output (M4).

    Examples
    --------
    >>> below = Censoring(np.array([-np.inf]), np.array([2.0]), np.array([False]))
    >>> below.term(np.array([[2.0]]), np.array([[9.0]]), np.zeros((1, 1))).round(4)
    array([[1.3863]])
    """

    lower: np.ndarray
    upper: np.ndarray
    positive: np.ndarray

    @classmethod
    def of(
        cls, model: PopulationModel, output: np.ndarray, raw: np.ndarray, told: Mapping[str, np.ndarray]
    ) -> Censoring:
        """What model and records say of measurements.

        Parameters
        ----------
        model : PopulationModel
        output : array of str, shape (observations,)
        raw : float array, shape (observations,)
            On the measurements' own scale.
        told : mapping of str to float array, shape (observations,)
            ``cens``, ``limit`` and ``lloq`` where the records have them.
        """
        lower, upper = np.full(raw.size, -np.inf), np.full(raw.size, np.inf)
        positive = np.zeros(raw.size, dtype=bool)
        for residual in model.residual:
            here = output == residual.output
            positive |= here & (residual.blq == "M4")
            for bound, ends, sign in ((residual.lower_limit, upper, 1), (residual.upper_limit, lower, -1)):
                if bound is not None:
                    ends[here & (sign * raw < sign * bound)] = bound
        if "lloq" in told:
            upper = np.where(raw < told["lloq"], told["lloq"], upper)
        side = told.get("cens", np.zeros(raw.size))
        limit = told.get("limit", np.full(raw.size, np.nan))
        for sign, own, other in ((1, upper, lower), (-1, lower, upper)):
            own[side == sign] = raw[side == sign]
            both = (side == sign) & np.isfinite(limit)
            other[both] = limit[both]
        return cls._scaled(model, output, lower, upper, positive)

    @classmethod
    def _scaled(cls, model, output, lower, upper, positive) -> Censoring:
        """With limits on the scale on which the residual error is normal."""
        for residual in model.residual:
            if residual.scale == "log":
                for ends in (lower, upper):
                    here = (output == residual.output) & np.isfinite(ends)
                    with np.errstate(divide="ignore"):
                        ends[here] = np.log(np.maximum(ends[here], 0.0))
        # Between zero and the limit, where every level is above zero.
        return cls(np.where(positive & (upper < np.inf), np.maximum(lower, 0.0), lower), upper, positive)

    @cached_property
    def censored(self) -> np.ndarray:
        """Which measurements are censored, shape (observations,)."""
        return np.isfinite(self.lower) | np.isfinite(self.upper)

    @cached_property
    def below(self) -> np.ndarray:
        """Which levels are only known to be below a limit of quantification."""
        return np.isfinite(self.upper) & (np.isneginf(self.lower) | self.positive)

    @cached_property
    def side(self) -> np.ndarray:
        """1 where a level is below a limit (or between two), -1 where it is above one, 0 where it was measured."""
        return np.where(np.isfinite(self.upper), 1, np.where(np.isfinite(self.lower), -1, 0))

    @cached_property
    def limit(self) -> np.ndarray:
        """The limit on that side, on the scale on which the residual error is normal; 0 where a level was measured."""
        beyond = np.where(self.side > 0, self.upper, self.lower)
        return np.where(self.side == 0, 0.0, beyond)

    def of_some(self, kept: np.ndarray) -> Censoring:
        """Of some of the measurements."""
        return Censoring(self.lower[kept], self.upper[kept], self.positive[kept])

    @cached_property
    def affected(self) -> np.ndarray:
        """Places of measurements whose density is not the normal one, shape (m,)."""
        return np.flatnonzero(self.censored | self.positive)

    def term(self, prediction: np.ndarray, variance: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """Minus twice the log-density of each measurement, without the terms in 2 pi of normal ones.

        Parameters
        ----------
        prediction, variance : float arrays, shape (copies, observations)
        normal : float array, shape (copies, observations)
            The term of each as if it had been measured.
        """
        (found,) = self._replaced((normal,), prediction, variance, lambda part: (2.0 * part.information,))
        return found

    def slopes(
        self, prediction: np.ndarray, variance: np.ndarray, normal: tuple[np.ndarray, ...]
    ) -> tuple[np.ndarray, ...]:
        """Derivatives of half of `term` by the prediction and by the variance, from those of measurements."""
        return self._replaced(normal, prediction, variance, lambda part: part.slopes)

    def second_slopes(
        self, prediction: np.ndarray, variance: np.ndarray, normal: tuple[np.ndarray, ...]
    ) -> tuple[np.ndarray, ...]:
        """Second derivatives of half of `term`: by the prediction twice, by both, by the variance twice."""
        return self._replaced(normal, prediction, variance, lambda part: part.second_slopes)

    def _replaced(
        self,
        normal: tuple[np.ndarray, ...],
        prediction: np.ndarray,
        variance: np.ndarray,
        of: Callable[[_Interval], tuple[np.ndarray, ...]],
    ) -> tuple[np.ndarray, ...]:
        """What holds for measurements, with what holds for these."""
        here, found = self.affected, tuple(each.copy() for each in normal)
        prediction, deviation = prediction[:, here], np.sqrt(variance[:, here])
        between = of(_Interval.of(self.lower[here], self.upper[here], prediction, deviation))
        above = of(_Interval.of(np.zeros(1), np.full(1, np.inf), prediction, deviation))
        for each, own, given in zip(found, between, above, strict=True):
            base = np.where(self.censored[here], own, each[:, here])
            # Given that the level is above zero: its density over the probability of that.
            each[:, here] = base - np.where(self.positive[here], given, 0.0)
        return found


@dataclass(frozen=True, eq=False)
class _Interval:
    """Levels between limits, which are given as distances from the prediction in standard deviations."""

    low: np.ndarray
    high: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(
        cls, lower: np.ndarray, upper: np.ndarray, prediction: np.ndarray, deviation: np.ndarray
    ) -> _Interval:
        return cls((lower - prediction) / deviation, (upper - prediction) / deviation, deviation)

    @cached_property
    def information(self) -> np.ndarray:
        """Minus the logarithm of the probability of a level there."""
        from scipy.special import log_ndtr

        # In the tail in which the distribution function is small, where it has its digits.
        flipped = self.low > 0
        high, low = np.where(flipped, -self.low, self.high), np.where(flipped, -self.high, self.low)
        upper = log_ndtr(high)
        return -upper - np.log(-np.expm1(np.minimum(log_ndtr(low) - upper, 0.0)))

    @cached_property
    def moments(self) -> tuple[np.ndarray, ...]:
        """Differences between the limits of density over probability times powers of the distance, from 0 to 3."""
        sides = []
        for z in (self.high, self.low):
            finite = np.where(np.isfinite(z), z, 0.0)
            # The quotient of logarithms stays finite far out.
            exponent = np.where(np.isfinite(z), self.information - 0.5 * finite**2 - _LOG_ROOT, -np.inf)
            sides.append([np.exp(exponent) * finite**power for power in range(4)])
        return tuple(high - low for high, low in zip(*sides, strict=True))

    @property
    def slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """Of `information`, by prediction and variance."""
        return self.moments[0] / self.deviation, self.moments[1] / (2.0 * self.deviation**2)

    @property
    def second_slopes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of `information`, by the prediction twice, by both, by the variance twice."""
        zeroth, first, second, third = self.moments
        variance = self.deviation**2
        return (
            (first + zeroth**2) / variance,
            (second + zeroth * first - zeroth) / (2.0 * variance * self.deviation),
            (third + first**2 - 3.0 * first) / (4.0 * variance**2),
        )
