"""Mean counts: the mean number of events of a subject up to a time, compared between arms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.survival.mean_cumulative import mean_cumulative_function
from understudy.trials.analyses.adjustment import usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.analyses.contrast import Point, difference, horizon_of, ratio
from understudy.trials.analyses.event_process import gaps, process_of, require_from_zero
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial


def mean_count_analysis(trial: Trial) -> Analysed:
    """Difference and ratio of mean numbers of events at the horizon.

    Errors are those of Lawless and Nadeau 1995, doi:10.1080/00401706.1995.10484300, arms being independent.

    Raises
    ------
    StudyError
        For a horizon to which an arm was not watched.
    DataError
        Where subjects are not watched from 0 on without gaps.
    """
    rows, told = usable(trial, trial.outcome)
    require_from_zero(trial, rows)
    horizon, noted = horizon_of(trial, rows)
    means = {arm: _mean(rows[rows["arm"] == arm], horizon) for arm in trial.arms}
    effects, level = [], trial.protocol.analysis.level
    for work, measure in ((difference, "difference of mean numbers"), (ratio, "mean number ratio")):
        for arm in trial.arms[1:]:
            own = rows[rows["arm"].isin([trial.control, arm])]
            numbers = work(means[arm], means[trial.control], level)
            if numbers is not None:
                effects.append(
                    Effect(arm, trial.control, f"{measure} by {horizon:g} {trial.unit}", *numbers,
                           own.index.nunique(), "mean cumulative function", level, int(own["event"].sum()))
                )  # fmt: skip
            else:
                told = (*told, f"{arm}: without events by then there is no {measure}")
    return Analysed("mean cumulative", tuple(effects), mean_table(trial, rows), told, noted)


def _mean(own: pd.DataFrame, horizon: float) -> Point:
    if not own["event"].any():
        return Point(0.0, 0.0)
    found = mean_cumulative_function(process_of(own)[0])
    k = int(np.searchsorted(found.times, horizon, side="right"))
    return Point(float(found.mean[k - 1]), float(found.standard_error[k - 1])) if k else Point(0.0, 0.0)


def mean_table(trial: Trial, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The mean number over time of each arm; nothing where subjects are not watched from 0 on without gaps."""
    import pandas as pd

    if len(gaps(rows)):
        return {}
    parts = []
    for arm in trial.arms:
        own = rows[rows["arm"] == arm]
        begin = {
            "time": 0.0,
            "at_risk": own.index.nunique(),
            "events": 0,
            "mean": 0.0,
            "low": 0.0,
            "high": 0.0,
        }
        found = [pd.DataFrame([begin])]
        if own["event"].any():
            process = process_of(own)[0]
            found.append(mean_cumulative_function(process, trial.protocol.analysis.level).table())
        end = found[-1].iloc[[-1]].assign(time=float(own["time"].max()), events=0, at_risk=0)
        parts.append(pd.concat([*found, end]).assign(arm=arm))
    return {"mean numbers": pd.concat(parts, ignore_index=True)}
