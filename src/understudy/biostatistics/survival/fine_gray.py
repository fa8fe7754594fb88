"""fine_gray: regression of the cumulative incidence of a cause, by the hazard of its subdistribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from understudy.biostatistics.survival.censored import Censored, censored
from understudy.biostatistics.survival.covariates import covariate_matrix
from understudy.biostatistics.survival.cox_data import refuse_collinear
from understudy.biostatistics.survival.cox_search import maximise
from understudy.biostatistics.survival.kaplan_meier import product_limit
from understudy.biostatistics.survival.p_value import normal_quantile, two_sided
from understudy.biostatistics.survival.risk_table import risk_table
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd

_STEEP = 15.0  # a spread of the linear predictor at which some coefficient runs off to infinity


@dataclass(frozen=True, eq=False, repr=False)
class FineGrayFit:
    """A fitted model of subdistribution hazards.

    Parameters
    ----------
    names : tuple of str
    coefficients, standard_errors : float array, shape (p,)
        Log subdistribution hazard ratios.
    covariance : float array, shape (p, p)
    log_likelihood, null_log_likelihood : float
        Of the pseudo-likelihood.
    cause, patients, events, competing : int
    level : float
    times, baseline : float array, shape (m,)
        Times of the cause's events, and the cumulative subdistribution hazard where all covariates are 0.
    """

    names: tuple[str, ...]
    coefficients: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    null_log_likelihood: float
    cause: int
    patients: int
    events: int
    competing: int
    level: float
    times: np.ndarray = field(repr=False)
    baseline: np.ndarray = field(repr=False)

    @property
    def standard_errors(self) -> np.ndarray:
        """Of the coefficients, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def hazard_ratios(self) -> np.ndarray:
        """Subdistribution hazard ratios, shape (p,)."""
        return np.exp(self.coefficients)

    def incidence(self, at: ArrayLike) -> pd.DataFrame:
        """Cumulative incidence of a patient with covariates `at`, shape (p,), at the times of events."""
        import pandas as pd

        risk = float(np.exp(np.asarray(at, dtype=float) @ self.coefficients))
        return pd.DataFrame({"time": self.times, "incidence": -np.expm1(-risk * self.baseline)})

    def table(self) -> pd.DataFrame:
        """One row for each covariate."""
        import pandas as pd

        half = normal_quantile(self.level) * self.standard_errors
        z = self.coefficients / self.standard_errors
        return pd.DataFrame(
            {
                "covariate": self.names,
                "coefficient": self.coefficients,
                "standard_error": self.standard_errors,
                "hazard_ratio": self.hazard_ratios,
                "low": np.exp(self.coefficients - half),
                "high": np.exp(self.coefficients + half),
                "z": z,
                "p": two_sided(z),
            }
        )

    def __repr__(self) -> str:
        head = f"Fine-Gray model of cause {self.cause}: {self.patients} patients, {self.events} events"
        rows = self.table().to_string(index=False, float_format=lambda value: f"{value:.4g}")
        return f"{head}, {self.competing} competing\n{rows}"


def fine_gray(
    time: ArrayLike,
    cause: ArrayLike,
    covariates: Any,
    *,
    names: Sequence[str] | None = None,
    of: int = 1,
    level: float = 0.95,
) -> FineGrayFit:
    """Fit proportional hazards of the subdistribution (Fine, Gray 1999, doi:10.1080/01621459.1999.10474144).

    Who had a competing event stays at risk with weight G(t-) / G(T-), the probability to be watched still, G being the
    Kaplan-Meier estimate of censoring. Ties are Breslow's; errors allow for G being estimated.

    Parameters
    ----------
    time : array, shape (n,)
    cause : array of int, shape (n,)
        0 where no event was seen, else the number of its cause.
    covariates, names
        As for `cox`.
    of : int
        The cause that is modelled.
    level : float
        Of the limits in `FineGrayFit.table`.

    Raises
    ------
    DataError
        For values that cannot be, and covariates that are constant or collinear.
    SimulationError
        If nobody had the cause, or there is no finite estimate.

    Examples
    --------
    >>> fit = fine_gray([1, 2, 3, 4, 5, 6], [1, 2, 1, 1, 0, 1], {"drug": [0, 1, 0, 1, 1, 0]})
    >>> fit.hazard_ratios.round(3)
    array([0.246])
    """
    watched = censored(time, cause, causes=True)
    matrix, names = covariate_matrix(covariates, watched.time.size, names)
    if not (watched.event == of).any():
        raise SimulationError(
            f"nobody had cause {of}", place="the Fine-Gray model", repair="check how causes are coded"
        )
    centre, scale = matrix.mean(axis=0), matrix.std(axis=0)
    scale[scale == 0] = 1.0
    risk_sets = _risk_sets(watched, (matrix - centre) / scale, of)
    start = np.zeros(matrix.shape[1])
    null, _, information = risk_sets.likelihood(start)
    refuse_collinear(information, names)
    found = maximise(risk_sets.likelihood, start)
    if not found.converged or np.ptp(risk_sets.x @ found.beta) > _STEEP:
        raise SimulationError(
            "the pseudo-likelihood has no finite maximum (separation)",
            place="the Fine-Gray model",
            repair=f"leave out a covariate that orders the events perfectly, of {', '.join(names)}",
        )
    bread = np.linalg.inv(found.information) / scale[:, None]
    influence = risk_sets.score_parts(found.beta) @ bread.T
    baseline = np.cumsum(risk_sets.means(found.beta)[2]) * float(np.exp(-centre / scale @ found.beta))
    return FineGrayFit(
        names,
        found.beta / scale,
        influence.T @ influence,
        found.log_likelihood,
        null,
        int(of),
        watched.time.size,
        int((watched.event == of).sum()),
        int(((watched.event != of) & (watched.event > 0)).sum()),
        level,
        risk_sets.times,
        baseline,
    )


@dataclass(frozen=True, eq=False)
class _RiskSets:
    """Patients by time, with what makes sums over weighted risk sets two running sums.

    Parameters
    ----------
    x : float array, shape (n, p)
    time : float array, shape (n,)
        Increasing.
    own, other : bool array, shape (n,)
        Events of the cause, and competing ones.
    times, number : float array, shape (m,)
        Times of the cause's events, and how many.
    first : int array, shape (m,)
        The first patient with that time or a later one.
    watched : float array, shape (m,)
        G just before each time.
    watched_own : float array, shape (n,)
        G just before each patient's time.
    """

    x: np.ndarray
    time: np.ndarray
    own: np.ndarray
    other: np.ndarray
    times: np.ndarray
    number: np.ndarray
    first: np.ndarray
    watched: np.ndarray
    watched_own: np.ndarray

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Weighted sum over each risk set of values, shape (n, …), which hold the hazard ratio."""
        still = np.cumsum(values[::-1], axis=0)[::-1]
        shape = (-1,) + (1,) * (values.ndim - 1)
        gone = np.cumsum(values * (self.other / self.watched_own).reshape(shape), axis=0)
        gone = np.concatenate([np.zeros_like(gone[:1]), gone])
        return still[self.first] + self.watched.reshape(shape) * gone[self.first]

    def means(self, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Hazard ratio of each patient; mean covariate and step of the hazard at each time."""
        risk = np.exp(self.x @ beta)
        total = self.sums(risk)
        return risk, self.sums(risk[:, None] * self.x) / total[:, None], self.number / total

    def likelihood(self, beta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Log pseudo-likelihood, score and information."""
        risk, mean, _ = self.means(beta)
        total = self.sums(risk)
        value = (self.x[self.own] @ beta).sum() - (self.number * np.log(total)).sum()
        score = self.x[self.own].sum(axis=0) - self.number @ mean
        square = self.sums(risk[:, None, None] * self.x[:, :, None] * self.x[:, None, :])
        share = self.number / total
        information = np.einsum("m,mij->ij", share, square) - (self.number[:, None] * mean).T @ mean
        return float(value), score, information

    def score_parts(self, beta: np.ndarray) -> np.ndarray:
        """Each patient's part of the score, and of the error of G, shape (n, p) (Fine, Gray 1999, section 5)."""
        risk, mean, step = self.means(beta)
        upto = np.searchsorted(self.times, self.time, side="right")
        hazard = np.column_stack([step, step[:, None] * mean])
        early = _running(hazard)[upto]
        late = _running(hazard * self.watched[:, None])
        late = (late[-1] - late[upto]) * (self.other / self.watched_own)[:, None]
        both = early + late
        parts = -risk[:, None] * (self.x * both[:, :1] - both[:, 1:])
        parts[self.own] += self.x[self.own] - mean[upto[self.own] - 1]
        return parts + self._error_of_censoring(risk, hazard)

    def _error_of_censoring(self, risk: np.ndarray, hazard: np.ndarray) -> np.ndarray:
        """A censoring at c shifts the weights of competing events up to c at all later events."""
        cut = ~(self.own | self.other)
        times, number = np.unique(self.time[cut], return_counts=True)
        if times.size == 0:
            return np.zeros_like(self.x)
        at_risk = self.time.size - np.searchsorted(self.time, times, side="left")
        gone = (risk * self.other / self.watched_own)[:, None] * np.column_stack([np.ones_like(risk), self.x])
        gone = _running(gone)[np.searchsorted(self.time, times, side="right")]
        later = _running(hazard * self.watched[:, None])
        later = later[-1] - later[np.searchsorted(self.times, times, side="right")]
        shift = (gone[:, 1:] * later[:, :1] - gone[:, :1] * later[:, 1:]) / at_risk[:, None]
        place = np.searchsorted(times, self.time, side="right")
        found = -_running(shift * (number / at_risk)[:, None])[place]
        found[cut] += shift[place[cut] - 1]
        return found


def _running(values: np.ndarray) -> np.ndarray:
    """Sums of none, one, two, … rows."""
    return np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])


def _risk_sets(watched: Censored, x: np.ndarray, of: int) -> _RiskSets:
    order = np.argsort(watched.time, kind="stable")
    time, event = watched.time[order], watched.event[order]
    table = risk_table(watched, watched.event == 0)
    # Censorings come after events at the same time.
    events = np.bincount(np.searchsorted(table.times, time[event > 0]), minlength=table.times.size)
    left = product_limit(type(table)(table.times, table.at_risk - events, table.events, table.censored))[0]
    before = np.r_[1.0, left[:-1]]
    times, number = np.unique(time[event == of], return_counts=True)
    return _RiskSets(
        x[order],
        time,
        event == of,
        (event > 0) & (event != of),
        times,
        number.astype(float),
        np.searchsorted(time, times, side="left"),
        before[np.searchsorted(table.times, times)],
        before[np.searchsorted(table.times, time)],
    )
