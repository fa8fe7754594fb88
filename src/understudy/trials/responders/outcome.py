"""Outcome: one number a subject of which higher is better, also where the time to an event was censored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import StudyError
from understudy.trials.analyses.adjustment import usable

if TYPE_CHECKING:
    from understudy.trials.trial import Trial

_LEAST = 20


def outcome_of(trial: Trial, arm: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Subjects, their arm, and their outcome, higher being better.

    A censored time is a pseudo-observation of the restricted mean: what it would take away from the mean of its arm if
    it were left out (Andersen, Klein and Rosthøj 2003, doi:10.1093/biomet/90.1.15).

    Returns
    -------
    subjects : array of str, shape (n,)
    treated : bool array, shape (n,)
    outcome : float array, shape (n,)
    measure : str
        Of an effect.

    Raises
    ------
    StudyError
        For other endpoints, or an arm with fewer than 20 subjects.
    """
    rows, _ = usable(trial, trial.outcome)
    rows = rows[rows["arm"].isin([trial.control, arm])]
    treated = (rows["arm"] == arm).to_numpy()
    if min(treated.sum(), (~treated).sum()) < _LEAST:
        raise StudyError(
            f"an arm has fewer than {_LEAST} subjects", place=arm, repair="so few cannot tell who responds"
        )
    endpoint = trial.protocol.endpoint
    sign = 1.0 if endpoint.better == "higher" else -1.0
    subjects = rows.index.to_numpy(dtype=str)
    if endpoint.kind == "continuous":
        value = rows["value"].to_numpy() - _slope(rows, treated)
        return subjects, treated, sign * value, "difference of means"
    if endpoint.kind == "binary":
        return subjects, treated, sign * rows["event"].to_numpy(), "risk difference"
    if endpoint.kind == "survival":
        horizon = trial.protocol.analysis.horizon or float(
            rows.groupby("arm", observed=True)["time"].max().min()
        )
        value = np.empty(len(rows))
        for group in (treated, ~treated):
            own = rows[group]
            value[group] = pseudo_observations(own["time"].to_numpy(), own["event"].to_numpy(), horizon)
        return subjects, treated, -sign * value, f"difference of mean time to {horizon:g} {endpoint.unit}s"
    raise StudyError(
        f"responders to a {endpoint.kind} endpoint are not sought yet",
        place="endpoint.kind",
        repair="make it continuous, binary or survival",
    )


def _slope(rows, treated: np.ndarray) -> np.ndarray:
    """What the baseline says of a measurement, from the control arm alone, so that no effect is in it."""
    if "baseline" not in rows:
        return np.zeros(len(rows))
    before, value = rows["baseline"].to_numpy(), rows["value"].to_numpy()
    own = before[~treated] - before[~treated].mean()
    slope = (own @ value[~treated]) / (own @ own) if (own @ own) > 0 else 0.0
    return slope * (before - before.mean())


def pseudo_observations(time: np.ndarray, event: np.ndarray, horizon: float) -> np.ndarray:
    """Of the restricted mean to a horizon, shape (n,).

    Examples
    --------
    >>> pseudo_observations(np.array([1.0, 2.0, 3.0]), np.array([1, 1, 1]), 10.0).round(6)
    array([1., 2., 3.])
    """
    n, whole = time.size, _mean_to(time, event, horizon)
    kept = np.ones(n, dtype=bool)
    found = np.empty(n)
    for i in range(n):
        kept[i] = False
        found[i] = n * whole - (n - 1) * _mean_to(time[kept], event[kept], horizon)
        kept[i] = True
    return found


def _mean_to(time: np.ndarray, event: np.ndarray, horizon: float) -> float:
    """Area under the Kaplan-Meier curve; after the last time it stays as it is."""
    when, deaths = np.unique(time[(event > 0) & (time <= horizon)], return_counts=True)
    at_risk = time.size - np.searchsorted(np.sort(time), when, side="left")
    survival = np.concatenate([[1.0], np.cumprod(1.0 - deaths / at_risk)])
    return float((survival * np.diff(np.concatenate([[0.0], when, [horizon]]))).sum())
