"""Comparison: entries of a target and a comparator cohort that may be compared, whatever the outcome.

The steps and their order are those of OHDSI's CohortMethod 6 (Schuemie, Suchard and Ryan), so that its attrition can be
found again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.causal.attrition import Attrition, AttritionStep
from understudy.causal.cdm.observation import require_sound_observation
from understudy.causal.cohort import Cohort
from understudy.causal.cohorts.population_settings import PopulationSettings
from understudy.causal.masking import masked
from understudy.core.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd

    from understudy.causal.cdm.cdm import Cdm


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Entries that may be compared; `population` adds an outcome.

    Parameters
    ----------
    rows : DataFrame
        person_id, treatment (1 target, 0 comparator), start, end, observed_from, observed_until (datetime64).
    attrition : Attrition
    names : (str, str)
        Of target and comparator.
    """

    rows: pd.DataFrame
    attrition: Attrition
    names: tuple[str, str]

    def __repr__(self) -> str:
        last = self.attrition.steps[-1]
        counts = f"{masked(last.target)} and {masked(last.comparator)} persons"
        return f"Comparison of {self.names[0]!r} and {self.names[1]!r}: {counts}"


def comparison(
    cdm: Cdm, target: Cohort, comparator: Cohort, settings: PopulationSettings | None = None
) -> Comparison:
    """The entries of two cohorts that may be compared.

    Raises
    ------
    StudyError
        If one side has nobody, or observation periods contradict each other.
    """
    settings = settings or PopulationSettings()
    require_sound_observation(cdm)
    names = (target.name, comparator.name)
    raw = _together(target, comparator)
    steps = Steps(names)
    steps.told("Entered a cohort", raw)
    rows = raw
    for words, rule in _rules(cdm, raw, settings):
        rows = rule(rows)
        steps.told(words, rows)
    kept = rows.sort_values(["person_id", "start", "treatment"], kind="stable", ignore_index=True)
    return Comparison(kept, steps.attrition, names)


class Steps:
    """Counts persons step by step, and stops where a side has nobody left."""

    def __init__(self, names: tuple[str, str], before: Attrition | None = None):
        self._names = names
        self._steps = list(before.steps) if before else []

    def told(self, words: str, rows: pd.DataFrame) -> None:
        """Count the persons of a step.

        Raises
        ------
        StudyError
            If a side has nobody.
        """
        counts = rows.groupby("treatment")["person_id"].nunique()
        target, comparator = int(counts.get(1, 0)), int(counts.get(0, 0))
        self._steps.append(AttritionStep(words, target, comparator))
        for count, side, name in (
            (target, "target", self._names[0]),
            (comparator, "comparator", self._names[1]),
        ):
            if count == 0:
                self._nobody(words, side, name)

    def _nobody(self, words: str, side: str, name: str) -> None:
        at_all = len(self._steps) == 1
        raise StudyError(
            f"the {side} cohort {name!r} has nobody" + ("" if at_all else f" left after: {words}"),
            place="\n" + self.attrition.table().to_string(index=False),
            repair="check its concepts and its rules"
            if at_all
            else "loosen that rule, or choose another cohort",
        )

    @property
    def attrition(self) -> Attrition:
        """All steps so far."""
        return Attrition(tuple(self._steps))


def _together(target: Cohort, comparator: Cohort) -> pd.DataFrame:
    import pandas as pd

    parts = [
        cohort.rows[["person_id", "start", "end"]].assign(treatment=treatment)
        for cohort, treatment in ((target, 1), (comparator, 0))
        if len(cohort.rows)
    ]
    if not parts:
        return pd.DataFrame(
            {"person_id": [], "start": [], "end": [], "treatment": pd.array([], dtype="int64")}
        )
    rows = pd.concat(parts, ignore_index=True)
    return rows.sort_values(["person_id", "start", "treatment"], kind="stable", ignore_index=True)


Rule = Callable[["pd.DataFrame"], "pd.DataFrame"]


def _rules(cdm: Cdm, raw: pd.DataFrame, settings: PopulationSettings) -> list[tuple[str, Rule]]:
    """Rules in their order, with their words."""
    found: list[tuple[str, Rule]] = []
    if settings.both_cohorts != "keep all":
        found.append(_BOTH[settings.both_cohorts])
    if settings.first_exposure_only:
        found.append(("First entry of each person", _first))
    days = settings.washout
    words = f"Observed for {days} days before entry" if days else "Observed at entry"
    found.append((words, lambda rows: _observed(cdm, rows, days)))
    if settings.common_period:
        found.append(("Entered in the period common to both cohorts", lambda rows: _common(rows, raw)))
    if settings.study_start or settings.study_end:
        found.append(("Entered in the study's period", lambda rows: _in_study(rows, settings)))
    return found


def _remove_all(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows.groupby("person_id")["treatment"].transform("nunique") == 1]


def _keep_first(rows: pd.DataFrame) -> pd.DataFrame:
    """The first entry of each person; nobody who enters both cohorts on that day."""
    earliest = rows.groupby("person_id")["start"].transform("min")
    first = rows[rows["start"] == earliest]
    return _remove_all(first).drop_duplicates("person_id")


def _truncate(rows: pd.DataFrame) -> pd.DataFrame:
    """The first entry, ended the day before the other cohort is entered if that is before its end."""
    import pandas as pd

    kept = _keep_first(rows)
    began = rows.groupby(["person_id", "treatment"])["start"].min()
    other = began.reindex(pd.MultiIndex.from_arrays([kept["person_id"], 1 - kept["treatment"]])).set_axis(
        kept.index
    )
    cut = other.notna() & (other < kept["end"])
    return kept.assign(end=kept["end"].mask(cut, other - pd.Timedelta(days=1)))


_BOTH: dict[str, tuple[str, Rule]] = {
    "remove all": ("In one of the cohorts only", _remove_all),
    "keep first": ("First of both cohorts only", _keep_first),
    "keep first, truncate to second": ("First of both cohorts, until the second", _truncate),
}


def _first(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop_duplicates(["person_id", "treatment"])


def _observed(cdm: Cdm, rows: pd.DataFrame, days: int) -> pd.DataFrame:
    """Entries within an observation period that began so many days before, with its limits."""
    connection = cdm.connection.cursor()
    try:
        connection.register("entries_of_both", rows.assign(row=range(len(rows))))
        found = connection.execute(
            "SELECT e.* EXCLUDE (row), CAST(observation_period_start_date AS TIMESTAMP) AS observed_from, "
            "CAST(observation_period_end_date AS TIMESTAMP) AS observed_until FROM entries_of_both e "
            "JOIN observation_period op ON op.person_id = e.person_id "
            "AND CAST(e.start AS DATE) >= observation_period_start_date + CAST($days AS INTEGER) "
            "AND CAST(e.start AS DATE) <= observation_period_end_date ORDER BY row",
            {"days": days},
        ).df()
    finally:
        connection.close()
    return found


def _common(rows: pd.DataFrame, raw: pd.DataFrame) -> pd.DataFrame:
    starts = raw.groupby("treatment")["start"]
    return rows[rows["start"].between(starts.min().max(), starts.max().min())]


def _in_study(rows: pd.DataFrame, settings: PopulationSettings) -> pd.DataFrame:
    """Entries within the study's period; neither stay nor observation goes on after its end."""
    import pandas as pd

    if settings.study_start is not None:
        rows = rows[rows["start"] >= pd.Timestamp(settings.study_start)]
    if settings.study_end is not None:
        last = pd.Timestamp(settings.study_end)
        rows = rows[rows["start"] <= last]
        rows = rows.assign(
            end=rows["end"].clip(upper=last), observed_until=rows["observed_until"].clip(upper=last)
        )
    return rows
