"""Variance search: the variance of a prior under which rows that were held out are foretold best."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from understudy.causal.propensity.prior import Prior, PriorKind
from understudy.causal.propensity.sparse_columns import SparseColumns, sparse_columns
from understudy.causal.propensity.sparse_logistic import SparseLogistic, penalised_logistic
from understudy.core.errors import StudyError
from understudy.core.random import uniforms
from understudy.core.section import Number, Section, Whole, complaint

if TYPE_CHECKING:
    import pandas as pd

_STRIDE = 10.0  # first steps, as factors
_STEPS = 50
_LARGEST = 1e4  # variance; there a prior hardly binds
_GAIN = 0.01  # share of the best value that the parabola has to promise for another step
_NEAR = np.log(1.5)  # distance of its top from the best, below which the search ends
_TOLERANCE = 1e-6  # of fits to all folds but one; the log-likelihood of the one changes by less than it is printed with


class VarianceSearch(Section):
    """How the variance of a prior is chosen by cross-validation.

    Examples
    --------
    >>> VarianceSearch(grid=(0.01, 1.0, 3)).variances
    (0.01, 0.1, 1.0)
    """

    folds: Whole = Field(default=10, description="parts of which each is held out once", ge=2)
    repetitions: Whole = Field(default=1, description="times that the rows are divided anew", ge=1)
    start: Number = Field(default=0.01, description="first variance that is tried, without a grid", gt=0)
    grid: tuple[Number, Number, Whole] | None = Field(
        default=None, description="lowest and highest variance and how many are tried, evenly in logarithms"
    )
    seed: Whole = Field(default=1, description="of the division into parts", ge=0)

    @model_validator(mode="after")
    def _rising(self) -> VarianceSearch:
        if self.grid and not (0 < self.grid[0] < self.grid[1] and self.grid[2] >= 2):
            raise complaint(
                f"a grid from {self.grid[0]:g} to {self.grid[1]:g} in {self.grid[2]} steps",
                "give two rising variances above zero and at least two steps",
            )
        return self

    @property
    def variances(self) -> tuple[float, ...]:
        """Of the grid; empty without one."""
        if self.grid is None:
            return ()
        low, high, steps = self.grid
        return tuple(float(value) for value in np.geomspace(low, high, steps))


@dataclass(frozen=True)
class Tried:
    """What a variance foretold.

    Parameters
    ----------
    variance : float
    log_likelihood : float
        Of the rows held out, mean over folds.
    spread : float
        Standard deviation over folds.
    """

    variance: float
    log_likelihood: float
    spread: float


@dataclass(frozen=True)
class ChosenVariance:
    """The variance chosen. Made by `choose_variance`.

    Parameters
    ----------
    variance : float
    tried : tuple of Tried
        In the order of trying.
    note : str
        Where the search ended at a bound; else empty.
    """

    variance: float
    tried: tuple[Tried, ...]
    note: str = ""

    def table(self) -> pd.DataFrame:
        """Columns variance, log_likelihood, spread."""
        import pandas as pd

        rows = [(each.variance, each.log_likelihood, each.spread) for each in self.tried]
        return pd.DataFrame(rows, columns=["variance", "log_likelihood", "spread"])


def choose_variance(
    matrix: Any,
    outcome: ArrayLike,
    kind: PriorKind = "laplace",
    search: VarianceSearch | None = None,
    *,
    unpenalised: Sequence[int] = (),
    jobs: int | None = None,
) -> ChosenVariance:
    """The variance whose fits foretell held-out rows best, sought as OHDSI's Cyclops does.

    Without a grid: the variance goes by factors of ten until the best lies between two others, then to the top of a
    parabola through all that was tried (mean held-out log-likelihood by log variance, weighted by one over its standard
    deviation), until the top promises less than 1 % or lies within a factor of 1.5 of the best; the top is taken
    (Genkin, Lewis, Madigan 2007, doi:10.1198/004017007000000245, whose search Cyclops has). It departs from Cyclops:
    both outcomes are divided evenly over the folds; variances so small that no covariate comes in are not tried
    further, nor those above 10,000; where the parabola has no top, the best that was tried is taken.

    Parameters
    ----------
    matrix : sparse matrix, array-like or SparseColumns, shape (n, p)
    outcome : array of 0 and 1, shape (n,)
    kind : {"laplace", "normal"}
    search : VarianceSearch, optional
    unpenalised : sequence of int
        Positions of covariates without a prior.
    jobs : int, optional
        Threads; as many as the machine has where it is not given. The result does not depend on it.

    Raises
    ------
    StudyError
        If an outcome occurs only once: a fold without it could not be fitted.
    """
    search = search or VarianceSearch()
    trial = _Trial(sparse_columns(matrix), np.asarray(outcome), kind, search, tuple(unpenalised), jobs)
    if search.grid is not None:
        tried = tuple(trial.at(variance) for variance in search.variances)
        return ChosenVariance(_best(tried).variance, tried)
    return _climb(trial, search.start)


def _climb(trial: _Trial, variance: float) -> ChosenVariance:
    least, tried = trial.least(), []
    while True:
        tried.append(trial.at(variance))
        variance, ended = next_variance(tried)
        if ended or len(tried) >= _STEPS:
            return ChosenVariance(variance, tuple(tried))
        if not least <= variance <= _LARGEST:
            note = (
                "no covariate comes in" if variance < least else f"the variance would go above {_LARGEST:g}"
            )
            return ChosenVariance(
                _best(tried).variance, tuple(tried), f"the search of the variance ended where {note}"
            )


def next_variance(tried: Sequence[Tried]) -> tuple[float, bool]:
    """The variance to try next, and whether it is the one to take.

    Examples
    --------
    >>> value, ended = next_variance([Tried(0.01, -50, 1), Tried(0.1, -40, 1), Tried(1.0, -50, 1)])
    >>> round(value, 6), ended
    (0.1, True)
    """
    best, low, high = _best(tried), *_ends(tried)
    if len(tried) == 1:
        return (best.variance * _STRIDE if best.variance < 1 else best.variance / _STRIDE), False
    if best.variance == low:
        return low / _STRIDE, False
    if best.variance == high:
        return high * _STRIDE, False
    top, value = _parabola(tried)
    if not np.isfinite(top):
        return best.variance, True
    promised = (value - best.log_likelihood) / abs(best.log_likelihood or 1.0)
    return float(np.exp(top)), bool(promised < _GAIN or abs(top - np.log(best.variance)) < _NEAR)


def _ends(tried: Sequence[Tried]) -> tuple[float, float]:
    variances = [each.variance for each in tried]
    return min(variances), max(variances)


def _best(tried: Iterable[Tried]) -> Tried:
    """The first of those that foretell best."""
    return max(tried, key=lambda each: each.log_likelihood)


def _parabola(tried: Sequence[Tried]) -> tuple[float, float]:
    """Log variance and value of the top of the parabola; not-a-number where it opens upwards."""
    x = np.log([each.variance for each in tried])
    y = np.array([each.log_likelihood for each in tried])
    spread = np.array([each.spread for each in tried])
    positive = spread[spread > 0]
    weight = np.where(
        spread > 0, 1 / np.where(spread > 0, spread, 1), 100 / positive.min() if positive.size else 1.0
    )
    centre = x.mean()
    c2, c1, c0 = np.polyfit(x - centre, y, 2, w=np.sqrt(weight))
    if not c2 < 0:
        return np.nan, np.nan
    return float(centre - c1 / (2 * c2)), float(c0 - c1**2 / (4 * c2))


@dataclass(frozen=True, eq=False)
class _Trial:
    """What all variances are tried on."""

    columns: SparseColumns
    outcome: NDArray
    kind: PriorKind
    search: VarianceSearch
    unpenalised: tuple[int, ...]
    jobs: int | None

    def at(self, variance: float) -> Tried:
        """What a variance foretells."""
        prior = Prior(self.kind, variance)
        whole = self.fit(prior, None, None)
        parts = list(product(range(self.search.repetitions), range(self.search.folds)))
        with ThreadPoolExecutor(self.jobs or os.cpu_count()) as pool:
            found = np.array(list(pool.map(lambda part: self.held_out(prior, *part, whole), parts)))
        return Tried(variance, float(found.mean()), float(found.std()))

    def fit(self, prior: Prior, weights: NDArray | None, start: SparseLogistic | None) -> SparseLogistic:
        return penalised_logistic(
            self.columns,
            self.outcome,
            prior,
            weights=weights,
            unpenalised=self.unpenalised,
            start=start,
            tolerance=_TOLERANCE,
        )

    def held_out(self, prior: Prior, repetition: int, fold: int, whole: SparseLogistic) -> float:
        """Log-likelihood of a fold by the fit to all others, which begins at the fit to all."""
        out = folds(self.outcome, self.search.folds, self.search.seed, repetition) == fold
        eta = self.fit(prior, np.where(out, 0.0, 1.0), whole).linear_predictor[out]
        return float(-np.logaddexp(0, np.where(self.outcome[out] == 1, -eta, eta)).sum())

    def least(self) -> float:
        """The variance up to which no covariate comes in; zero under a normal prior, where all are in."""
        if self.kind == "normal":
            return 0.0
        from understudy.causal.propensity.logistic_sums import gradient

        alone = self.fit(Prior(self.kind, 1e-300), None, None)
        slope = gradient(*self.columns.arrays, alone.probabilities - self.outcome)
        penalised = np.ones(self.columns.width, dtype=bool)
        penalised[list(self.unpenalised)] = False
        largest = np.abs(slope[penalised]).max(initial=0.0)
        return 2 / largest**2 if largest > 0 else np.inf


def folds(outcome: ArrayLike, count: int, seed: int, repetition: int) -> NDArray[np.int64]:
    """A fold for each row, 0 to count - 1, both outcomes divided evenly.

    Raises
    ------
    StudyError
        If an outcome occurs only once.

    Examples
    --------
    >>> sorted(int(fold) for fold in folds([0, 0, 0, 0, 1, 1], 2, 1, 0))
    [0, 0, 0, 1, 1, 1]
    """
    outcome = np.asarray(outcome)
    if min((outcome == 0).sum(), (outcome == 1).sum()) < 2:
        raise StudyError(
            "an outcome occurs only once, so that its row cannot be held out",
            place="cross-validation",
            repair="give the variance of the prior, or more rows",
        )
    drawn = uniforms(seed, f"folds of repetition {repetition}", np.arange(outcome.size), 1)[:, 0]
    found = np.empty(outcome.size, dtype=np.int64)
    found[np.lexsort((drawn, outcome))] = np.arange(outcome.size) % count
    return found
