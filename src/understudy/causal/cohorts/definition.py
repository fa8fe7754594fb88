"""Cohort definition: what it takes to enter a cohort, and when one leaves it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from understudy.causal.cdm.concept_set import ConceptSet
from understudy.causal.cohorts.criterion import (
    Concepts,
    Event,
    Group,
    InclusionRule,
    concept_sets_in,
)
from understudy.core.section import Section, Text, Whole, complaint

Limit = Literal["all", "first", "last"]
Days = Annotated[Whole, Field(ge=0)]


class Exit(Section):
    """When a person leaves; never after the end of the observation period in which they entered."""

    at: Literal["event end", "event start", "end of observation", "end of exposure"] = Field(
        default="event end", description="event end, event start, end of observation or end of exposure"
    )
    days: Whole = Field(default=0, description="days after the event's end or start")
    exposure: Concepts | None = Field(
        default=None, description="concept set of drug exposures that follow each other without a longer gap"
    )
    gap: Days = Field(default=30, description="longest gap between two exposures, in days")
    surveillance: Days = Field(default=0, description="days after the end of exposure")
    days_supply: Days | None = Field(
        default=None, description="length of every exposure, in days, in place of what is recorded"
    )

    @model_validator(mode="after")
    def _fits(self) -> Exit:
        if (self.at == "end of exposure") != (self.exposure is not None):
            raise complaint(
                "an end of exposure needs the exposure, and nothing else does",
                'give at = "end of exposure" and exposure = a concept set',
            )
        if self.days and self.at not in ("event end", "event start"):
            raise complaint(f"days after the {self.at}", 'days count after "event end" or "event start"')
        return self


class CohortDefinition(Section):
    """Who enters a cohort, when and until when.

    The order is that of ATLAS: events; those observed long enough; the first, last or all of them; those for which
    `given` holds; their first, last or all; inclusion rules; of those who meet all, the first, last or all; exit;
    entries that overlap or lie close together become one.

    Examples
    --------
    >>> users = CohortDefinition(name="users", entry=[{"table": "drug_era", "concepts": [1118084], "first": True}])
    >>> users.exit.at, users.limit
    ('event end', 'all')
    """

    name: Text = Field(description="what reports call it")
    concept_sets: dict[Text, ConceptSet] = Field(
        default_factory=dict, description='concept sets by name: { "GI bleed" = [192671] }'
    )
    entry: Annotated[tuple[Event, ...], Field(min_length=1)] = Field(
        description="events with which one enters"
    )
    observed: bool = Field(
        default=True, description="only events within an observation period; if false, wherever they lie"
    )
    prior_observation: Days = Field(default=0, description="days of observation before the event")
    post_observation: Days = Field(default=0, description="days of observation after it")
    entry_limit: Limit = Field(default="all", description="of a person's events: all, first or last")
    given: Group | None = Field(default=None, description="rules around the event, before any are counted")
    given_limit: Limit = Field(default="all", description="of those left: all, first or last")
    inclusion: tuple[InclusionRule, ...] = Field(default=(), description="named rules, counted one by one")
    limit: Limit = Field(default="all", description="of those that meet all rules: all, first or last")
    exit: Exit = Field(default=Exit(), description="when one leaves")
    censoring: tuple[Event, ...] = Field(default=(), description="events that end the stay")
    collapse_gap: Days = Field(default=0, description="stays that are no more days apart become one")
    period_start: date | None = Field(default=None, description="stays begin no earlier")
    period_end: date | None = Field(default=None, description="stays end no later")

    @model_validator(mode="after")
    def _whole(self) -> CohortDefinition:
        if not self.observed and (self.prior_observation or self.post_observation):
            raise complaint(
                "days of observation are asked of events outside observation", "leave observed = false out"
            )
        if not self.observed and self.exit.at == "end of observation":
            raise complaint("events outside observation have no end of observation", "choose another exit")
        return self

    def with_concept_sets(self, sets: Mapping[str, ConceptSet]) -> CohortDefinition:
        """With these concept sets besides its own."""
        return self.model_copy(update={"concept_sets": {**sets, **self.concept_sets}})

    def sets(self) -> dict[str, ConceptSet]:
        """The concept sets in use, by name; a set that stands in a criterion is named by its concepts.

        Raises
        ------
        StudyError
            If a name has no set.
        """
        from understudy.core.errors import StudyError

        found: dict[str, ConceptSet] = {}
        for each in concept_sets_in((*self.entry, self.given, *self.inclusion, self.exit, *self.censoring)):
            name = set_name(each)
            if isinstance(each, str) and each not in self.concept_sets:
                raise StudyError(
                    f"there is no concept set {each!r}",
                    place=f"the cohort {self.name!r}",
                    repair=f"concept sets: {', '.join(self.concept_sets) or 'none'}",
                )
            found[name] = self.concept_sets[each] if isinstance(each, str) else each
        return found


def set_name(concepts: Concepts) -> str:
    """What a concept set is called: its name, or its concepts where it stands in a criterion.

    Examples
    --------
    >>> set_name(ConceptSet(concepts=[192671]))
    'concepts 192671'
    """
    if isinstance(concepts, str):
        return concepts
    told = (
        f"{'not ' * each.excluded}{each.id}{' alone' * (not each.descendants)}{' and mapped' * each.mapped}"
        for each in concepts.concepts
    )
    return f"concepts {', '.join(told)}"
