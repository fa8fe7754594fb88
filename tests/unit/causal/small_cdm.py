"""Small CDMs: written into a folder or a DuckDB file, in the ways that CDMs are found."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

Rows = list[dict[str, object]]


def person(number: int, born: str = "1950-06-15", gender: int = 8507) -> dict[str, object]:
    """A row of person."""
    year, month, day = map(int, born.split("-"))
    return {
        "person_id": number, "gender_concept_id": gender, "year_of_birth": year, "month_of_birth": month,
        "day_of_birth": day, "race_concept_id": 8527, "ethnicity_concept_id": 0,
    }  # fmt: skip


def observed(number: int, start: str = "2000-01-01", end: str = "2020-12-31") -> dict[str, object]:
    """A row of observation_period."""
    return {
        "person_id": number, "observation_period_start_date": start, "observation_period_end_date": end,
        "period_type_concept_id": 44814724,
    }  # fmt: skip


def era(number: int, drug: int, start: str, end: str = "") -> dict[str, object]:
    """A row of drug_era."""
    return {
        "person_id": number, "drug_concept_id": drug, "drug_era_start_date": start, "drug_era_end_date": end or start,
        "drug_exposure_count": 1, "gap_days": 0,
    }  # fmt: skip


def exposure(
    number: int, drug: int, start: str, end: str | None = None, days: int | None = None
) -> dict[str, object]:
    """A row of drug_exposure."""
    return {
        "person_id": number, "drug_concept_id": drug, "drug_exposure_start_date": start,
        "drug_exposure_end_date": end, "days_supply": days, "drug_source_concept_id": 0,
        "drug_type_concept_id": 38000177,
    }  # fmt: skip


def condition(
    number: int, concept: int, start: str, end: str | None = None, **more: object
) -> dict[str, object]:
    """A row of condition_occurrence."""
    return {
        "person_id": number, "condition_concept_id": concept, "condition_start_date": start,
        "condition_end_date": end, **more,
    }  # fmt: skip


def measured(
    number: int, concept: int, day: str, value: float | None = None, **more: object
) -> dict[str, object]:
    """A row of measurement."""
    return {
        "person_id": number, "measurement_concept_id": concept, "measurement_date": day, "value_as_number": value,
        "range_low": 1.0, "range_high": 5.0, "value_as_concept_id": 0, "unit_concept_id": 8840, **more,
    }  # fmt: skip


def death(number: int, day: str) -> dict[str, object]:
    """A row of death."""
    return {"person_id": number, "death_date": day, "death_type_concept_id": 32815, "cause_concept_id": 0}


def concepts(*ids: int, parents: dict[int, list[int]] | None = None) -> dict[str, Rows]:
    """A vocabulary: concepts, each its own ancestor, and the children of some."""
    pairs = [(each, each) for each in ids]
    pairs += [(above, below) for above, children in (parents or {}).items() for below in children]
    every = sorted({each for pair in pairs for each in pair} | set(ids))
    return {
        "concept": [
            {"concept_id": each, "concept_name": f"concept {each}", "domain_id": "Any", "vocabulary_id": "None",
             "concept_class_id": "Any", "standard_concept": "S", "concept_code": str(each), "invalid_reason": None}
            for each in every
        ],
        "concept_ancestor": [
            {"ancestor_concept_id": above, "descendant_concept_id": below, "min_levels_of_separation": 0,
             "max_levels_of_separation": 0}
            for above, below in pairs
        ],
    }  # fmt: skip


def write_cdm(
    folder: Path, tables: dict[str, Rows], *, kind: str = "csv", upper: bool = False, compact: bool = False
) -> Path:
    """Write tables as ``csv``, ``csv.gz``, ``parquet`` or ``duckdb``; dates yyyymmdd if compact."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = {name: _frame(rows, upper, compact) for name, rows in tables.items()}
    if kind in ("parquet", "duckdb"):
        return _in_duckdb(folder, frames, kind, upper)
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name.upper() if upper else name}.{kind}", index=False)
    return folder


def _frame(rows: Rows, upper: bool, compact: bool) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    for column in frame:
        if column.endswith("_date") and compact:
            frame[column] = frame[column].str.replace("-", "")
        elif column.endswith("_id") or column == "days_supply":
            frame[column] = frame[column].astype("Int64", errors="ignore")
    return frame.rename(columns=str.upper) if upper else frame


def _in_duckdb(folder: Path, frames: dict[str, pd.DataFrame], kind: str, upper: bool) -> Path:
    import duckdb

    file = folder / "cdm.duckdb" if kind == "duckdb" else ":memory:"
    with duckdb.connect(str(file)) as connection:
        for name, frame in frames.items():
            named = name.upper() if upper else name
            connection.register("frame", frame)
            if kind == "duckdb":
                connection.execute(f'CREATE TABLE "{named}" AS SELECT * FROM frame')
            else:
                connection.execute(
                    f"COPY (SELECT * FROM frame) TO '{folder / named}.parquet' (FORMAT parquet)"
                )
            connection.unregister("frame")
    return folder / "cdm.duckdb" if kind == "duckdb" else folder


# Drugs, an outcome with a child, and a measurement.
TARGET, COMPARATOR, OUTCOME, CHILD, LAB = 1001, 1002, 2001, 2002, 3001


def base(*numbers: int) -> dict[str, Rows]:
    """Persons observed for twenty years, and a vocabulary."""
    return {
        "person": [person(each) for each in numbers],
        "observation_period": [observed(each) for each in numbers],
        **concepts(TARGET, COMPARATOR, OUTCOME, CHILD, LAB, 8507, 8532, 8527, parents={OUTCOME: [CHILD]}),
    }
