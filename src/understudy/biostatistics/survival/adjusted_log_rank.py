"""Covariate-adjusted log-rank test, and the marginal hazard ratio that goes with it.

Covariates of a Cox model change what its hazard ratio means; these do not: the hypothesis and the ratio are those of
the arms alone, only the chance imbalance of what covariates foretell is taken out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from understudy.biostatistics.survival.censored import censored, stop_for
from understudy.biostatistics.survival.p_value import normal_quantile, two_sided
from understudy.core.errors import Problem, SimulationError

_STEPS = 100
_FARTHEST = 20.0  # of the log hazard ratio


@dataclass(frozen=True)
class AdjustedLogRank:
    """A test and a marginal hazard ratio.

    Attributes
    ----------
    log_hazard_ratio, standard_error, low, high : float
        Of treated against control; limits are of the ratio. Under proportional marginal hazards.
    statistic, p : float
        Of the test of equal hazards, which needs no such assumption; standard normal, above 0 where the treated have
        more events.
    unadjusted_variance, variance : float
        Of the score under the null hypothesis, per patient, without and with the adjustment.
    patients, events : int
    level : float
    """

    log_hazard_ratio: float
    standard_error: float
    low: float
    high: float
    statistic: float
    p: float
    unadjusted_variance: float
    variance: float
    patients: int
    events: int
    level: float

    @property
    def hazard_ratio(self) -> float:
        """Marginal hazard ratio."""
        return float(np.exp(self.log_hazard_ratio))

    def __repr__(self) -> str:
        return (
            f"Adjusted log-rank test of {self.patients} patients, {self.events} events: z {self.statistic:.4g}, "
            f"p {self.p:.4g}; marginal hazard ratio {self.hazard_ratio:.4g} ({self.low:.4g} to {self.high:.4g})"
        )


def adjusted_log_rank(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    corrected: bool = True,
    level: float = 0.95,
) -> AdjustedLogRank:
    """Compare survival of two arms of a randomised trial, adjusted for covariates by their linear projection.

    Each patient's part of the log-rank score is regressed on covariates within arms, and what chance imbalance of
    covariates adds to the score is subtracted. Valid under simple randomisation, and covariate-adaptive randomisation
    whose factors are among the covariates, whether or not any model is right; in large trials never less powerful than
    the log-rank test.

    Parameters
    ----------
    time, event : array, shape (n,)
        As for `censored`.
    treated : array of bool, shape (n,)
    covariates : array, shape (n,) or (n, p), optional
        Numbers known before randomisation, without collinear columns; the plain log-rank test without them.
    corrected : bool
        Multiply variances by (n + p) / (n - p): slopes of p covariates, fitted in each arm, lower the variance that is
        estimated by 1 - p/n and raise the true one by 1 + p/n. The paper's large-sample variance, which many covariates
        make too small, without it.
    level : float
        Of the interval.

    Raises
    ------
    DataError
        For times, events or covariates that cannot be.
    SimulationError
        Without events in both arms, or with fewer patients in an arm than covariates.

    References
    ----------
    Ye, Shao & Yi 2024, Biometrika 111:691-705, doi:10.1093/biomet/asad045.

    Examples
    --------
    >>> round(adjusted_log_rank([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 0], [0, 0, 1, 0, 1, 1]).statistic, 4)
    -1.599
    """
    watched = censored(time, event)
    arm = np.asarray(treated, dtype=float)
    x = _covariates(covariates, watched.time.size, arm)
    parts = _Parts(watched.time, watched.event.astype(float), arm)
    if parts.deaths[0].sum() == 0 or parts.deaths[1].sum() == 0:
        raise SimulationError(
            "no event in one arm",
            place="adjusted log-rank test",
            repair="watch longer, or compare by `log_rank`",
        )
    share, spread = arm.mean(), np.atleast_2d(np.cov(x.T, bias=True)) if x.shape[1] else np.zeros((0, 0))
    null = parts.null_variance()
    shift, saved = _correction(parts, 0.0, arm, x, spread, share)
    excess = (arm.size + x.shape[1]) / (arm.size - x.shape[1]) if corrected else 1.0
    variance = (null - saved) * excess
    statistic = float((parts.score(0.0) - shift) * np.sqrt(arm.size / variance))
    # Slopes at the unadjusted ratio: the root then moves by the correction alone.
    crude = _root(lambda theta: parts.score(theta))
    shift, saved = _correction(parts, crude, arm, x, spread, share)
    theta = _root(lambda value: parts.score(value) - shift)
    own = parts.information(theta)
    error = float(np.sqrt((own - saved) * excess / arm.size) / own)
    half = normal_quantile(level) * error
    return AdjustedLogRank(
        theta, error, float(np.exp(theta - half)), float(np.exp(theta + half)), statistic, float(two_sided(statistic)),
        null, variance, arm.size, int(watched.event.sum()), level,
    )  # fmt: skip


class _Parts:
    """Counts at the distinct times, and each patient's part of the score at a log hazard ratio."""

    def __init__(self, time: NDArray, event: NDArray, arm: NDArray):
        times, self.place = np.unique(time, return_inverse=True)
        self.event, self.arm, self.size = event, arm, arm.size
        groups = (1 - arm, arm)
        self.deaths = [np.bincount(self.place, event * g, times.size) for g in groups]
        self.at_risk = [np.bincount(self.place, g, times.size)[::-1].cumsum()[::-1] for g in groups]
        self.all_deaths = self.deaths[0] + self.deaths[1]

    def share(self, theta: float) -> NDArray:
        """Share of the hazard at each time that is the treated arm's."""
        weighted = np.exp(theta) * self.at_risk[1]
        return weighted / (weighted + self.at_risk[0])

    def score(self, theta: float) -> float:
        """Of the partial likelihood, Breslow's ties, per patient."""
        return float((self.deaths[1] - self.all_deaths * self.share(theta)).sum() / self.size)

    def information(self, theta: float) -> float:
        """Of the partial likelihood, per patient."""
        share = self.share(theta)
        return float((self.all_deaths * share * (1 - share)).sum() / self.size)

    def null_variance(self) -> float:
        """Of the score under equal hazards, per patient: hypergeometric, as in the log-rank test with ties."""
        total, share = self.at_risk[0] + self.at_risk[1], self.share(0.0)
        tied = self.all_deaths * (total - self.all_deaths) / np.maximum(total - 1, 1)
        return float((tied * share * (1 - share)).sum() / self.size)

    def outcomes(self, theta: float) -> NDArray:
        """Each patient's derived outcome (Ye, Shao & Yi 2024), shape (n,); positive sign in both arms."""
        share = self.share(theta)
        hazard = self.all_deaths / (np.exp(theta) * self.at_risk[1] + self.at_risk[0])
        treated = (
            self.event * (1 - share)[self.place] - np.cumsum((1 - share) * np.exp(theta) * hazard)[self.place]
        )
        control = self.event * share[self.place] - np.cumsum(share * hazard)[self.place]
        return np.where(self.arm > 0, treated, control)


def _correction(
    parts: _Parts, theta: float, arm: NDArray, x: NDArray, spread: NDArray, share: float
) -> tuple[float, float]:
    """What covariates add to the score by chance, and by how much its variance falls."""
    if not x.shape[1]:
        return 0.0, 0.0
    outcome, centred = parts.outcomes(theta), x - x.mean(axis=0)
    slopes = []
    for group in (0.0, 1.0):
        own = arm == group
        inner = x[own] - x[own].mean(axis=0)
        slopes.append(np.linalg.lstsq(inner, outcome[own] - outcome[own].mean(), rcond=None)[0])
    shift = float((arm @ (centred @ slopes[1]) - (1 - arm) @ (centred @ slopes[0])) / arm.size)
    both = slopes[0] + slopes[1]
    return shift, float(share * (1 - share) * both @ spread @ both)


def _root(function) -> float:
    """Where a decreasing function is zero.

    Raises
    ------
    SimulationError
        If that is farther away than any hazard ratio is.
    """
    from scipy.optimize import brentq

    if not function(-_FARTHEST) > 0 > function(_FARTHEST):
        raise SimulationError(
            "the hazard ratio has no finite estimate",
            place="adjusted log-rank test",
            repair="compare by `log_rank`",
        )
    return float(brentq(function, -_FARTHEST, _FARTHEST, xtol=1e-12, maxiter=_STEPS))


def _covariates(covariates: ArrayLike | None, size: int, arm: NDArray) -> NDArray:
    problems: list[Problem] = []
    if arm.shape != (size,) or not np.isin(arm, (0.0, 1.0)).all():
        problems.append(
            Problem("is not one of 0 and 1 for each patient", "write 1 for treated", column="treated")
        )
    x = np.zeros((size, 0)) if covariates is None else np.asarray(covariates, dtype=float).reshape(size, -1)
    if not np.isfinite(x).all():
        problems.append(Problem("is missing or infinite", "complete the value", column="covariates"))
    stop_for(problems)
    fewest = int(min(arm.sum(), size - arm.sum()))
    if fewest < max(x.shape[1] + 2, 1):
        raise SimulationError(
            f"{fewest} patients in an arm for {x.shape[1]} covariates",
            place="adjusted log-rank test",
            repair="give fewer covariates",
        )
    return x
