"""Event query: the events of a criterion, as SQL.

Columns: person_id, start_date, end_date, concept_id, visit_id and record_id, which orders a person's events of one day.
"""

from __future__ import annotations

from collections.abc import Iterator

from understudy.causal.cdm.schema import TABLES, Table
from understudy.causal.cohorts.columns import CONCEPT_COLUMNS, ENDS, NUMBER_COLUMNS
from understudy.causal.cohorts.criterion import Event
from understudy.causal.cohorts.definition import set_name
from understudy.causal.cohorts.query import Query

# OMOP concepts "Low" and "High", by which a result may call itself abnormal (as in ATLAS).
_CALLED_ABNORMAL = "4155142, 4155143"


def event_query(event: Event, query: Query) -> str:
    """SQL of the events that a criterion takes."""
    base = _found(event, query)
    if event.given is None:
        return base
    from understudy.causal.cohorts.group_query import given_events

    return given_events(base, event.given, query)


def _found(event: Event, query: Query) -> str:
    table = TABLES[event.table]
    inner = (
        f"SELECT t.*, {', '.join(f'{value} AS {name}' for name, value in _columns(table))}{_ordinal(event, table)} "
        f"FROM {table.name} t{_where(_concepts(event, table, query))}"
    )
    return (
        "SELECT e.person_id, e.event_start AS start_date, e.event_end AS end_date, e.event_concept AS concept_id, "
        f"e.event_visit AS visit_id, e.event_record AS record_id FROM ({inner}) e{_joins(event)}"
        f"{_where(_conditions(event, query))}"
    )


def _columns(table: Table) -> Iterator[tuple[str, str]]:
    yield "event_start", f"t.{table.start}"
    yield "event_end", ENDS.get(table.name, f"t.{table.end}")
    yield "event_concept", f"t.{table.concept}" if table.concept else "CAST(NULL AS BIGINT)"
    yield (
        "event_visit",
        "t.visit_occurrence_id" if "visit_occurrence_id" in table.columns else "CAST(NULL AS BIGINT)",
    )
    record = f"{table.name}_id"
    yield "event_record", f"t.{record}" if record in table.columns else "CAST(NULL AS BIGINT)"


def _ordinal(event: Event, table: Table) -> str:
    """A person's events by their day; of those of one day the one with the lower number comes first."""
    if not event.first:
        return ""
    by = ", ".join(("event_start", "event_record", "event_end", "event_concept"))
    return f", row_number() OVER (PARTITION BY t.person_id ORDER BY {by}) AS ordinal"


def _concepts(event: Event, table: Table, query: Query) -> Iterator[str]:
    yield f"t.{table.start} IS NOT NULL"
    if event.concepts is not None:
        yield query.in_set(f"t.{table.concept}", set_name(event.concepts))
    if event.source_concepts is not None:
        yield query.in_set(f"t.{table.source_concept}", set_name(event.source_concepts))


def _where(conditions: Iterator[str]) -> str:
    found = list(conditions)
    return f" WHERE {' AND '.join(found)}" if found else ""


def _joins(event: Event) -> str:
    person = (
        " JOIN person p ON p.person_id = e.person_id" if event.age or event.age_at_end or event.gender else ""
    )
    visit = (
        " JOIN visit_occurrence v ON v.visit_occurrence_id = e.event_visit AND v.person_id = e.person_id"
        if event.visits and event.table != "visit_occurrence"
        else ""
    )
    return person + visit


def _conditions(event: Event, query: Query) -> Iterator[str]:
    if event.first:
        yield "e.ordinal = 1"
    yield from _of_dates(event, query)
    yield from _of_columns(event, query)
    yield from _of_values(event, query)


def _of_dates(event: Event, query: Query) -> Iterator[str]:
    if event.starts is not None:
        yield query.within("e.event_start", event.starts)
    if event.ends is not None:
        yield query.within("e.event_end", event.ends)
    if event.age is not None:
        yield query.within("year(e.event_start) - p.year_of_birth", event.age)
    if event.age_at_end is not None:
        yield query.within("year(e.event_end) - p.year_of_birth", event.age_at_end)
    if event.length is not None:
        yield query.within("(e.event_end - e.event_start)", event.length)
    if event.gender:
        yield query.among("p.gender_concept_id", event.gender_ids)


def _of_columns(event: Event, query: Query) -> Iterator[str]:
    for key, columns in NUMBER_COLUMNS.items():
        limits = getattr(event, key)
        if limits is not None:
            yield query.within(f"e.{columns[event.table]}", limits)
    for key, columns in CONCEPT_COLUMNS.items():
        ids = getattr(event, key)
        if ids and key == "visits":
            yield query.among("v.visit_concept_id", ids)
        elif ids:
            found = query.among(f"e.{columns[event.table]}", ids)
            yield f"NOT ({found})" if key == "not_types" else found


def _of_values(event: Event, query: Query) -> Iterator[str]:
    if event.ratio_to_low is not None:
        yield query.within("(e.value_as_number / nullif(e.range_low, 0))", event.ratio_to_low)
    if event.ratio_to_high is not None:
        yield query.within("(e.value_as_number / nullif(e.range_high, 0))", event.ratio_to_high)
    if event.abnormal:
        yield (
            "(e.value_as_number < e.range_low OR e.value_as_number > e.range_high "
            f"OR e.value_as_concept_id IN ({_CALLED_ABNORMAL}))"
        )
