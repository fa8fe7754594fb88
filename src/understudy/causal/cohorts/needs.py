"""Needs: the tables and columns of the CDM that a cohort's definition asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from understudy.causal.cdm.concept_set import ConceptSet
from understudy.causal.cdm.schema import TABLES
from understudy.causal.cohorts.columns import CONCEPT_COLUMNS, NUMBER_COLUMNS
from understudy.causal.cohorts.criterion import Event, Occurrence, Person
from understudy.causal.cohorts.definition import CohortDefinition, Exit
from understudy.core.section import Section

if TYPE_CHECKING:
    from understudy.causal.cdm.cdm import Cdm


def require_columns(cdm: Cdm, definition: CohortDefinition) -> None:
    """Make sure that all that a definition asks for is there: a column that is not would match nothing, unseen.

    Raises
    ------
    StudyError
        Which table or column is missing, and what for.
    """
    use = f"the cohort {definition.name!r}"
    cdm.require("person", use=use)
    cdm.require("observation_period", use=use)
    for part in _parts(definition):
        for table, column in _needed(part):
            cdm.require(table, *([column] if column else []), use=use)


def _parts(section: Any) -> Iterator[Section]:
    if isinstance(section, tuple):
        for part in section:
            yield from _parts(part)
    elif isinstance(section, Section) and not isinstance(section, ConceptSet):
        yield section
        for name in type(section).model_fields:
            yield from _parts(getattr(section, name))


def _needed(part: Section) -> Iterator[tuple[str, str]]:
    if isinstance(part, Event):
        yield part.table, ""
        yield from _of_event(part)
    elif isinstance(part, Person):
        for name in ("race", "ethnicity"):
            if getattr(part, name):
                yield "person", f"{name}_concept_id"
    elif isinstance(part, Exit) and part.exposure is not None:
        yield "drug_exposure", ""


def _of_event(event: Event) -> Iterator[tuple[str, str]]:
    for columns, key in (
        (each, key) for each_ in (NUMBER_COLUMNS, CONCEPT_COLUMNS) for key, each in each_.items()
    ):
        if getattr(event, key):
            yield event.table, columns[event.table]
    if event.source_concepts is not None:
        yield event.table, TABLES[event.table].source_concept
    if event.visits:
        yield "visit_occurrence", "visit_occurrence_id"
    if event.abnormal or event.ratio_to_low or event.ratio_to_high:
        yield event.table, "value_as_number"
    if event.abnormal or event.ratio_to_low:
        yield event.table, "range_low"
    if event.abnormal or event.ratio_to_high:
        yield event.table, "range_high"
    if isinstance(event, Occurrence) and (event.same_visit or event.distinct == "visits"):
        yield event.table, "visit_occurrence_id"
