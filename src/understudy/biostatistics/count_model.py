"""Models of counts over time at risk: Poisson and negative binomial regression, rates and rate ratios.

The likelihoods are maximised by statsmodels (Seabold & Perktold 2010, doi:10.25080/Majora-92bf1922-011).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.contrasts import RegressionFit
from understudy.biostatistics.design_matrix import Design
from understudy.biostatistics.estimates import Estimates
from understudy.biostatistics.linear_model import orthogonal_factors
from understudy.biostatistics.numeric_column import numeric_column
from understudy.core.errors import DataError, MissingExtraError, Problem, UnderstudyError

Array = NDArray[np.float64]
_SCORE = 1e-6  # largest score at a maximum, in orthonormal covariates and relative to the root of all events


@dataclass(frozen=True, eq=False)
class CountModel(RegressionFit):
    """A fitted model of counts with a logarithmic link.

    Attributes
    ----------
    design : Design
    coefficients : Estimates
        Log rate ratios; the intercept is the log rate at the reference.
    covariance : array, shape (p, p)
    distribution : {"poisson", "negative binomial"}
    dispersion : float
        Of the negative binomial: variance = mean + dispersion · mean² (0 for Poisson).
    dispersion_error : float
        Its standard error, NaN for Poisson or at the bound of 0.
    pearson : float
        Pearson's chi-square over residual degrees of freedom; well above 1 the variance is larger than modelled.
    log_likelihood : float
    variance : {"model", "HC0"}
    events, exposure : float
        Totals.
    notes : tuple of str
    """

    design: Design
    coefficients: Estimates
    covariance: Array
    distribution: str
    dispersion: float
    dispersion_error: float
    pearson: float
    log_likelihood: float
    variance: str
    events: float
    exposure: float
    notes: tuple[str, ...]

    @property
    def rate_ratios(self) -> Estimates:
        """The coefficients as rate ratios (the intercept as a rate)."""
        return _as_ratios(self.coefficients)

    def rates(
        self, by: Sequence[str], *, at: Mapping[str, object] | None = None, weights: str = "equal"
    ) -> Estimates:
        """Adjusted rates per unit of exposure in each level of `by`: exponentials of least-squares means."""
        return _as_ratios(self.least_squares_means(by, at=at, weights=weights))

    def ratios(self, of: str, against: object = None, *, by: Sequence[str] = ()) -> Estimates:
        """Rate ratios of each level against one, by default the reference level."""
        found = self.differences(of, against, by=by)
        return _as_ratios(replace(found, names=tuple(name.replace(" - ", " / ", 1) for name in found.names)))

    def __repr__(self) -> str:
        extra = f", dispersion {self.dispersion:.4g}" if self.distribution != "poisson" else ""
        notes = "".join(f"\n{note}" for note in self.notes)
        return (
            f"{self.distribution.capitalize()} model, {self.events:g} events in {self.exposure:g} exposure"
            f"{extra}, {self.variance} variance\n{self.rate_ratios}{notes}"
        )


def count_model(
    events: ArrayLike,
    design: Design,
    *,
    exposure: ArrayLike | None = None,
    distribution: str = "negative binomial",
    variance: str = "model",
    level: float = 0.95,
) -> CountModel:
    """Fit counts over time at risk.

    Parameters
    ----------
    events : array-like of whole numbers, shape (n,)
    design : Design
    exposure : array-like, shape (n,), optional
        Time at risk, above zero; its logarithm is the offset. By default 1 for all.
    distribution : {"negative binomial", "poisson"}
    variance : {"model", "HC0"}
        The sandwich stays valid where the variance is not as modelled.
    level : float

    Returns
    -------
    CountModel

    Raises
    ------
    DataError
        For counts that are negative or not whole, or exposures that are not above zero.
    UnderstudyError
        For an arm or level without any event, whose log rate has no maximum, or a search that did not converge.
    MissingExtraError
        Without statsmodels.

    References
    ----------
    Lawless 1987, doi:10.2307/3314912; Keene et al. 2007, doi:10.1002/pst.250; White 1980, doi:10.2307/1912934.

    Examples
    --------
    >>> from understudy.biostatistics.design_matrix import design_matrix
    >>> design = design_matrix({"arm": ["placebo"] * 4 + ["drug"] * 4}, reference={"arm": "placebo"})
    >>> fit = count_model([2, 3, 1, 4, 1, 0, 2, 2], design, exposure=[1] * 4 + [2] * 4, distribution="poisson")
    >>> round(fit.rate_ratios["arm[drug]"].value, 6)
    0.25
    """
    y, time = _counts(events, exposure, design.rows)
    if variance not in ("model", "HC0") or distribution not in ("poisson", "negative binomial"):
        raise UnderstudyError(
            f"unknown distribution {distribution!r} or variance {variance!r}",
            repair="take 'poisson' or 'negative binomial', and 'model' or 'HC0'",
        )
    q, r = orthogonal_factors(design.matrix, design.names)
    _refuse_empty_levels(y, design)
    beta, covariance, alpha, error, likelihood, notes = _fitted(y, q, np.log(time), distribution, variance)
    back = np.linalg.inv(r)
    outer = back @ covariance @ back.T
    mean = time * np.exp(q @ beta)
    pearson = float(np.sum((y - mean) ** 2 / (mean + alpha * mean**2)) / (len(y) - len(beta)))
    if distribution == "poisson" and variance == "model" and pearson > 1.5:
        notes = (
            *notes,
            f"overdispersed (Pearson {pearson:.2f}): take the negative binomial or variance='HC0'",
        )
    errors = np.sqrt(np.diag(outer))
    coefficients = Estimates(design.names, back @ beta, errors, np.full(len(beta), np.inf), level)
    return CountModel(
        design,
        coefficients,
        outer,
        distribution,
        alpha,
        error,
        pearson,
        likelihood,
        variance,
        float(y.sum()),
        float(time.sum()),
        notes,
    )


def _fitted(
    y: Array, q: Array, offset: Array, distribution: str, variance: str
) -> tuple[Array, Array, float, float, float, tuple[str, ...]]:
    """Coefficients, covariance, dispersion, its error, log-likelihood and notes, in orthonormal covariates."""
    poisson = _run(y, q, offset, "poisson", variance, None)
    if distribution == "poisson":
        return poisson.params, np.asarray(poisson.cov_params()), 0.0, np.nan, float(poisson.llf), ()
    # Twice the slope of the likelihood in the dispersion where that is zero (Lawless 1987, section 3).
    if np.sum((y - poisson.fittedvalues) ** 2 - y) <= 0:
        note = "no overdispersion: the negative binomial became a Poisson model"
        return poisson.params, np.asarray(poisson.cov_params()), 0.0, np.nan, float(poisson.llf), (note,)
    start = np.append(poisson.params, max(_moment(y, poisson.fittedvalues, q.shape[1]), 0.01))
    found = _run(y, q, offset, "negative binomial", variance, start)
    covariance, alpha = np.asarray(found.cov_params()), float(found.params[-1])
    error = float(np.sqrt(covariance[-1, -1]))
    return found.params[:-1], covariance[:-1, :-1], alpha, error, float(found.llf), ()


def _run(y: Array, q: Array, offset: Array, distribution: str, variance: str, start: Array | None) -> Any:
    try:
        from statsmodels.discrete.discrete_model import NegativeBinomial
        from statsmodels.genmod.families import Poisson
        from statsmodels.genmod.generalized_linear_model import GLM
    except ImportError as error:
        raise MissingExtraError(
            "models of counts need statsmodels", repair="pip install 'understudy[trials]'"
        ) from error
    kind = {"cov_type": "HC0"} if variance == "HC0" else {}
    # Warnings of the search are replaced by the check of the score below.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if distribution == "poisson":
            model = GLM(y, q, family=Poisson(), offset=offset)
            result = model.fit(tol=1e-12, maxiter=200, **kind)
        else:
            model = NegativeBinomial(y, q, offset=offset)
            near = model.fit(start_params=start, method="bfgs", maxiter=500, gtol=1e-6, disp=0).params
            result = model.fit(start_params=near, method="newton", maxiter=100, tol=1e-12, disp=0, **kind)
        score = np.asarray(model.score(result.params))
    if not np.abs(score).max() < _SCORE * max(1.0, np.sqrt(y.sum())):
        raise UnderstudyError(
            "the search for the maximum did not converge",
            place=f"{distribution} regression",
            repair="rescale exposures, leave out rare levels, or take distribution='poisson', variance='HC0'",
        )
    return result


def _moment(y: Array, mean: Array, coefficients: int) -> float:
    """A moment estimate of the dispersion, to begin with."""
    return float(np.sum(((y - mean) ** 2 - mean) / mean**2) / max(1, len(y) - coefficients))


def _counts(events: ArrayLike, exposure: ArrayLike | None, rows: int) -> tuple[Array, Array]:
    y = numeric_column(events, "events", rows)
    time = np.ones(rows) if exposure is None else numeric_column(exposure, "exposure", rows)
    problems = [
        Problem("no count", "give whole numbers from 0", int(row), "events", f"{y[row]:g}")
        for row in np.flatnonzero((y < 0) | (y != np.round(y)))
    ]
    problems += [
        Problem("no time at risk", "leave the row out", int(row), "exposure", f"{time[row]:g}")
        for row in np.flatnonzero(time <= 0)
    ]
    if problems:
        raise DataError(problems, place="counts")
    return y, time


def _refuse_empty_levels(y: Array, design: Design) -> None:
    if not y.sum():
        raise UnderstudyError("there are no events", place="counts", repair="a rate of zero has no logarithm")
    for variable in design.variables:
        given = np.array(design.columns[variable.name])
        for level in variable.levels:
            if not y[given == level].sum():
                raise UnderstudyError(
                    f"no events in {variable.name} {level!r}, so its rate has no logarithm",
                    place="counts",
                    repair="join this level with another, or leave it out",
                )


def _as_ratios(found: Estimates) -> Estimates:
    return replace(found, scale="exp")
