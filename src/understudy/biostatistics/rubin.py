"""Rubin's rules: one estimate with its error from the estimates of several imputed data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.estimates import Estimate, Estimates
from understudy.core.errors import UnderstudyError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pooled:
    """Estimates over imputations.

    Attributes
    ----------
    estimates : Estimates
        With Barnard and Rubin's degrees of freedom.
    within, between : array, shape (k,)
        Mean variance within imputations, variance between them.
    missing_information : array, shape (k,)
        Share of the variance that comes from missing values, λ.
    imputations : int
    """

    estimates: Estimates
    within: Array
    between: Array
    missing_information: Array
    imputations: int

    @property
    def monte_carlo_errors(self) -> Array:
        """How far estimates are from what infinitely many imputations would give: root of between over their number."""
        return np.sqrt(self.between / self.imputations)

    def __getitem__(self, name: str) -> Estimate:
        return self.estimates[name]

    def table(self) -> pd.DataFrame:
        """Estimates, one a row, with the share of missing information and the Monte Carlo error."""
        return self.estimates.table().assign(
            missing_information=self.missing_information, monte_carlo_error=self.monte_carlo_errors
        )

    def __repr__(self) -> str:
        shares = [f"{100 * share:.3g} %" for share in self.missing_information]
        table = self.estimates.printed().assign(**{"missing information": shares})
        return f"Pooled over {self.imputations} imputations\n{table.to_string()}"


def pool(
    names: Sequence[str],
    estimates: ArrayLike,
    variances: ArrayLike,
    *,
    complete_degrees_of_freedom: float = np.inf,
    level: float = 0.95,
) -> Pooled:
    """Pool estimates of imputed data sets.

    Parameters
    ----------
    names : sequence of str, length k
    estimates, variances : array-like, shape (imputations, k)
    complete_degrees_of_freedom : float
        That the analysis would have without missing values; infinite for normal ones.
    level : float

    Returns
    -------
    Pooled

    Raises
    ------
    UnderstudyError
        For fewer than two imputations, or shapes that do not fit.

    References
    ----------
    Rubin 1987, Multiple Imputation for Nonresponse in Surveys; Barnard & Rubin 1999, doi:10.1093/biomet/86.4.948.

    Examples
    --------
    >>> found = pool(["drug"], [[1.0], [2.0], [3.0]], [[1.0], [1.0], [1.0]], complete_degrees_of_freedom=50)
    >>> round(found["drug"].standard_error, 4), round(found["drug"].degrees_of_freedom, 2)
    (1.5275, 4.72)
    """
    q, u = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    if q.ndim != 2 or q.shape != u.shape or q.shape[1] != len(names) or len(q) < 2:
        raise UnderstudyError(
            f"estimates of shape {q.shape} and variances of shape {u.shape} for {len(names)} names",
            repair="give one row an imputation, two or more",
        )
    count = len(q)
    within, between = u.mean(axis=0), q.var(axis=0, ddof=1)
    # A quantity without missing values is the same in all imputations, but for rounding.
    between = np.where(between < 1e-20 * np.maximum(within, q.mean(axis=0) ** 2), 0.0, between)
    added = (1 + 1 / count) * between
    total = within + added
    share = added / total
    freedom = _degrees(share, count, complete_degrees_of_freedom)
    pooled = Estimates(tuple(names), q.mean(axis=0), np.sqrt(total), freedom, level)
    return Pooled(pooled, within, between, share, count)


def _degrees(share: Array, count: int, complete: float) -> Array:
    """Barnard and Rubin's degrees of freedom; those of the complete data's share where nothing is missing."""
    with np.errstate(divide="ignore"):
        large = np.where(share > 0, (count - 1) / share**2, np.inf)
    if np.isinf(complete):
        return large
    observed = (complete + 1) / (complete + 3) * complete * (1 - share)
    return 1 / (1 / large + 1 / observed)
