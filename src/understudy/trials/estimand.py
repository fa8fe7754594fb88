"""Estimand: what intercurrent events make of the endpoint, by the strategies of ICH E9(R1).

ICH E9(R1) addendum on estimands and sensitivity analysis in clinical trials, 2019, section A.3.2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import StudyError
from understudy.trials.condition import Condition
from understudy.trials.protocol import IntercurrentEvent
from understudy.trials.tables import ROW, numbers_in

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial


def apply_estimand(trial: Trial) -> tuple[Trial, tuple[str, ...]]:
    """The trial with its endpoint as the estimand has it, and in words what was done.

    Raises
    ------
    StudyError
        For a strategy that cannot be carried out by changing the data alone, or lacks what it needs.
    """
    told = []
    if trial.parts:
        parts = tuple(map(_of_part, trial.parts))
        trial = replace(trial, parts=tuple(part for part, _ in parts))
        return trial, tuple(
            f"{part.protocol.endpoint.name}: {said}" for part, sentences in parts for said in sentences
        )
    for event in trial.protocol.estimand.events:
        trial, what = _applied(trial, event)
        told.append(f"{event.name}: {event.strategy} strategy; {what}")
    return trial, tuple(told)


def _of_part(part: Trial) -> tuple[Trial, tuple[str, ...]]:
    try:
        return apply_estimand(part)
    except StudyError as error:
        error.place = f"outcome {part.protocol.endpoint.name}: {error.place}"
        raise


def _applied(trial: Trial, event: IntercurrentEvent) -> tuple[Trial, str]:
    if event.strategy == "treatment policy":
        return trial, "data are used whether or not it happened"
    if event.strategy == "principal stratum":
        raise StudyError(
            "a principal stratum cannot be seen: who would have had the event on the other arm is not known",
            place=f"estimand.events, {event.name}",
            repair="take another strategy; an effect in a stratum needs assumptions that no table can test",
        )
    when = _times(trial, event)
    work = {"hypothetical": _hypothetical, "composite": _composite, "while on treatment": _while_on}[
        event.strategy
    ]
    outcome, what = work(trial, when, event)
    return replace(trial, outcome=outcome), f"{int(np.isfinite(when).sum())} subjects; {what}"


def _times(trial: Trial, event: IntercurrentEvent) -> pd.Series:
    """When it happened to each subject; infinite where it did not, zero where only that it did is known."""
    import pandas as pd

    place = f"estimand.events, {event.name}"
    if event.when is None and event.time is None:
        raise StudyError("nothing says to whom it happened", place=place, repair="give when, or time")
    happened = pd.Series(True, index=trial.subjects.index)
    if event.when is not None:
        happened &= Condition.of(event.when, place).holds(
            trial.subjects, f"{place}, {trial.protocol.subjects.file}"
        )
    if event.time is None:
        return pd.Series(np.where(happened, 0.0, np.inf), index=trial.subjects.index)
    times = numbers_in(trial.subjects, event.time, trial.protocol.subjects.file)
    return times.where(happened & times.notna(), np.inf)


def _at(trial: Trial, when: pd.Series) -> np.ndarray:
    return when.reindex(trial.outcome.index).to_numpy()


def _hypothetical(trial: Trial, when: pd.Series, event: IntercurrentEvent) -> tuple[pd.DataFrame, str]:
    """What would have been without it: what came afterwards counts as not seen."""
    rows, at = trial.outcome.copy(), _at(trial, when)
    if trial.protocol.endpoint.kind in ("survival", "competing", "recurrent"):
        rows, at = _begun(trial, rows, at, event)
        later = rows["time"].to_numpy() > at
        rows.loc[later, "cause" if "cause" in rows else "event"], rows.loc[later, "time"] = 0.0, at[later]
        return rows, "times are censored when it happened"
    return rows[~_after(trial, rows, at, event)], "values after it count as missing"


def _while_on(trial: Trial, when: pd.Series, event: IntercurrentEvent) -> tuple[pd.DataFrame, str]:
    """What was until then."""
    if trial.protocol.endpoint.kind != "longitudinal":
        raise StudyError(
            f"while on treatment means nothing for a {trial.protocol.endpoint.kind} endpoint in one table",
            place=f"estimand.events, {event.name}",
            repair="take hypothetical; or make the event a competing one",
        )
    rows, at = trial.outcome, _at(trial, when)
    return rows[~_after(trial, rows, at, event)], "values after it are left out"


def _after(trial: Trial, rows: pd.DataFrame, at: np.ndarray, event: IntercurrentEvent) -> np.ndarray:
    if event.time is None:
        return np.isfinite(at)
    if "time" not in rows:
        raise StudyError(
            "nothing says when values were measured",
            place=f"estimand.events, {event.name}",
            repair="give endpoint.time, or leave the event's time out: then it counts from randomisation on",
        )
    return rows["time"].to_numpy() > at


def _composite(trial: Trial, when: pd.Series, event: IntercurrentEvent) -> tuple[pd.DataFrame, str]:
    """The event is a failure itself."""
    rows, at = trial.outcome.copy(), _at(trial, when)
    if "event" not in rows:
        raise StudyError(
            f"a {trial.protocol.endpoint.kind} endpoint has no failure that the event could be",
            place=f"estimand.events, {event.name}",
            repair="make the endpoint binary, or take another strategy",
        )
    if "time" in rows:
        rows, at = _begun(trial, rows, at, event)
        earlier = at < rows["time"].to_numpy()
        rows.loc[earlier, "event"], rows.loc[earlier, "time"] = 1.0, at[earlier]
        last = ", and as the last" if "start" in rows else ""
        return rows, f"it counts as the event{last}, when it happened"
    return _with_failures(trial, rows, when), "it counts as the event"


def _begun(
    trial: Trial, rows: pd.DataFrame, at: np.ndarray, event: IntercurrentEvent
) -> tuple[pd.DataFrame, np.ndarray]:
    """Of recurrent events the intervals that began before it; of other endpoints all rows."""
    if "start" not in rows:
        return rows, at
    if event.time is None:
        raise StudyError(
            "nothing says when it happened, and recurrent events are counted until then",
            place=f"estimand.events, {event.name}",
            repair="give the event's time",
        )
    kept = rows["start"].to_numpy() < at
    return rows[kept].copy(), at[kept]


def _with_failures(trial: Trial, rows: pd.DataFrame, when: pd.Series) -> pd.DataFrame:
    """Binary outcomes in which those to whom it happened have failed, also where the outcome is unknown."""
    import pandas as pd

    failed = when.index[np.isfinite(when)]
    rows.loc[rows.index.isin(failed), "event"] = 1.0
    new = failed.difference(rows.index)
    added = pd.DataFrame({"event": 1.0, ROW: trial.subjects.loc[new, ROW]}, index=new)
    return pd.concat([rows, added]).rename_axis("subject")
