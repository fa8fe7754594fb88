"""Disproportionality: how much oftener a pair is reported than drug and event each for itself would let expect.

Proportional reporting ratio (Evans, Waller, Davis, Pharmacoepidemiol Drug Saf 2001;10:483-486, doi:10.1002/pds.677),
reporting odds ratio (van Puijenbroek et al., Pharmacoepidemiol Drug Saf 2002;11:3-10, doi:10.1002/pds.668), over strata
by Mantel and Haenszel with the variance of Robins, Breslow and Greenland (Biometrics 1986;42:311-323,
doi:10.2307/2531052), and information component (Norén, Hopstadius, Bate, Stat Methods Med Res 2013;22:57-69,
doi:10.1177/0962280211403604). They measure reporting, not risk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.pair_counts import Margins, PairCounts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_SHRINKAGE = 0.5  # Norén, Hopstadius and Bate 2013, section 2: half a report more, seen and expected
_HALDANE = 0.5  # Haldane, Ann Hum Genet 1956, doi:10.1111/j.1469-1809.1955.tb01285.x


@dataclass(frozen=True, eq=False)
class Ratios:
    """A ratio of each pair with its limits, shape (pairs,) each; NaN or infinite where a cell is empty.

    Parameters
    ----------
    value, low, high : float arrays
    """

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def proportional_reporting_ratio(counts: PairCounts, level: float = 0.95) -> Ratios:
    """Share of the event among reports of the drug over its share among all others.

    Parameters
    ----------
    counts : PairCounts
    level : float
        Of the interval, normal on the scale of logarithms.

    Examples
    --------
    >>> found = proportional_reporting_ratio(_one_pair(25, 75, 1000, 98900))
    >>> float(found.value[0]), float(found.low[0].round(2)), float(found.high[0].round(2))
    (24.975, 17.69, 35.27)
    """
    a, b, c, d = counts.cells()
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (a / (a + b)) / (c / (c + d))
        error = np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
    return _interval(value, error, level)


def reporting_odds_ratio(counts: PairCounts, level: float = 0.95, haldane: bool = False) -> Ratios:
    """Odds of the event among reports of the drug over its odds among all others; pooled where there are strata.

    Parameters
    ----------
    counts : PairCounts
    level : float
        Of the interval, normal on the scale of logarithms.
    haldane : bool
        Add a half to every cell; not where strata are pooled.

    Examples
    --------
    >>> found = reporting_odds_ratio(_one_pair(25, 75, 1000, 98900))
    >>> [round(float(each[0]), 2) for each in (found.value, found.low, found.high)]
    [32.97, 20.88, 52.06]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if counts.strata is not None:
            return _pooled(counts, level)
        a, b, c, d = (each + (_HALDANE if haldane else 0.0) for each in counts.cells())
        return _interval(a * d / (b * c), np.sqrt(1 / a + 1 / b + 1 / c + 1 / d), level)


def chi_square_yates(counts: PairCounts) -> NDArray[np.float64]:
    """Chi-square of each fourfold table with Yates's correction, shape (pairs,).

    Examples
    --------
    >>> float(chi_square_yates(_one_pair(25, 75, 1000, 98900))[0].round(1))
    543.7
    """
    a, b, c, d = counts.cells()
    excess = np.maximum(np.abs(a * d - b * c) - counts.total / 2, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return counts.total * excess**2 / ((a + b) * (c + d) * (a + c) * (b + d))


def information_component(seen: ArrayLike, expected: ArrayLike, level: float = 0.95) -> Ratios:
    """Logarithm to base 2 of seen over expected reports, drawn towards zero, with its exact credible limits.

    The rate of reports over expected ones has the prior Gamma(1/2, 1/2); limits are quantiles of its posterior
    Gamma(n + 1/2, E + 1/2), the value is log2((n + 1/2) / (E + 1/2)).

    Parameters
    ----------
    seen, expected : array-like
    level : float

    Examples
    --------
    >>> found = information_component([10], [2.0])
    >>> [round(float(each[0]), 3) for each in (found.value, found.low, found.high)]
    [2.07, 1.04, 2.827]
    """
    from scipy.special import gammaincinv

    shape, rate = np.asarray(seen, float) + _SHRINKAGE, np.asarray(expected, float) + _SHRINKAGE
    tail = (1 - level) / 2
    return Ratios(
        *(np.log2(each / rate) for each in (shape, gammaincinv(shape, tail), gammaincinv(shape, 1 - tail)))
    )


def _pooled(counts: PairCounts, level: float) -> Ratios:
    sums = counts.strata
    variance = (
        sums.p_ad / (2 * sums.ad**2) + sums.mixed / (2 * sums.ad * sums.bc) + sums.q_bc / (2 * sums.bc**2)
    )
    return _interval(sums.ad / sums.bc, np.sqrt(variance), level)


def _interval(value: NDArray[np.float64], error: NDArray[np.float64], level: float) -> Ratios:
    from scipy.special import ndtri

    z = ndtri((1 + level) / 2)
    finite = np.isfinite(value) & (value > 0) & np.isfinite(error)
    wide = np.exp(z * np.where(finite, error, np.nan))
    return Ratios(value, np.where(finite, value / wide, np.nan), np.where(finite, value * wide, np.nan))


def _one_pair(a: int, b: int, c: int, d: int) -> PairCounts:
    """One fourfold table, for the examples above."""
    one, total = np.array([0]), a + b + c + d
    return PairCounts(
        ("drug",), ("event",), one, one, np.array([a]), np.array([a + b]), np.array([a + c]), total,
        np.array([(a + b) * (a + c) / total]),
        Margins(np.array([[a + b]]), np.array([[a + c]]), np.array([total])),
    )  # fmt: skip
