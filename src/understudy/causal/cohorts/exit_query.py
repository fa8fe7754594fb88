"""Exit query: when each included event's stay ends, as SQL.

The earliest of all exits that do not lie before the event counts: by the definition's rule, by an event that censors,
and, but for exits at a fixed number of days, by the end of observation.
"""

from __future__ import annotations

from collections.abc import Iterator

from understudy.causal.cohorts.columns import ENDS
from understudy.causal.cohorts.definition import CohortDefinition, Exit, set_name
from understudy.causal.cohorts.event_query import event_query
from understudy.causal.cohorts.query import Query


def exits_query(definition: CohortDefinition, query: Query) -> str:
    """SQL: person_id, start_date and end_date of each included event that has an exit."""
    exits = " UNION ALL ".join(_exits(definition, query))
    return (
        "SELECT i.person_id, i.start_date, min(x.end_date) AS end_date FROM included i "
        f"JOIN ({exits}) x ON x.person_id = i.person_id AND x.event = i.event AND x.end_date >= i.start_date "
        "GROUP BY i.person_id, i.event, i.start_date"
    )


def _exits(definition: CohortDefinition, query: Query) -> Iterator[str]:
    rule = definition.exit
    if rule.at in ("event end", "event start"):
        day = f"{'end' if rule.at == 'event end' else 'start'}_date"
        yield (
            f"SELECT person_id, event, least({day} + CAST({query.value(rule.days)} AS INTEGER), op_end) AS end_date "
            "FROM included"
        )
    else:
        yield "SELECT person_id, event, op_end AS end_date FROM included"
    if rule.exposure is not None:
        yield _end_of_exposure(rule, query)
    for event in definition.censoring:
        yield (
            f"SELECT i.person_id, i.event, c.start_date FROM included i JOIN ({event_query(event, query)}) c "
            "ON c.person_id = i.person_id AND c.start_date >= i.start_date AND c.start_date <= i.op_end"
        )


def _end_of_exposure(rule: Exit, query: Query) -> str:
    """The end of the era of exposures in which the event lies; standard and source concepts both count.

    The days of surveillance follow each exposure, so that the next one may begin within them and the gap.
    """
    assert rule.exposure is not None
    name = set_name(rule.exposure)
    end = ENDS["drug_exposure"]
    if rule.days_supply is not None:
        end = f"t.drug_exposure_start_date + CAST({query.value(rule.days_supply)} AS INTEGER)"
    taken = (
        f"SELECT t.person_id, t.drug_exposure_start_date AS start_date, {end} AS end_date FROM drug_exposure t "
        "SEMI JOIN included i ON i.person_id = t.person_id "
        f"WHERE ({query.in_set('t.drug_concept_id', name)} OR {query.in_set('t.drug_source_concept_id', name)})"
    )
    gap, more = query.value(rule.gap), query.value(rule.surveillance)
    eras = (
        "SELECT person_id, min(start_date) AS start_date, "
        f"max(end_date) + CAST({more} AS INTEGER) AS end_date FROM ("
        "SELECT *, sum(CASE WHEN latest >= start_date THEN 0 ELSE 1 END) "
        "OVER (PARTITION BY person_id ORDER BY start_date, end_date ROWS UNBOUNDED PRECEDING) AS era FROM ("
        f"SELECT *, max(end_date + CAST({gap} AS INTEGER) + CAST({more} AS INTEGER)) OVER (PARTITION BY person_id "
        "ORDER BY start_date, end_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest "
        f"FROM ({taken}))) GROUP BY person_id, era"
    )
    return (
        f"SELECT i.person_id, i.event, e.end_date FROM included i JOIN ({eras}) e "
        "ON e.person_id = i.person_id AND i.start_date >= e.start_date AND i.start_date <= e.end_date"
    )
