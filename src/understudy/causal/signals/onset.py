"""Onset: how long after the start of a drug an event begins in the reports that tell both dates.

A Weibull distribution is fitted; its shape tells whether the hazard of reported onset falls (shape below one), is
steady or rises (Maignen, Hauben, Tsintis, Drug Saf 2010;33:417-434, doi:10.2165/11532850-000000000-00000; Cornelius,
Sauzet, Evans, Drug Saf 2012;35:599-610, doi:10.2165/11599740-000000000-00000).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.causal.signals.chosen_names import chosen
from understudy.causal.signals.reports import SUSPECT, Reports, exact_days
from understudy.core.errors import SimulationError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_FEWEST = 5
_Z = 1.959963984540054  # two-sided 95 % of a normal distribution


@dataclass(frozen=True, eq=False)
class Onset:
    """Days from the start of a drug to an event.

    Parameters
    ----------
    days : int array, shape (reports,)
        Sorted; 0 is an event on the day of the start.
    shape, shape_low, shape_high : float
        Of the Weibull distribution, with 95 % limits.
    scale, scale_low, scale_high : float
        Days.
    left_out : int
        Reports with the pair that do not tell both dates exactly.
    before_start : int
        Reports in which the event is dated before the drug, left out.
    """

    days: NDArray[np.int64]
    shape: float
    shape_low: float
    shape_high: float
    scale: float
    scale_low: float
    scale_high: float
    left_out: int = 0
    before_start: int = 0

    @property
    def reports(self) -> int:
        """How many reports tell a time to onset."""
        return len(self.days)

    @property
    def hazard(self) -> str:
        """Whether the hazard of reported onset is ``"falling"``, ``"rising"``, or ``"not told"`` by these reports."""
        if self.shape_high < 1:
            return "falling"
        return "rising" if self.shape_low > 1 else "not told"

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """Quartiles of the days."""
        return tuple(float(each) for each in np.quantile(self.days, [0.25, 0.5, 0.75]))


def time_to_onset(
    reports: Reports,
    drug: str,
    event: str,
    *,
    roles: Sequence[str] = SUSPECT,
    drug_name: str = "substance",
) -> Onset:
    """Time from the first start of the drug to the event, in the reports that tell both days.

    Reports reach a database only once the event has happened, so that long times are too rare among those of new drugs
    (right truncation); they are not corrected for that.

    Raises
    ------
    SimulationError
        If fewer than five reports tell it.

    Examples
    --------
    >>> from understudy.causal.signals import simulate_reports
    >>> found = time_to_onset(simulate_reports(4000, seed=1), "drug 1", "event 1")
    >>> found.hazard
    'falling'
    """
    labels = reports.labels(drug_name)
    drug = chosen(drug, sorted(set(labels)), "drug")
    event = chosen(event, sorted(set(reports.reactions["event"])), "event")
    of_drug = (labels == drug).to_numpy(bool)
    if reports.has_roles and len(roles):
        of_drug = of_drug & reports.drugs["role"].isin(list(roles)).to_numpy(bool)
    owners = reports.reactions["report"][reports.reactions["event"] == event].unique()
    rows = reports.drugs[of_drug & reports.drugs["report"].isin(owners).to_numpy(bool)]
    waited = _waited(reports, rows)
    known = waited[np.isfinite(waited)]
    good = np.sort(known[known >= 0]).astype(np.int64)
    if len(good) < _FEWEST:
        raise SimulationError(
            f"fewer than {_FEWEST} reports tell how long after {drug} the event {event} began",
            place="time to onset",
            repair="it needs exact dates of the event and of the start of the therapy",
        )
    return fit_onset(good, len(waited) - len(known), int((known < 0).sum()))


def _waited(reports: Reports, rows) -> NDArray[np.float64]:
    """Days of each report with the pair, NaN where a day is not told."""
    starts = reports.therapies.assign(day=exact_days(reports.therapies["start"]))
    starts = starts.merge(rows[["report", "sequence"]].drop_duplicates(), on=["report", "sequence"])
    first = starts.groupby("report")["day"].min().reindex(rows["report"].unique())
    event = reports.day("event_date")[first.index.to_numpy(np.int64)]
    days = (event - first.to_numpy().astype("datetime64[D]")).astype(float)
    return np.where(np.isnat(event) | first.isna().to_numpy(), np.nan, days)


def fit_onset(days: ArrayLike, left_out: int = 0, before_start: int = 0) -> Onset:
    """A Weibull distribution of times that are known to the day: a time of d days is between d and d + 1.

    Parameters
    ----------
    days : array-like of int
        Zero or more.
    left_out, before_start : int
        For the result.

    Examples
    --------
    >>> found = fit_onset([0, 1, 1, 2, 3, 5, 8, 13, 30, 90])
    >>> found.shape < 1
    True
    """
    from scipy.optimize import minimize

    days = np.sort(np.asarray(days, np.int64))
    start = np.array([0.0, np.log(days.mean() + 1.0)])
    found = minimize(_negative_log_likelihood, start, args=(days,), method="Nelder-Mead",
                     options={"xatol": 1e-9, "fatol": 1e-9, "maxiter": 4000})  # fmt: skip
    errors = _errors(found.x, days)
    places = np.stack([found.x, found.x - _Z * errors, found.x + _Z * errors])
    shape, scale = np.exp(places).T.tolist()
    return Onset(days, *shape, *scale, left_out, before_start)


def _negative_log_likelihood(place: NDArray[np.float64], days: NDArray[np.int64]) -> float:
    shape, scale = np.exp(np.clip(place, -20, 20))
    begins, ends = (days / scale) ** shape, ((days + 1) / scale) ** shape
    inside = np.maximum(-np.expm1(begins - ends), 1e-300)
    return float((begins - np.log(inside)).sum())


def _errors(place: NDArray[np.float64], days: NDArray[np.int64]) -> NDArray[np.float64]:
    """Standard errors of the logarithms of shape and scale, from second differences of the likelihood."""
    step = 1e-3
    hessian = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            shifts = [
                (a * step * np.eye(2)[i] + b * step * np.eye(2)[j], a * b) for a in (1, -1) for b in (1, -1)
            ]
            values = [sign * _negative_log_likelihood(place + shift, days) for shift, sign in shifts]
            hessian[i, j] = sum(values) / (4 * step**2)
    if np.linalg.eigvalsh(hessian)[0] <= 0:
        return np.full(2, np.nan)
    return np.sqrt(np.diag(np.linalg.inv(hessian)))
