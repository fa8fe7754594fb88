"""Synthetic CDM: records of as many persons as one likes, written as Parquet a block of persons at a time.

Rates are those of a database of claims, roughly: in four years under observation on average, a person has 32 eras of
conditions, 16 of drugs, 32 procedures, 40 measurements, 12 observations, 32 visits. Concepts are drawn by rank, the
first ones often, and stand in hierarchies of four to five levels, as in the OMOP vocabulary. Nothing else is real.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BLOCK = 50_000  # persons written at a time
FIRST_DAY = np.datetime64("2008-01-01")
CONDITIONS, DRUGS, PROCEDURES, MEASUREMENTS, OBSERVATIONS, DEVICES = 5000, 1200, 2000, 1000, 500, 200
# Domains have their concepts from these numbers on.
AT = {"condition": 1_000_000, "drug": 2_000_000, "procedure": 3_000_000, "measurement": 4_000_000}
AT |= {"observation": 5_000_000, "device": 6_000_000}
UNIT, ANSWERS = 8840, (45878245, 45883458, 45879404)


@dataclass(frozen=True)
class Kind:
    """A table of records: how many concepts, how many records a year, how long they last."""

    table: str
    domain: str
    concepts: int
    rate: float
    days: int = 0

    def named(self, suffix: str) -> str:
        """A column, such as condition_era_start_date."""
        stem = {
            "condition_era": "condition_era",
            "drug_era": "drug_era",
            "device_exposure": "device_exposure",
        }
        return f"{stem.get(self.table, self.domain)}_{suffix}"


KINDS = (
    Kind("condition_era", "condition", CONDITIONS, 8, 30),
    Kind("drug_era", "drug", DRUGS, 4, 90),
    Kind("procedure_occurrence", "procedure", PROCEDURES, 8),
    Kind("measurement", "measurement", MEASUREMENTS, 10),
    Kind("observation", "observation", OBSERVATIONS, 3),
    Kind("device_exposure", "device", DEVICES, 0.3),
    Kind("visit_occurrence", "visit", 3, 8, 2),
)


def write_cdm(folder: Path, persons: int, seed: int = 1) -> dict[str, int]:
    """Write the CDM; tables become folders of Parquet files, a file a block. Returns rows by table."""
    import duckdb

    connection = duckdb.connect()
    counts: dict[str, int] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in vocabulary(seed).items():
        counts[name] = _write(connection, folder, name, 0, frame)
    for number, first in enumerate(range(0, persons, BLOCK)):
        people = np.arange(first, min(first + BLOCK, persons), dtype=np.int64) + 1
        for name, frame in _block(people, np.random.Generator(np.random.Philox(key=[seed, number]))):
            counts[name] = counts.get(name, 0) + _write(connection, folder, name, number, frame)
    connection.close()
    return counts


def entries_of(folder: Path) -> pd.DataFrame:
    """One entry a person, in the second half of the days under observation."""
    import duckdb

    sql = """
        SELECT person_id, observation_period_start_date + CAST((0.5 + 0.5 * (hash(person_id) % 1000) / 1000)
            * (observation_period_end_date - observation_period_start_date) AS INTEGER) AS start
        FROM read_parquet(?) ORDER BY person_id
    """
    frame = duckdb.connect().execute(sql, [str(folder / "observation_period" / "*.parquet")]).df()
    return frame.assign(start=pd.to_datetime(frame["start"]))


def _write(connection: Any, folder: Path, table: str, number: int, frame: pd.DataFrame) -> int:
    (folder / table).mkdir(exist_ok=True)
    dates = ", ".join(f'CAST("{name}" AS DATE) AS "{name}"' for name in frame if name.endswith("_date"))
    connection.register("frame", frame)
    select = f"SELECT * {f'REPLACE ({dates})' if dates else ''} FROM frame"
    connection.execute(f"COPY ({select}) TO '{folder / table / f'{number:05}.parquet'}' (FORMAT parquet)")
    connection.unregister("frame")
    return len(frame)


def _block(people: NDArray[np.int64], generator: np.random.Generator) -> Any:
    """Tables of some persons, sorted by person."""
    size = people.size
    yield (
        "person",
        pd.DataFrame(
            {
                "person_id": people,
                "gender_concept_id": generator.choice([8507, 8532], size),
                "year_of_birth": generator.integers(1925, 1995, size),
                "race_concept_id": generator.choice([8527, 8516, 8515, 0], size, p=[0.6, 0.15, 0.05, 0.2]),
                "ethnicity_concept_id": generator.choice([38003563, 38003564], size, p=[0.15, 0.85]),
            }
        ),
    )
    begins = generator.integers(0, 3650, size)
    lengths = 365 + generator.exponential(1095, size).astype(np.int64)
    yield (
        "observation_period",
        pd.DataFrame(
            {
                "person_id": people,
                "observation_period_start_date": FIRST_DAY + begins,
                "observation_period_end_date": FIRST_DAY + begins + lengths,
            }
        ),
    )
    for kind in KINDS:
        yield kind.table, _records(kind, people, begins, lengths, generator)


def _records(
    kind: Kind, people: Any, begins: Any, lengths: Any, generator: np.random.Generator
) -> pd.DataFrame:
    counts = generator.poisson(kind.rate * lengths / 365)
    owner = np.repeat(np.arange(people.size), counts)
    day = begins[owner] + (generator.random(owner.size) * lengths[owner]).astype(np.int64)
    columns = {"person_id": people[owner], f"{kind.domain}_concept_id": _drawn(kind, owner.size, generator)}
    last = day + generator.integers(0, kind.days + 1, owner.size)
    if kind.table in ("procedure_occurrence", "measurement", "observation"):
        columns[f"{kind.domain}_date"] = FIRST_DAY + day
    else:
        columns[kind.named("start_date")] = FIRST_DAY + day
        columns[kind.named("end_date")] = FIRST_DAY + last
    return pd.DataFrame(columns | _values(kind, owner.size, generator))


def _drawn(kind: Kind, size: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Concepts by rank: as the reciprocal of rank and twenty."""
    if kind.domain == "visit":
        return generator.choice(np.array([9202, 9201, 9203]), size, p=[0.9, 0.04, 0.06])
    weights = np.cumsum(1 / (np.arange(kind.concepts) + 20))
    return AT[kind.domain] + np.searchsorted(weights, generator.random(size) * weights[-1])


def _values(kind: Kind, size: int, generator: np.random.Generator) -> dict[str, Any]:
    if kind.table not in ("measurement", "observation"):
        return {}
    answers = np.where(generator.random(size) < 0.2, generator.choice(ANSWERS, size), 0)
    if kind.table == "observation":
        return {"value_as_concept_id": answers}
    number = generator.normal(5, 1.5, size).astype(np.float32).astype(float)
    return {
        "value_as_number": np.where(answers > 0, np.nan, number),
        "unit_concept_id": np.full(size, UNIT),
        "range_low": np.full(size, 3.5),
        "range_high": np.full(size, 6.5),
        "value_as_concept_id": answers,
    }


def vocabulary(seed: int = 1) -> dict[str, pd.DataFrame]:
    """The tables concept, concept_ancestor and concept_relationship."""
    generator = np.random.Generator(np.random.Philox(key=[seed, 2**32]))
    conditions, condition_ladder = _conditions(generator)
    drugs, drug_ladder = _drugs(generator)
    rest = [
        _concepts(AT[domain], count, domain.title(), "SNOMED", domain.title())
        for domain, count in (
            ("procedure", PROCEDURES),
            ("measurement", MEASUREMENTS),
            ("observation", OBSERVATIONS),
        )
    ]
    rest.append(_concepts(AT["device"], DEVICES, "Device", "SNOMED", "Device"))
    fixed = pd.DataFrame(
        [
            (8507, "MALE", "Gender"),
            (8532, "FEMALE", "Gender"),
            (8527, "White", "Race"),
            (8516, "Black", "Race"),
            (8515, "Asian", "Race"),
            (38003563, "Hispanic", "Ethnicity"),
            (38003564, "Not Hispanic", "Ethnicity"),
            (9201, "Inpatient Visit", "Visit"),
            (9202, "Outpatient Visit", "Visit"),
            (9203, "Emergency", "Visit"),
        ],
        columns=["concept_id", "concept_name", "domain_id"],
    )
    fixed = fixed.assign(concept_class_id=fixed["domain_id"], vocabulary_id=fixed["domain_id"])
    fixed = fixed.assign(concept_code=fixed["concept_id"].astype(str))
    concepts = pd.concat([conditions, drugs, *rest, fixed], ignore_index=True)
    concepts["standard_concept"] = np.where(concepts["vocabulary_id"] == "ATC", "C", "S")
    concepts["invalid_reason"] = pd.Series([None] * len(concepts), dtype="str")
    relation = pd.DataFrame({"concept_id_1": [8507], "concept_id_2": [8507], "relationship_id": ["Maps to"]})
    ladder = pd.concat([condition_ladder, drug_ladder], ignore_index=True)
    return {"concept": concepts, "concept_ancestor": ladder, "concept_relationship": relation}


def _concepts(
    first: int, count: int, name: str, vocabulary: str, kind: str, domain: str = ""
) -> pd.DataFrame:
    ids = np.arange(first, first + count)
    return pd.DataFrame(
        {
            "concept_id": ids,
            "concept_name": [f"{name} {id}" for id in ids],
            "domain_id": domain or name,
            "vocabulary_id": vocabulary,
            "concept_class_id": kind,
            "concept_code": [str(id) for id in ids],
        }
    )


def _conditions(generator: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A ladder from single conditions over 800 and 150 groups and 20 systems to "clinical finding"."""
    levels = [
        AT["condition"] + np.arange(CONDITIONS),
        AT["condition"] + 100_000 + np.arange(800),
        AT["condition"] + 200_000 + np.arange(150),
        AT["condition"] + 300_000 + np.arange(20),
        np.array([441840]),
    ]
    frames = [_concepts(ids[0], ids.size, "Condition", "SNOMED", "Clinical Finding") for ids in levels]
    ladder = _ladder(levels, generator)
    # The ancestors of Charlson's and the strokes' scores stand over some of the single conditions.
    scored = (
        4329847,
        316139,
        321052,
        381591,
        4182210,
        4063381,
        80809,
        4247120,
        201820,
        443392,
        316866,
        320128,
    )
    below = generator.choice(levels[0], (len(scored), 20))
    more = pd.DataFrame(
        {
            "ancestor_concept_id": np.repeat(scored, 20),
            "descendant_concept_id": below.ravel(),
            "min_levels_of_separation": 1,
        }
    )
    return pd.concat(frames), pd.concat([ladder, more])


def _drugs(generator: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ingredients under the four upper levels of ATC."""
    levels = [AT["drug"] + np.arange(DRUGS)]
    frames = [_concepts(AT["drug"], DRUGS, "Ingredient", "RxNorm", "Ingredient", "Drug")]
    for step, (count, letters) in enumerate(((700, 5), (250, 4), (90, 3), (14, 1)), 1):
        ids = AT["drug"] + step * 100_000 + np.arange(count)
        frame = _concepts(ids[0], count, "ATC class", "ATC", f"ATC {5 - step}", "Drug")
        frames.append(frame.assign(concept_code=[f"{id:08}"[-letters:] for id in ids]))
        levels.append(ids)
    return pd.concat(frames), _ladder(levels, generator)


def _ladder(levels: list[NDArray[np.int64]], generator: np.random.Generator) -> pd.DataFrame:
    """Each concept has one parent, of the next level; everything descends from all above it, and from itself."""
    parents: dict[int, int] = {}
    for low, high in pairwise(levels):
        parents |= dict(zip(low.tolist(), generator.choice(high, low.size).tolist(), strict=True))
    rows = []
    for id in np.concatenate(levels).tolist():
        above, steps = id, 0
        while above is not None:
            rows.append((above, id, steps))
            above, steps = parents.get(above), steps + 1
    return pd.DataFrame(
        rows, columns=["ancestor_concept_id", "descendant_concept_id", "min_levels_of_separation"]
    )
