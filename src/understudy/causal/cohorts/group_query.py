"""Group query: the index events for which rules hold, as SQL.

An index relation has person_id, event (a number within the person), start_date, end_date, op_start and op_end (of its
observation period), visit_id.
"""

from __future__ import annotations

from collections.abc import Iterator

from understudy.causal.cohorts.criterion import Group, Occurrence, Person, Window
from understudy.causal.cohorts.event_query import event_query
from understudy.causal.cohorts.query import Query

_COUNTED = {
    None: "a.person_id",
    "concepts": "DISTINCT a.concept_id",
    "days": "DISTINCT a.start_date",
    "visits": "DISTINCT a.visit_id",
}


def group_query(group: Group, index: str, query: Query) -> str:
    """SQL: person_id and event of the rows of an index relation for which a group of rules holds."""
    parts = [
        f"SELECT {k} AS rule, person_id, event FROM ({part})"
        for k, part in enumerate(_parts(group, index, query))
    ]
    if not parts:
        return f"SELECT person_id, event FROM {index}"
    sign, count = group.count
    return (
        f"SELECT i.person_id, i.event FROM {index} i LEFT JOIN ({' UNION ALL '.join(parts)}) r "
        "ON r.person_id = i.person_id AND r.event = i.event "
        f"GROUP BY i.person_id, i.event HAVING count(r.rule) {sign} {query.value(count)}"
    )


def _parts(group: Group, index: str, query: Query) -> Iterator[str]:
    for occurrence in group.events:
        yield _occurrence(occurrence, index, query)
    for person in group.people:
        yield _person(person, index, query)
    for inner in group.groups:
        yield group_query(inner, index, query)


def _occurrence(occurrence: Occurrence, index: str, query: Query) -> str:
    sign, count = occurrence.count
    join = "JOIN" if sign == ">=" and count > 0 else "LEFT JOIN"
    around = " AND ".join(["a.person_id = i.person_id", *_around(occurrence, query)])
    return (
        f"SELECT i.person_id, i.event FROM {index} i {join} ({event_query(occurrence, query)}) a ON {around} "
        f"GROUP BY i.person_id, i.event HAVING count({_COUNTED[occurrence.distinct]}) {sign} {query.value(count)}"
    )


def _around(occurrence: Occurrence, query: Query) -> Iterator[str]:
    if occurrence.observed:
        yield "a.start_date >= i.op_start AND a.start_date <= i.op_end"
    yield from _window(occurrence.window, occurrence.observed, query)
    if occurrence.end_window is not None:
        yield from _window(occurrence.end_window, occurrence.observed, query)
    if occurrence.same_visit:
        yield "a.visit_id = i.visit_id"


def _window(window: Window, observed: bool, query: Query) -> Iterator[str]:
    """Where no day is given, the observation period is the limit, of the other event's end as well (as in Circe)."""
    event, index = f"a.{window.event}_date", f"i.{window.index}_date"
    if window.start is not None:
        yield f"{event} >= {index} + CAST({query.value(window.start)} AS INTEGER)"
    elif observed:
        yield f"{event} >= i.op_start"
    if window.end is not None:
        yield f"{event} <= {index} + CAST({query.value(window.end)} AS INTEGER)"
    elif observed:
        yield f"{event} <= i.op_end"


def _person(person: Person, index: str, query: Query) -> str:
    conditions = list(_of_person(person, query))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT i.person_id, i.event FROM {index} i JOIN person p ON p.person_id = i.person_id{where}"


def _of_person(person: Person, query: Query) -> Iterator[str]:
    if person.age is not None:
        yield query.within("year(i.start_date) - p.year_of_birth", person.age)
    for column, ids in (
        ("gender", person.gender_ids), ("race", person.race), ("ethnicity", person.ethnicity),
    ):  # fmt: skip
        if ids:
            yield query.among(f"p.{column}_concept_id", ids)
    if person.starts is not None:
        yield query.within("i.start_date", person.starts)
    if person.ends is not None:
        yield query.within("i.end_date", person.ends)


def given_events(events: str, group: Group, query: Query) -> str:
    """SQL of those events around which rules hold; each is the index event of its own rules.

    The events are materialised: a row must keep its number between the two places that read it.
    """
    index = (
        "(SELECT n.*, op.observation_period_start_date AS op_start, op.observation_period_end_date AS op_end "
        "FROM numbered n JOIN observation_period op ON op.person_id = n.person_id "
        "AND n.start_date >= op.observation_period_start_date AND n.start_date <= op.observation_period_end_date)"
    )
    return (
        f"SELECT * EXCLUDE (event) FROM (WITH numbered AS MATERIALIZED (SELECT *, row_number() OVER () AS event "
        f"FROM ({events})) SELECT n.* FROM numbered n SEMI JOIN ({group_query(group, index, query)}) g "
        "ON g.person_id = n.person_id AND g.event = n.event)"
    )
