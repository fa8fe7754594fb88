"""Fault search: what is wrong in the rows of an open CDM."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.causal.cdm.cdm import Cdm
from understudy.causal.cdm.fault import Fault
from understudy.causal.cdm.schema import EVENTS, TABLES, home_of

_START, _END = "observation_period_start_date", "observation_period_end_date"
_VOCABULARY = ("concept", "concept_ancestor")
_ONLY_5_4 = {"procedure_end_date"}
# An event that is recorded long after a death is no late record of it (as in OHDSI's Data Quality Dashboard).
_DAYS_AFTER_DEATH = 60
# The first of the month or year where the day or month is not known; NULL where the calendar has no such day.
_BORN = "TRY_CAST(concat_ws('-', p.year_of_birth, coalesce(p.month_of_birth, 1), coalesce(p.day_of_birth, 1)) AS DATE)"


def faults_of(cdm: Cdm) -> Iterator[Fault]:
    """Everything wrong, table by table."""
    yield from _missing(cdm)
    if "person" in cdm.tables:
        yield from _persons(cdm)
    if "observation_period" in cdm.tables:
        yield from _observation(cdm)
    for table in EVENTS:
        if table in cdm.tables and table != "observation_period":
            yield from _events(cdm, table)
    if "death" in cdm.tables and "person" in cdm.tables:
        yield from _deaths(cdm)
    if "concept" in cdm.tables:
        yield from _concepts(cdm)


def _missing(cdm: Cdm) -> Iterator[Fault]:
    for table in TABLES:
        if table not in cdm.tables:
            needed = table in ("person", "observation_period")
            use = "no study is possible" if needed else _lost(table)
            yield Fault(
                "error" if needed else "warning", table, f"not there: {use}", 0, f"{home_of(table)} have it"
            )
    for table, columns in cdm.absent.items():
        own = {f"{table}_id", *(_ONLY_5_4 if cdm.version == "5.3" else ())}
        lacking = [each for each in columns if each not in own]
        if lacking:
            yield Fault(
                "warning",
                table,
                "columns are not there",
                0,
                "rules about them are refused",
                ", ".join(lacking),
            )


def _lost(table: str) -> str:
    if table in _VOCABULARY:
        return "concept sets are taken as they are written, without descendants or a check"
    return "rules about it are refused" if table in EVENTS else "what it tells is not known"


def _count(cdm: Cdm, sql: str) -> int:
    row = cdm.connection.execute(sql).fetchone()
    assert row is not None
    return row[0] or 0


def _if_any(rows: int, severity: str, table: str, cause: str, repair: str) -> Iterator[Fault]:
    if rows:
        yield Fault(severity, table, cause, rows, repair)


def _persons(cdm: Cdm) -> Iterator[Fault]:
    empty, born, twice = cdm.connection.execute(
        "SELECT count(*) FILTER (WHERE person_id IS NULL), count(*) FILTER (WHERE year_of_birth IS NULL), "
        "count(person_id) - count(DISTINCT person_id) FROM person"
    ).fetchone() or (0, 0, 0)
    yield from _if_any(empty, "error", "person", "no person_id", "give every person an id")
    yield from _if_any(
        born, "warning", "person", "no year of birth", "age is not known, and no rule on it is met"
    )
    odd = _count(cdm, f"SELECT count(*) FROM person p WHERE year_of_birth IS NOT NULL AND {_BORN} IS NULL")
    yield from _if_any(
        odd, "warning", "person", "no such day of birth", "correct month_of_birth and day_of_birth"
    )
    yield from _if_any(twice, "error", "person", "a person_id again", "keep one row a person")
    if "observation_period" in cdm.tables:
        unseen = _count(
            cdm, "SELECT count(*) FROM person p ANTI JOIN observation_period o ON o.person_id = p.person_id"
        )
        yield from _if_any(unseen, "warning", "person", "never observed", "they can enter no cohort")


def _observation(cdm: Cdm) -> Iterator[Fault]:
    from understudy.causal.cdm.observation import observation_faults

    table = "observation_period"
    empty, negative, overlapping = observation_faults(cdm)
    yield from _if_any(empty, "error", table, "without a person, a start or an end", "give all three")
    yield from _if_any(negative, "error", table, "ends before it starts", "correct the dates")
    yield from _if_any(
        overlapping, "error", table, "overlaps an earlier one of its person", "make one of them"
    )
    if "person" in cdm.tables:
        unknown = _unknown(cdm, table)
        yield from _if_any(
            unknown, "warning", table, "of a person who is not in person", "no study sees them"
        )


def _unknown(cdm: Cdm, table: str) -> int:
    return _count(cdm, f"SELECT count(*) FROM {table} t ANTI JOIN person p ON p.person_id = t.person_id")


def _events(cdm: Cdm, name: str) -> Iterator[Fault]:
    table = TABLES[name]
    dateless, negative = cdm.connection.execute(
        f"SELECT count(*) FILTER (WHERE {table.start} IS NULL), "
        f"count(*) FILTER (WHERE {table.end} < {table.start}) FROM {name}"
    ).fetchone() or (0, 0)
    yield from _if_any(dateless, "error", name, "no first day", "give it; such events count nowhere")
    yield from _if_any(negative, "error", name, "ends before it starts", "correct the dates")
    if "person" in cdm.tables:
        yield from _if_any(
            _unknown(cdm, name), "error", name, "of a person who is not in person", "add the person"
        )
    if "observation_period" in cdm.tables:
        outside = _count(
            cdm,
            f"SELECT count(*) FROM {name} t ANTI JOIN observation_period o ON o.person_id = t.person_id "
            f"AND t.{table.start} >= o.{_START} AND t.{table.start} <= o.{_END} WHERE t.{table.start} IS NOT NULL",
        )
        yield from _if_any(
            outside,
            "warning",
            name,
            "begins outside its person's observation",
            "cohorts pass it over by default",
        )
    if table.concept and "concept" in cdm.tables and name != "death":
        yield from _unknown_concepts(cdm, name, table.concept)


def _unknown_concepts(cdm: Cdm, name: str, column: str) -> Iterator[Fault]:
    """Concept 0, "no matching concept", is in every vocabulary by right, and empty fields are none."""
    rows = _count(
        cdm,
        f"SELECT count(*) FROM {name} t ANTI JOIN concept c ON c.concept_id = t.{column} "
        f"WHERE coalesce(t.{column}, 0) <> 0",
    )
    yield from _if_any(rows, "warning", name, f"{column} is not in concept", "complete the vocabulary")


def _deaths(cdm: Cdm) -> Iterator[Fault]:
    before = _count(
        cdm,
        "SELECT count(*) FROM death d JOIN person p ON p.person_id = d.person_id "
        f"WHERE d.death_date < coalesce({_BORN}, make_date(p.year_of_birth, 1, 1))",
    )
    yield from _if_any(before, "error", "death", "death before birth", "correct the dates")
    again = _count(cdm, "SELECT count(person_id) - count(DISTINCT person_id) FROM death")
    yield from _if_any(again, "error", "death", "a person's death again", "keep one row a person")
    if "observation_period" in cdm.tables:
        late = _count(
            cdm,
            f"SELECT count(*) FROM observation_period o JOIN death d ON d.person_id = o.person_id "
            f"WHERE o.{_START} > d.death_date + {_DAYS_AFTER_DEATH}",
        )
        yield from _if_any(
            late, "warning", "observation_period",
            f"begins more than {_DAYS_AFTER_DEATH} days after its person's death", "correct the dates",
        )  # fmt: skip


def _concepts(cdm: Cdm) -> Iterator[Fault]:
    again = _count(cdm, "SELECT count(concept_id) - count(DISTINCT concept_id) FROM concept")
    yield from _if_any(again, "error", "concept", "a concept_id again", "keep one row a concept")
    for column in ("gender_concept_id", "race_concept_id", "ethnicity_concept_id"):
        if "person" in cdm.tables:
            yield from _unknown_concepts(cdm, "person", column)
