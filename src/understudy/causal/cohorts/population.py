"""Population: when the entries of a comparison are at risk of an outcome, and whether it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from understudy.causal.cohort import Cohort
from understudy.causal.cohorts.comparison import Comparison, Steps, comparison
from understudy.causal.cohorts.population_settings import PopulationSettings
from understudy.causal.study_population import StudyPopulation

if TYPE_CHECKING:
    import pandas as pd

    from understudy.causal.cdm.cdm import Cdm


def study_population(
    cdm: Cdm,
    target: Cohort,
    comparator: Cohort,
    outcome: Cohort,
    settings: PopulationSettings | None = None,
) -> StudyPopulation:
    """Who is compared, from when to when they are at risk, and what happened to them, as CohortMethod 6 has it.

    Both ends of the time at risk count: days at risk are end - start + 1, and the time of somebody with the outcome is
    the days to it + 1. Only outcomes within the entry's observation period are seen.

    Parameters
    ----------
    cdm : Cdm
    target, comparator, outcome : Cohort
        As they were built; `settings` says what is asked besides.
    settings : PopulationSettings
        CohortMethod's defaults, if left out.

    Raises
    ------
    StudyError
        If a side has nobody, at first or after a step, which is named; or observation periods contradict each other.

    Notes
    -----
    For many outcomes, `comparison` finds once what does not depend on them, and `population` adds one at a time.
    """
    settings = settings or PopulationSettings()
    return population(comparison(cdm, target, comparator, settings), outcome, settings)


def population(
    compared: Comparison, outcome: Cohort, settings: PopulationSettings | None = None
) -> StudyPopulation:
    """The study population of a comparison and an outcome.

    Raises
    ------
    StudyError
        If a side has nobody left.
    """
    settings = settings or PopulationSettings()
    steps = Steps(compared.names, compared.attrition)
    rows = _with_risk(compared.rows, settings)
    outcomes = _seen(rows, outcome)
    if settings.no_prior_outcome:
        rows = rows[~rows["entry"].isin(_prior(outcomes, settings))]
        steps.told("No outcome before the time at risk", rows)
    rows = _cut(rows, settings)
    if settings.censor_at_new_risk:
        rows = _censored(rows)
        steps.told("Censored where a new time at risk begins", rows)
    rows = rows[_days(rows) >= settings.min_days_at_risk]
    count = settings.min_days_at_risk
    steps.told(f"At risk for at least {count} day{'s' * (count != 1)}", rows)
    return StudyPopulation(_with_outcome(rows, outcomes), steps.attrition)


def _days(rows: pd.DataFrame) -> pd.Series:
    return (rows["risk_end"] - rows["risk_start"]).dt.days + 1


def _with_risk(rows: pd.DataFrame, settings: PopulationSettings) -> pd.DataFrame:
    """Entries with the first and the last day of their time at risk as they would be without an end of observation."""
    import pandas as pd

    anchors = {"cohort start": rows["start"], "cohort end": rows["end"]}
    first = anchors[settings.risk_start_anchor] + pd.Timedelta(days=settings.risk_start)
    last = anchors[settings.risk_end_anchor] + pd.Timedelta(days=settings.risk_end)
    return rows.assign(entry=range(len(rows)), risk_start=first, risk_end=last)


def _seen(rows: pd.DataFrame, outcome: Cohort) -> pd.DataFrame:
    """Days of the outcome within the entries' observation periods, a row each and no day twice."""
    days = outcome.rows[["person_id", "start"]].drop_duplicates().rename(columns={"start": "day"})
    found = rows.merge(days, on="person_id")
    return found[found["day"].between(found["observed_from"], found["observed_until"])]


def _prior(outcomes: pd.DataFrame, settings: PopulationSettings) -> pd.Series:
    """Entries with an outcome before the time at risk; the look-back counts from the start of the cohort."""
    days = (outcomes["day"] - outcomes["start"]).dt.days
    before = (days > -settings.prior_outcome_lookback) & (outcomes["day"] < outcomes["risk_start"])
    return outcomes.loc[before, "entry"]


def _cut(rows: pd.DataFrame, settings: PopulationSettings) -> pd.DataFrame:
    """No time at risk after the end of observation, or longer than allowed."""
    import pandas as pd

    longest = rows["risk_start"] + pd.to_timedelta(settings.max_days_at_risk - 1, unit="D")
    last = rows["risk_end"].where(rows["risk_end"] <= rows["observed_until"], rows["observed_until"])
    return rows.assign(risk_end=last.where(last <= longest, longest))


def _censored(rows: pd.DataFrame) -> pd.DataFrame:
    """A person's time at risk ends the day before the next one begins; what has no day left goes."""
    import pandas as pd

    rows = rows.sort_values(["person_id", "risk_start", "treatment"], kind="stable")
    following = rows.groupby("person_id")["risk_start"].shift(-1)
    cut = following.notna() & (rows["risk_end"] >= following)
    rows = rows.assign(risk_end=rows["risk_end"].mask(cut, following - pd.Timedelta(days=1)))
    return rows[~cut | (rows["risk_end"] >= rows["risk_start"])]


def _with_outcome(rows: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    rows = rows.sort_values(["person_id", "start", "treatment"], kind="stable")
    limits = rows[["entry", "risk_start", "risk_end"]]
    within = outcomes[["entry", "day"]].merge(limits, on="entry")
    within = within[within["day"].between(within["risk_start"], within["risk_end"])]
    by_entry = within.groupby("entry")["day"]
    first = by_entry.min().reindex(rows["entry"]).set_axis(rows.index)
    days_at_risk = _days(rows)
    to_event = (first - rows["risk_start"]).dt.days.astype(float)
    found = rows[["person_id", "treatment", "start"]].assign(
        days_at_risk=days_at_risk,
        events=by_entry.size().reindex(rows["entry"], fill_value=0).to_numpy(),
        days_to_event=to_event,
        time=(to_event + 1).fillna(days_at_risk).astype("int64"),
        risk_start=rows["risk_start"],
        risk_end=rows["risk_end"],
    )
    return found.reset_index(drop=True)
