"""A CDM made by hand, a few rows a table, for tests of covariates."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from understudy.causal import CovariateMatrix
from understudy.causal.covariates import build_covariates

SCHEMA = {
    "person": "person_id BIGINT, gender_concept_id BIGINT, year_of_birth INTEGER, race_concept_id BIGINT, "
    "ethnicity_concept_id BIGINT",
    "observation_period": "person_id BIGINT, observation_period_start_date DATE, observation_period_end_date DATE",
    "condition_occurrence": "person_id BIGINT, condition_concept_id BIGINT, condition_start_date DATE",
    "condition_era": "person_id BIGINT, condition_concept_id BIGINT, condition_era_start_date DATE, "
    "condition_era_end_date DATE",
    "drug_exposure": "person_id BIGINT, drug_concept_id BIGINT, drug_exposure_start_date DATE",
    "drug_era": "person_id BIGINT, drug_concept_id BIGINT, drug_era_start_date DATE, drug_era_end_date DATE",
    "procedure_occurrence": "person_id BIGINT, procedure_concept_id BIGINT, procedure_date DATE",
    "device_exposure": "person_id BIGINT, device_concept_id BIGINT, device_exposure_start_date DATE",
    "measurement": "person_id BIGINT, measurement_concept_id BIGINT, measurement_date DATE, value_as_number DOUBLE, "
    "unit_concept_id BIGINT, range_low DOUBLE, range_high DOUBLE, value_as_concept_id BIGINT",
    "observation": "person_id BIGINT, observation_concept_id BIGINT, observation_date DATE, "
    "value_as_concept_id BIGINT",
    "visit_occurrence": "person_id BIGINT, visit_concept_id BIGINT, visit_start_date DATE, visit_end_date DATE",
    "concept": "concept_id BIGINT, concept_name VARCHAR, domain_id VARCHAR, vocabulary_id VARCHAR, "
    "concept_class_id VARCHAR, standard_concept VARCHAR, concept_code VARCHAR, invalid_reason VARCHAR",
    "concept_ancestor": "ancestor_concept_id BIGINT, descendant_concept_id BIGINT, min_levels_of_separation INTEGER",
    "concept_relationship": "concept_id_1 BIGINT, concept_id_2 BIGINT, relationship_id VARCHAR",
}
INDEX = pd.Timestamp("2010-06-15")


def day(offset: int) -> pd.Timestamp:
    """A day, counted from the day of entry."""
    return INDEX + pd.Timedelta(days=offset)


def cdm_of(**tables: list[tuple[Any, ...]]) -> SimpleNamespace:
    """A CDM with these rows, in the order of the columns above, fewer where the last are missing.

    Without a table person, persons 1 to 4 are there: women and men by turns, born in 1950.
    """
    connection = duckdb.connect()
    tables.setdefault("person", [(id, 8507 if id % 2 else 8532, 1950, 0, 0) for id in (1, 2, 3, 4)])
    for name, columns in SCHEMA.items():
        connection.execute(f"CREATE TABLE {name} ({columns})")
        width = columns.count(",") + 1
        for row in tables.get(name, []):
            whole = [*row, *[None] * (width - len(row))]
            connection.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * width)})", whole)
    return SimpleNamespace(connection=connection)


def concept(id: int, name: str, domain: str = "Condition", **more: str) -> tuple[Any, ...]:
    """A row of the table concept."""
    given = {"vocabulary": "SNOMED", "kind": "Clinical Finding", "standard": "S", "code": str(id), **more}
    return (id, name, domain, given["vocabulary"], given["kind"], given["standard"], given["code"], None)


def ancestors(*pairs: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Rows of concept_ancestor: these, and everything as its own."""
    everything = {concept for above, below, _ in pairs for concept in (above, below)}
    return [*pairs, *[(id, id, 0) for id in sorted(everything)]]


def entries(*rows: tuple[int, int]) -> pd.DataFrame:
    """Entries of persons on days counted from `INDEX`; without any, person 1 on day 0."""
    rows = rows or ((1, 0),)
    return pd.DataFrame({"person_id": [id for id, _ in rows], "start": [day(offset) for _, offset in rows]})


def found(
    cdm: SimpleNamespace, analysis: str, rows: pd.DataFrame | None = None, **keys: Any
) -> dict[int, list[float]]:
    """Values of each covariate of one analysis, by its identifier, in the order of the entries."""
    matrix = build_covariates(cdm, entries() if rows is None else rows, {"analyses": [analysis], **keys})
    return by_id(matrix)


def by_id(matrix: CovariateMatrix) -> dict[int, list[float]]:
    """Values of each covariate by its identifier; NaN where nothing is stored."""
    dense = np.full(matrix.values.shape, np.nan)
    stored = matrix.values.tocoo()
    dense[stored.row, stored.col] = stored.data
    return {int(id): dense[:, k].tolist() for k, id in enumerate(matrix.covariates["covariate_id"])}
