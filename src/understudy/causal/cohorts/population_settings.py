"""Population settings: which entries of two cohorts are compared, and when they are at risk."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from understudy.core.section import Section, Whole, complaint

Days = Annotated[Whole, Field(ge=0)]
Anchor = Literal["cohort start", "cohort end"]


class PopulationSettings(Section):
    """Which entries of two cohorts are compared, and when they are at risk; the names are those of CohortMethod 6."""

    both_cohorts: Literal["keep all", "keep first", "keep first, truncate to second", "remove all"] = Field(
        default="keep first, truncate to second",
        description="persons in both cohorts: keep all; keep first, a person's first entry of either (none, if both "
        "begin on one day); keep first, truncate to second, the same but ended the day before the other cohort is "
        "entered; remove all",
    )
    first_exposure_only: bool = Field(
        default=True, description="only the first entry of a person in each cohort"
    )
    washout: Days = Field(default=365, description="days of observation before the entry")
    common_period: bool = Field(
        default=True,
        description="only entries between the later of the cohorts' first and the earlier of their last entries, "
        "of the cohorts as they were before any rule",
    )
    study_start: date | None = Field(default=None, description="entries on this day or later")
    study_end: date | None = Field(
        default=None, description="entries on this day or earlier; time at risk ends then, too"
    )
    no_prior_outcome: bool = Field(
        default=True, description="without those who had the outcome before the risk"
    )
    prior_outcome_lookback: Days = Field(
        default=99999,
        description="days before the entry on which an outcome counts as prior; fewer than so many",
    )
    risk_start: Whole = Field(default=0, description="first day at risk, counted from its anchor")
    risk_start_anchor: Anchor = Field(default="cohort start", description="cohort start or cohort end")
    risk_end: Whole = Field(default=0, description="last day at risk, counted from its anchor")
    risk_end_anchor: Anchor = Field(default="cohort end", description="cohort start or cohort end")
    censor_at_new_risk: bool = Field(
        default=False, description="a person's time at risk ends the day before the next one begins"
    )
    min_days_at_risk: Annotated[Whole, Field(ge=1)] = Field(
        default=1, description="entries with fewer days at risk are left out"
    )
    max_days_at_risk: Annotated[Whole, Field(ge=1)] = Field(
        default=99999, description="time at risk ends after so many days"
    )

    @model_validator(mode="after")
    def _forwards(self) -> PopulationSettings:
        if self.risk_start_anchor == self.risk_end_anchor and self.risk_end < self.risk_start:
            raise complaint(
                f"the risk ends on day {self.risk_end}, before it starts on day {self.risk_start}",
                "end it later",
            )
        if self.study_start and self.study_end and self.study_end < self.study_start:
            raise complaint(f"the study ends on {self.study_end}, before it starts", "give a later study_end")
        if self.min_days_at_risk > self.max_days_at_risk:
            raise complaint("fewer days at risk at most than at least", "raise max_days_at_risk")
        return self
