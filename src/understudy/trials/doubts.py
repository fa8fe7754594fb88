"""Doubts: what in a trial's tables cannot be, and what is doubtful."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import DataError, Problem
from understudy.trials.condition import Condition
from understudy.trials.tables import ROW, numbers_in

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.endpoint_section import MeasureSection
    from understudy.trials.protocol import Protocol
    from understudy.trials.trial import Trial

_FEW_EVENTS = 10
# Squares of larger numbers would leave the range of floats; nothing that is measured comes near.
_LARGEST = 1e100
# Rows that a warning names; the others are counted.
_NAMED = 5


def require_single(subjects: pd.DataFrame, protocol: Protocol) -> None:
    """Every subject has one row.

    Raises
    ------
    DataError
        With every further row of a subject.
    """
    problems = _doubles(subjects, protocol.subjects.id, "subject")
    if problems:
        raise DataError(problems, place=protocol.subjects.file)


def doubts(trial: Trial) -> tuple[str, ...]:
    """Warnings about a trial's endpoint.

    Raises
    ------
    DataError
        If an arm has no known outcome; with every doubled outcome, and every time before randomisation.
    """
    _require_outcomes(trial)
    problems = [
        *_doubled(trial),
        *impossible_rows(trial.outcome, trial.protocol.endpoint),
        *_overlapping(trial),
    ]
    if problems:
        raise DataError(problems, place=_file(trial))
    return tuple([*_missing(trial), *_rare(trial), *_at_zero(trial), *_after_death(trial)])


def subject_doubts(trial: Trial) -> tuple[str, ...]:
    """Warnings about criteria of eligibility: that one selects nobody.

    Raises
    ------
    StudyError
        For a criterion about a column that there is not.
    DataError
        For deaths before randomisation.
    """
    _require_deaths(trial)
    told = []
    for each in trial.protocol.criteria:
        met = Condition.of(each.rule).holds(trial.subjects, trial.protocol.subjects.file)
        counts = trial.subjects.loc[met, "arm"].value_counts()
        empty = [arm for arm in trial.arms if not counts.get(arm, 0)]
        if empty:
            who = "nobody" if len(empty) == len(trial.arms) else f"nobody of the arm {', '.join(empty)}"
            told.append(f"the criterion {each.name!r} ({Condition.of(each.rule)}) selects {who}")
    return tuple(told)


def _require_deaths(trial: Trial) -> None:
    protocol = trial.protocol
    if protocol.subjects.death is None:
        return
    died = numbers_in(trial.subjects, protocol.subjects.death, protocol.subjects.file)
    bad = trial.subjects[(died < 0).to_numpy()]
    repair = "count times from randomisation"
    problems = _told(bad, "dead before randomisation", repair, protocol.subjects.death, died[died < 0])
    if problems:
        raise DataError(problems, place=protocol.subjects.file)


def _file(trial: Trial) -> str:
    return trial.protocol.endpoint.file or trial.protocol.subjects.file


def _require_outcomes(trial: Trial) -> None:
    known = trial.subjects.loc[trial.subjects.index.isin(trial.outcome.index), "arm"].value_counts()
    empty = [arm for arm in trial.arms if not known.get(arm, 0)]
    repair = "check the endpoint's columns, its keep and the names of subjects in both tables"
    problems = [Problem(f"no subject of the arm {arm} has a known outcome", repair) for arm in empty]
    if problems:
        raise DataError(problems, place=_file(trial))


def _doubled(trial: Trial) -> list[Problem]:
    """Outcomes with two rows where one is expected."""
    endpoint = trial.protocol.endpoint
    if endpoint.kind == "recurrent":
        return []
    if endpoint.kind == "longitudinal":
        return _doubles(
            trial.outcome.set_index("visit", append=True), endpoint.visit, "visit of this subject"
        )
    return _doubles(trial.outcome, endpoint.id or trial.protocol.subjects.id, "subject with an outcome")


def _doubles(frame: pd.DataFrame, column: str | None, what: str) -> list[Problem]:
    bad = frame[frame.index.duplicated()]
    names = [str(each[-1] if isinstance(each, tuple) else each) for each in bad.index]
    repair = "keep one: narrow `keep`, or correct the table"
    return _told(bad, f"a second row of the same {what}", repair, column, names)


def impossible_rows(rows: pd.DataFrame, endpoint: MeasureSection) -> list[Problem]:
    """Rows of an endpoint that cannot be: before randomisation, ending before they begin, no counts, beyond reason.

    Parameters
    ----------
    rows : DataFrame
        As `understudy.trials.tables.outcome_of` makes it.
    endpoint : MeasureSection
    """
    return [*_early(rows, endpoint), *_contrary(rows, endpoint), *_beyond_reason(rows, endpoint)]


def _early(rows: pd.DataFrame, endpoint: MeasureSection) -> list[Problem]:
    """Events and intervals before randomisation."""
    found = []
    for name in ("time", "start", "exposure"):
        if name in rows and endpoint.kind != "longitudinal":
            bad = rows[rows[name] < 0]
            repair, column = "count times from randomisation", getattr(endpoint, name)
            found += _told(bad, "before randomisation", repair, column, bad[name])
    return found


def _contrary(rows: pd.DataFrame, endpoint: MeasureSection) -> list[Problem]:
    """Intervals that end before they begin, and counts that are none."""
    found = []
    if "start" in rows:
        bad = rows[rows["start"] >= rows["time"]]
        cause = "the interval ends where it begins, or before"
        found += _told(bad, cause, "correct the times", endpoint.time, bad["time"])
    if endpoint.kind == "count":
        bad = rows[(rows["value"] < 0) | (rows["value"] != np.floor(rows["value"]))]
        found += _told(bad, "no count", "write 0, 1, 2, …", endpoint.value, bad["value"])
    return found


def _beyond_reason(rows: pd.DataFrame, endpoint: MeasureSection) -> list[Problem]:
    found, repair = [], "correct the value, or take another unit"
    for name in ("time", "start", "value", "baseline", "exposure"):
        if name in rows:
            bad = rows[rows[name].abs() > _LARGEST]
            found += _told(bad, "larger than anything measured", repair, getattr(endpoint, name), bad[name])
    return found


def _overlapping(trial: Trial) -> list[Problem]:
    """Intervals of one subject that overlap, by which it would be at risk twice."""
    if "start" not in trial.outcome:
        return []
    rows = trial.outcome.reset_index().sort_values(["subject", "start", "time"], kind="stable")
    before = rows.groupby("subject")["time"].transform(lambda times: times.cummax().shift())
    bad = rows[rows["start"] < before]
    cause = "begins before an earlier interval of this subject ends"
    return _told(bad, cause, "let intervals follow each other", trial.protocol.endpoint.start, bad["start"])


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


def _after_death(trial: Trial) -> list[str]:
    """Rows of the endpoint after the subject's death, by name."""
    protocol, rows = trial.protocol, trial.outcome
    if protocol.subjects.death is None:
        return []
    died = numbers_in(trial.subjects, protocol.subjects.death, protocol.subjects.file)
    if "time" not in rows:
        if protocol.endpoint.kind != "longitudinal":
            return []
        return ["visits cannot be set against deaths: nothing says when they were; give endpoint.time"]
    at = died.reindex(rows.index).to_numpy()
    bad = rows[rows["time"].to_numpy() > at]
    if not len(bad):
        return []
    shown = [
        f"row {row:.0f} (subject {name}, {time:g}, dead at {died[name]:g})"
        for name, row, time in zip(bad.index[:_NAMED], bad[ROW], bad["time"], strict=False)
    ]
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    return [
        f"{len(bad)} rows of {bad.index.nunique()} subjects are after death, in {_file(trial)}: "
        f"{', '.join(shown)}{more}; they are used as they stand: correct the table, or handle death as an "
        "intercurrent event"
    ]
