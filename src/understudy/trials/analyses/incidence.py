"""Incidence: the probability to have had an event by a time, where others may come first (Aalen and Johansen)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.biostatistics.survival.cumulative_incidence import cumulative_incidence
from understudy.biostatistics.survival.gray import gray_test
from understudy.trials.analyses.adjustment import strata_of, usable
from understudy.trials.analyses.analysis import Analysed
from understudy.trials.analyses.competing import incidence_table
from understudy.trials.analyses.contrast import Point, difference, horizon_of, ratio
from understudy.trials.effect import Effect

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial


def incidence_analysis(trial: Trial) -> Analysed:
    """Difference and ratio of each cause's cumulative incidence at the horizon, and Gray's test of the first cause.

    Raises
    ------
    StudyError
        For a horizon to which an arm was not watched.
    """
    import pandas as pd

    rows, told = usable(trial, trial.outcome)
    horizon, noted = horizon_of(trial, rows)
    effects, points = [], []
    for k, name in enumerate(trial.protocol.endpoint.causes, 1):
        risks = {arm: _risk(rows[rows["arm"] == arm], k, horizon) for arm in trial.arms}
        points += [{"arm": arm, "cause": name, "time": horizon, "incidence": each.value,
                    "standard_error": each.error} for arm, each in risks.items()]  # fmt: skip
        for work, measure in ((difference, "risk difference"), (ratio, "risk ratio")):
            effects += _effects(
                trial, rows, risks, k, work, f"{measure} of {name} by {horizon:g} {trial.unit}"
            )
    tables = {"incidence at the horizon": pd.DataFrame(points), "incidence": incidence_table(trial)}
    return Analysed("cumulative incidence", tuple(effects), tables, told, (*noted, *_gray(trial, rows)))


def _risk(own: pd.DataFrame, cause: int, horizon: float) -> Point:
    if not (own["cause"] == cause).any():
        return Point(0.0, 0.0)
    found = cumulative_incidence(own["time"], own["cause"].astype(int)).at([horizon], cause).iloc[0]
    return Point(float(found["incidence"]), float(found["standard_error"]))


def _effects(
    trial: Trial, rows: pd.DataFrame, risks: dict[str, Point], cause: int, work, measure: str
) -> list[Effect]:
    made, level = [], trial.protocol.analysis.level
    for arm in trial.arms[1:]:
        own = rows[rows["arm"].isin([trial.control, arm])]
        numbers = work(risks[arm], risks[trial.control], level)
        if numbers is not None:
            made.append(
                Effect(arm, trial.control, measure, *numbers, len(own), "Aalen-Johansen", level,
                       int((own["cause"] == cause).sum()))
            )  # fmt: skip
    return made


def _gray(trial: Trial, rows: pd.DataFrame) -> tuple[str, ...]:
    first = next(iter(trial.protocol.endpoint.causes))
    if not (rows["cause"] == 1).any():
        return (f"nobody had {first}: there is nothing to compare",)
    strata = strata_of(trial, rows)
    test = gray_test(
        rows["time"], rows["cause"].astype(int), rows["arm"].astype(str).to_numpy(), strata=strata
    )
    if not np.isfinite(test.p):
        return (f"Gray's test of {first} cannot be made",)
    return (
        f"Gray's test of {first}, over the whole time: chi-square {test.statistic:.4g} on {test.df} df, p {test.p:.3g}",
    )
