"""Balance: how alike the cohorts are in every covariate, before and after an adjustment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.covariate_matrix import CovariateMatrix
from understudy.causal.propensity.adjustment import Adjustment, unadjusted
from understudy.causal.propensity.covariate_moments import CovariateMoments, covariate_moments, standardised
from understudy.causal.propensity.propensity_scores import treated
from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

THRESHOLD = 0.1  # of a standardised difference; Austin 2009, doi:10.1002/sim.3697
_BASES = {"att": "target", "atu": "comparator", "ate": "both", "ato": "both"}


@dataclass(frozen=True, eq=False)
class Balance:
    """How alike the cohorts are. Made by `balance`. Arrays are of all p covariates.

    Parameters
    ----------
    before, after : CovariateMoments
    covariates : DataFrame
        covariate_id, name and more, as in `CovariateMatrix`.
    estimand : str
        Of the adjustment.
    """

    before: CovariateMoments
    after: CovariateMoments
    covariates: pd.DataFrame
    estimand: str

    @property
    def largest_before(self) -> float:
        """Largest absolute standardised difference before the adjustment."""
        return float(np.abs(self.before.difference).max())

    @property
    def largest(self) -> float:
        """Largest absolute standardised difference after the adjustment."""
        return float(np.abs(self.after.difference).max())

    def share_balanced(self, threshold: float = THRESHOLD) -> float:
        """Share of covariates whose absolute standardised difference is below the threshold after the adjustment."""
        return float((np.abs(self.after.difference) < threshold).mean())

    def p_values(self, threshold: float = THRESHOLD) -> NDArray[np.float64]:
        """Of each covariate, for an absolute difference not above the threshold (Hripcsak et al. 2025), shape (p,).

        doi:10.1101/2024.04.23.24306230; it tells imbalance from chance where persons are few.
        """
        from scipy.special import ndtr

        size = np.abs(self.after.difference)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.sqrt(self.after.difference_variance)
            found = ndtr((threshold - size) / error) + ndtr((-size - threshold) / error)
        return np.where(np.isnan(found) | (error == 0), (size <= threshold).astype(float), found)

    def family_wise_min_p(self, threshold: float = THRESHOLD) -> float:
        """The smallest of `p_values` times the number of covariates, above 1 where it is: Bonferroni's."""
        counted = self.before.count_target + self.before.count_comparator > 0
        return float(self.p_values(threshold)[counted].min(initial=1.0) * counted.sum())

    @property
    def shift(self) -> NDArray[np.float64]:
        """Standardised difference between before and after, of those whose effect is estimated, shape (p,)."""
        base = _BASES[self.estimand]
        first, second = self.before.of(base), self.after.of(base)
        return standardised(first[0] - second[0], first[1], second[1], first[0])

    @property
    def generalizability(self) -> float:
        """Largest absolute `shift`: how far the adjustment has moved from those the question was about."""
        return float(np.abs(self.shift).max())

    def differences(self) -> pd.DataFrame:
        """Columns covariate_id, covariate, before, after: standardised differences, the largest after first."""
        import pandas as pd

        found = pd.DataFrame(
            {
                "covariate_id": self.covariates["covariate_id"].to_numpy(),
                "covariate": self.covariates["name"].to_numpy(),
                "before": self.before.difference,
                "after": self.after.difference,
            }
        )
        order = np.argsort(-np.abs(self.after.difference), kind="stable")
        return found.iloc[order].reset_index(drop=True)

    def table(self, rows: int | None = None) -> pd.DataFrame:
        """For readers: means and differences as text, the largest difference after first.

        A mean that rests on one to four persons is shown as below that of five, and the differences of its covariate
        with one decimal, so that they do not tell the count.
        """
        import pandas as pd

        order = np.argsort(-np.abs(self.after.difference), kind="stable")[:rows]
        small = self.before.small | self.after.small
        cells = {
            "covariate_id": self.covariates["covariate_id"].to_numpy()[order],
            "covariate": self.covariates["name"].to_numpy()[order],
        }
        for when, side in (("before", self.before), ("after", self.after)):
            cells[f"target_{when}"] = [side.shown(j, "target") for j in order]
            cells[f"comparator_{when}"] = [side.shown(j, "comparator") for j in order]
            cells[f"difference_{when}"] = [f"{side.difference[j]:.{1 if small[j] else 3}f}" for j in order]
        return pd.DataFrame(cells)

    def __repr__(self) -> str:
        return (
            f"Balance({self.after.difference.size} covariates: largest difference {self.largest_before:.3f} before, "
            f"{self.largest:.3f} after; {self.share_balanced():.1%} below {THRESHOLD})"
        )


def balance(
    covariates: CovariateMatrix,
    treatment: ArrayLike,
    adjustment: Adjustment | None = None,
    *,
    rows_with_values_only: bool = False,
) -> Balance:
    """Means of every covariate in both cohorts, before and after an adjustment, and their standardised differences.

    Definitions are CohortMethod's. A difference of means is divided by √((s₁² + s₀²)/2). With strata of several
    persons, each person counts one over the number of its cohort in the stratum (Austin 2008, doi:10.1002/pds.1674);
    with weights, by its weight.

    Parameters
    ----------
    covariates : CovariateMatrix
        As they were built, not as they were tidied for a model.
    treatment : array of 0 and 1, shape (n,)
    adjustment : Adjustment, optional
        Without one, after is as before.
    rows_with_values_only : bool
        The variance of a weighted difference from the persons alone whose covariate is in the matrix, as CohortMethod
        6.0 computes it; by default from all of them, those without an entry as zeros.

    Raises
    ------
    StudyError
        If lengths differ, or there is no covariate.

    Examples
    --------
    >>> import pandas as pd
    >>> from scipy.sparse import csc_matrix
    >>> about = pd.DataFrame({"covariate_id": [1210], "name": ["asthma"], "analysis_id": 210, "concept_id": 1})
    >>> matrix = CovariateMatrix(csc_matrix([[1.0], [1], [0], [0]]), np.arange(4), about.assign(binary=True))
    >>> balance(matrix, [1, 0, 1, 0])
    Balance(1 covariates: largest difference 0.000 before, 0.000 after; 100.0% below 0.1)
    """
    treatment = treated(treatment)
    if covariates.values.shape[0] != treatment.size:
        raise StudyError(
            f"covariates of {covariates.values.shape[0]} persons, treatments of {treatment.size}",
            place="balance",
            repair="give one treatment a row of the covariates, in their order",
        )
    if covariates.values.shape[1] == 0:
        raise StudyError("there is no covariate", place="balance", repair="build covariates first")
    before = unadjusted(treatment)
    adjustment = adjustment or before
    if not np.array_equal(adjustment.treatment, treatment):
        raise StudyError(
            "the adjustment is of other persons",
            place="balance",
            repair="give the treatment it was made with",
        )
    return Balance(
        covariate_moments(covariates.values, before),
        covariate_moments(covariates.values, adjustment, rows_with_values_only),
        covariates.covariates,
        adjustment.estimand,
    )
