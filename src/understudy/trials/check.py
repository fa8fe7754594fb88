"""Check: what in a trial's tables cannot be, and what is doubtful."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import DataError, Problem, StudyError
from understudy.trials.tables import ROW

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial

_FEW_EVENTS = 10


def check(trial: Trial) -> tuple[str, ...]:
    """Warnings about a trial.

    Raises
    ------
    StudyError
        If an arm has no subjects, or none with an outcome.
    DataError
        With every doubled subject, and every time before randomisation.
    """
    _require_subjects(trial)
    problems = [*_doubled(trial), *_early(trial), *_impossible(trial)]
    if problems:
        raise DataError(problems, place=trial.protocol.endpoint.file or trial.protocol.subjects.file)
    return tuple([*_missing(trial), *_rare(trial), *_at_zero(trial)])


def _require_subjects(trial: Trial) -> None:
    counts, place = trial.subjects["arm"].value_counts(), f"column {trial.protocol.subjects.arm}"
    seen = trial.subjects.index.isin(trial.outcome.index)
    known = trial.subjects.loc[seen, "arm"].value_counts()
    for arm in trial.arms:
        if not counts.get(arm, 0):
            raise StudyError(
                f"the arm {arm} has no subjects", place=place, repair="write the arm as the column does"
            )
        if not known.get(arm, 0):
            raise StudyError(
                f"no subject of the arm {arm} has a known outcome",
                place=trial.protocol.endpoint.file or trial.protocol.subjects.file,
                repair="check the endpoint's columns, its keep and the names of subjects in both tables",
            )


def _doubled(trial: Trial) -> list[Problem]:
    """Subjects with two rows where one is expected."""
    found = _doubles(trial.subjects, trial.protocol.subjects.id, "subject")
    kind, endpoint = trial.protocol.endpoint.kind, trial.protocol.endpoint
    if found or kind == "recurrent":
        return found
    if kind == "longitudinal":
        return _doubles(
            trial.outcome.set_index("visit", append=True), endpoint.visit, "visit of this subject"
        )
    return _doubles(trial.outcome, endpoint.id or trial.protocol.subjects.id, "subject with an outcome")


def _doubles(frame: pd.DataFrame, column: str | None, what: str) -> list[Problem]:
    bad = frame[frame.index.duplicated()]
    names = [str(each[-1] if isinstance(each, tuple) else each) for each in bad.index]
    repair = "keep one: narrow `keep`, or correct the table"
    return _told(bad, f"a second row of the same {what}", repair, column, names)


def _early(trial: Trial) -> list[Problem]:
    """Events and intervals before randomisation."""
    endpoint, found = trial.protocol.endpoint, []
    for name in ("time", "start", "exposure"):
        if name in trial.outcome and endpoint.kind != "longitudinal":
            bad = trial.outcome[trial.outcome[name] < 0]
            repair, column = "count times from randomisation", getattr(endpoint, name)
            found += _told(bad, "before randomisation", repair, column, bad[name])
    return found


def _impossible(trial: Trial) -> list[Problem]:
    """Intervals that end before they begin, and counts that are none."""
    rows, endpoint, found = trial.outcome, trial.protocol.endpoint, []
    if "start" in rows:
        bad = rows[rows["start"] >= rows["time"]]
        cause = "the interval ends where it begins, or before"
        found += _told(bad, cause, "correct the times", endpoint.time, bad["time"])
    if endpoint.kind == "count":
        bad = rows[(rows["value"] < 0) | (rows["value"] != np.floor(rows["value"]))]
        found += _told(bad, "no count", "write 0, 1, 2, …", endpoint.value, bad["value"])
    return found


def _told(
    bad: pd.DataFrame, cause: str, repair: str, column: str | None, values: Iterable[str | float]
) -> list[Problem]:
    """A problem of every bad row."""
    return [
        Problem(cause, repair, int(row), column, value if isinstance(value, str) else f"{value:g}")
        for row, value in zip(bad[ROW], values, strict=True)
    ]


def _missing(trial: Trial) -> list[str]:
    seen = trial.subjects.index.isin(trial.outcome.index)
    lost = trial.subjects.loc[~seen, "arm"].value_counts()
    if seen.all():
        return []
    said = ", ".join(f"{arm} {lost[arm]}" for arm in trial.arms if lost.get(arm, 0))
    return [f"{int((~seen).sum())} of {len(seen)} subjects have no known outcome: {said}"]


def _rare(trial: Trial) -> list[str]:
    if "event" not in trial.outcome:
        return []
    arms = trial.subjects["arm"].reindex(trial.outcome.index)
    events = trial.outcome.groupby(arms.to_numpy(), observed=False)["event"].sum()
    few = [f"{arm} {int(events.get(arm, 0))}" for arm in trial.arms if events.get(arm, 0) < _FEW_EVENTS]
    return [f"few events: {', '.join(few)}; large-sample tests and intervals may be wrong"] if few else []


def _at_zero(trial: Trial) -> list[str]:
    if trial.protocol.endpoint.kind not in ("survival", "competing"):
        return []
    count = int((trial.outcome["time"] == 0).sum())
    return [f"{count} times are zero: such subjects count as at risk at no later time"] if count else []
