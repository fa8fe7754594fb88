"""Outcome: what happened to the subjects of two arms, and which of it is good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import StudyError
from understudy.trials.analyses.adjustment import strata_of, usable
from understudy.trials.responders.arms import Arms, arms_of

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

_LEAST = 20
# Of all subjects, still watched at the horizon where none is given: later, few would stand for all others. Arms have no
# part in it, so that it is that of every copy.
_WATCHED = 0.1


@dataclass(frozen=True, eq=False)
class Outcome:
    """Outcomes of the subjects of two arms.

    Parameters
    ----------
    subjects : array of str, shape (n,)
    arms : Arms
    kind, measure : str
        Of the endpoint, and of an effect.
    direction : float
        1 where more is good for the patient, -1 where less is.
    value : float array, shape (n,)
        A measurement, an event as 0 or 1, or the time watched, up to the horizon.
    event : int array, shape (n,)
        1 where the event was seen before the horizon; of a measurement zeros.
    baseline : float array, shape (n,), or None
        The measurement before randomisation.
    horizon : float
        Of times; not-a-number for others.
    notes : tuple of str
    """

    subjects: np.ndarray
    arms: Arms
    kind: str
    measure: str
    direction: float
    value: np.ndarray
    event: np.ndarray
    baseline: np.ndarray | None
    horizon: float
    notes: tuple[str, ...]

    @property
    def known(self) -> np.ndarray:
        """Whose time to the event, or to the horizon, was seen whole, shape (n,)."""
        return (self.event > 0) | (self.value >= self.horizon)


def outcome_of(trial: Trial, arm: str) -> Outcome:
    """Outcomes of an arm and the control.

    Raises
    ------
    StudyError
        For other endpoints, an arm there is not or with fewer than 20 subjects, a horizon that an arm does not reach.
    """
    if arm not in trial.arms[1:]:
        raise StudyError(
            f"there is no treated arm {arm!r}", place="arm", repair=f"one of {', '.join(trial.arms[1:])}"
        )
    endpoint = trial.protocol.endpoint
    if endpoint.kind not in ("continuous", "binary", "survival"):
        raise StudyError(
            f"responders to a {endpoint.kind} endpoint are not sought yet",
            place="endpoint.kind",
            repair="make it continuous, binary or survival",
        )
    rows, told = _compared(trial, arm)
    treated = (rows["arm"] == arm).to_numpy()
    if min(treated.sum(), (~treated).sum()) < _LEAST:
        raise StudyError(
            f"an arm has fewer than {_LEAST} subjects", place=arm, repair="so few cannot tell who responds"
        )
    arms = arms_of(treated, strata_of(trial, trial.subjects.loc[rows.index]))
    direction = 1.0 if endpoint.better == "higher" else -1.0
    subjects, none = rows.index.to_numpy(dtype=str), np.zeros(len(rows), dtype=int)
    if endpoint.kind == "survival":
        return _survival(trial, rows, subjects, arms, -direction, told)
    if endpoint.kind == "binary":
        event = rows["event"].to_numpy(dtype=int)
        measure = "difference of risks" if direction > 0 else "reduction of risk"
        return Outcome(
            subjects, arms, "binary", measure, direction, event.astype(float), event, None, np.nan, told
        )
    if endpoint.better is None:
        told = (*told, "the protocol does not say which values are good (better): lower ones are taken to be")
    before = rows["baseline"].to_numpy(dtype=float) if "baseline" in rows else None
    value = rows["value"].to_numpy(dtype=float)
    measure = "difference of means" if direction > 0 else "reduction of the mean"
    return Outcome(subjects, arms, "continuous", measure, direction, value, none, before, np.nan, told)


def _compared(trial: Trial, arm: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Rows of two arms, in strata that have both; what to say of others."""
    rows, told = usable(trial, trial.outcome)
    rows = rows[rows["arm"].isin([trial.control, arm])]
    strata = strata_of(trial, trial.subjects.loc[rows.index])
    if strata is None:
        return rows, told
    both = rows["arm"].astype(str).groupby(strata).transform("nunique").to_numpy() == 2
    lost = int((~both).sum())
    return rows[both], (
        *told,
        *((f"{lost} subjects in strata of one arm only are left out",) if lost else ()),
    )


def _survival(trial: Trial, rows, subjects, arms: Arms, direction: float, told: tuple[str, ...]) -> Outcome:
    """Times up to a horizon; more of them is good where the event is bad."""
    time, event = rows["time"].to_numpy(dtype=float), rows["event"].to_numpy(dtype=int)
    last = min(time[arms.treated].max(), time[~arms.treated].max())
    usual = np.sort(time)[time.size - 1 - int(_WATCHED * time.size)]
    # Where an arm was not watched as long, its own end: then alone arms have a part in it.
    horizon = trial.protocol.analysis.horizon or float(min(usual, last))
    if horizon > last:
        raise StudyError(
            f"nobody of an arm was watched up to {horizon:g}",
            place="analysis.horizon",
            repair=f"take {last:g} or less",
        )
    measure = f"{'difference' if direction > 0 else 'reduction'} of mean time to {horizon:g} {trial.unit}"
    seen = np.where(time <= horizon, event, 0)
    return Outcome(
        subjects, arms, "survival", measure, direction, np.minimum(time, horizon), seen, None, horizon, told
    )
