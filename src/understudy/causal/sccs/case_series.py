"""Cases: persons with an outcome, the time they were observed, their outcomes and exposures, in days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from understudy.causal.masking import masked
from understudy.causal.sccs.settings import RiskWindow, SccsSettings
from understudy.core.errors import DataError, Problem, StudyError

if TYPE_CHECKING:
    import pandas as pd

Days = NDArray[np.int64]
END_OF_OBSERVATION = "end of observation"
PRE_EXPOSURE = "before "  # and the name of the exposure


@dataclass(frozen=True, eq=False)
class CaseSeries:
    """Cases, sorted by person and start.

    Parameters
    ----------
    start, end : int array, shape (n,)
        First and last observed day, counted from 1970-01-01.
    birth : int array, shape (n,), or None
    outcome_case, outcome_day : int array, shape (m,)
        Outcomes inside, sorted.
    window_case, window_column, window_first, window_last : int array, shape (w,)
        Stretches of the windows inside observation, sorted by case.
    columns : tuple of str
        Names of the windows.
    steps : tuple of (str, int, int)
        Rule, cases and outcomes that are left.
    """

    start: Days
    end: Days
    birth: Days | None
    outcome_case: Days
    outcome_day: Days
    window_case: Days
    window_column: Days
    window_first: Days
    window_last: Days
    columns: tuple[str, ...]
    steps: tuple[tuple[str, int, int], ...]

    def attrition(self) -> pd.DataFrame:
        """Columns rule, cases, outcomes, for readers: small counts are masked."""
        import pandas as pd

        rows = [(rule, masked(cases), masked(outcomes)) for rule, cases, outcomes in self.steps]
        return pd.DataFrame(rows, columns=["rule", "cases", "outcomes"])


def case_series(
    observation: pd.DataFrame, exposures: Mapping[str, Any], outcomes: Any, settings: SccsSettings
) -> CaseSeries:
    """Find the cases.

    Parameters
    ----------
    observation : DataFrame
        Columns person_id, start, end and, for age, birth: one row for each stretch in which a person was observed.
    exposures : mapping of str to Cohort or DataFrame
        Columns person_id, start, end.
    outcomes : Cohort or DataFrame
        Columns person_id, start.
    settings : SccsSettings

    Raises
    ------
    DataError
        For missing columns or dates, an end before its start.
    StudyError
        For a window of an exposure that is not given; for age without birth; without any case.
    """
    seen = _frame(observation, "observation", ("person_id", "start", "end"))
    events = _frame(outcomes, "outcomes", ("person_id", "start"))
    given = {name: _frame(rows, name, ("person_id", "start", "end")) for name, rows in exposures.items()}
    missing = [window.exposure for window in settings.windows if window.exposure not in given]
    if missing:
        raise StudyError(
            f"window of an exposure that is not given: {missing[0]!r}",
            place="the case series",
            repair=f"name one of {list(given)}",
        )
    if settings.age_knots and "birth" not in seen:
        raise StudyError(
            "age needs dates of birth",
            place="the case series",
            repair="give observation a column birth, or set age_knots=0",
        )
    return _cases(seen, events, given, settings)


def _frame(rows: Any, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """A copy with days as numbers, sorted by person and start."""
    import pandas as pd

    rows = getattr(rows, "rows", rows)
    problems = [
        Problem("is missing", "give it", column=f"{name}.{column}")
        for column in columns
        if column not in rows
    ]
    if problems:
        raise DataError(problems, place="the case series")
    found = {"person_id": rows["person_id"].to_numpy()}
    for column in [*columns[1:], *(("birth",) if "birth" in rows else ())]:
        try:
            dates = pd.to_datetime(rows[column], format="ISO8601").to_numpy("datetime64[D]")
        except (TypeError, ValueError):
            problems.append(
                Problem("holds something that is no date", "write 2020-01-31", column=f"{name}.{column}")
            )
            continue
        if np.isnat(dates).any():
            problems.append(Problem("has missing dates", "leave those rows out", column=f"{name}.{column}"))
        found[column] = dates.astype(np.int64)
    if not problems and "end" in found and (found["end"] < found["start"]).any():
        problems.append(Problem("lies before the start", "exchange the dates", column=f"{name}.end"))
    if problems:
        raise DataError(problems, place="the case series")
    return pd.DataFrame(found).sort_values(["person_id", "start"], kind="stable", ignore_index=True)


def _cases(
    seen: pd.DataFrame, events: pd.DataFrame, given: Mapping[str, pd.DataFrame], settings: SccsSettings
) -> CaseSeries:
    last_of_data = int(seen["end"].max()) if len(seen) else 0
    seen = seen.assign(case=np.arange(len(seen)), given_end=seen["end"])
    pairs = _inside(seen, events)
    steps = [_step("Outcomes during observation", pairs)]
    if settings.first_outcome_only:
        pairs = pairs.drop_duplicates("person_id")
        steps.append(_step("First outcome only", pairs))
    first, last = settings.days
    seen["start"] = np.maximum(seen["start"] + settings.naive_period, first)
    seen["end"] = np.minimum(seen["end"], last)
    pairs = _inside(seen, pairs[["person_id", "day"]].rename(columns={"day": "start"}))
    steps.append(_step(f"After {settings.naive_period} naive days, within the study", pairs))
    if pairs.empty:
        raise StudyError(
            "no outcome is left, so there is no case", place="the case series", repair="look at the attrition"
        )
    kept = seen[seen["case"].isin(pairs["case"])].reset_index(drop=True)
    number = np.full(len(seen), -1)
    number[kept["case"]] = np.arange(len(kept))
    windows, columns = _windows(kept.assign(case=np.arange(len(kept))), given, settings, last_of_data)
    return CaseSeries(
        kept["start"].to_numpy(),
        kept["end"].to_numpy(),
        kept["birth"].to_numpy() if "birth" in kept else None,
        number[pairs["case"]],
        pairs["day"].to_numpy(),
        *windows,
        columns,
        tuple(steps),
    )


def _inside(seen: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Outcomes with the stretch of observation that they lie in; one a person and day."""
    days = events[["person_id", "start"]].rename(columns={"start": "day"}).drop_duplicates()
    pairs = seen.merge(days, on="person_id")
    pairs = pairs[(pairs["day"] >= pairs["start"]) & (pairs["day"] <= pairs["end"])]
    return pairs.sort_values(["person_id", "day"], kind="stable")[["person_id", "case", "day"]]


def _step(rule: str, pairs: pd.DataFrame) -> tuple[str, int, int]:
    return rule, int(pairs["case"].nunique()), len(pairs)


def _windows(
    seen: pd.DataFrame, given: Mapping[str, pd.DataFrame], settings: SccsSettings, last_of_data: int
) -> tuple[tuple[Days, ...], tuple[str, ...]]:
    """Stretches of all windows, cut to observation, and the names of their columns."""
    parts, columns = [], []

    def add(name: str, case: Any, first: Any, last: Any) -> None:
        if name not in columns:
            columns.append(name)
        parts.append(
            (np.asarray(case), np.full(len(case), columns.index(name)), np.asarray(first), np.asarray(last))
        )

    for window in settings.windows:
        pairs = _exposed(seen, given[window.exposure], window)
        add(window.name, pairs["case"], pairs["first"], pairs["last"])
    for exposure in dict.fromkeys(window.exposure for window in settings.windows if settings.pre_exposure):
        before = RiskWindow(exposure, exposure, -settings.pre_exposure, "start", -1, "start")
        pairs = _exposed(seen, given[exposure], before)
        add(PRE_EXPOSURE + exposure, pairs["case"], pairs["first"], pairs["last"])
    if settings.end_of_observation:
        ended = seen[(seen["given_end"] < last_of_data) & (seen["given_end"] == seen["end"])]
        add(END_OF_OBSERVATION, ended["case"], ended["end"] - settings.end_of_observation + 1, ended["end"])
    case, column, first, last = (np.concatenate(each).astype(np.int64) for each in zip(*parts, strict=True))
    first = np.maximum(first, seen["start"].to_numpy()[case])
    last = np.minimum(last, seen["end"].to_numpy()[case])
    kept = np.flatnonzero(first <= last)
    kept = kept[np.argsort(case[kept], kind="stable")]
    return (case[kept], column[kept], first[kept], last[kept]), tuple(columns)


def _exposed(seen: pd.DataFrame, rows: pd.DataFrame, window: RiskWindow) -> pd.DataFrame:
    """Cases with the first and last day of a window."""
    if window.first_only:
        rows = rows.drop_duplicates("person_id")
    pairs = seen[["person_id", "case"]].merge(rows, on="person_id")
    anchors = {"start": pairs["start"], "end": pairs["end"]}
    return pairs.assign(
        first=anchors[window.start_anchor] + window.start, last=anchors[window.end_anchor] + window.end
    )
