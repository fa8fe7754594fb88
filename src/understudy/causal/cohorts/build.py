"""Build: the persons of a cohort, from a CDM and a definition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from understudy.causal.cdm.concept_set import ResolvedConcepts, resolve
from understudy.causal.cdm.observation import require_sound_observation
from understudy.causal.cohort import Cohort
from understudy.causal.cohorts.cohort_attrition import CohortAttrition
from understudy.causal.cohorts.definition import CohortDefinition, Limit
from understudy.causal.cohorts.event_query import event_query
from understudy.causal.cohorts.exit_query import exits_query
from understudy.causal.cohorts.group_query import group_query
from understudy.causal.cohorts.needs import require_columns
from understudy.causal.cohorts.query import Query
from understudy.core.content import content_hash

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

    from understudy.causal.cdm.cdm import Cdm

_COLUMNS = "person_id, event, start_date, end_date, op_start, op_end, visit_id"


def build_cohort(cdm: Cdm, definition: CohortDefinition) -> Cohort:
    """The persons who meet a definition, with the attrition of its steps.

    Semantics are those of OHDSI's Circe, which ATLAS uses. An event with no end has the day after its start, a drug
    exposure its days of supply. An entry whose exit would lie before it is left out.

    Parameters
    ----------
    cdm : Cdm
    definition : CohortDefinition

    Raises
    ------
    StudyError
        If a concept set matches nothing, a table or column is missing, or observation periods contradict each other.

    Examples
    --------
    ::

        users = CohortDefinition(name="users", entry=[{"table": "drug_era", "concepts": 1118084}])
        with open_cdm("cdm") as cdm:
            print(build_cohort(cdm, users))
    """
    require_columns(cdm, definition)
    require_sound_observation(cdm)
    sets = {name: resolve(cdm, concepts, name) for name, concepts in definition.sets().items()}
    with _working(cdm, sets) as build:
        rows = _rows(build, definition)
        steps = tuple(build.steps)
    return Cohort(
        definition.name,
        rows,
        attrition=CohortAttrition(steps),
        concept_hashes={name: found.hash for name, found in sets.items()},
        hash=content_hash(
            [definition.model_dump(mode="json"), {name: each.hash for name, each in sets.items()}]
        ),
        notes=tuple(_notes(sets)),
    )


def _notes(sets: dict[str, ResolvedConcepts]) -> Iterator[str]:
    for name, found in sets.items():
        if found.unknown:
            told = ", ".join(map(str, found.unknown[:5])) + (", …" if len(found.unknown) > 5 else "")
            yield f"concept set {name!r}: {told} not in the vocabulary"


@dataclass(frozen=True)
class _Build:
    """A connection of its own, whose temporary tables go with it."""

    connection: DuckDBPyConnection
    sets: dict[str, int]
    steps: list[tuple[str, int]] = field(default_factory=list)

    def make(self, table: str, sql: str, query: Query) -> None:
        self.connection.execute(f"CREATE TEMP TABLE {table} AS {sql}", query.parameters)

    def query(self) -> Query:
        return Query(self.sets)

    def told(self, step: str, relation: str) -> None:
        row = self.connection.execute(f"SELECT count(DISTINCT person_id) FROM {relation}").fetchone()
        assert row is not None
        self.steps.append((step, row[0]))


@contextmanager
def _working(cdm: Cdm, sets: dict[str, ResolvedConcepts]) -> Iterator[_Build]:
    connection = cdm.connection.cursor()
    try:
        connection.execute("CREATE TEMP TABLE codesets (set_id INTEGER, concept_id BIGINT)")
        for k, found in enumerate(sets.values()):
            connection.execute(
                "INSERT INTO codesets SELECT CAST($k AS INTEGER), unnest($ids)",
                {"k": k, "ids": list(found.ids)},
            )
        yield _Build(connection, {name: k for k, name in enumerate(sets)})
    finally:
        connection.close()


def _rows(build: _Build, definition: CohortDefinition) -> pd.DataFrame:
    _enter(build, definition)
    _meet_rules(build, definition)
    _leave(build, definition)
    found = build.connection.execute(
        'SELECT person_id, start_date AS "start", end_date AS "end" FROM stays ORDER BY person_id, start_date'
    ).df()
    return found.astype({"person_id": "int64", "start": "datetime64[us]", "end": "datetime64[us]"})


def _enter(build: _Build, definition: CohortDefinition) -> None:
    query = build.query()
    build.make("found", " UNION ALL ".join(event_query(event, query) for event in definition.entry), query)
    build.told("Any entry event", "found")
    query = build.query()
    build.make("entries", _limited(_observed(definition, query), definition.entry_limit), query)
    if definition.observed:
        build.told(_observed_words(definition), "entries")


def _observed_words(definition: CohortDefinition) -> str:
    days = ((definition.prior_observation, "before"), (definition.post_observation, "after"))
    told = " and ".join(f"{count} day{'s' * (count != 1)} {side}" for count, side in days if count)
    return f"Observed at the event{', ' * bool(told)}{told}"


def _observed(definition: CohortDefinition, query: Query) -> str:
    numbered = (
        "row_number() OVER (PARTITION BY f.person_id ORDER BY f.start_date, f.record_id, f.end_date, f.concept_id) "
        "AS event, f.person_id, f.start_date, f.end_date, f.visit_id"
    )
    if not definition.observed:
        return f"SELECT {numbered}, DATE '0001-01-01' AS op_start, DATE '9999-12-31' AS op_end FROM found f"
    start, end = "op.observation_period_start_date", "op.observation_period_end_date"
    prior, post = query.value(definition.prior_observation), query.value(definition.post_observation)
    return (
        f"SELECT {numbered}, {start} AS op_start, {end} AS op_end FROM found f JOIN observation_period op "
        f"ON op.person_id = f.person_id AND f.start_date >= {start} AND f.start_date <= {end} "
        f"WHERE {start} + CAST({prior} AS INTEGER) <= f.start_date "
        f"AND f.start_date + CAST({post} AS INTEGER) <= {end}"
    )


def _limited(events: str, limit: Limit) -> str:
    """A person's events, or the first or last of them."""
    if limit == "all":
        return events
    down = "DESC" if limit == "last" else ""
    order = f"start_date {down}, event {down}"
    return f"SELECT * FROM ({events}) QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY {order}) = 1"


def _kept(group_sql: str, relation: str) -> str:
    return f"SELECT r.* FROM {relation} r SEMI JOIN ({group_sql}) g ON g.person_id = r.person_id AND g.event = r.event"


def _meet_rules(build: _Build, definition: CohortDefinition) -> None:
    query = build.query()
    qualified = "SELECT * FROM entries"
    if definition.given is not None:
        kept = _kept(group_query(definition.given, "entries", query), "entries")
        qualified = _limited(kept, definition.given_limit)
    build.make("met_0", qualified, query)
    if definition.given is not None:
        build.told("Rules around the event", "met_0")
    for k, rule in enumerate(definition.inclusion, 1):
        query = build.query()
        build.make(f"met_{k}", _kept(group_query(rule, f"met_{k - 1}", query), f"met_{k - 1}"), query)
        build.told(rule.name, f"met_{k}")
    last = f"met_{len(definition.inclusion)}"
    build.make("included", _limited(f"SELECT {_COLUMNS} FROM {last}", definition.limit), build.query())


def _leave(build: _Build, definition: CohortDefinition) -> None:
    query = build.query()
    build.make("exits", exits_query(definition, query), query)
    before = build.steps[-1][1]
    build.told("Exit on or after entry", "exits")
    if build.steps[-1][1] == before:
        build.steps.pop()
    query = build.query()
    build.make("stays", _within_period(_collapsed(definition, query), definition, query), query)
    if definition.period_start or definition.period_end:
        build.told("Within the study's period", "stays")


def _collapsed(definition: CohortDefinition, query: Query) -> str:
    """Stays of a person that overlap, or whose gap is not longer than allowed, become one."""
    gap = f"CAST({query.value(definition.collapse_gap)} AS INTEGER)"
    return (
        "SELECT person_id, min(start_date) AS start_date, max(end_date) AS end_date FROM ("
        "SELECT *, sum(CASE WHEN latest >= start_date THEN 0 ELSE 1 END) "
        "OVER (PARTITION BY person_id ORDER BY start_date, end_date ROWS UNBOUNDED PRECEDING) AS stay FROM ("
        f"SELECT person_id, start_date, end_date, max(end_date + {gap}) OVER (PARTITION BY person_id "
        "ORDER BY start_date, end_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest FROM exits)"
        ") GROUP BY person_id, stay"
    )


def _within_period(stays: str, definition: CohortDefinition, query: Query) -> str:
    start = (
        f"greatest(start_date, {query.value(definition.period_start)})"
        if definition.period_start
        else "start_date"
    )
    end = f"least(end_date, {query.value(definition.period_end)})" if definition.period_end else "end_date"
    return f"SELECT person_id, {start} AS start_date, {end} AS end_date FROM ({stays}) WHERE {start} <= {end}"
