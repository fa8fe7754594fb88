"""Schema: the tables and columns of the OMOP CDM that are read, and what a column's name says of its kind.

Source: OHDSI, OMOP Common Data Model 5.3 and 5.4, https://ohdsi.github.io/CommonDataModel/.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

VERSIONS = ("5.3", "5.4")
KINDS = {"whole": "BIGINT", "number": "DOUBLE", "date": "DATE", "text": "VARCHAR"}

_TEXT_IDS = {"domain_id", "vocabulary_id", "concept_class_id", "relationship_id", "unique_device_id"}
_WHOLE = {
    "year_of_birth", "month_of_birth", "day_of_birth", "days_supply", "refills", "gap_days", "drug_exposure_count",
    "condition_occurrence_count", "min_levels_of_separation", "max_levels_of_separation", "concept_id_1",
    "concept_id_2",
}  # fmt: skip
_NUMBERS = {"value_as_number", "range_low", "range_high", "quantity", "dose_value"}


@dataclass(frozen=True)
class Table:
    """A table of the CDM.

    Parameters
    ----------
    name : str
    required : tuple of str
        Columns without which it cannot be used.
    optional : tuple of str
        Other columns that are read; where one is missing it is empty.
    concept, start, end : str
        Of an event: its concept, its first and its last day; empty for what is no event. Where the end is missing,
        the first day is the last.
    source_concept : str
        The concept of the source's own code, if the table has one.
    """

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    concept: str = ""
    start: str = ""
    end: str = ""
    source_concept: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read."""
        return self.required + self.optional


def kind_of(column: str) -> str:
    """Whether a column holds whole numbers, numbers, dates or text.

    Examples
    --------
    >>> kind_of("person_id"), kind_of("death_date"), kind_of("vocabulary_id"), kind_of("quantity")
    ('whole', 'date', 'text', 'number')
    """
    if column in _NUMBERS:
        return "number"
    if column in _WHOLE or (column.endswith("_id") and column not in _TEXT_IDS):
        return "whole"
    return "date" if column.endswith("_date") else "text"


def _event(name: str, concept: str, start: str, end: str, optional: str, source: str = "") -> Table:
    required = ("person_id", *(each for each in (concept, start) if each))
    rest = tuple(each for each in (f"{name}_id", end, source, *optional.split()) if each and each != start)
    return Table(name, required, rest, concept, start, end or start, source)


_ALL = (
    Table(
        "person",
        ("person_id", "gender_concept_id", "year_of_birth"),
        ("month_of_birth", "day_of_birth", "race_concept_id", "ethnicity_concept_id"),
    ),
    Table(
        "observation_period",
        ("person_id", "observation_period_start_date", "observation_period_end_date"),
        ("observation_period_id", "period_type_concept_id"),
        start="observation_period_start_date",
        end="observation_period_end_date",
    ),
    Table(
        "death",
        ("person_id", "death_date"),
        ("death_type_concept_id", "cause_concept_id", "cause_source_concept_id"),
        "cause_concept_id",
        "death_date",
        "death_date",
        "cause_source_concept_id",
    ),
    _event(
        "visit_occurrence", "visit_concept_id", "visit_start_date", "visit_end_date",
        "visit_type_concept_id provider_id care_site_id", "visit_source_concept_id",
    ),
    _event(
        "condition_occurrence", "condition_concept_id", "condition_start_date", "condition_end_date",
        "condition_type_concept_id condition_status_concept_id stop_reason visit_occurrence_id provider_id",
        "condition_source_concept_id",
    ),
    _event(
        "condition_era", "condition_concept_id", "condition_era_start_date", "condition_era_end_date",
        "condition_occurrence_count",
    ),
    _event(
        "drug_exposure", "drug_concept_id", "drug_exposure_start_date", "drug_exposure_end_date",
        "drug_type_concept_id days_supply quantity refills stop_reason route_concept_id visit_occurrence_id"
        " provider_id", "drug_source_concept_id",
    ),
    _event(
        "drug_era", "drug_concept_id", "drug_era_start_date", "drug_era_end_date", "drug_exposure_count gap_days"
    ),
    _event(
        "dose_era", "drug_concept_id", "dose_era_start_date", "dose_era_end_date", "unit_concept_id dose_value"
    ),
    _event(
        "procedure_occurrence", "procedure_concept_id", "procedure_date", "procedure_end_date",
        "procedure_type_concept_id modifier_concept_id quantity visit_occurrence_id provider_id",
        "procedure_source_concept_id",
    ),
    _event(
        "device_exposure", "device_concept_id", "device_exposure_start_date", "device_exposure_end_date",
        "device_type_concept_id unique_device_id quantity visit_occurrence_id provider_id",
        "device_source_concept_id",
    ),
    _event(
        "measurement", "measurement_concept_id", "measurement_date", "",
        "measurement_type_concept_id operator_concept_id value_as_number value_as_concept_id unit_concept_id"
        " range_low range_high visit_occurrence_id provider_id", "measurement_source_concept_id",
    ),
    _event(
        "observation", "observation_concept_id", "observation_date", "",
        "observation_type_concept_id value_as_number value_as_string value_as_concept_id qualifier_concept_id"
        " unit_concept_id visit_occurrence_id provider_id", "observation_source_concept_id",
    ),
    Table(
        "concept",
        ("concept_id", "concept_name"),
        ("domain_id", "vocabulary_id", "concept_class_id", "standard_concept", "concept_code", "invalid_reason"),
    ),
    Table(
        "concept_ancestor",
        ("ancestor_concept_id", "descendant_concept_id"),
        ("min_levels_of_separation", "max_levels_of_separation"),
    ),
    Table("concept_relationship", ("concept_id_1", "concept_id_2", "relationship_id"), ("invalid_reason",)),
    Table("vocabulary", ("vocabulary_id",), ("vocabulary_name", "vocabulary_version")),
    Table(
        "cdm_source", ("cdm_source_name",),
        ("cdm_source_abbreviation", "source_release_date", "cdm_release_date", "cdm_version", "vocabulary_version"),
    ),
)  # fmt: skip

TABLES = {table.name: table for table in _ALL}
NEEDED = ("person", "observation_period")
EVENTS = tuple(table.name for table in _ALL if table.start)


@cache
def home_of(table: str) -> str:
    """Which versions of the CDM have a table, in words.

    Examples
    --------
    >>> home_of("drug_era")
    'CDM 5.3 and 5.4'
    """
    return "CDM 5.3 and 5.4" if table in TABLES else "no version that is read here"
