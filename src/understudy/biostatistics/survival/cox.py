"""cox: regression of hazards on covariates by the partial likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import (
    Censored,
    censored,
    labels,
    numbers,
    same_length,
    stop_for,
)
from understudy.biostatistics.survival.covariates import covariate_matrix
from understudy.biostatistics.survival.cox_data import CoxData, refuse_collinear, sorted_patients
from understudy.biostatistics.survival.cox_search import Maximum, maximise, unbounded
from understudy.biostatistics.survival.p_value import chi_square, normal_quantile, quadratic_form, two_sided
from understudy.core.errors import DataError, Problem, SimulationError

if TYPE_CHECKING:
    import pandas as pd

Ties = Literal["efron", "breslow", "exact"]


@dataclass(frozen=True)
class Test:
    """A chi-square test.

    Parameters
    ----------
    statistic : float
    df : int
    """

    statistic: float
    df: int

    @property
    def p(self) -> float:
        """Probability of so large a statistic if there were no effect."""
        return chi_square(self.statistic, self.df)


@dataclass(frozen=True, eq=False, repr=False)
class CoxFit:
    """A fitted Cox model.

    Parameters
    ----------
    names : tuple of str
    coefficients : float array, shape (p,)
        Log hazard ratios; plus or minus infinity where the likelihood has no maximum.
    covariance : float array, shape (p, p)
        The one in use: robust if that was asked for, else the inverse information. Not a number for coefficients that
        are infinite, and if any is, for all robust ones.
    naive_covariance : float array, shape (p, p)
        Inverse information.
    log_likelihood, null_log_likelihood : float
        At the maximum, and without covariates.
    score_test : Test
        Of no effect at all; the log-rank test is one for indicators of groups.
    patients, events, strata, clusters : int
        `patients` are rows; clusters are 0 without robust errors.
    ties : str
    level : float
    monotone : tuple of str
        Covariates whose coefficients have no finite estimate (separation, monotone likelihood).
    warnings : tuple of str
    iterations : int
    data : CoxData
    beta : float array, shape (p,)
        Coefficients of the standardised covariates where the search ended.
    """

    names: tuple[str, ...]
    coefficients: np.ndarray
    covariance: np.ndarray
    naive_covariance: np.ndarray
    log_likelihood: float
    null_log_likelihood: float
    score_test: Test
    patients: int
    events: int
    strata: int
    clusters: int
    ties: str
    level: float
    monotone: tuple[str, ...]
    warnings: tuple[str, ...]
    iterations: int
    data: CoxData = field(repr=False)
    beta: np.ndarray = field(repr=False)

    @property
    def standard_errors(self) -> np.ndarray:
        """Of the coefficients, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def hazard_ratios(self) -> np.ndarray:
        """Exponentials of the coefficients, shape (p,)."""
        return np.exp(self.coefficients)

    @property
    def likelihood_ratio_test(self) -> Test:
        """Of no effect at all, by twice the difference of log-likelihoods."""
        return Test(2 * (self.log_likelihood - self.null_log_likelihood), len(self.names))

    @property
    def wald_test(self) -> Test:
        """Of no effect at all, by the coefficients and the covariance in use."""
        if self.monotone:
            return Test(float("nan"), len(self.names))
        return Test(*quadratic_form(self.coefficients, self.covariance))

    def table(self) -> pd.DataFrame:
        """One row for each covariate: coefficient, standard error, hazard ratio with Wald's limits, z, p."""
        import pandas as pd

        error, half = self.standard_errors, normal_quantile(self.level) * self.standard_errors
        with np.errstate(invalid="ignore"):
            z = self.coefficients / error
        return pd.DataFrame(
            {
                "covariate": self.names,
                "coefficient": self.coefficients,
                "standard_error": error,
                "hazard_ratio": self.hazard_ratios,
                "low": np.exp(self.coefficients - half),
                "high": np.exp(self.coefficients + half),
                "z": z,
                "p": two_sided(z),
            }
        )

    def __repr__(self) -> str:
        strata = f", {self.strata} strata" if self.strata > 1 else ""
        errors = f", robust errors of {self.clusters} clusters" if self.clusters else ""
        test = self.likelihood_ratio_test
        lines = [
            f"Cox model ({self.ties} ties{strata}{errors}): {self.patients} rows, {self.events} events",
            self.table().to_string(index=False, float_format=lambda value: f"{value:.4g}"),
            f"likelihood ratio {test.statistic:.4g} on {test.df} df, p {test.p:.3g}",
            *(f"warning: {warning}" for warning in self.warnings),
        ]
        return "\n".join(lines)


def cox(
    time: ArrayLike,
    event: ArrayLike,
    covariates: Any,
    *,
    names: Sequence[str] | None = None,
    entry: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    robust: bool = False,
    ties: Ties = "efron",
    level: float = 0.95,
) -> CoxFit:
    """Fit a proportional hazards model (Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x).

    Parameters
    ----------
    time, event : array, shape (n,)
        As for `censored`: one row a patient, or one for each interval (entry, time] of a patient's covariates.
    covariates : array of shape (n,) or (n, p), mapping of names to arrays, or DataFrame
        Numbers; a group is given as indicators.
    names : sequence of str, optional
        Of the columns of an array.
    entry : array, shape (n,), optional
        Beginning of each row's interval: delayed entry, or time-varying covariates.
    strata : array, shape (n,), optional
        Labels of strata, each with a baseline hazard of its own.
    weights : array, shape (n,), optional
        Case weights. They are counts to the naive errors; for sampling weights ask for `robust` ones.
    offset : array, shape (n,), optional
        Part of the log hazard ratio that is known.
    cluster : array, shape (n,), optional
        Labels within which rows may depend on each other; asks for robust errors. Rows of one patient are a cluster.
    robust : bool
        Errors that hold if hazards are not proportional (Lin, Wei 1989, doi:10.1080/01621459.1989.10478874).
    ties : {"efron", "breslow", "exact"}
        ``"exact"`` is the discrete partial likelihood (Cox 1972), for few ties; without weights and robust errors.
    level : float
        Of the limits in `CoxFit.table`.

    Raises
    ------
    DataError
        For times, events, covariates or labels that cannot be; for covariates that are constant or collinear.
    SimulationError
        Without any event, or for settings that exclude each other.

    Examples
    --------
    >>> fit = cox([5, 6, 7, 8, 9, 10], [1, 1, 1, 1, 0, 1], {"drug": [0, 0, 1, 0, 1, 1]})
    >>> fit.hazard_ratios.round(3)
    array([0.185])
    """
    watched = censored(time, event, entry, weights)
    matrix, names = covariate_matrix(covariates, watched.time.size, names)
    shift = _offset(offset, watched.time.size)
    robust = robust or cluster is not None
    _refuse(watched, matrix, weights is not None, robust, ties)
    data = sorted_patients(watched, matrix, strata, shift, ties)
    start = np.zeros(matrix.shape[1])
    null, score, information = data.likelihood(start)
    refuse_collinear(information, names)
    found = maximise(data.likelihood, start)
    direction = unbounded(data, found, information)
    covariance = _inverse(found.information, direction == 0) / np.outer(data.scale, data.scale)
    robust_covariance, clusters = covariance, 0
    if robust:
        robust_covariance, clusters = _robust(data, found, cluster)
        robust_covariance[:, :] = np.nan if direction.any() else robust_covariance
    monotone = tuple(name for name, towards in zip(names, direction, strict=True) if towards)
    beta = found.beta / data.scale
    beta[direction != 0] = np.sign(direction[direction != 0]) * np.inf
    return CoxFit(
        names,
        beta,
        robust_covariance,
        covariance,
        found.log_likelihood,
        null,
        Test(*quadratic_form(score, information)),
        watched.time.size,
        int(watched.event.sum()),
        data.bounds.size - 1,
        clusters,
        ties,
        level,
        monotone,
        _warnings(monotone, clusters, matrix.shape[1]),
        found.iterations,
        data,
        found.beta,
    )


def _inverse(information: np.ndarray, finite: np.ndarray) -> np.ndarray:
    """Covariance of the coefficients that are finite; not a number for the others."""
    found = np.full_like(information, np.nan)
    found[np.ix_(finite, finite)] = np.linalg.inv(information[np.ix_(finite, finite)])
    return found


def _offset(offset: ArrayLike | None, size: int) -> np.ndarray | None:
    if offset is None:
        return None
    problems: list[Problem] = []
    found = numbers(offset, "offset", problems)
    same_length(found, size, "offset", "time", problems)
    stop_for(problems, "the Cox model")
    return found


def _refuse(watched: Censored, matrix: np.ndarray, weighted: bool, robust: bool, ties: str) -> None:
    if ties not in get_args(Ties):
        raise SimulationError(
            f"unknown ties {ties!r}", place="ties", repair=f"use {', '.join(get_args(Ties))}"
        )
    if ties == "exact" and (weighted or robust):
        raise SimulationError(
            "the exact likelihood has neither weights nor robust errors",
            place="ties",
            repair="use ties='efron'",
        )
    if not watched.event.any():
        raise SimulationError(
            "no event was seen, so hazards cannot be compared",
            place=f"{watched.time.size} rows",
            repair="watch longer, or check how events are coded: 1 is an event",
        )
    if matrix.shape[1] == 0:
        raise DataError([Problem("no covariate", "give one", column="covariates")], place="the Cox model")


def _robust(data: CoxData, found: Maximum, cluster: ArrayLike | None) -> tuple[np.ndarray, int]:
    """Sandwich of the score residuals, summed within clusters (Lin, Wei 1989)."""
    from understudy.biostatistics.survival.cox_residuals import score_parts

    parts = data.weight[:, None] * score_parts(data, found.beta)
    if cluster is not None:
        names, member = labels(cluster, data.time.size, "cluster")
        sums = np.zeros((names.size, parts.shape[1]))
        np.add.at(sums, member[data.order], parts)
        parts = sums
    influence = np.linalg.lstsq(found.information, parts.T, rcond=None)[0].T / data.scale
    return influence.T @ influence, len(parts)


def _warnings(monotone: tuple[str, ...], clusters: int, covariates: int) -> tuple[str, ...]:
    told = []
    if monotone:
        told.append(
            f"monotone likelihood: {', '.join(monotone)} {'has' if len(monotone) == 1 else 'have'} no finite"
            " estimate, since events are perfectly ordered (separation); Wald's errors do not exist,"
            " use `profile_interval` and the likelihood ratio or score test"
        )
    if 0 < clusters <= 2 * covariates:
        told.append(f"robust errors of {covariates} coefficients from {clusters} clusters cannot be trusted")
    return tuple(told)
