"""Criterion: an event of a person's record, how often it must happen around another, and groups of such rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from understudy.causal.cdm.concept_set import ConceptSet
from understudy.causal.cdm.schema import TABLES
from understudy.causal.cohorts.columns import CONCEPT_COLUMNS, LENGTHS, NUMBER_COLUMNS
from understudy.causal.cohorts.ranges import DateRange, NumberRange
from understudy.core.section import Section, Text, Whole, complaint

GENDERS = {"male": 8507, "female": 8532}  # OMOP standard vocabulary, domain Gender

EventTable = Literal[
    "drug_era", "drug_exposure", "dose_era", "condition_occurrence", "condition_era", "procedure_occurrence",
    "measurement", "observation", "visit_occurrence", "device_exposure", "death", "observation_period",
]  # fmt: skip
Concepts = Text | ConceptSet
Ids = tuple[Annotated[Whole, Field(ge=0)], ...]
Genders = tuple[Literal["female", "male"] | Annotated[Whole, Field(ge=0)], ...]


class Event(Section):
    """A kind of event of a person's record."""

    table: EventTable = Field(description="table of the CDM that holds it")
    concepts: Concepts | None = Field(
        default=None, description="name of a concept set, or concept ids; any, if left out"
    )
    source_concepts: Concepts | None = Field(
        default=None, description="concept set of the source's own codes (…_source_concept_id)"
    )
    first: bool = Field(
        default=False, description="only the first of a person, before anything else is asked"
    )
    starts: DateRange | None = Field(default=None, description="days on which it may begin")
    ends: DateRange | None = Field(default=None, description="days on which it may end")
    age: NumberRange | None = Field(default=None, description="age at its begin: its year less that of birth")
    age_at_end: NumberRange | None = Field(default=None, description="age at its end")
    gender: Genders = Field(default=(), description="female, male or concept ids")
    types: Ids = Field(default=(), description="concept ids of its type, such as where it was recorded")
    not_types: Ids = Field(default=(), description="concept ids of types that are not taken")
    visits: Ids = Field(
        default=(), description="concept ids of the kind of visit during which it was recorded"
    )
    statuses: Ids = Field(default=(), description="condition_status_concept_id")
    value: NumberRange | None = Field(default=None, description="value_as_number")
    values: Ids = Field(default=(), description="value_as_concept_id")
    units: Ids = Field(default=(), description="unit_concept_id")
    operators: Ids = Field(default=(), description="operator_concept_id")
    qualifiers: Ids = Field(default=(), description="qualifier_concept_id")
    modifiers: Ids = Field(default=(), description="modifier_concept_id")
    routes: Ids = Field(default=(), description="route_concept_id")
    range_low: NumberRange | None = Field(default=None, description="lower limit of normal")
    range_high: NumberRange | None = Field(default=None, description="upper limit of normal")
    ratio_to_low: NumberRange | None = Field(default=None, description="value over the lower limit of normal")
    ratio_to_high: NumberRange | None = Field(
        default=None, description="value over the upper limit of normal"
    )
    abnormal: bool = Field(default=False, description="value outside its limits of normal, or called so")
    quantity: NumberRange | None = Field(default=None, description="quantity")
    days_supply: NumberRange | None = Field(default=None, description="days of supply of a drug exposure")
    refills: NumberRange | None = Field(default=None, description="refills of a drug exposure")
    dose: NumberRange | None = Field(default=None, description="dose of a dose era")
    occurrences: NumberRange | None = Field(default=None, description="exposures or conditions within an era")
    gap_days: NumberRange | None = Field(default=None, description="days without drug within a drug era")
    length: NumberRange | None = Field(default=None, description="days from its begin to its end")
    given: Group | None = Field(
        default=None, description="rules around this event that must hold for it to count"
    )

    @model_validator(mode="after")
    def _fits(self) -> Event:
        if self.concepts is not None and not TABLES[self.table].concept:
            raise complaint(f"{self.table} has no concepts", "leave concepts out")
        if self.source_concepts is not None and not TABLES[self.table].source_concept:
            raise complaint(f"{self.table} has no source concepts", "leave source_concepts out")
        unfit = next((name for name in self.model_fields_set if not self._has(name)), None)
        if unfit is not None:
            raise complaint(f"{self.table} has no {unfit}", f"leave {unfit} out")
        return self

    def _has(self, name: str) -> bool:
        columns = NUMBER_COLUMNS.get(name) or CONCEPT_COLUMNS.get(name) or LENGTHS.get(name)
        empty = getattr(self, name) in (None, (), False)
        return columns is None or empty or self.table in columns

    @property
    def gender_ids(self) -> tuple[int, ...]:
        """Concept ids of the genders taken."""
        return tuple(GENDERS.get(each, each) for each in self.gender)  # type: ignore[call-overload]


class Window(Section):
    """Days around an index event within which another event's begin, or end, must lie; both limits are inside."""

    start: Whole | None = Field(
        default=None, description="first day, such as -365; without limit, if left out"
    )
    end: Whole | None = Field(default=None, description="last day, such as -1; without limit, if left out")
    index: Literal["start", "end"] = Field(
        default="start", description="day of the index event that is day 0"
    )
    event: Literal["start", "end"] = Field(
        default="start", description="day of the other event that must lie there"
    )

    @model_validator(mode="after")
    def _forwards(self) -> Window:
        if self.start is not None and self.end is not None and self.start > self.end:
            raise complaint(
                f"a window from day {self.start} to day {self.end}", "give the earlier day as start"
            )
        return self


class Occurrence(Event):
    """An event that must happen so often around the index event; at least once, if no number is given."""

    window: Window = Field(default=Window(), description="days around the index event; any, if left out")
    end_window: Window | None = Field(default=None, description="a second window that must hold as well")
    at_least: Annotated[Whole, Field(ge=0)] | None = Field(
        default=None, description="how often, or more often"
    )
    at_most: Annotated[Whole, Field(ge=0)] | None = Field(
        default=None, description="how often, or less often"
    )
    exactly: Annotated[Whole, Field(ge=0)] | None = Field(default=None, description="how often")
    distinct: Literal["concepts", "days", "visits"] | None = Field(
        default=None, description="count different concepts, days or visits, not events"
    )
    same_visit: bool = Field(default=False, description="recorded during the same visit as the index event")
    observed: bool = Field(default=True, description="within the index event's observation period")

    @model_validator(mode="after")
    def _one_number(self) -> Occurrence:
        if sum(each is not None for each in (self.at_least, self.at_most, self.exactly)) > 1:
            raise complaint("two numbers of occurrences", "give one of at_least, at_most and exactly")
        return self

    @property
    def count(self) -> tuple[str, int]:
        """A comparison, and the number it compares with."""
        if self.exactly is not None:
            return "=", self.exactly
        if self.at_most is not None:
            return "<=", self.at_most
        return ">=", 1 if self.at_least is None else self.at_least


class Person(Section):
    """What a person must be at the index event."""

    age: NumberRange | None = Field(default=None, description="year of the index event less that of birth")
    gender: Genders = Field(default=(), description="female, male or concept ids")
    race: Ids = Field(default=(), description="race_concept_id")
    ethnicity: Ids = Field(default=(), description="ethnicity_concept_id")
    starts: DateRange | None = Field(default=None, description="days on which the index event may begin")
    ends: DateRange | None = Field(default=None, description="days on which the index event may end")

    @property
    def gender_ids(self) -> tuple[int, ...]:
        """Concept ids of the genders taken."""
        return tuple(GENDERS.get(each, each) for each in self.gender)  # type: ignore[call-overload]


class Group(Section):
    """Rules of which all must hold, any, or a number of them."""

    require: Literal["all", "any"] = Field(default="all", description="all, or any")
    at_least: Annotated[Whole, Field(ge=0)] | None = Field(default=None, description="or at least so many")
    at_most: Annotated[Whole, Field(ge=0)] | None = Field(default=None, description="or at most so many")
    events: tuple[Occurrence, ...] = Field(default=(), description="events around the index event")
    people: tuple[Person, ...] = Field(default=(), description="what the person must be")
    groups: tuple[Group, ...] = Field(default=(), description="groups of rules")

    @model_validator(mode="after")
    def _one_number(self) -> Group:
        if self.at_least is not None and self.at_most is not None:
            raise complaint("two numbers of rules", "give at_least or at_most")
        return self

    @property
    def size(self) -> int:
        """How many rules it has."""
        return len(self.events) + len(self.people) + len(self.groups)

    @property
    def count(self) -> tuple[str, int]:
        """How many must hold: a comparison, and the number it compares with."""
        if self.at_least is not None:
            return ">=", self.at_least
        if self.at_most is not None:
            return "<=", self.at_most
        return ">=", self.size if self.require == "all" else 1


class InclusionRule(Group):
    """A group of rules with a name, which the attrition shows."""

    name: Text = Field(description="in words")


def concept_sets_in(section: Any) -> list[Concepts]:
    """Every concept set that a section or its parts name or hold."""
    if isinstance(section, tuple):
        return [each for part in section for each in concept_sets_in(part)]
    if not isinstance(section, Section) or isinstance(section, ConceptSet):
        return []
    found: list[Concepts] = []
    for name in type(section).model_fields:
        value = getattr(section, name)
        named = name in ("concepts", "source_concepts", "exposure") and isinstance(value, str | ConceptSet)
        found += [value] if named else concept_sets_in(value)
    return found
