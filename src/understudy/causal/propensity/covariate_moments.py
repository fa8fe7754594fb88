"""Covariate moments: means and deviations of covariates in both cohorts, and how sure their differences are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from understudy.causal.masking import SMALLEST, is_small
from understudy.causal.propensity.adjustment import Adjustment

if TYPE_CHECKING:
    from scipy.sparse import csc_matrix

_ROUNDING = 1e-12  # share of what is subtracted below which a difference is rounding error


@dataclass(frozen=True, eq=False)
class CovariateMoments:
    """Of p covariates. Made by `covariate_moments`.

    Parameters
    ----------
    mean_target, mean_comparator, mean_all : array of float, shape (p,)
    sd_target, sd_comparator, sd_all : array of float, shape (p,)
    count_target, count_comparator : array of int, shape (p,)
        Persons whose covariate is not zero, without weights.
    persons : pair of int
        In the target and in the comparator cohort.
    difference_numerator : array of float, shape (p,)
        Variance of the difference of means; NaN where that of the standardised difference has a closed form.
    """

    mean_target: NDArray[np.float64]
    mean_comparator: NDArray[np.float64]
    mean_all: NDArray[np.float64]
    sd_target: NDArray[np.float64]
    sd_comparator: NDArray[np.float64]
    sd_all: NDArray[np.float64]
    count_target: NDArray[np.int64]
    count_comparator: NDArray[np.int64]
    persons: tuple[int, int]
    difference_numerator: NDArray[np.float64]

    @property
    def difference(self) -> NDArray[np.float64]:
        """Standardised differences, target less comparator, shape (p,); infinite where neither cohort varies."""
        return standardised(
            self.mean_target - self.mean_comparator, self.sd_target, self.sd_comparator, self.mean_target
        )

    @property
    def difference_variance(self) -> NDArray[np.float64]:
        """Variance of the standardised differences, shape (p,)."""
        n1, n0 = self.persons
        closed = (n1 + n0) / (n1 * n0) + self.difference**2 / (2 * max(n1 + n0 - 2, 1))
        with np.errstate(invalid="ignore", divide="ignore"):
            given = self.difference_numerator / ((self.sd_target**2 + self.sd_comparator**2) / 2)
        return np.where(np.isnan(self.difference_numerator), closed, given)

    @property
    def small(self) -> NDArray[np.bool_]:
        """Covariates that one to four persons of a cohort have, shape (p,)."""
        counts = np.array([self.count_target, self.count_comparator])
        return ((counts > 0) & (counts < SMALLEST)).any(axis=0)

    def of(self, base: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and deviation of the ``"target"``, the ``"comparator"`` cohort or ``"both"``."""
        name = "all" if base == "both" else base
        return getattr(self, f"mean_{name}"), getattr(self, f"sd_{name}")

    def shown(self, j: int, cohort: str) -> str:
        """A mean as readers may see it."""
        count, persons = getattr(self, f"count_{cohort}")[j], self.persons[cohort == "comparator"]
        if is_small(count):
            return f"<{SMALLEST / persons:.3f}" if SMALLEST / persons >= 0.001 else "<0.001"
        return f"{getattr(self, f'mean_{cohort}')[j]:.3f}"


def standardised(
    difference: NDArray[np.float64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    size: NDArray[np.float64],
) -> NDArray[np.float64]:
    """A difference by √((s₁² + s₂²)/2); what is rounding error beside `size` is zero.

    Examples
    --------
    >>> standardised(np.array([0.1, 0.0]), np.array([0.5, 0.0]), np.array([0.5, 0.0]), np.array([0.5, 1.0]))
    array([0.2, 0. ])
    """
    real = np.abs(difference) > _ROUNDING * np.abs(size)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = difference / np.sqrt((first**2 + second**2) / 2)
    return np.where(real, found, 0.0)


def covariate_moments(
    values: csc_matrix, adjustment: Adjustment, rows_with_values_only: bool = False
) -> CovariateMoments:
    """Moments of covariates among those kept, counted as the adjustment says."""
    square, stored, present = values.copy(), values.copy(), values.copy()
    square.data = values.data**2
    stored.data = np.ones(values.data.size)
    present.data = (values.data != 0).astype(float)
    target, comparator, everyone = _weights(adjustment)
    sides = [_moments(values, square, weight, _plain(adjustment)) for weight in (target, comparator)]
    mean_all, sd_all = _moments(values, square, everyone, False)
    arms = [(adjustment.kept & (adjustment.treatment == value)).astype(float) for value in (1, 0)]
    counts = [np.rint(present.T @ arm).astype(np.int64) for arm in arms]
    if _plain(adjustment):
        numerator = np.full(values.shape[1], np.nan)
    elif adjustment.stratum is not None:
        numerator = _stratified_variance(values, square, adjustment)
    else:
        numerator = sum(
            _weighted_variance(values, square, stored, weight, side[0], rows_with_values_only)
            for weight, side in zip((target, comparator), sides, strict=True)
        )
    (mean_1, sd_1), (mean_0, sd_0) = sides
    persons = (adjustment.target, adjustment.comparator)
    return CovariateMoments(mean_1, mean_0, mean_all, sd_1, sd_0, sd_all, *counts, persons, numerator)


def _plain(adjustment: Adjustment) -> bool:
    """Whether everybody kept counts once."""
    return adjustment.weights is None and (adjustment.stratum is None or adjustment.one_to_one)


def _weights(adjustment: Adjustment) -> tuple[NDArray, NDArray, NDArray]:
    """Weights of target, of comparator and of all, each adding up to one."""
    target = adjustment.treatment == 1
    weight = everyone = adjustment.kept.astype(float)
    if adjustment.weights is not None:
        weight = everyone = np.where(adjustment.kept, adjustment.weights, 0.0)
    elif not _plain(adjustment):
        inside, sizes = adjustment.stratum >= 0, adjustment.sizes
        weight, everyone = np.zeros(target.size), np.zeros(target.size)
        of = adjustment.stratum[inside]
        weight[inside] = 1 / sizes[of, adjustment.treatment[inside]]
        everyone[inside] = 1 / sizes.sum(axis=1)[of]
    first, second = weight * target, weight * ~target
    return first / first.sum(), second / second.sum(), everyone / everyone.sum()


def _moments(values: csc_matrix, square: csc_matrix, weight: NDArray, plain: bool) -> tuple[NDArray, NDArray]:
    """Mean and standard deviation; without weights that by n, else that by 1 - Σw²."""
    mean = values.T @ weight
    whole = square.T @ weight
    spread = whole - mean**2
    spread[spread <= _ROUNDING * whole] = 0.0
    lost = 0.0 if plain else float((weight**2).sum())
    return mean, np.sqrt(spread / (1 - lost)) if lost < 1 else np.zeros_like(mean)


def _weighted_variance(values, square, stored, weight, mean, rows_with_values_only) -> NDArray[np.float64]:
    """Σ w² (x - mean)², over all persons or those whose covariate is stored."""
    squared = weight**2
    among = stored.T @ squared if rows_with_values_only else squared.sum()
    return np.maximum(square.T @ squared - 2 * mean * (values.T @ squared) + mean**2 * among, 0.0)


def _stratified_variance(
    values: csc_matrix, square: csc_matrix, adjustment: Adjustment
) -> NDArray[np.float64]:
    """Σ s²/n (N of the stratum / N)², over strata and cohorts of more than one person."""
    from scipy import sparse

    sizes = adjustment.sizes
    rows = np.flatnonzero(adjustment.stratum >= 0)
    cell = adjustment.stratum[rows] * 2 + adjustment.treatment[rows]
    sums = sparse.csr_matrix((np.ones(rows.size), (cell, rows)), shape=(sizes.size, values.shape[0]))
    n = sizes.ravel().astype(float)
    share = np.where(
        n > 1, (np.repeat(sizes.sum(axis=1), 2) / sizes.sum()) ** 2 / (n * np.maximum(n - 1, 1)), 0.0
    )
    total = (sums @ values).tocsr()
    centred = (sums @ square).tocsr() - total.multiply(total).multiply(1 / np.maximum(n, 1)[:, None])
    return np.maximum(np.asarray(centred.T @ share).ravel(), 0.0)
