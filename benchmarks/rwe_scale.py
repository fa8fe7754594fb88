"""An OMOP CDM of a million persons in CSV: seconds and memory from opening to a checked study population.

Run with ``python -m benchmarks.rwe_scale [persons]``; stores benchmarks/results/rwe_scale.json. The data are made
first: 20 conditions, 20 drug exposures and 10 drug eras a person, on days and with concepts that a hash chooses. Peak
memory is that of the process, of which DuckDB may take 1 GB.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.result import store

from understudy.causal.cdm import Cdm, check, open_cdm
from understudy.causal.cohorts import CohortDefinition, build_cohort, control_cohorts, study_population

MEMORY = "1GB"
_DAY = "date '2001-01-01' + CAST(hash(i * {0}) % 6000 AS INTEGER)"
_WHO = "hash(i * {0}) % {n} + 1 AS person_id"


def _tables(n: int) -> dict[str, str]:
    """SQL of each table."""
    start, who = _DAY.format, lambda k: _WHO.format(k, n=n)
    period = "date '{}' + CAST(i % 700 AS INTEGER)"
    return {
        "person": f"SELECT i AS person_id, 8507 + 25 * (i % 2) AS gender_concept_id, 1930 + i % 70 AS year_of_birth, "
        f"1 + i % 12 AS month_of_birth, 1 + i % 28 AS day_of_birth FROM range(1, {n} + 1) r(i)",
        "observation_period": f"SELECT i AS person_id, {period.format('2000-01-01')} AS observation_period_start_date, "
        f"{period.format('2018-01-01')} AS observation_period_end_date FROM range(1, {n} + 1) r(i)",
        "condition_occurrence": f"SELECT {who(1)}, 200000 + hash(i * 7) % 2000 AS condition_concept_id, "
        f"{start(13)} AS condition_start_date, NULL AS condition_end_date FROM range({20 * n}) r(i)",
        "drug_exposure": f"SELECT {who(3)}, 100000 + hash(i * 17) % 1000 AS drug_concept_id, "
        f"{start(19)} AS drug_exposure_start_date, {start(19)} + 29 AS drug_exposure_end_date, 30 AS days_supply, "
        f"0 AS drug_source_concept_id FROM range({20 * n}) r(i)",
        "drug_era": f"SELECT {who(23)}, 100000 + hash(i * 29) % 1000 AS drug_concept_id, "
        f"{start(31)} AS drug_era_start_date, {start(31)} + 58 AS drug_era_end_date FROM range({10 * n}) r(i)",
        "concept": "SELECT i AS concept_id, concat('concept ', i) AS concept_name FROM range(100000, 203000) r(i)",
        "concept_ancestor": "SELECT i AS ancestor_concept_id, i AS descendant_concept_id "
        "FROM range(100000, 203000) r(i)",
    }


def make(folder: Path, n: int) -> int:
    """Write the tables as CSV; bytes written."""
    import duckdb

    with duckdb.connect(
        config={"memory_limit": MEMORY, "temp_directory": str(folder / "spill")}
    ) as connection:
        for name, sql in _tables(n).items():
            connection.execute(f"COPY ({sql}) TO '{folder / name}.csv' (HEADER)")
    return sum(each.stat().st_size for each in folder.glob("*.csv"))


def _users(name: str, first: int) -> CohortDefinition:
    drugs = list(range(first, first + 30))
    bleeds = {"table": "condition_occurrence", "concepts": list(range(200_000, 200_020))}
    return CohortDefinition(
        name=name,
        entry=[{"table": "drug_era", "concepts": drugs, "first": True}],
        prior_observation=183,
        inclusion=[{"name": "no bleed before", "events": [{**bleeds, "window": {"end": 0}, "at_most": 0}]}],
        exit={"at": "end of exposure", "exposure": drugs},
    )


def _study(cdm: Cdm, seconds: dict[str, float]) -> dict[str, Any]:
    with _timed(seconds, "two cohorts"):
        target, comparator = build_cohort(cdm, _users("T", 100_000)), build_cohort(cdm, _users("C", 100_100))
    entry = [{"table": "condition_occurrence", "concepts": list(range(200_100, 200_110))}]
    with _timed(seconds, "outcome"):
        outcome = build_cohort(cdm, CohortDefinition(name="O", entry=entry))
    with _timed(seconds, "study population"):
        population = study_population(cdm, target, comparator, outcome)
    with _timed(seconds, "100 negative controls"):
        control_cohorts(cdm, list(range(200_200, 200_300)))
    with _timed(seconds, "check"):
        check(cdm)
    last = population.attrition.steps[-1]
    return {"entered": [target.persons, comparator.persons], "compared": [last.target, last.comparator]}


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note the seconds of a block."""
    start = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - start, 2)


def main(arguments: list[str]) -> int:
    """Measure, print and store."""
    n = int(arguments[0]) if arguments else 1_000_000
    seconds: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        size = make(Path(folder), n)
        with _timed(seconds, "open"):
            cdm = open_cdm(folder, memory=MEMORY, spill=folder)
        with cdm:
            persons = _study(cdm, seconds)
    figures = {
        "persons": n,
        "events": 50 * n,
        "csv_gb": round(size / 1e9, 2),
        "memory": MEMORY,
        "seconds": seconds,
        **persons,
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),  # kilobytes on Linux
    }
    print(figures)
    if n == 1_000_000:
        store("rwe_scale", figures)
    return int(
        figures["peak_gb"] > 2
    )  # bounded: half of the CSV would be about 1 GB, all of it in Python far more


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
