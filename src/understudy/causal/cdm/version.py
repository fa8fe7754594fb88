"""Version: which OMOP CDM a database is, by what it says of itself, else by its columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from understudy.causal.cdm.schema import VERSIONS
from understudy.core.errors import StudyError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from understudy.causal.cdm.source import Source

# Columns that came, or got their names, with 5.4 (OHDSI CommonDataModel, "Changes from CDM v5.3 to CDM v5.4").
_OF_5_4 = {
    "visit_occurrence": {"admitted_from_concept_id", "discharged_to_concept_id"},
    "procedure_occurrence": {"procedure_end_date"},
    "device_exposure": {"production_id", "unit_concept_id"},
    "measurement": {"measurement_event_id"},
    "observation": {"observation_event_id"},
    "cdm_source": {"cdm_version_concept_id"},
}


def version_of(connection: DuckDBPyConnection, sources: dict[str, Source]) -> tuple[str, str]:
    """The version, and by what it was told: "cdm_source" or "columns".

    What ``cdm_source.cdm_version`` says counts more than columns: 5.3 databases often have some of 5.4.

    Raises
    ------
    StudyError
        If it says another version.
    """
    said = _said(connection, sources)
    if said is None:
        newer = any(
            columns & sources[name].names.keys() for name, columns in _OF_5_4.items() if name in sources
        )
        return ("5.4" if newer else "5.3"), "columns"
    if said not in VERSIONS:
        raise StudyError(
            f"its version is {said}",
            place=f"{sources['cdm_source'].place}, column cdm_version",
            repair=f"give an OMOP CDM {' or '.join(VERSIONS)}",
        )
    return said, "cdm_source"


def _said(connection: DuckDBPyConnection, sources: dict[str, Source]) -> str | None:
    if "cdm_source" not in sources:
        return None
    rows = connection.execute("SELECT cdm_version FROM cdm_source WHERE cdm_version IS NOT NULL").fetchall()
    found = {match[1] for (text,) in rows if (match := re.search(r"(\d+\.\d+)", text))}
    return min(found) if len(found) == 1 else None
