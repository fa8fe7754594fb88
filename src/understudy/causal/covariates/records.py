"""Records: what tables of the CDM hold of the persons who enter, in days from their entries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from understudy.causal.covariates.analysis import CovariateAnalysis
from understudy.causal.covariates.entries import ENTRIES

RECORDS = "understudy_records"
# Visits in hospital: inpatient, inpatient hospital, inpatient psychiatric, emergency followed by inpatient.
_STAYS = "(9201, 38004311, 8920, 262)"
_INPATIENT = f"""EXISTS (
    SELECT 1 FROM visit_occurrence v WHERE v.person_id = t.person_id
        AND CAST(v.visit_start_date AS DATE) <= CAST(t.condition_start_date AS DATE)
        AND CAST(v.visit_end_date AS DATE) >= CAST(t.condition_start_date AS DATE)
        AND v.visit_concept_id IN (
            SELECT descendant_concept_id FROM concept_ancestor WHERE ancestor_concept_id IN {_STAYS})
)"""
_NUMBER = {"number": "CAST(t.value_as_number AS DOUBLE)"}
# What some kinds of analysis need beyond a concept and its days.
_MORE = {
    "inpatient": {"inpatient": _INPATIENT},
    "number": {**_NUMBER, "unit": "CAST(t.unit_concept_id AS BIGINT)"},
    "range": {**_NUMBER, "low": "CAST(t.range_low AS DOUBLE)", "high": "CAST(t.range_high AS DOUBLE)"},
    "pair": {"value": "CAST(t.value_as_concept_id AS BIGINT)"},
}


@dataclass(frozen=True)
class RecordTable:
    """A table of the CDM with a concept and one or two days.

    Parameters
    ----------
    name, concept, first, last : str
        The table, its column of concepts, and its columns of days.
    words : str
        What reports call one of its records.
    """

    name: str
    concept: str
    first: str
    last: str
    words: str


TABLES = {
    table.name: table
    for table in (
        RecordTable(
            "condition_occurrence",
            "condition_concept_id",
            "condition_start_date",
            "condition_start_date",
            "condition",
        ),
        RecordTable(
            "condition_era",
            "condition_concept_id",
            "condition_era_start_date",
            "condition_era_end_date",
            "condition era",
        ),
        RecordTable(
            "drug_exposure",
            "drug_concept_id",
            "drug_exposure_start_date",
            "drug_exposure_start_date",
            "drug exposure",
        ),
        RecordTable("drug_era", "drug_concept_id", "drug_era_start_date", "drug_era_end_date", "drug era"),
        RecordTable(
            "procedure_occurrence", "procedure_concept_id", "procedure_date", "procedure_date", "procedure"
        ),
        RecordTable(
            "device_exposure",
            "device_concept_id",
            "device_exposure_start_date",
            "device_exposure_start_date",
            "device",
        ),
        RecordTable(
            "measurement", "measurement_concept_id", "measurement_date", "measurement_date", "measurement"
        ),
        RecordTable(
            "observation", "observation_concept_id", "observation_date", "observation_date", "observation"
        ),
        RecordTable("visit_occurrence", "visit_concept_id", "visit_start_date", "visit_end_date", "visit"),
    )
}


def columns_needed(analysis: CovariateAnalysis) -> tuple[str, ...]:
    """Columns of its table that an analysis reads, besides person_id."""
    table = TABLES[analysis.table]
    more = {
        "number": ("value_as_number", "unit_concept_id"),
        "range": ("value_as_number", "range_low", "range_high"),
        "pair": ("value_as_concept_id",),
    }
    return tuple(dict.fromkeys((table.concept, table.first, table.last, *more.get(analysis.kind, ()))))


def records_table(
    connection: Any, table: RecordTable, kinds: Iterable[str], since: int | None, until: int
) -> None:
    """Make the temporary table of records of the present entries: entry, concept, first and last day, and more.

    Parameters
    ----------
    kinds : iterable of str
        Of the analyses that will read it.
    since, until : int
        Only what overlaps these days of an entry; since None, all that came before.
    """
    more: dict[str, str] = {}
    for kind in kinds:
        more |= _MORE.get(kind, {})
    extra = "".join(f", {sql} AS {name}" for name, sql in more.items())
    low, high = connection.execute(f"SELECT min(person_id), max(person_id) FROM {ENTRIES}").fetchone()
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {RECORDS} AS
        SELECT e.entry, CAST(t.{table.concept} AS BIGINT) AS concept,
            CAST(date_diff('day', e.start, CAST(t.{table.first} AS DATE)) AS INTEGER) AS first,
            CAST(date_diff('day', e.start, CAST(t.{table.last} AS DATE)) AS INTEGER) AS last {extra}
        FROM {ENTRIES} e JOIN {table.name} t ON CAST(t.person_id AS BIGINT) = e.person_id
        WHERE CAST(t.person_id AS BIGINT) BETWEEN $low AND $high AND concept != 0 AND first <= $until
            {"" if since is None else "AND last >= $since"}
        """,
        {"low": low, "high": high, "until": until, **({} if since is None else {"since": since})},
    )
