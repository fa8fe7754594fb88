"""Penalised logistic regression for very many sparse covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.causal.propensity.prior import Prior
from understudy.causal.propensity.sparse_columns import SparseColumns, sparse_columns
from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

_FIRST_COLUMNS = 100  # that the first working set takes in; later ones as many as are inside already
_SUBPROBLEM = 0.1  # a working set is solved to this share of what is violated over all columns
_ROUNDS = 200  # working sets
_UNBOUNDED = 1e-6  # share of a column's spread that is left where the data bound an unpenalised coefficient


@dataclass(frozen=True, eq=False)
class SparseLogistic:
    """A penalised logistic regression. Made by `penalised_logistic`.

    Parameters
    ----------
    intercept : float
        Never penalised.
    coefficients : float array, shape (p,)
        Log odds ratios by unit of each covariate; those that the lasso leaves out are exactly zero.
    linear_predictor : float array, shape (n,)
        Log odds of each row.
    prior : Prior
    objective : float
        Negative log-likelihood plus penalty, the minimum to within `gap`.
    log_likelihood : float
        Without the penalty.
    gap : float
        The duality gap: how far the objective may be above its minimum, at most.
    working_sets : int
        Sets of columns that were solved.
    names : tuple of str
        Of the covariates; empty where none were given.
    """

    intercept: float
    coefficients: NDArray[np.float64]
    linear_predictor: NDArray[np.float64]
    prior: Prior
    objective: float
    log_likelihood: float
    gap: float
    working_sets: int
    names: tuple[str, ...] = ()

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Of the outcome, for the rows that were fitted, shape (n,)."""
        from scipy.special import expit

        return expit(self.linear_predictor)

    @property
    def selected(self) -> NDArray[np.int64]:
        """Positions of the coefficients that are not zero."""
        return np.flatnonzero(self.coefficients)

    def predict(self, matrix: Any) -> NDArray[np.float64]:
        """Probabilities for other rows with the same columns."""
        from scipy.special import expit

        return expit(_predictor(sparse_columns(matrix), self.coefficients, self.intercept))

    def table(self) -> pd.DataFrame:
        """Columns covariate, coefficient, odds_ratio: the intercept, then what is not zero, the largest first."""
        import pandas as pd

        order = self.selected[np.argsort(-np.abs(self.coefficients[self.selected]), kind="stable")]
        labels = [self.names[j] if self.names else f"column {j}" for j in order]
        values = np.concatenate([[self.intercept], self.coefficients[order]])
        return pd.DataFrame(
            {"covariate": ["(intercept)", *labels], "coefficient": values, "odds_ratio": np.exp(values)}
        )

    def __repr__(self) -> str:
        return (
            f"SparseLogistic({self.prior.kind} prior of variance {self.prior.variance:.4g}: {self.selected.size} of "
            f"{self.coefficients.size} coefficients not zero, log-likelihood {self.log_likelihood:.6g})"
        )


def penalised_logistic(
    matrix: Any,
    outcome: ArrayLike,
    prior: Prior | None = None,
    *,
    weights: ArrayLike | None = None,
    unpenalised: Sequence[int] = (),
    names: Sequence[str] = (),
    start: SparseLogistic | None = None,
    tolerance: float = 1e-9,
) -> SparseLogistic:
    """The most probable coefficients of a logistic regression under a prior, by coordinate descent.

    It is written for what OHDSI's Cyclops does (Suchard et al. 2013, doi:10.1145/2414416.2414791): tens of thousands of
    rows and covariates, most of which are zero for most persons. Sums run in one order, so that the same input gives
    the same bits, whatever the number of threads around it.

    Parameters
    ----------
    matrix : sparse matrix, array-like or SparseColumns, shape (n, p)
    outcome : array of 0 and 1, shape (n,)
    prior : Prior, optional
        Laplace with variance 0.01 where none is given.
    weights : array of float, shape (n,), optional
        Rows count as often as their weight says; zero leaves a row out of the fit, but not out of `linear_predictor`.
    unpenalised : sequence of int
        Positions of covariates that have no prior.
    names : sequence of str
        Of the covariates, for tables and messages.
    start : SparseLogistic, optional
        A fit of the same columns to begin with; it changes how long the search takes.
    tolerance : float
        The search ends when the duality gap is at most this share of the negative log-likelihood without covariates,
        and what is left in the equations of unpenalised coefficients cannot change the objective by more.

    Raises
    ------
    StudyError
        If all outcomes are alike, shapes do not fit, weights are negative, an unpenalised covariate is constant or
        separates the outcomes, or the search does not end.

    Examples
    --------
    >>> rows = [[1, 0], [1, 1], [0, 1], [0, 0], [1, 0], [0, 1]]
    >>> fit = penalised_logistic(rows, [1, 1, 0, 0, 1, 0], Prior(variance=1.0), names=["A", "B"])
    >>> [round(float(value), 4) for value in fit.coefficients]
    [0.229, 0.0]
    """
    prior = prior or Prior()
    columns = sparse_columns(matrix)
    y, weight = _checked(columns, outcome, weights)
    lasso, ridge = np.full(columns.width, prior.lasso), np.full(columns.width, prior.ridge)
    free = _free(columns, unpenalised, names)
    lasso[free] = ridge[free] = 0.0
    beta = np.zeros(columns.width) if start is None else start.coefficients.copy()
    least = _without_covariates(y, weight)
    intercept = least[0] if start is None else start.intercept
    found = _search(columns, y, weight, lasso, ridge, beta, intercept, tolerance * least[1])
    _require_bounds(columns, found[1], y, weight, free, names)
    return SparseLogistic(found[0], beta, found[1], prior, *found[2:], tuple(names))


def _search(columns, y, weight, lasso, ridge, beta, intercept, tolerance):
    """Working sets until the gap is closed; `beta` is changed. What `SparseLogistic` holds, without prior and names."""
    from understudy.causal.propensity import logistic_sums as sums
    from understudy.causal.propensity.descent_kernel import newton

    arrays = columns.arrays
    eta = _predictor(columns, beta, intercept)
    slopes = np.empty(columns.count)
    for done in range(_ROUNDS):
        intercept += sums.centre(eta, y, weight, slopes)
        slope = sums.gradient(*arrays, slopes)
        gap = sums.duality_gap(eta, y, weight, beta, slope, lasso, ridge)
        violated = sums.violations(beta, slope, lasso, ridge)
        free = (lasso == 0) & (ridge == 0)
        left = np.max(violated[free] * (1 + np.abs(beta[free])), initial=0.0)
        if gap <= tolerance and left <= tolerance:
            loss = sums.loss(eta, y, weight)
            total = loss + sums.penalty(beta, lasso, ridge)
            return float(intercept), eta, float(total), -float(loss), max(float(gap), 0.0), done
        inside = _working_set(beta, violated, lasso)
        target = _SUBPROBLEM * violated.max()
        intercept += newton(*arrays, inside, lasso, ridge, y, weight, beta, eta, target)
    raise StudyError(
        f"the search for coefficients did not end in {_ROUNDS} working sets (gap {gap:.3g})",
        place="logistic regression",
        repair="give a smaller variance, a larger tolerance, or penalise all covariates",
    )


def _working_set(
    beta: NDArray[np.float64], violated: NDArray[np.float64], lasso: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Columns away from zero or without a lasso, and of the others those that break their condition most."""
    inside = (beta != 0) | (lasso == 0)
    score = np.where(inside, np.inf, violated)
    room = inside.sum() + max(_FIRST_COLUMNS, inside.sum())
    order = np.argsort(-score, kind="stable")[:room]
    return np.sort(order[score[order] > 0])


def _predictor(columns: SparseColumns, beta: NDArray[np.float64], intercept: float) -> NDArray[np.float64]:
    from understudy.causal.propensity.logistic_sums import linear_predictor

    if columns.width != beta.size:
        raise StudyError(
            f"{columns.width} columns where {beta.size} are expected",
            place="covariates",
            repair="give the columns of the fit, in its order",
        )
    return linear_predictor(*columns.arrays, beta, float(intercept), columns.count)


def _checked(
    columns: SparseColumns, outcome: ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Outcome and weights, each of one value a row."""
    y = np.asarray(outcome)
    if y.shape != (columns.count,) or not np.isin(y, (0, 1)).all():
        raise StudyError(
            "an outcome is 0 or 1, one a row of the covariates", place="outcome", repair="code it as 0 and 1"
        )
    y = y.astype(np.int8)
    weight = np.ones(columns.count) if weights is None else np.ascontiguousarray(weights, dtype=float)
    if weight.shape != y.shape or not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise StudyError("weights are finite, and none is negative", place="weights", repair="one a row")
    for value in (0, 1):
        if not weight[y == value].sum() > 0:
            raise StudyError(
                f"no row has outcome {value}", place="outcome", repair="both outcomes must occur for a fit"
            )
    return y, weight


def _without_covariates(y: NDArray[np.int8], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Intercept and negative log-likelihood of a model of the intercept alone."""
    total, ones = weight.sum(), weight[y == 1].sum()
    share = ones / total
    return float(np.log(share / (1 - share))), float(
        -(ones * np.log(share) + (total - ones) * np.log1p(-share))
    )


def _free(columns: SparseColumns, unpenalised: Sequence[int], names: Sequence[str]) -> NDArray[np.int64]:
    """Positions without a prior, all of columns that vary."""
    if names and len(names) != columns.width:
        raise StudyError(
            f"{len(names)} names for {columns.width} covariates", place="names", repair="give one a column"
        )
    free = np.asarray(list(unpenalised), dtype=np.int64)
    if free.size and (free.min() < 0 or free.max() >= columns.width):
        raise StudyError(
            "an unpenalised covariate is not there", place="unpenalised", repair="positions begin at 0"
        )
    stuck = free[columns.constant[free]]
    if stuck.size:
        raise StudyError(
            f"{_named(stuck[0], names)} is the same for everybody, and has no prior",
            place="unpenalised",
            repair="leave it out",
        )
    return free


def _require_bounds(columns, eta, y, weight, free, names) -> None:
    """An unpenalised covariate must still vary among those whose outcome is in doubt."""
    from understudy.causal.propensity import logistic_sums as sums

    for j in free:
        left, whole = sums.spread(*columns.arrays, j, eta, y, weight)
        if left < _UNBOUNDED * whole:
            raise StudyError(
                f"{_named(j, names)} tells the outcome perfectly, so that nothing bounds its coefficient",
                place="unpenalised",
                repair="give it a prior, or leave it out",
            )


def _named(j: int, names: Sequence[str]) -> str:
    return repr(names[j]) if names else f"column {j}"
